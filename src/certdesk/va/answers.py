"""Write OCSP answers (RFC 6960 §4.2, in the light form of RFC 5019)."""

import hashlib

from certdesk.ca.crl import REASON_CODES
from certdesk.ca.hierarchy import CACertificate
from certdesk.ca.signing import Validity, key_bits, sign
from certdesk.domain.states import CertificateStatus
from certdesk.domain.validation import ValidationStatus
from certdesk.va.requests import NONCE
from certdesk.va.responder import Credential
from certdesk.wire import der

MALFORMED_REQUEST = der.sequence(der.integer(1, der.ENUMERATED))
INTERNAL_ERROR = der.sequence(der.integer(2, der.ENUMERATED))
TRY_LATER = der.sequence(der.integer(3, der.ENUMERATED))
UNAUTHORIZED = der.sequence(der.integer(6, der.ENUMERATED))
"""Unsigned DER OCSPResponses for what could not be answered (RFC 6960 §2.3)."""

_SUCCESSFUL = der.integer(0, der.ENUMERATED)
_BASIC = der.oid("1.3.6.1.5.5.7.48.1.1")
_GOOD = der.implicit(0, b"")
_UNKNOWN = der.implicit(2, b"")
_REVOKED = 1

_SHA1, _SHA256 = der.oid("1.3.14.3.2.26"), der.oid("2.16.840.1.101.3.4.2.1")
KEPT_ALGORITHM = der.sequence(_SHA1, der.NULL)
"""The hash by which kept answers name a certificate: the one that nearly all clients ask with (RFC 5019 §2.1.1)."""


def issuer_hashes(ca: CACertificate) -> dict[bytes, bytes]:
    """Return, for each AlgorithmIdentifier that a CertID may have, the hashes by which it names a CA.

    Both ways to write the absent parameters are in use (RFC 5754 §2).
    """
    hashes = {}
    for oid, name in ((_SHA1, "sha1"), (_SHA256, "sha256")):
        both = b"".join(
            der.octet_string(hashlib.new(name, octets, usedforsecurity=False).digest())
            for octets in (ca.subject, key_bits(ca.spki))
        )
        hashes[der.sequence(oid)] = both
        hashes[der.sequence(oid, der.NULL)] = both
    return hashes


def single_response(cert_id: bytes, status: ValidationStatus | None, validity: Validity) -> bytes:
    """Return a DER SingleResponse; a status of None is the protocol's `unknown`."""
    return der.sequence(
        cert_id,
        _cert_status(status),
        der.generalized_time(validity.not_before),
        der.explicit(0, der.generalized_time(validity.not_after)),
    )


def _cert_status(status: ValidationStatus | None) -> bytes:
    if status is None:
        return _UNKNOWN
    if status.status is not CertificateStatus.REVOKED:
        return _GOOD  # superseded ones too: until they expire they are as valid as before
    code = status.revocation_reason and REASON_CODES.get(status.revocation_reason)
    reason = der.explicit(0, der.integer(code, der.ENUMERATED)) if code else b""
    # A revocation always has its time; were it ever lost, 1970 is on the safe side.
    return der.explicit(_REVOKED, der.generalized_time(status.revoked_at or 0) + reason)


def sign_answer(credential: Credential, produced_at: int, single_responses: bytes, nonce: bytes | None = None) -> bytes:
    """Return a DER OCSPResponse around ready single responses."""
    extensions = b""
    if nonce is not None:
        extension = der.sequence(NONCE, der.octet_string(der.octet_string(nonce)))
        extensions = der.explicit(1, der.sequence(extension))
    tbs = der.sequence(
        der.explicit(2, der.octet_string(credential.key_hash)),
        der.generalized_time(produced_at),
        der.sequence(single_responses),
        extensions,
    )
    certificates = der.explicit(0, der.sequence(credential.certificate))
    basic = sign(credential.signer, tbs, certificates)
    return der.sequence(_SUCCESSFUL, der.explicit(0, der.sequence(_BASIC, der.octet_string(basic))))
