"""Certificates: issued, superseded, revoked, and found again."""

from functools import cache
from typing import Any

from certdesk.domain.enrollment import Certificate, Kind
from certdesk.domain.listing import CertificateFilter
from certdesk.domain.states import CertificateStatus, RevocationReason
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


_CONDITIONS = {
    "organisation": "organisation = :organisation",
    "hidden": "kind <> :hidden",
    "status": "status = :status",
    "kind": "kind = :kind",
    "expires_from": "not_after >= :expires_from",
    "expires_before": "not_after < :expires_before",
    "text": "(request_id LIKE :text_upper ESCAPE '!' OR lower(email) LIKE :text_lower ESCAPE '!'"
    " OR device_id LIKE :text ESCAPE '!' OR serial_number = :octets OR fingerprint = :octets"
    " OR spki_sha256 = :octets)",
}


@cache
def _listing(names: tuple[str, ...], *, paged: bool) -> str:
    """Compose the list's statement for one combination of filters, once."""
    wanted = [_CONDITIONS[name] for name in names]
    if paged:
        wanted.append("(not_before, serial_number) < (:after_time, :after_serial)")
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    return f"SELECT {COLUMNS} FROM certificates {where} ORDER BY not_before DESC, serial_number DESC LIMIT :limit"


class Certificates:
    """The certificates of all organisations; every read takes the scope of who asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, serial_number: bytes, scope: str = "") -> Certificate | None:
        """Return a certificate within a scope."""
        row = await self._database.row(_GET, {"serial_number": serial_number, "scope": scope})
        return certificate_of_row(row) if row else None

    async def listing(
        self, wanted: CertificateFilter, *, hidden: Kind | None, after: tuple[int, bytes] | None, limit: int
    ) -> list[Certificate]:
        """Return certificates, newest first, after a position; one kind may be hidden."""
        values: dict[str, Any] = {
            "organisation": wanted.organisation,
            "hidden": hidden,
            "status": wanted.status,
            "kind": wanted.kind,
            "expires_from": wanted.expires_from,
            "expires_before": wanted.expires_before,
            "text": wanted.text,
        }
        names = tuple(name for name, value in values.items() if value)
        after_time, after_serial = after or (0, b"")
        rows = await self._database.rows(
            _listing(names, paged=after is not None),
            values
            | search_values(wanted.text)
            | {"after_time": after_time, "after_serial": after_serial, "limit": limit},
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


def search_values(text: str) -> dict[str, Any]:
    """Return what a search text may mean: the beginning of a word, or the octets of a number or digest."""
    return {
        "text": beginning(text),
        "text_upper": beginning(text.upper()),
        "text_lower": beginning(text.lower()),
        "octets": _octets_of(text),
    }


def _octets_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return b""
