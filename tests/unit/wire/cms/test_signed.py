"""SignedData: what is read, whose signature it is, and everything that is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
    load_der_pkcs7_certificates,
)

from certdesk.wire import der
from certdesk.wire.cms import STRONG_DIGESTS, CMSError, Digest, Why, parse_certificate, parse_signed, signed
from tests.unit.wire.cms.message_maker import (
    CONTENT,
    CONTENT_TYPE,
    CURVED,
    DATA,
    DEVICE,
    ENVELOPED_DATA,
    MD5,
    MESSAGE_DIGEST,
    OTHER,
    RSA_ENCRYPTION,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    SIGNED_DATA,
    Party,
    attribute,
    data_of,
    in_ber,
    in_pieces,
    indefinite,
    make_signed,
    make_signer,
    signature_by,
    usual_members,
)
from tests.unit.wire.csr_maker import NULL, integer, oid, sequence, tlv

EVERY_DIGEST = STRONG_DIGESTS | {Digest.SHA1}
TRANSACTION = oid("2.16.840.1.113733.1.9.7")
PSS = oid("1.2.840.113549.1.1.10")


def why(octets: bytes, digests: frozenset[Digest] = STRONG_DIGESTS) -> Why:
    """Return what a message is refused for that could be read."""
    with pytest.raises(CMSError) as caught:
        parse_signed(octets).verify(digests)
    return caught.value.why


def signer_of(octets: bytes) -> bytes:
    """Return the certificate (DER) of whoever signed a message, which must verify."""
    return parse_signed(octets).verify(STRONG_DIGESTS).der


def test_what_a_message_says_is_read() -> None:
    """Content, certificates, the signer's name, the hash and the attributes."""
    octets = make_signed(
        members=[*usual_members(), attribute(TRANSACTION, tlv(0x13, b"t1"))], certificates=[DEVICE.der, OTHER.der]
    )
    message = parse_signed(octets)
    assert message.content == CONTENT
    assert [each.der for each in message.certificates] == [DEVICE.der, OTHER.der]
    assert message.signer.is_of(parse_certificate(DEVICE.der))
    assert not message.signer.is_of(parse_certificate(OTHER.der))
    assert message.digest is Digest.SHA256
    assert message.attributes[TRANSACTION] == b"\x13\x02t1"
    assert message.verify(STRONG_DIGESTS).der == DEVICE.der


@pytest.mark.parametrize(
    ("digest", "algorithm"),
    [
        (SHA256, RSA_ENCRYPTION),
        (SHA384, RSA_ENCRYPTION),
        (SHA512, RSA_ENCRYPTION),
        (SHA256, oid("1.2.840.113549.1.1.11")),
        (SHA384, oid("1.2.840.113549.1.1.12")),
        (SHA512, oid("1.2.840.113549.1.1.13")),
    ],
)
def test_rsa_signatures_verify(digest: bytes, algorithm: bytes) -> None:
    """Under the key's own OID, the hash beside it counting, and under the OID of both."""
    octets = make_signed(digest=digest, members=usual_members(digest=digest), algorithm=algorithm)
    assert signer_of(octets) == DEVICE.der


@pytest.mark.parametrize(
    ("digest", "algorithm"),
    [
        (SHA256, oid("1.2.840.10045.4.3.2")),
        (SHA384, oid("1.2.840.10045.4.3.3")),
        (SHA512, oid("1.2.840.10045.4.3.4")),
    ],
)
def test_elliptic_curve_signatures_verify(digest: bytes, algorithm: bytes) -> None:
    """ECDSA with each hash."""
    signer = make_signer(CURVED, digest=digest, members=usual_members(digest=digest), algorithm=algorithm)
    message = parse_signed(make_signed(signers=[signer], certificates=[CURVED.der]))
    assert message.verify(STRONG_DIGESTS).der == CURVED.der


def test_pss_signatures_verify() -> None:
    """With the hash of the message and a salt of any length."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    octets = make_signed(algorithm=PSS, sign=lambda octets: DEVICE.rsa.sign(octets, pss, hashes.SHA256()))
    assert signer_of(octets) == DEVICE.der


@pytest.mark.parametrize("content", [None, b""], ids=["none", "empty"])
@pytest.mark.parametrize(
    "encapsulated", [data_of, lambda content: in_ber(data_of(content)), lambda _: sequence(DATA, tlv(0xA0))]
)
def test_no_content_and_an_empty_one_are_the_same(
    content: bytes | None, encapsulated: Callable[[bytes | None], bytes]
) -> None:
    """Left out, of no length, in no pieces, or an empty wrapping: nothing is signed by it, and that verifies."""
    octets = make_signed(encapsulated=encapsulated(content), members=usual_members(b""))
    assert parse_signed(octets).content == b""
    assert signer_of(octets) == DEVICE.der


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_indefinite_lengths_and_pieces_read_the_same(size: int) -> None:
    """A message in BER verifies and has the same content, in however many pieces."""
    assert signer_of(in_ber(make_signed())) == DEVICE.der
    octets = make_signed(encapsulated=sequence(DATA, indefinite(0xA0, in_pieces(CONTENT, size))))
    assert parse_signed(octets).content == CONTENT
    assert signer_of(octets) == DEVICE.der


def test_attributes_may_be_signed_in_their_order_or_in_der_s() -> None:
    """Some programs sign a set as it stands, some as DER has it; another order of the same verifies as neither."""
    members = [attribute(TRANSACTION, tlv(0x13, b"z")), *usual_members()]
    assert signer_of(make_signed(members=members)) == DEVICE.der
    ordered = tlv(der.SET, *sorted(members))
    assert signer_of(make_signed(members=members, sign=lambda _: signature_by(DEVICE)(ordered))) == DEVICE.der
    third = tlv(der.SET, *reversed(members))
    assert third != ordered
    assert why(make_signed(members=members, sign=lambda _: signature_by(DEVICE)(third))) is Why.SIGNATURE


def test_attributes_and_lists_beside_the_signed_ones_do_no_harm() -> None:
    """Revocation lists, unsigned attributes and certificates of other types are passed over."""
    signer = make_signer(DEVICE)
    element = der.whole(signer)
    unsigned = sequence(signer[element.content :], tlv(0xA1, attribute(TRANSACTION, NULL)))
    assert signer_of(make_signed(signers=[unsigned])) == DEVICE.der
    assert signer_of(make_signed(crls=tlv(0xA1, sequence()))) == DEVICE.der
    message = parse_signed(make_signed(certificates=[tlv(0xA1, b"\x05\x00"), DEVICE.der]))
    assert [each.der for each in message.certificates] == [DEVICE.der]


def raw_signed(*parts: bytes) -> bytes:
    """Return a ContentInfo of a SignedData of any parts."""
    return sequence(SIGNED_DATA, tlv(0xA0, sequence(*parts)))


SIGNER = make_signer(DEVICE)
SHAPES: dict[str, bytes] = {
    "nothing": b"",
    "another type": make_signed(kind=ENVELOPED_DATA),
    "a type that is no OID": make_signed(kind=integer(1)),
    "something behind": make_signed() + b"\0",
    "cut short": make_signed()[:-1],
    "no content at all": sequence(SIGNED_DATA),
    "empty content": sequence(SIGNED_DATA, tlv(0xA0)),
    "two contents": sequence(SIGNED_DATA, tlv(0xA0, sequence(), sequence())),
    "an empty SignedData": raw_signed(),
    "a version alone": raw_signed(integer(1)),
    "no signer infos": raw_signed(integer(1), tlv(der.SET), data_of(CONTENT)),
    "no signer": make_signed(signers=[]),
    "two signers": make_signed(signers=[SIGNER, SIGNER]),
    "a thousand signers": make_signed(signers=[sequence()] * 1000),
    "a signer that is no sequence": make_signed(signers=[integer(1)]),
    "a signer without parts": make_signed(signers=[sequence()]),
    "signed attributes missing": make_signed(attributes=b""),
    "signed attributes that are none": make_signed(attributes=tlv(0xA0, integer(1))),
    "an attribute without values": make_signed(members=[*usual_members(), attribute(TRANSACTION)]),
    "an attribute with two values": make_signed(members=[*usual_members(), attribute(TRANSACTION, NULL, NULL)]),
    "an attribute twice": make_signed(
        members=[*usual_members(), *(attribute(TRANSACTION, tlv(0x13, text)) for text in (b"a", b"b"))]
    ),
    "an attribute twice the same": make_signed(members=[*usual_members()] * 2),
    "content of another type": make_signed(encapsulated=sequence(SIGNED_DATA, tlv(0xA0, tlv(0x04, CONTENT)))),
    "content twice": make_signed(encapsulated=sequence(DATA, *[tlv(0xA0, tlv(0x04, CONTENT))] * 2)),
    "content that is no octets": make_signed(encapsulated=sequence(DATA, tlv(0xA0, integer(1)))),
    "a certificate that is none": make_signed(certificates=[sequence(integer(1))]),
    "a signer named by nothing": make_signed(named=sequence()),
    "a serial number that is no integer": make_signed(named=sequence(sequence(), NULL)),
    "an algorithm without an OID": make_signed(
        signers=[sequence(integer(1), DEVICE.named, sequence(), tlv(0xA0), sequence(), tlv(0x04))]
    ),
    "a signature that is no octets": make_signed(
        signers=[sequence(integer(1), DEVICE.named, sequence(SHA256), tlv(0xA0), sequence(RSA_ENCRYPTION), integer(1))]
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_cannot_be_read(name: str) -> None:
    """Every crooked shape is a `ValueError`, in DER and, where it can be had, in BER."""
    with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
        parse_signed(SHAPES[name])


@dataclass(frozen=True)
class Verdict:
    """A message that can be read and is not to be trusted."""

    name: str
    why: Why
    message: bytes


def restated(kind: bytes, value: bytes) -> list[bytes]:
    """Return the usual attributes, one of them with another value."""
    return [attribute(kind, value), *(each for each in usual_members() if kind not in each)]


VERDICTS = [
    Verdict("MD5", Why.ALGORITHM, make_signed(digest=MD5, members=usual_members())),
    Verdict("SHA-224", Why.ALGORITHM, make_signed(digest=SHA224, members=usual_members())),
    Verdict("SHA-1", Why.ALGORITHM, make_signed(digest=SHA1, members=usual_members(digest=SHA1))),
    Verdict(
        "SHA-1 in the signature alone",
        Why.ALGORITHM,
        make_signed(algorithm=oid("1.2.840.113549.1.1.5"), sign=signature_by(DEVICE, SHA1)),
    ),
    Verdict("MD5 in the signature alone", Why.ALGORITHM, make_signed(algorithm=oid("1.2.840.113549.1.1.4"))),
    Verdict("an unknown signature", Why.ALGORITHM, make_signed(algorithm=oid("1.2.3.4"))),
    Verdict("altered content", Why.SIGNATURE, make_signed(CONTENT + b"!")),
    Verdict("content taken out", Why.SIGNATURE, make_signed(None)),
    Verdict("the hash is missing", Why.SIGNATURE, make_signed(members=usual_members()[:1])),
    Verdict("the type is missing", Why.SIGNATURE, make_signed(members=usual_members()[1:])),
    Verdict("another hash", Why.SIGNATURE, make_signed(members=restated(MESSAGE_DIGEST, tlv(0x04, bytes(32))))),
    Verdict("a hash that is no octets", Why.SIGNATURE, make_signed(members=restated(MESSAGE_DIGEST, NULL))),
    Verdict("another type", Why.SIGNATURE, make_signed(members=restated(CONTENT_TYPE, SIGNED_DATA))),
    Verdict("signed by another key", Why.SIGNATURE, make_signed(sign=signature_by(OTHER))),
    Verdict("an empty signature", Why.SIGNATURE, make_signed(sign=lambda _: b"")),
    Verdict("a signature of zeros", Why.SIGNATURE, make_signed(sign=lambda _: bytes(256))),
    Verdict("an endless signature", Why.SIGNATURE, make_signed(sign=lambda _: b"\xff" * 20_000)),
    Verdict("no certificates", Why.SIGNATURE, make_signed(certificates=[])),
    Verdict("another's certificate", Why.SIGNATURE, make_signed(certificates=[OTHER.der])),
    Verdict("a signer named by its key", Why.SIGNATURE, make_signed(named=tlv(0x80, bytes(20)))),
    Verdict("ECDSA by an RSA key", Why.SIGNATURE, make_signed(algorithm=oid("1.2.840.10045.4.3.2"))),
    Verdict(
        "RSA by an elliptic curve's key",
        Why.SIGNATURE,
        make_signed(signers=[make_signer(CURVED)], certificates=[CURVED.der]),
    ),
    Verdict(
        "a key that cannot be loaded",
        Why.SIGNATURE,
        make_signed(certificates=[DEVICE.der.replace(RSA_ENCRYPTION + NULL, oid("1.2.840.113549.1.1.99") + NULL)]),
    ),
]


@pytest.mark.parametrize("verdict", VERDICTS, ids=[verdict.name for verdict in VERDICTS])
def test_what_is_not_to_be_trusted(verdict: Verdict) -> None:
    """Weak algorithms are told from signatures that do not hold."""
    assert why(verdict.message) is verdict.why


def test_sha_1_verifies_where_it_is_allowed() -> None:
    """And nowhere else."""
    octets = make_signed(digest=SHA1, members=usual_members(digest=SHA1))
    assert parse_signed(octets).verify(EVERY_DIGEST).der == DEVICE.der
    assert why(octets) is Why.ALGORITHM


@pytest.mark.parametrize("digest", Digest)
def test_what_is_written_is_read_back(digest: Digest) -> None:
    """The desk's own messages verify, with their attributes, and other programs find the certificates in them."""
    certificate = parse_certificate(DEVICE.der)
    octets = signed(CONTENT, {TRANSACTION: tlv(0x13, b"t1")}, DEVICE.rsa, certificate, digest, (OTHER.der,))
    message = parse_signed(octets)
    assert message.verify(EVERY_DIGEST) == certificate
    assert (message.content, message.digest, message.attributes[TRANSACTION]) == (CONTENT, digest, b"\x13\x02t1")
    assert set(load_der_pkcs7_certificates(octets)) == {DEVICE.certificate, OTHER.certificate}
    empty = signed(b"", {}, DEVICE.rsa, certificate, digest)
    assert tlv(0xA0, b"\x04\x00") in empty


@pytest.mark.parametrize("by", [DEVICE, CURVED], ids=["RSA", "EC"])
@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda each: each.name)
def test_what_cryptography_signs_is_read(by: Party, digest: Any) -> None:
    """Another program's messages verify: with and without capabilities, with the content, and not with a part of it."""
    builder = PKCS7SignatureBuilder().set_data(CONTENT).add_signer(by.certificate, by.key, digest)  # type: ignore[arg-type]
    for options in ([PKCS7Options.Binary], [PKCS7Options.Binary, PKCS7Options.NoCapabilities]):
        message = parse_signed(builder.sign(Encoding.DER, options))
        assert (message.content, message.verify(STRONG_DIGESTS).der) == (CONTENT, by.der)
    detached = builder.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.DetachedSignature])
    assert why(detached) is Why.SIGNATURE
    bare = builder.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.NoCerts])
    assert why(bare) is Why.SIGNATURE
    with pytest.raises(ValueError):  # noqa: PT011 - signed attributes are a must here
        parse_signed(builder.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.NoAttributes]))
    two = builder.add_signer(OTHER.certificate, OTHER.key, hashes.SHA256())  # type: ignore[arg-type]
    with pytest.raises(ValueError):  # noqa: PT011 - one signer
        parse_signed(two.sign(Encoding.DER, [PKCS7Options.Binary]))


def test_the_first_certificate_of_a_name_counts() -> None:
    """Somebody who puts another's name on a certificate of their own signs with that, and it is told as theirs."""
    forged = (
        x509.CertificateBuilder(
            DEVICE.certificate.issuer,
            DEVICE.certificate.subject,
            OTHER.certificate.public_key(),
            DEVICE.certificate.serial_number,
            DEVICE.certificate.not_valid_before_utc,
            DEVICE.certificate.not_valid_after_utc,
        )
        .sign(OTHER.rsa, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    signer = make_signer(DEVICE, sign=signature_by(OTHER))
    assert parse_signed(make_signed(signers=[signer], certificates=[forged])).verify(STRONG_DIGESTS).der == forged
    assert why(make_signed(signers=[signer], certificates=[DEVICE.der, forged])) is Why.SIGNATURE
