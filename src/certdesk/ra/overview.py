"""What a manager's day begins with: what waits, what expires, what happened lately."""

from dataclasses import dataclass, replace

from certdesk.domain.enrollment import DAY, Certificate, CertificationRequest, Principal, Role
from certdesk.ra.office import Office, hidden_from
from certdesk.store.overview import Scope

DAYS = 30
"""How far back the counts go, and how far ahead `soon` is."""
_FEW = 8


@dataclass(frozen=True, slots=True)
class DayCount:
    """What happened on one day (UTC)."""

    day: int
    """Its beginning, in milliseconds."""
    submitted: int
    decided: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page's content; the lists are short, the counts are whole."""

    waiting: tuple[CertificationRequest, ...]
    """What the caller may decide, oldest first; for auditors all that waits."""
    waiting_count: int
    expiring: tuple[Certificate, ...]
    """Next first."""
    expiring_count: int
    decided: tuple[CertificationRequest, ...]
    """Latest first."""
    days: tuple[DayCount, ...]


class Overviews(Office):
    """Reads within the caller's scope."""

    async def overview(self, by: Principal) -> Overview:
        """Return what a manager looks at first."""
        scope, now = Scope(by.organisation, hidden_from(by)), self._clock()
        theirs = replace(scope, only_devices=by.role is Role.REGISTRATION_MANAGER)
        read, soon, today = self._store.overview, now + DAYS * DAY, now // DAY
        first = today - DAYS + 1
        submitted, decided = await read.by_day(scope, first * DAY)
        return Overview(
            waiting=tuple(await read.waiting(theirs, _FEW)),
            waiting_count=await read.waiting_count(theirs),
            expiring=tuple(await read.expiring(scope, now, soon, _FEW)),
            expiring_count=await read.expiring_count(scope, now, soon),
            decided=tuple(await read.decided(scope, _FEW)),
            days=tuple(
                DayCount(day * DAY, submitted.get(day, 0), decided.get(day, 0)) for day in range(first, today + 1)
            ),
        )
