"""A validation store in memory, which lets others run at each call as a real one does."""

import asyncio
from dataclasses import dataclass, field, replace

from certdesk.domain.clock import MINUTE
from certdesk.domain.enrollment import DAY
from certdesk.domain.states import CertificateStatus, RevocationReason
from certdesk.domain.validation import RevokedCertificate, StoredAnswer, StoredCRL, ValidationStatus
from tests.unit.ca.authorities import NOW, authority_of


@dataclass
class MemoryValidationStore:
    """Keeps certificates of one issuer, answers and lists in dictionaries."""

    issuer: str = field(default_factory=lambda: authority_of().issuer)
    certificates: dict[bytes, ValidationStatus] = field(default_factory=dict)
    answers: dict[bytes, StoredAnswer] = field(default_factory=dict)
    crls: dict[tuple[str, int], StoredCRL] = field(default_factory=dict)
    reads: int = 0

    def add(self, serial_number: bytes, *, not_after: int = NOW + 365 * DAY) -> bytes:
        """Add a valid certificate and return its serial number."""
        self.certificates[serial_number] = ValidationStatus(
            serial_number, CertificateStatus.VALID, None, None, not_after
        )
        return serial_number

    def supersede(self, serial_number: bytes) -> None:
        """Supersede a certificate."""
        self.certificates[serial_number] = replace(
            self.certificates[serial_number], status=CertificateStatus.SUPERSEDED
        )

    def revoke(
        self,
        serial_number: bytes,
        reason: RevocationReason = RevocationReason.KEY_COMPROMISE,
        at: int = NOW - MINUTE,
    ) -> None:
        """Revoke a certificate."""
        self.certificates[serial_number] = replace(
            self.certificates[serial_number],
            status=CertificateStatus.REVOKED,
            revoked_at=at,
            revocation_reason=reason,
        )

    async def status(self, serial_number: bytes) -> ValidationStatus | None:
        """Return where a certificate stands."""
        self.reads += 1
        await asyncio.sleep(0)
        status = self.certificates.get(serial_number)
        return status and replace(status, answer=self.answers.get(serial_number))

    async def keep_answers(self, answers: list[StoredAnswer]) -> None:
        """Keep answers."""
        await asyncio.sleep(0)
        self.answers |= {answer.serial_number: answer for answer in answers}

    async def stale_answers(self, now: int, before: int, limit: int) -> list[ValidationStatus]:
        """Return certificates whose answer is missing, of another status or outdated."""
        await asyncio.sleep(0)
        stale = []
        for serial_number, status in self.certificates.items():
            answer = self.answers.get(serial_number)
            if answer is None or answer.status is not status.status or answer.next_update < before:
                stale.append(status)
        return stale[:limit]

    async def forget_expired(self, now: int) -> None:
        """Keep no more answers about certificates that have expired."""
        await asyncio.sleep(0)
        for serial_number, status in self.certificates.items():
            if status.not_after < now:
                self.answers.pop(serial_number, None)

    async def last_revocation(self, issuer: str) -> int | None:
        """Return when a certificate was last revoked."""
        await asyncio.sleep(0)
        return max(
            (each.revoked_at for each in self.certificates.values() if each.revoked_at is not None), default=None
        )

    async def latest_crl(self, issuer: str) -> StoredCRL | None:
        """Return the list with the highest number."""
        await asyncio.sleep(0)
        return max(
            (crl for crl in self.crls.values() if crl.issuer == issuer), key=lambda crl: crl.number, default=None
        )

    async def add_crl(self, crl: StoredCRL) -> bool:
        """Add a list unless there is one of its number."""
        await asyncio.sleep(0)
        return self.crls.setdefault((crl.issuer, crl.number), crl) is crl

    async def revoked(self, issuer: str, not_after_from: int) -> list[RevokedCertificate]:
        """Return the revoked certificates."""
        await asyncio.sleep(0)
        return [
            RevokedCertificate(status.serial_number, status.revoked_at, status.revocation_reason)
            for status in self.certificates.values()
            if issuer == self.issuer
            and status.revoked_at is not None
            and status.revocation_reason
            and status.not_after >= not_after_from
        ]
