"""Certificates: issued, superseded, revoked, and found again."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from certdesk.domain.enrollment import Certificate, Kind
from certdesk.domain.listing import CertificateFilter
from certdesk.domain.states import CertificateStatus, RevocationReason
from certdesk.store.branches import equals, limits_of, merged
from certdesk.store.database import Change, Database, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

COLUMNS = (
    "serial_number, request_id, organisation, kind, status, subject, email, device_id, not_before, not_after, der,"
    " fingerprint, spki_sha256, issuer, revoked_at, revocation_reason, revoked_by, revocation_comment, superseded_by"
)
PREFIXED = ", ".join(f"c.{column}" for column in COLUMNS.split(", "))
"""The columns for a join in which the table is `c`."""

_REASON = COLUMNS.split(", ")[5:].index("revocation_reason")
_NEW = COLUMNS.partition(", revoked_at")[0]
INSERT = (
    f"INSERT INTO certificates ({_NEW}) SELECT :serial_number, :id, :organisation, :kind, :status, :subject, :email,"
    " :device_id, :not_before, :not_after, :der, :fingerprint, :spki_sha256, :issuer WHERE {held}"
)
INSERT_ANSWER = (
    "INSERT INTO ocsp_answers (serial_number, status, next_update) SELECT :serial_number, :status, 0 WHERE {held}"
)
"""The certificate's place among the OCSP answers, to be signed at once."""
SUPERSEDE = (
    "UPDATE certificates SET status = 'superseded', superseded_by = :serial_number"
    " WHERE serial_number = :renews AND status = 'valid' AND {held}"
)
_GET = f"""
    SELECT {COLUMNS} FROM certificates
    WHERE serial_number = :serial_number AND (:scope = '' OR organisation = :scope)
"""
_REVOKED = must(
    "UPDATE certificates SET status = 'revoked', revoked_at = :at, revocation_reason = :reason, revoked_by = :by,"
    " revocation_comment = :comment WHERE serial_number = :serial_number AND status <> 'revoked'"
)
_ANSWER_ANEW = then(
    "UPDATE ocsp_answers SET status = 'revoked', der = NULL, next_update = 0"
    " WHERE serial_number = :serial_number AND {held}"
)
_REVOKE = Change(_REVOKED, _ANSWER_ANEW, then(event_step()))
_REVOKE_COMPROMISED = Change(
    _REVOKED,
    _ANSWER_ANEW,
    then("UPDATE keys SET compromised = 1 WHERE spki_sha256 = :spki_sha256 AND {held}"),
    then(event_step()),
)
INTENT = (
    "INSERT INTO issuances (serial_number, request_id, attempt, issuer, at)"
    " SELECT :serial_number, :id, :attempt, :issuer, :at WHERE {held}"
)
_OWN_INTENT = Change(must(INTENT))
_OWN_KEY = Change(
    must(
        "INSERT INTO keys (spki_sha256, owner, compromised) VALUES (:spki_sha256, :owner, 0)"
        " ON CONFLICT (spki_sha256) DO UPDATE SET owner = excluded.owner"
    )
)


def certificate_of_row(row: Row) -> Certificate:
    """Return the certificate in a row of the table's columns."""
    serial_number, request_id, organisation, kind, status, *facts = row
    facts[_REASON] = RevocationReason(facts[_REASON]) if facts[_REASON] else None
    return Certificate(serial_number, request_id, organisation, Kind(kind), CertificateStatus(status), *facts)


def values_of(certificate: Certificate) -> dict[str, Any]:
    """Return the parameters of `INSERT`, but for `id`, the request's."""
    return {
        "serial_number": certificate.serial_number,
        "organisation": certificate.organisation,
        "kind": certificate.kind.value,
        "status": certificate.status.value,
        "subject": certificate.subject,
        "email": certificate.email,
        "device_id": certificate.device_id,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "der": certificate.der,
        "fingerprint": certificate.fingerprint,
        "spki_sha256": certificate.spki_sha256,
        "issuer": certificate.issuer,
    }


LIMITS = {
    "organisation": "organisation = :organisation",
    "expires_from": "not_after >= :expires_from",
    "expires_before": "not_after < :expires_before",
}
"""The conditions of a filter's fields, but for kind, text and status."""


def branches_of(
    limits: Sequence[str], status: CertificateStatus | None, kinds: Iterable[Kind]
) -> Iterator[tuple[str, ...]]:
    """Yield the conditions of the parts that a list is merged of."""
    for each in [status] if status else CertificateStatus:
        for kind in kinds:
            yield (equals("status", each), equals("kind", kind), *limits)


@cache
def _listing(
    limits: tuple[str, ...],
    status: CertificateStatus | None,
    kinds: tuple[Kind, ...],
    *,
    paged: bool,
    soonest_first: bool,
) -> str:
    """Compose the list's statement for one combination of filters, once."""
    if paged:
        limits = (*limits, f"(not_after, serial_number) {'>' if soonest_first else '<'} (:after_time, :after_serial)")
    order = "not_after, serial_number" if soonest_first else "not_after DESC, serial_number DESC"
    return merged(COLUMNS, "certificates", "serial_number", branches_of(limits, status, kinds), order)


class Certificates:
    """The certificates of all organisations; every read takes the scope of who asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, serial_number: bytes, scope: str = "") -> Certificate | None:
        """Return a certificate within a scope."""
        row = await self._database.row(_GET, {"serial_number": serial_number, "scope": scope})
        return certificate_of_row(row) if row else None

    async def listing(
        self, wanted: CertificateFilter, *, kinds: tuple[Kind, ...], after: tuple[int, bytes] | None, limit: int
    ) -> list[Certificate]:
        """Return certificates of some kinds, after a position. The text is not looked at.

        Those that are valid longest come first; when the filter asks for what expires from a time on, what expires
        next does.
        """
        if not kinds:
            return []
        values, limits = limits_of(wanted, LIMITS)
        after_time, after_serial = after or (0, b"")
        rows = await self._database.rows(
            _listing(
                tuple(limits),
                wanted.status,
                kinds,
                paged=after is not None,
                soonest_first=wanted.expires_from is not None,
            ),
            values | {"after_time": after_time, "after_serial": after_serial, "limit": limit},
        )
        return [certificate_of_row(row) for row in rows]

    async def issued(self) -> int:
        """Return how many certificates were ever issued."""
        row = await self._database.row("SELECT count(*) FROM certificates", {})
        return int(row[0]) if row else 0

    async def revoke(
        self, certificate: Certificate, by: str, reason: RevocationReason, comment: str, at: int, event: SealedEvent
    ) -> bool:
        """Revoke a certificate, and its key for good on keyCompromise; return False if it is revoked already."""
        values = {
            "serial_number": certificate.serial_number,
            "spki_sha256": certificate.spki_sha256,
            "by": by,
            "reason": reason.value,
            "comment": comment,
            "at": at,
        }
        compromised = reason is RevocationReason.KEY_COMPROMISE
        change = _REVOKE_COMPROMISED if compromised else _REVOKE
        return await self._database.apply(change, values | event_values(event))

    async def record_own(self, serial_number: bytes, purpose: str, issuer: str, at: int) -> None:
        """Record the intent to sign a certificate for the desk itself."""
        values = {"serial_number": serial_number, "id": f"desk/{purpose}", "attempt": 0, "issuer": issuer, "at": at}
        await self._database.apply(_OWN_INTENT, values)

    async def own_key(self, spki_sha256: bytes, owner: str) -> None:
        """Note that a key belongs to an authority of the desk itself."""
        await self._database.apply(_OWN_KEY, {"spki_sha256": spki_sha256, "owner": owner})


def beginning(text: str) -> str:
    """Return the LIKE pattern for values that begin with a text (escape character `!`)."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"{escaped}%"
