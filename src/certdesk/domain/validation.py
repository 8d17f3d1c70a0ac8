"""What relying parties are told about certificates: OCSP answers, revocation lists and the facts behind them.

The store keeps these records, the certificate authority publishes the lists, the validation authority
answers from both. Times are milliseconds since 1970-01-01T00:00:00Z, serial numbers big-endian bytes.
"""

from dataclasses import dataclass
from typing import Protocol

from certdesk.domain.states import CertificateStatus, RevocationReason


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A pre-signed OCSP answer about one certificate (RFC 6960 §2.5), and the status that it states."""

    serial_number: bytes
    status: CertificateStatus
    der: bytes
    """DER OCSPResponse, without a nonce."""
    this_update: int
    next_update: int


@dataclass(frozen=True, slots=True)
class StoredCRL:
    """A certificate revocation list (RFC 5280 §5) as published."""

    issuer: str
    """The signing authority's key identifier, hexadecimal."""
    number: int
    """CRLNumber: grows with every list of an issuer (RFC 5280 §5.2.3)."""
    der: bytes
    this_update: int
    next_update: int
    made_at: int
    """When its making began: every revocation recorded before is on it."""


@dataclass(frozen=True, slots=True)
class ValidationStatus:
    """Where one issued certificate stands, and the answer kept for it."""

    serial_number: bytes
    status: CertificateStatus
    revoked_at: int | None
    revocation_reason: RevocationReason | None
    not_after: int
    answer: StoredAnswer | None = None


@dataclass(frozen=True, slots=True)
class RevokedCertificate:
    """One entry of a revocation list."""

    serial_number: bytes
    revoked_at: int
    reason: RevocationReason


class ValidationStore(Protocol):
    """What the CRL publisher and the validation authority need of storage."""

    async def status(self, serial_number: bytes) -> ValidationStatus | None:
        """Return where a certificate stands with its kept answer, or None if it was never issued."""
        ...

    async def keep_answers(self, answers: list[StoredAnswer]) -> None:
        """Keep answers in place of earlier ones about the same certificates."""
        ...

    async def stale_answers(self, now: int, before: int, limit: int) -> list[ValidationStatus]:
        """Return unexpired certificates whose answer is not signed, not true any more, or ends before a time."""
        ...

    async def forget_expired(self, now: int) -> None:
        """Keep no more answers about certificates that have expired."""
        ...

    async def latest_crl(self, issuer: str) -> StoredCRL | None:
        """Return an issuer's list with the highest number."""
        ...

    async def add_crl(self, crl: StoredCRL) -> bool:
        """Add a list; return False, and change nothing, if the issuer already has one of that number."""
        ...

    async def last_revocation(self, issuer: str) -> int | None:
        """Return when an issuer's certificate was last revoked."""
        ...

    async def revoked(self, issuer: str, not_after_from: int) -> list[RevokedCertificate]:
        """Return an issuer's revoked certificates whose `not_after` is not before a time."""
        ...
