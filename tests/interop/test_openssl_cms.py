"""OpenSSL and the desk read each other's signed and enveloped messages, with definite and indefinite lengths."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certdesk.wire.cms import (
    STRONG_CIPHERS,
    STRONG_DIGESTS,
    Cipher,
    Digest,
    certs_only,
    enveloped,
    parse_certificate,
    parse_enveloped,
    parse_signed,
    signed,
)
from tests.interop.validating_desk import run
from tests.unit.wire.cms.message_maker import CONTENT, CURVED, DEVICE, OTHER, Party

EVERY_CIPHER = STRONG_CIPHERS | {Cipher.TRIPLE_DES}
BIG = CONTENT * 3000
"""More than OpenSSL puts into one piece of an octet string."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with keys and certificates."""
    for name, party in (("device", DEVICE), ("curved", CURVED)):
        (tmp_path / f"{name}.pem").write_bytes(
            party.certificate.public_bytes(Encoding.PEM)
            + party.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return tmp_path


def openssl(folder: Path, *options: str) -> bytes:
    """Run `openssl cms` on the file `in`, and return what it wrote to `out`."""
    done = run(folder, "openssl", "cms", "-binary", "-in", "in", "-out", "out", *options)
    assert done.returncode == 0, done.stdout
    return (folder / "out").read_bytes()


@pytest.mark.parametrize(
    ("content", "form"),
    [(b"", ()), (CONTENT, ()), (CONTENT, ("-stream", "-indef")), (BIG, ()), (BIG, ("-stream", "-indef"))],
    ids=["empty", "definite", "indefinite", "big", "in pieces"],
)  # OpenSSL cannot write an empty content with an indefinite length
@pytest.mark.parametrize("by", [("device", DEVICE), ("curved", CURVED)], ids=["RSA", "EC"])
def test_what_openssl_signs_is_read(folder: Path, by: tuple[str, Party], content: bytes, form: tuple[str, ...]) -> None:
    """Whole or in pieces, by either kind of key."""
    name, party = by
    (folder / "in").write_bytes(content)
    octets = openssl(folder, "-sign", "-nodetach", "-signer", f"{name}.pem", "-md", "sha384", "-outform", "DER", *form)
    message = parse_signed(octets)
    assert (message.content, message.digest) == (content, Digest.SHA384)
    assert message.verify(STRONG_DIGESTS).der == party.der


def test_what_openssl_signs_otherwise_is_refused(folder: Path) -> None:
    """Without signed attributes, and by two signers at once; PSS verifies like the rest."""
    (folder / "in").write_bytes(CONTENT)
    sign = ("-sign", "-nodetach", "-signer", "device.pem", "-outform", "DER")
    for options in (("-noattr",), ("-signer", "curved.pem")):
        with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
            parse_signed(openssl(folder, *sign, *options))
    octets = openssl(folder, *sign, "-keyopt", "rsa_padding_mode:pss")
    assert parse_signed(octets).verify(STRONG_DIGESTS).der == DEVICE.der


@pytest.mark.parametrize("digest", Digest)
def test_openssl_verifies_what_the_desk_signs(folder: Path, digest: Digest) -> None:
    """The content comes out, an empty one too."""
    for content in (CONTENT, b""):
        message = signed(content, {}, DEVICE.rsa, parse_certificate(DEVICE.der), digest, (OTHER.der,))
        (folder / "in").write_bytes(message)
        assert openssl(folder, "-verify", "-noverify", "-inform", "DER") == content


@pytest.mark.parametrize("form", [(), ("-stream", "-indef")], ids=["definite", "indefinite"])
@pytest.mark.parametrize(("option", "cipher"), [("-aes128", Cipher.AES_128), ("-des3", Cipher.TRIPLE_DES)])
def test_openssl_and_the_desk_decrypt_each_other(
    folder: Path, option: str, cipher: Cipher, form: tuple[str, ...]
) -> None:
    """Whatever either encrypts, whole or in pieces."""
    certificate = parse_certificate(DEVICE.der)
    for content in (b"", CONTENT, BIG):
        (folder / "in").write_bytes(content)
        envelope = parse_enveloped(openssl(folder, "-encrypt", option, "-outform", "DER", *form, "device.pem"))
        [recipient] = envelope.recipients
        assert envelope.cipher is cipher
        assert recipient.party.is_of(certificate)
        assert envelope.decrypt(DEVICE.rsa, recipient, EVERY_CIPHER) == content
        (folder / "in").write_bytes(enveloped(content, DEVICE.rsa.public_key(), certificate, cipher))
        assert openssl(folder, "-decrypt", "-inkey", "device.pem", "-inform", "DER") == content


def test_openssl_lists_certificates_without_a_signature(folder: Path) -> None:
    """In DER's order, each of them."""
    (folder / "in").write_bytes(certs_only([DEVICE.der, OTHER.der, CURVED.der]))
    done = run(folder, "openssl", "pkcs7", "-inform", "DER", "-in", "in", "-print_certs", "-noout")
    assert done.stdout.count("subject=") == 3
