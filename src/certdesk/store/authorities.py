"""What overseers see of the authorities: how many OCSP answers are kept, and when the desk last certified itself."""

from dataclasses import dataclass

from certdesk.store.database import Database

_CURRENT = """
    SELECT count(*), count(CASE WHEN next_update < :due THEN 1 END) FROM ocsp_answers WHERE next_update >= :now
"""
# Further back than a short time are answers about certificates that have expired, which nobody renews.
_STALE = """
    SELECT count(*) FROM ocsp_answers a JOIN certificates c ON c.serial_number = a.serial_number
    WHERE a.next_update >= :since AND a.next_update < :now AND c.not_after >= :now
"""
_MISSING = "SELECT count(*) FROM ocsp_answers WHERE next_update = 0"
_LATEST_LIST = """
    SELECT number, this_update, next_update FROM crls WHERE issuer = :issuer ORDER BY number DESC LIMIT 1
"""
_LAST_OWN = "SELECT max(at) FROM issuances WHERE request_id = :request_id AND attempt = 0"


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """The OCSP answers that are kept pre-signed."""

    current: int
    """Served as they are."""
    due: int
    """Of these, past half of their life: they are signed anew next."""
    stale: int
    """Past their end, of certificates that are not; they are signed when somebody asks."""
    missing: int
    """Of new certificates: signed for the first time next."""


@dataclass(frozen=True, slots=True)
class LatestList:
    """An authority's revocation list with the highest number, without what is on it."""

    number: int
    this_update: int
    next_update: int


class Authorities:
    """Figures about what the authorities have made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answers(self, now: int, due: int, since: int) -> AnswerCounts:
        """Count the kept answers; `due` and `since` bound what is due, and how far back is looked for gaps."""
        values = {"now": now, "due": due, "since": since}
        figures = [await self._database.row(query, values) for query in (_CURRENT, _STALE, _MISSING)]
        return AnswerCounts(*(int(figure) for row in figures if row for figure in row))

    async def latest_list(self, issuer: str) -> LatestList | None:
        """Return when an issuer's present list was made and until when it is good; the list itself may be large."""
        row = await self._database.row(_LATEST_LIST, {"issuer": issuer})
        return LatestList(*row) if row else None

    async def last_own(self, purpose: str) -> int | None:
        """Return when the desk last issued a certificate to itself for a purpose."""
        row = await self._database.row(_LAST_OWN, {"request_id": f"desk/{purpose}"})
        return row[0] if row else None
