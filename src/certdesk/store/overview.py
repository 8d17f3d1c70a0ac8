"""What the console's first page shows: what waits, what was decided lately, and what expires."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from certdesk.domain.enrollment import Certificate, CertificationRequest, Kind
from certdesk.domain.states import Action, CertificateStatus, RequestState
from certdesk.store import certificates, requests
from certdesk.store.branches import counted, equals, merged
from certdesk.store.certificates import certificate_of_row
from certdesk.store.database import Database
from certdesk.store.requests import request_of_row

_LATELY = 2000
"""Events among which the last decisions are looked for."""
_DECIDED = f"""
    SELECT {requests.COLUMNS} FROM (
        SELECT subject FROM (
            SELECT id AS event_id, action, subject FROM events {{where}} ORDER BY id DESC LIMIT {_LATELY}) AS lately
        WHERE action = '{Action.APPROVE}' OR action = '{Action.REJECT}' ORDER BY event_id DESC LIMIT {{some}}) AS few
    CROSS JOIN requests WHERE id = subject AND {{kinds}} ORDER BY decided_at DESC, id DESC LIMIT :limit
"""
_SPARE = 4
"""How many times as many decisions are read as are shown, for some may be of a kind that is not."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the federation somebody sees."""

    organisation: str = ""
    """Empty for all."""
    kinds: tuple[Kind, ...] = tuple(Kind)

    @property
    def limits(self) -> tuple[str, ...]:
        """The condition that keeps to the organisation, if there is one."""
        return ("organisation = :organisation",) if self.organisation else ()


@cache
def _waiting(scope: Scope, *, is_count: bool) -> str:
    branches = list(requests.branches_of(scope.limits, RequestState.REQUESTED, scope.kinds))
    if is_count:
        return counted("requests", branches)
    return merged(requests.COLUMNS, "requests", "id", branches, "created_at, id")


@cache
def _expiring(scope: Scope, *, is_count: bool) -> str:
    limits = (*scope.limits, "not_after >= :now", "not_after < :before")
    branches = list(certificates.branches_of(limits, CertificateStatus.VALID, scope.kinds))
    if is_count:
        return counted("certificates", branches)
    return merged(certificates.COLUMNS, "certificates", "serial_number", branches, "not_after, serial_number")


@cache
def _decided(scope: Scope, some: int) -> str:
    where = f"WHERE {scope.limits[0]}" if scope.limits else ""
    kinds = " OR ".join(equals("kind", kind) for kind in scope.kinds)
    return _DECIDED.format(where=where, some=some, kinds=f"({kinds})")


class Overview:
    """Short lists and counts within a scope; each takes as long in a large organisation as in a small one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, scope: Scope, limit: int) -> list[CertificationRequest]:
        """Return the requests that have waited longest."""
        values = {"organisation": scope.organisation, "limit": limit}
        rows = await self._database.rows(_waiting(_shape(scope), is_count=False), values)
        return [request_of_row(row) for row in rows]

    async def waiting_count(self, scope: Scope, most: int) -> int:
        """Return how many requests wait, counted up to a number."""
        values = {"organisation": scope.organisation, "most": most}
        return await self._count(_waiting(_shape(scope), is_count=True), values)

    async def decided(self, scope: Scope, limit: int) -> list[CertificationRequest]:
        """Return the requests that were decided last."""
        values = {"organisation": scope.organisation, "limit": limit}
        rows = await self._database.rows(_decided(_shape(scope), limit * _SPARE), values)
        return [request_of_row(row) for row in rows]

    async def expiring(self, scope: Scope, now: int, before: int, limit: int) -> list[Certificate]:
        """Return the valid certificates that expire next, before a time."""
        values = {"organisation": scope.organisation, "now": now, "before": before, "limit": limit}
        rows = await self._database.rows(_expiring(_shape(scope), is_count=False), values)
        return [certificate_of_row(row) for row in rows]

    async def expiring_count(self, scope: Scope, now: int, before: int, most: int) -> int:
        """Return how many valid certificates expire before a time, counted up to a number."""
        values = {"organisation": scope.organisation, "now": now, "before": before, "most": most}
        return await self._count(_expiring(_shape(scope), is_count=True), values)

    async def _count(self, statement: str, values: dict[str, Any]) -> int:
        return int((await self._database.rows(statement, values))[0][0])


def _shape(scope: Scope) -> Scope:
    """Return what of a scope changes a statement's text: whether it is limited, not to what."""
    return Scope("limited" if scope.organisation else "", scope.kinds)
