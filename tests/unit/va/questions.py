"""OCSP requests to ask with, also such as no sound client would send."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from certdesk.ca.hierarchy import CACertificate
from certdesk.ca.signing import key_bits
from certdesk.wire import der
from tests.unit.ca.authorities import authority_of

SHA1, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
NONCE = "1.3.6.1.5.5.7.48.1.2"
_NAMES = {SHA1: "sha1", SHA256: "sha256"}


def usual_question(certificate: x509.Certificate, nonce: bytes | None = None, *, sha256: bool = False) -> bytes:
    """Return the request that cryptography makes about a certificate of the test CA."""
    algorithm = hashes.SHA256() if sha256 else hashes.SHA1()  # noqa: S303 - the protocol's usual hash
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, authority_of().issuing_certificate, algorithm)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def cert_id(
    serial_number: bytes, issuer: CACertificate | None = None, oid: str = SHA1, parameters: bytes = der.NULL
) -> bytes:
    """Return a CertID."""
    issuer = issuer or authority_of().hierarchy.issuing
    digests = [hashlib.new(_NAMES.get(oid, "sha1"), each).digest() for each in (issuer.subject, key_bits(issuer.spki))]
    return der.sequence(
        der.sequence(der.oid(oid), parameters), *map(der.octet_string, digests), der.tlv(der.INTEGER, serial_number)
    )


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Return an extension."""
    return der.sequence(der.oid(oid), der.TRUE if critical else b"", der.octet_string(value))


def nonce_extension(nonce: bytes, *, critical: bool = False) -> bytes:
    """Return the nonce extension."""
    return extension(NONCE, der.octet_string(nonce), critical=critical)


def question(
    *cert_ids: bytes,
    head: bytes = b"",
    single: bytes = b"",
    extensions: bytes = b"",
    tbs_tail: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """Return a request about several certificates.

    `head` stands before the list and `tbs_tail` behind it, `tail` behind what would be signed; `single` are the
    extensions of each certificate, `extensions` those of the request.
    """
    requests = [der.sequence(each, der.explicit(0, der.sequence(single)) if single else b"") for each in cert_ids]
    if extensions:
        tbs_tail += der.explicit(2, der.sequence(extensions))
    return der.sequence(der.sequence(head, der.sequence(*requests), tbs_tail), tail)
