"""Make CMS messages from pieces, so that tests can make those that no sound program would, in DER and in BER.

make_signed()                                      # a sound one: SHA-256, signed by DEVICE
make_signed(digest=oid("1.2.840.113549.2.5"))      # hashed with MD5, it says
in_ber(make_signed())                              # the same with indefinite lengths, octet strings in pieces
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import ciphers, hashes
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certdesk.wire import der
from tests.unit.wire.csr_maker import NULL, integer, oid, sequence, tlv

DATA, SIGNED_DATA, ENVELOPED_DATA = (oid(f"1.2.840.113549.1.7.{number}") for number in (1, 2, 3))
CONTENT_TYPE, MESSAGE_DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
RSA_ENCRYPTION = oid("1.2.840.113549.1.1.1")
MD5, SHA1, SHA224 = oid("1.2.840.113549.2.5"), oid("1.3.14.3.2.26"), oid("2.16.840.1.101.3.4.2.4")
SHA256, SHA384, SHA512 = (oid(f"2.16.840.1.101.3.4.2.{number}") for number in (1, 2, 3))
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    SHA1: hashes.SHA1(),  # noqa: S303 - to be refused
    SHA256: hashes.SHA256(),
    SHA384: hashes.SHA384(),
    SHA512: hashes.SHA512(),
}
CONTENT = b"what a device says"


@dataclass(frozen=True)
class Party:
    """A key and a certificate by which messages name it."""

    key: CertificateIssuerPrivateKeyTypes
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def named(self) -> bytes:
        """The certificate's issuer and serial number."""
        number = der.integer(self.certificate.serial_number)
        return sequence(self.certificate.issuer.public_bytes(), number)

    @property
    def rsa(self) -> rsa.RSAPrivateKey:
        """The key, which must be an RSA key."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return self.key


@cache
def party(name: str, kind: str = "RSA") -> Party:
    """Return somebody with a certificate of their own making; the same each time, as a key takes a while to find."""
    key: CertificateIssuerPrivateKeyTypes = (
        rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7, now, now + dt.timedelta(1))
    return Party(key, builder.sign(key, hashes.SHA256()))


def indefinite(tag: int, *contents: bytes) -> bytes:
    """Return an element without a length, which ends where it says so (X.690 §8.1.3.6)."""
    return bytes([tag | 0x20, 0x80]) + b"".join(contents) + b"\0\0"


def in_pieces(content: bytes, size: int = 7) -> bytes:
    """Return an OCTET STRING in pieces (X.690 §8.7.3)."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return indefinite(der.OCTET_STRING, *(tlv(der.OCTET_STRING, piece) for piece in pieces))


def in_ber(octets: bytes) -> bytes:
    """Return a DER element with every length indefinite that may be, and every OCTET STRING in pieces."""
    element = der.whole(octets)
    content = octets[element.content : element.end]
    if element.tag == der.OCTET_STRING:
        return in_pieces(content)
    if not element.tag & 0x20:
        return octets
    inner = [in_ber(der.taken(octets, each)) for each in der.parts(octets, element, element.tag)]
    return indefinite(element.tag, *inner)


def attribute(kind: bytes, *values: bytes) -> bytes:
    """Return an attribute."""
    return sequence(kind, tlv(der.SET, *values))


def hash_of(content: bytes, digest: bytes = SHA256) -> bytes:
    """Return the hash of a content by the OID of an algorithm; nothing if it is none that is signed with here."""
    if digest not in _HASHES:
        return b""
    hashing = hashes.Hash(_HASHES[digest])
    hashing.update(content)
    return hashing.finalize()


def usual_members(content: bytes = CONTENT, digest: bytes = SHA256) -> list[bytes]:
    """Return the two attributes that every signer has."""
    stated = attribute(MESSAGE_DIGEST, tlv(der.OCTET_STRING, hash_of(content, digest)))
    return [attribute(CONTENT_TYPE, DATA), stated]


def signature_by(signer: Party, digest: bytes = SHA256) -> Callable[[bytes], bytes]:
    """Return how somebody signs."""
    algorithm = _HASHES.get(digest, hashes.SHA256())
    key = signer.key
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda octets: key.sign(octets, padding.PKCS1v15(), algorithm)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return lambda octets: key.sign(octets, ec.ECDSA(algorithm))


def make_signer(
    by: Party,
    *,
    digest: bytes = SHA256,
    algorithm: bytes = RSA_ENCRYPTION,
    members: Sequence[bytes] | None = None,
    named: bytes | None = None,
    sign: Callable[[bytes], bytes] | None = None,
    attributes: bytes | None = None,
) -> bytes:
    """Return a SignerInfo; `members` are its attributes, in this order."""
    inner = b"".join(usual_members(digest=digest) if members is None else members)
    signature = (sign or signature_by(by, digest))(tlv(der.SET, inner))
    return sequence(
        integer(1),
        by.named if named is None else named,
        sequence(digest, NULL),
        tlv(0xA0, inner) if attributes is None else attributes,
        sequence(algorithm, NULL),
        tlv(der.OCTET_STRING, signature),
    )


def data_of(content: bytes | None) -> bytes:
    """Return an EncapsulatedContentInfo; without content if it is None."""
    return sequence(DATA, b"" if content is None else tlv(0xA0, tlv(der.OCTET_STRING, content)))


def make_signed(
    content: bytes | None = CONTENT,
    *,
    encapsulated: bytes | None = None,
    certificates: Sequence[bytes] | None = None,
    signers: Sequence[bytes] | None = None,
    kind: bytes = SIGNED_DATA,
    crls: bytes = b"",
    **signer: object,
) -> bytes:
    """Return a SignedData in a ContentInfo, signed by DEVICE unless told otherwise."""
    stood = [DEVICE.der] if certificates is None else certificates
    if signers is None:
        signers = [make_signer(DEVICE, **signer)]  # type: ignore[arg-type]
    return sequence(
        kind,
        tlv(
            0xA0,
            sequence(
                integer(1),
                tlv(der.SET, sequence(SHA256, NULL)),
                data_of(content) if encapsulated is None else encapsulated,
                tlv(0xA0, *stood) if stood else b"",
                crls,
                tlv(der.SET, *signers),
            ),
        ),
    )


DEVICE = party("device")
OTHER = party("other")
CURVED = party("curved", "EC")
AES_128 = oid("2.16.840.1.101.3.4.1.2")
CONTENT_KEY, VECTOR = bytes(range(16)), bytes(range(16, 32))


def encrypted(content: bytes = CONTENT) -> bytes:
    """Return content in AES-128 under the test's key."""
    padder = block_padding.PKCS7(128).padder()
    return encrypted_as_it_is(padder.update(content) + padder.finalize())


def encrypted_as_it_is(padded: bytes) -> bytes:
    """Return whole blocks in AES-128 under the test's key."""
    encryptor = ciphers.Cipher(algorithms.AES(CONTENT_KEY), modes.CBC(VECTOR)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def make_recipient(
    party: Party = DEVICE, *, algorithm: bytes = RSA_ENCRYPTION, key: bytes | None = None, named: bytes | None = None
) -> bytes:
    """Return a KeyTransRecipientInfo."""
    if key is None:
        key = party.rsa.public_key().encrypt(CONTENT_KEY, padding.PKCS1v15())
    return sequence(integer(0), named or party.named, sequence(algorithm, NULL), tlv(0x04, key))


def make_enveloped(
    *recipients: bytes,
    ciphertext: bytes | None = None,
    cipher: bytes = AES_128,
    vector: bytes | None = None,
    kind: bytes = DATA,
    before: bytes = b"",
) -> bytes:
    """Return an EnvelopedData in a ContentInfo, for DEVICE unless told otherwise."""
    inner = sequence(
        kind,
        sequence(cipher, tlv(0x04, VECTOR) if vector is None else vector),
        tlv(0x80, encrypted()) if ciphertext is None else ciphertext,
    )
    return raw_enveloped(integer(0), before, tlv(der.SET, *(recipients or (make_recipient(),))), inner)


def raw_enveloped(*parts: bytes) -> bytes:
    """Return a ContentInfo of an EnvelopedData of any parts."""
    return sequence(ENVELOPED_DATA, tlv(0xA0, sequence(*parts)))
