"""What messages have in common: their outermost layer, certificates, and how they name one."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certdesk.wire import ber, der

DATA = der.oid("1.2.840.113549.1.7.1")
SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
ENVELOPED_DATA = der.oid("1.2.840.113549.1.7.3")

CONTEXT_0, CONTEXT_1 = 0xA0, 0xA1
IMPLICIT_0 = 0x80

VERSION_0, VERSION_1 = der.integer(0), der.integer(1)
NOTHING = der.tlv(der.SET, b"")


def certs_only(certificates: Iterable[bytes], crls: Iterable[bytes] = ()) -> bytes:
    """Return a ContentInfo that signs nothing and carries certificates and revocation lists (RFC 5652 §5, all DER).

    The certificates are in DER's order, which says nothing: strict readers refuse any other.
    """
    members, lists = b"".join(sorted(certificates)), b"".join(sorted(crls))
    return content_info(
        SIGNED_DATA,
        der.sequence(
            VERSION_1,
            NOTHING,
            der.sequence(DATA),
            der.explicit(0, members) if members else b"",
            der.explicit(1, lists) if lists else b"",
            NOTHING,
        ),
    )


def content_info(kind: bytes, content: bytes) -> bytes:
    """Return a ContentInfo of a type (DER OID) around its content."""
    return der.sequence(kind, der.explicit(0, content))


def content_of(unverified_octets: bytes, kind: bytes) -> tuple[bytes, der.Element]:
    """Read a ContentInfo of a type; return it in definite lengths, with its content's place. Raises `ValueError`."""
    octets = ber.definite(unverified_octets)
    found, wrapped = der.parts(octets, der.whole(octets))
    if der.taken(octets, found) != kind:
        raise ValueError("this is another type of content")
    [content] = der.parts(octets, wrapped, CONTEXT_0)
    return octets, content


@dataclass(frozen=True, slots=True)
class Certificate:
    """As much of a certificate as a message's reader needs; those that devices sign themselves are often crooked."""

    der: bytes
    issuer: bytes
    """DER Name."""
    serial_number: bytes
    """The INTEGER's content."""
    spki: bytes
    """DER SubjectPublicKeyInfo."""

    def public_key(self) -> PublicKeyTypes | None:
        """Return the key, or None if it cannot be used."""
        try:
            return load_der_public_key(self.spki)
        except (ValueError, UnsupportedAlgorithm):
            return None


def parse_certificate(octets: bytes) -> Certificate:
    """Read a DER certificate; raises `ValueError`."""
    signed, *_ = der.parts(octets, der.whole(octets))
    fields = der.parts(octets, signed)
    if fields and fields[0].tag == CONTEXT_0:  # the version, which version 1 leaves out
        del fields[0]
    serial_number, _algorithm, issuer, _validity, _subject, spki, *_ = fields
    return Certificate(
        octets,
        der.taken(octets, issuer),
        der.content(octets, serial_number, der.INTEGER),
        der.taken(octets, spki),
    )


@dataclass(frozen=True, slots=True)
class Party:
    """How a message names a certificate: by issuer (DER Name) and serial number, or by key identifier."""

    issuer: bytes = b""
    serial_number: bytes = b""
    key_identifier: bytes = b""

    def is_of(self, certificate: Certificate) -> bool:
        """Tell whether a certificate is named by issuer and serial number."""
        return (self.issuer, self.serial_number) == (certificate.issuer, certificate.serial_number)


def parse_party(octets: bytes, element: der.Element) -> Party:
    """Read a SignerIdentifier or RecipientIdentifier; raises `ValueError`."""
    if element.tag == IMPLICIT_0:
        return Party(key_identifier=octets[element.content : element.end])
    issuer, serial_number = der.parts(octets, element)
    return Party(der.taken(octets, issuer), der.content(octets, serial_number, der.INTEGER))


def issuer_and_serial_number(certificate: Certificate) -> bytes:
    """Return how a message names a certificate."""
    return der.sequence(certificate.issuer, der.tlv(der.INTEGER, certificate.serial_number))
