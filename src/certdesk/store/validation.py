"""What relying parties are told: kept OCSP answers and published revocation lists."""

import asyncio

from certdesk.domain.states import CertificateStatus, RevocationReason
from certdesk.domain.validation import RevokedCertificate, StoredAnswer, StoredCRL, ValidationStatus
from certdesk.store.database import Change, Database, DuplicateError, Lookup, Row, must

_FACTS = "c.serial_number, c.status, c.revoked_at, c.revocation_reason, c.not_after"
_STATUS = Lookup(
    f"""
    SELECT {_FACTS}, a.status, a.der, a.this_update, a.next_update
    FROM certificates c LEFT JOIN ocsp_answers a ON a.serial_number = c.serial_number
    WHERE c.serial_number = :serial_number
    """,
    is_repeated=True,
)
_STALE = f"""
    SELECT {_FACTS} FROM ocsp_answers a JOIN certificates c ON c.serial_number = a.serial_number
    WHERE a.next_update < :before AND c.not_after >= :now
    ORDER BY a.next_update LIMIT :limit
"""
_FORGET_EXPIRED = Change(
    must(
        "DELETE FROM ocsp_answers WHERE serial_number IN ("
        "SELECT a.serial_number FROM ocsp_answers a JOIN certificates c ON c.serial_number = a.serial_number"
        " WHERE a.next_update < :now AND c.not_after < :now ORDER BY a.next_update LIMIT 1000)"
    )
)
_KEEP = Change(
    must(
        "UPDATE ocsp_answers SET status = :status, der = :der, this_update = :this_update, next_update = :next_update"
        # Whoever signed while a certificate was being revoked must not have the last word.
        " WHERE serial_number = :serial_number AND (status <> 'revoked' OR :status = 'revoked')"
    )
)
_LATEST_CRL = """
    SELECT issuer, number, der, this_update, next_update, made_at FROM crls
    WHERE issuer = :issuer ORDER BY number DESC LIMIT 1
"""
_ADD_CRL = Change(
    must(
        "INSERT INTO crls (issuer, number, der, this_update, next_update, made_at)"
        " VALUES (:issuer, :number, :der, :this_update, :next_update, :made_at)"
    )
)
_REVOKED = """
    SELECT serial_number, revoked_at, revocation_reason FROM certificates
    WHERE issuer = :issuer AND status = 'revoked' AND not_after >= :not_after_from ORDER BY serial_number
"""

_LAST_REVOCATION = "SELECT max(revoked_at) FROM certificates WHERE issuer = :issuer AND status = 'revoked'"


def _status_of(row: Row, answer: StoredAnswer | None) -> ValidationStatus:
    serial_number, status, revoked_at, reason, not_after = row[:5]
    return ValidationStatus(
        serial_number,
        CertificateStatus(status),
        revoked_at,
        RevocationReason(reason) if reason else None,
        not_after,
        answer,
    )


class Validation:
    """Storage of the CRL publisher and the validation authority (`domain.validation.ValidationStore`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def status(self, serial_number: bytes) -> ValidationStatus | None:
        """Return where a certificate stands with its kept answer, or None if it was never issued."""
        row = await self._database.look_up(_STATUS, {"serial_number": serial_number})
        if row is None:
            return None
        status, der, this_update, next_update = row[5:]
        if der is None:
            return _status_of(row, None)
        answer = StoredAnswer(serial_number, CertificateStatus(status), der, this_update, next_update)
        return _status_of(row, answer)

    async def keep_answers(self, answers: list[StoredAnswer]) -> None:
        """Keep answers in place of earlier ones about the same certificates."""
        await asyncio.gather(*(self._keep(answer) for answer in answers))

    async def _keep(self, answer: StoredAnswer) -> None:
        values = {
            "serial_number": answer.serial_number,
            "status": answer.status.value,
            "der": answer.der,
            "this_update": answer.this_update,
            "next_update": answer.next_update,
        }
        await self._database.apply(_KEEP, values)

    async def stale_answers(self, now: int, before: int, limit: int) -> list[ValidationStatus]:
        """Return unexpired certificates whose answer is not signed, not true any more, or ends before a time."""
        rows = await self._database.rows(_STALE, {"now": now, "before": before, "limit": limit})
        return [_status_of(row, None) for row in rows]

    async def forget_expired(self, now: int) -> None:
        """Keep no more answers about certificates that have expired."""
        await self._database.apply(_FORGET_EXPIRED, {"now": now})

    async def latest_crl(self, issuer: str) -> StoredCRL | None:
        """Return an issuer's list with the highest number."""
        row = await self._database.row(_LATEST_CRL, {"issuer": issuer})
        return StoredCRL(*row) if row else None

    async def add_crl(self, crl: StoredCRL) -> bool:
        """Add a list; return False, and change nothing, if the issuer already has one of that number."""
        values = {
            "issuer": crl.issuer,
            "number": crl.number,
            "der": crl.der,
            "this_update": crl.this_update,
            "next_update": crl.next_update,
            "made_at": crl.made_at,
        }
        try:
            return await self._database.apply(_ADD_CRL, values)
        except DuplicateError:
            return False

    async def last_revocation(self, issuer: str) -> int | None:
        """Return when an issuer's certificate was last revoked."""
        row = await self._database.row(_LAST_REVOCATION, {"issuer": issuer})
        return row[0] if row else None

    async def revoked(self, issuer: str, not_after_from: int) -> list[RevokedCertificate]:
        """Return an issuer's revoked certificates whose `not_after` is not before a time."""
        rows = await self._database.rows(_REVOKED, {"issuer": issuer, "not_after_from": not_after_from})
        return [RevokedCertificate(row[0], row[1], RevocationReason(row[2])) for row in rows]
