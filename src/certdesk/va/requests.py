"""Read OCSP requests (RFC 6960 §4.1), which may ask about several certificates at once.

cryptography reads only requests about one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from certdesk.wire import der

LARGEST_REQUEST = 4096
"""Octets; the most certificates, a long nonce and a requestor's name fit."""
MOST_CERTIFICATES = 16
"""Each costs a read of the store and perhaps a signature."""
LONGEST_NONCE = 128
"""Octets; the least is one (RFC 9654 §2.1)."""

NONCE = der.oid("1.3.6.1.5.5.7.48.1.2")

_VERSION_1 = der.explicit(0, der.integer(0))
_VERSION, _REQUESTOR, _EXTENSIONS = 0xA0, 0xA1, 0xA2
_SIGNATURE = 0xA0
_SINGLE_EXTENSIONS = 0xA0


@dataclass(frozen=True, slots=True)
class CertID:
    """Which certificate is asked about (RFC 6960 §4.1.1)."""

    der: bytes
    """All of it; the answer repeats it."""
    algorithm: bytes
    """DER AlgorithmIdentifier of the hashes."""
    issuer_hashes: bytes
    """The hash of the issuer's name and that of its key, two DER OCTET STRINGs."""
    serial_number: bytes
    """Big-endian, without leading zeros; minimal."""


@dataclass(frozen=True, slots=True)
class OCSPRequest:
    """A request that could be read. What it is signed with, and by whom, makes no difference to the answer."""

    cert_ids: tuple[CertID, ...]
    nonce: bytes | None


def parse_request(unverified_request: bytes) -> OCSPRequest:
    """Read a DER OCSPRequest.

    Raises `ValueError` if it is none, is larger than anyone needs, or holds a critical extension that is not known
    here.
    """
    octets = unverified_request
    if len(octets) > LARGEST_REQUEST:
        raise ValueError("the request is too large")
    tbs_request, *signature = der.parts(octets, der.whole(octets))
    if len(signature) > 1 or any(part.tag != _SIGNATURE for part in signature):
        raise ValueError("only a signature may follow the request")
    fields = der.parts(octets, tbs_request)
    if fields[:1] and fields[0].tag == _VERSION:
        version = fields.pop(0)
        if octets[version.begin : version.end] != _VERSION_1:
            raise ValueError("the version of the request is unknown")
    if fields[:1] and fields[0].tag == _REQUESTOR:
        fields.pop(0)
    request_list, *extensions = fields
    requests = der.parts(octets, request_list)
    if not 0 < len(requests) <= MOST_CERTIFICATES:
        raise ValueError("the request is about no certificate, or about too many")
    return OCSPRequest(tuple(_cert_id(octets, request) for request in requests), _nonce(octets, extensions))


def _cert_id(octets: bytes, request: der.Element) -> CertID:
    cert_id, *extensions = der.parts(octets, request)
    _read_extensions(octets, extensions, _SINGLE_EXTENSIONS)
    algorithm, name_hash, key_hash, serial_number = der.parts(octets, cert_id)
    return CertID(
        octets[cert_id.begin : cert_id.end],
        octets[algorithm.begin : algorithm.end],
        octets[name_hash.begin : key_hash.end],
        der.content(octets, serial_number, der.INTEGER),
    )


def _nonce(octets: bytes, extensions: Sequence[der.Element]) -> bytes | None:
    value = _read_extensions(octets, extensions, _EXTENSIONS).get(NONCE)
    if value is None:
        return None
    nonce = der.content(value, der.whole(value), der.OCTET_STRING)
    if not 0 < len(nonce) <= LONGEST_NONCE:
        raise ValueError("a nonce has 1 to 128 octets")
    return nonce


def _read_extensions(octets: bytes, fields: Sequence[der.Element], tag: int) -> dict[bytes, bytes]:
    """Return the values of the extensions, by DER OID, from the optional last field of a structure."""
    if not fields:
        return {}
    [field] = fields
    [listing] = der.parts(octets, field, tag)
    values: dict[bytes, bytes] = {}
    for extension in der.parts(octets, listing):
        oid, *critical, value = der.parts(octets, extension)
        name = octets[oid.begin : oid.end]
        if name in values or (critical and name != NONCE):
            raise ValueError("an extension is repeated, or is critical and not known here")
        values[name] = der.content(octets, value, der.OCTET_STRING)
    return values
