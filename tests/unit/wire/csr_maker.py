"""Make CSRs from DER pieces, so that tests can make those that no sound program would.

make_csr()                                        # a sound one: P-256, no names
make_csr(attributes=names(dns("a.example.org")))  # asks for a name
make_csr(spki=rsa_spki(modulus, exponent=1))      # crooked; its signature is still by KEY
"""

import base64
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY = ec.derive_private_key(20_250_101, ec.SECP256R1())
"""The key of every CSR that is not given another."""


def tlv(tag: int, *contents: bytes) -> bytes:
    """Return one DER element."""
    content = b"".join(contents)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*contents: bytes) -> bytes:
    """Return a SEQUENCE."""
    return tlv(0x30, *contents)


def integer(number: int) -> bytes:
    """Return an INTEGER."""
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, signed=True))


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *others = map(int, dotted.split("."))
    octets = [first * 40 + second]
    for number in others:
        groups = [number >> shift & 0x7F for shift in range((max(number.bit_length(), 1) - 1) // 7 * 7, -1, -7)]
        octets += [group | 0x80 for group in groups[:-1]] + groups[-1:]
    return tlv(0x06, bytes(octets))


NULL = tlv(0x05)
ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
ED25519_OID = "1.3.101.112"


def spki_of(key: CertificatePublicKeyTypes) -> bytes:
    """Return a key's DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_spki(
    modulus: int, exponent: int = 65537, algorithm: str = "1.2.840.113549.1.1.1", parameters: bytes = NULL
) -> bytes:
    """Return the SubjectPublicKeyInfo of an RSA key (RFC 3279 §2.3.1), sound or not."""
    return sequence(sequence(oid(algorithm), parameters), bits(sequence(integer(modulus), integer(exponent))))


def ec_spki(parameters: bytes, point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of an elliptic curve key (RFC 5480 §2), sound or not."""
    return sequence(sequence(oid("1.2.840.10045.2.1"), parameters), bits(point))


def bits(octets: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return tlv(0x03, b"\0", octets)


def signed_by(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    """Return a function that signs with ECDSA and SHA-256."""
    return lambda octets: key.sign(octets, ec.ECDSA(hashes.SHA256()))


def make_csr(
    *,
    spki: bytes | None = None,
    attributes: bytes | None = b"",
    subject: bytes = b"",
    version: int = 0,
    algorithm: bytes = ECDSA_WITH_SHA256,
    sign: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Return a DER CSR of these pieces, signed by KEY unless told otherwise; without attributes if they are None."""
    some = b"" if attributes is None else tlv(0xA0, attributes)
    body = sequence(integer(version), sequence(subject), spki or spki_of(KEY.public_key()), some)
    return sequence(body, algorithm, bits((sign or signed_by(KEY))(body)))


def rdn(*pairs: tuple[str, int, bytes]) -> bytes:
    """Return a relative name of OIDs, string types and octets, in the order given."""
    return tlv(0x31, *(sequence(oid(dotted), tlv(tag, octets)) for dotted, tag, octets in pairs))


def challenge(password: str) -> bytes:
    """Return the attribute that holds a challenge password (RFC 2985 §5.4.1)."""
    return sequence(oid("1.2.840.113549.1.9.7"), tlv(0x31, tlv(0x13, password.encode())))


def names(*general_names: bytes) -> bytes:
    """Return the attribute that asks for subject alternative names."""
    return requested(extension("2.5.29.17", sequence(*general_names)))


def requested(*extensions: bytes) -> bytes:
    """Return the attribute that asks for extensions (RFC 2985 §5.4.2)."""
    return sequence(oid("1.2.840.113549.1.9.14"), tlv(0x31, sequence(*extensions)))


def extension(dotted: str, value: bytes) -> bytes:
    """Return an Extension that is not critical."""
    return sequence(oid(dotted), tlv(0x04, value))


def email(text: str) -> bytes:
    """Return an rfc822Name."""
    return tlv(0x81, text.encode())


def dns(text: str) -> bytes:
    """Return a dNSName, in UTF-8 for those that are not ASCII as they should be."""
    return tlv(0x82, text.encode())


def uri(text: str) -> bytes:
    """Return a uniformResourceIdentifier."""
    return tlv(0x86, text.encode())


def ip(*octets: int) -> bytes:
    """Return an iPAddress."""
    return tlv(0x87, bytes(octets))


def other_name() -> bytes:
    """Return an otherName: the user principal name that Windows asks for."""
    return tlv(0xA0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xA0, tlv(0x0C, b"user@example.org")))


def pem(der: bytes, label: str = "CERTIFICATE REQUEST") -> str:
    """Return a PEM block."""
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"
