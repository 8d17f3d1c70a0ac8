"""What the console's first page shows: what waits, what was decided, what expires, and counts by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from certdesk.domain.enrollment import DAY, Certificate, CertificationRequest, Kind
from certdesk.store import certificates, requests
from certdesk.store.certificates import certificate_of_row
from certdesk.store.database import Database
from certdesk.store.requests import request_of_row

_WAITING = (
    f"SELECT {requests.COLUMNS} FROM requests WHERE state = 'requested' {{scope}} ORDER BY created_at LIMIT :limit"
)
_COUNT = "SELECT count(*) FROM requests WHERE state = 'requested' {scope}"
_DECIDED = f"""
    SELECT {requests.COLUMNS} FROM requests
    WHERE decided_at IS NOT NULL AND decided_by <> '' {{scope}} ORDER BY decided_at DESC LIMIT :limit
"""
_EXPIRING = f"""
    SELECT {certificates.COLUMNS} FROM certificates
    WHERE status = 'valid' AND not_after >= :now AND not_after < :before {{scope}} ORDER BY not_after LIMIT :limit
"""
_EXPIRING_COUNT = """
    SELECT count(*) FROM certificates WHERE status = 'valid' AND not_after >= :now AND not_after < :before {scope}
"""
_SUBMITTED_BY_DAY = f"""
    SELECT created_at / {DAY} AS day, count(*) FROM requests WHERE created_at >= :since {{scope}} GROUP BY 1
"""
_DECIDED_BY_DAY = f"""
    SELECT decided_at / {DAY} AS day, count(*) FROM requests
    WHERE decided_at >= :since AND decided_by <> '' {{scope}} GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the federation somebody sees."""

    organisation: str = ""
    """Empty for all."""
    hidden: Kind | None = None
    only_devices: bool = False
    """Whether requests of servers and managers are left out, for they are not theirs to decide."""

    def values(self) -> dict[str, Any]:
        """Return the parameters of a scoped statement."""
        return {"organisation": self.organisation, "hidden": self.hidden}


@cache
def _scoped(statement: str, scope: Scope) -> str:
    """Limit a statement to a scope; the variants are few, and each has a plan of its own."""
    conditions = ["AND organisation = :organisation"] if scope.organisation else []
    conditions += ["AND kind <> :hidden"] if scope.hidden else []
    conditions += ["AND kind IN ('mobile', 'workstation')"] if scope.only_devices else []
    return statement.format(scope=" ".join(conditions))


class Overview:
    """Short lists and counts within a scope."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _rows(self, statement: str, scope: Scope, **values: int) -> Sequence[Sequence[Any]]:
        return await self._database.rows(_scoped(statement, _shape(scope)), scope.values() | values)

    async def waiting(self, scope: Scope, limit: int) -> list[CertificationRequest]:
        """Return the requests that have waited longest."""
        return [request_of_row(row) for row in await self._rows(_WAITING, scope, limit=limit)]

    async def waiting_count(self, scope: Scope) -> int:
        """Return how many requests wait."""
        return int((await self._rows(_COUNT, scope))[0][0])

    async def decided(self, scope: Scope, limit: int) -> list[CertificationRequest]:
        """Return the requests that somebody decided last."""
        return [request_of_row(row) for row in await self._rows(_DECIDED, scope, limit=limit)]

    async def expiring(self, scope: Scope, now: int, before: int, limit: int) -> list[Certificate]:
        """Return the valid certificates that expire next, before a time."""
        rows = await self._rows(_EXPIRING, scope, now=now, before=before, limit=limit)
        return [certificate_of_row(row) for row in rows]

    async def expiring_count(self, scope: Scope, now: int, before: int) -> int:
        """Return how many valid certificates expire before a time."""
        return int((await self._rows(_EXPIRING_COUNT, scope, now=now, before=before))[0][0])

    async def by_day(self, scope: Scope, since: int) -> tuple[dict[int, int], dict[int, int]]:
        """Return how many requests came in and how many were decided, by day since 1970, from a time on."""
        submitted = await self._rows(_SUBMITTED_BY_DAY, scope, since=since)
        decided = await self._rows(_DECIDED_BY_DAY, scope, since=since)
        return {row[0]: row[1] for row in submitted}, {row[0]: row[1] for row in decided}


def _shape(scope: Scope) -> Scope:
    """Return what of a scope changes a statement's text: whether it is limited, not to what."""
    return Scope("limited" if scope.organisation else "", scope.hidden, scope.only_devices)
