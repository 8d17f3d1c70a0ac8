"""EnvelopedData: what is read and decrypted, and everything that is refused, without telling why it did not decrypt."""

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
    pkcs7_decrypt_der,
)

from certdesk.wire import der
from certdesk.wire.cms import (
    STRONG_CIPHERS,
    Cipher,
    CMSError,
    Why,
    enveloped,
    parse_certificate,
    parse_enveloped,
)
from tests.unit.wire.cms.message_maker import (
    AES_128,
    CONTENT,
    DATA,
    DEVICE,
    OTHER,
    SIGNED_DATA,
    VECTOR,
    Party,
    encrypted,
    encrypted_as_it_is,
    in_ber,
    in_pieces,
    indefinite,
    make_enveloped,
    make_recipient,
    raw_enveloped,
)
from tests.unit.wire.csr_maker import NULL, integer, oid, sequence, tlv

EVERY_CIPHER = STRONG_CIPHERS | {Cipher.TRIPLE_DES}


def opened(octets: bytes, party: Party = DEVICE, allowed: frozenset[Cipher] = STRONG_CIPHERS) -> bytes:
    """Return what is in an envelope for somebody, by its recipient of that name."""
    envelope = parse_enveloped(octets)
    certificate = parse_certificate(party.der)
    recipient = next(each for each in envelope.recipients if each.party.is_of(certificate))
    return envelope.decrypt(party.rsa, recipient, allowed)


def why(octets: bytes, party: Party = DEVICE) -> Why:
    """Return what an envelope is refused for that could be read."""
    with pytest.raises(CMSError) as caught:
        opened(octets, party)
    return caught.value.why


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 5000])
def test_what_is_written_is_read_back(cipher: Cipher, length: int) -> None:
    """Content of any length comes back under each cipher."""
    octets = enveloped(bytes(length), DEVICE.rsa.public_key(), parse_certificate(DEVICE.der), cipher)
    envelope = parse_enveloped(octets)
    assert envelope.cipher is cipher
    assert opened(octets, allowed=EVERY_CIPHER) == bytes(length)
    with pytest.raises(CMSError):
        opened(octets, allowed=EVERY_CIPHER - {cipher})


@pytest.mark.parametrize("cipher", [algorithms.AES128, algorithms.AES256])
@pytest.mark.parametrize("content", [b"", CONTENT, bytes(1000)], ids=len)
def test_cryptography_and_the_desk_read_each_other(
    cipher: type[algorithms.AES128 | algorithms.AES256], content: bytes
) -> None:
    """What either encrypts, the other decrypts."""
    builder = PKCS7EnvelopeBuilder().set_data(content).add_recipient(DEVICE.certificate)
    octets = builder.set_content_encryption_algorithm(cipher).encrypt(Encoding.DER, [PKCS7Options.Binary])
    assert opened(octets) == content
    ours = Cipher.AES_128 if cipher is algorithms.AES128 else Cipher.AES_256
    octets = enveloped(content, DEVICE.rsa.public_key(), parse_certificate(DEVICE.der), ours)
    assert pkcs7_decrypt_der(octets, DEVICE.certificate, DEVICE.rsa, []) == content


def test_ber_and_pieces_read_the_same() -> None:
    """Indefinite lengths, and ciphertext in pieces under its tag, whose length is definite or not."""
    assert opened(in_ber(make_enveloped())) == CONTENT
    whole = encrypted()
    pieces = [tlv(0x04, whole[:5]), tlv(0x04), tlv(0x04, whole[5:])]
    for ciphertext in (tlv(0xA0, *pieces), indefinite(0xA0, *pieces), indefinite(0xA0, in_pieces(whole))):
        assert opened(make_enveloped(ciphertext=ciphertext)) == CONTENT


def test_other_recipients_are_passed_over() -> None:
    """Whoever is named finds the key, among hundreds, and among kinds that are not known here."""
    octets = make_enveloped(make_recipient(OTHER), tlv(0xA1, NULL), tlv(0xA3, NULL), make_recipient())
    assert opened(octets) == opened(octets, OTHER) == CONTENT
    assert len(parse_enveloped(make_enveloped(*[make_recipient(OTHER)] * 300)).recipients) == 300
    assert opened(make_enveloped(before=tlv(0xA0, NULL))) == CONTENT


def test_weak_and_unknown_algorithms_are_told() -> None:
    """DES, RC2, AES in another mode, and a key that was transported otherwise."""
    for cipher in ("1.3.14.3.2.7", "1.2.840.113549.3.2", "2.16.840.1.101.3.4.1.6", "1.2.840.113549.3.7"):
        assert why(make_enveloped(cipher=oid(cipher))) is Why.ALGORITHM
    assert parse_enveloped(make_enveloped(cipher=oid("1.3.14.3.2.7"))).cipher is None
    assert why(make_enveloped(make_recipient(algorithm=oid("1.2.840.113549.1.1.7")))) is Why.ALGORITHM


UNREADABLE = {
    "another's key": make_enveloped(make_recipient(OTHER, named=DEVICE.named)),
    "a key of another length": make_enveloped(
        make_recipient(key=DEVICE.rsa.public_key().encrypt(bytes(32), padding.PKCS1v15()))
    ),
    "a key of no length": make_enveloped(make_recipient(key=DEVICE.rsa.public_key().encrypt(b"", padding.PKCS1v15()))),
    "another key": make_enveloped(make_recipient(key=DEVICE.rsa.public_key().encrypt(bytes(16), padding.PKCS1v15()))),
    "no encrypted key": make_enveloped(make_recipient(key=b"")),
    "an encrypted key of zeros": make_enveloped(make_recipient(key=bytes(256))),
    "an encrypted key beyond the modulus": make_enveloped(make_recipient(key=b"\xff" * 256)),
    "an encrypted key that is too long": make_enveloped(make_recipient(key=bytes(20_000))),
    "no ciphertext": make_enveloped(ciphertext=tlv(0x80)),
    "no pieces": make_enveloped(ciphertext=tlv(0xA0)),
    "half a block": make_enveloped(ciphertext=tlv(0x80, encrypted()[:-8])),
    "a block less": make_enveloped(ciphertext=tlv(0x80, encrypted()[:-16])),
    "padding of zeros": make_enveloped(ciphertext=tlv(0x80, encrypted_as_it_is(bytes(32)))),
    "padding beyond a block": make_enveloped(ciphertext=tlv(0x80, encrypted_as_it_is(b"\x11" * 32))),
    "no vector": make_enveloped(vector=tlv(0x04)),
    "a short vector": make_enveloped(vector=tlv(0x04, VECTOR[:8])),
    "a long vector": make_enveloped(vector=tlv(0x04, VECTOR + VECTOR)),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_does_not_decrypt_is_told_without_a_reason(name: str) -> None:
    """Key, length, vector and padding are answered alike, and nothing stays behind that says more.

    A key that does not decrypt is replaced by a random one. One in 256 of these leaves octets that end like a padding,
    so there may be content; it is none that anybody sent.
    """
    try:
        content = opened(UNREADABLE[name])
    except CMSError as error:
        assert (error.why, str(error), error.__cause__) == (Why.CONTENT, "content", None)  # noqa: PT017 - or content
    else:
        assert "key" in name
        assert not CONTENT.startswith(content[:8])


SHAPES = {
    "nothing": b"",
    "another type": sequence(SIGNED_DATA, tlv(0xA0, sequence())),
    "something behind": make_enveloped() + b"\0",
    "cut short": make_enveloped()[:-1],
    "empty": raw_enveloped(),
    "a version alone": raw_enveloped(integer(0)),
    "a version and an originator": raw_enveloped(integer(0), tlv(0xA0)),
    "no content": raw_enveloped(integer(0), tlv(der.SET, make_recipient())),
    "recipients that are no set": raw_enveloped(integer(0), sequence(), sequence(DATA, sequence(AES_128), tlv(0x80))),
    "content of another type": make_enveloped(kind=SIGNED_DATA),
    "content without octets": raw_enveloped(integer(0), tlv(der.SET), sequence(DATA, sequence(AES_128, NULL))),
    "an algorithm without a vector": make_enveloped(vector=b""),
    "an algorithm with two": make_enveloped(vector=NULL + NULL),
    "ciphertext under another tag": make_enveloped(ciphertext=tlv(0x04, encrypted())),
    "pieces that are no octets": make_enveloped(ciphertext=tlv(0xA0, integer(1))),
    "a recipient without parts": make_enveloped(sequence()),
    "a recipient with more": make_enveloped(sequence(integer(0), DEVICE.named, sequence(AES_128), tlv(0x04), NULL)),
    "a recipient without an algorithm": make_enveloped(sequence(integer(0), DEVICE.named, sequence(), tlv(0x04))),
    "a key that is no octets": make_enveloped(sequence(integer(0), DEVICE.named, sequence(AES_128), integer(1))),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_cannot_be_read(name: str) -> None:
    """Every crooked shape is a `ValueError`."""
    with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
        parse_enveloped(SHAPES[name])


def test_no_key_is_shown() -> None:
    """What is read of an envelope shows neither vector nor ciphertext where it is printed."""
    assert VECTOR.hex() not in repr(parse_enveloped(make_enveloped()))
    assert "_ciphertext" not in repr(parse_enveloped(make_enveloped()))
