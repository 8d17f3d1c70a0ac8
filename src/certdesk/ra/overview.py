"""What a manager's day begins with: what waits, what expires, what happened lately."""

import asyncio
from dataclasses import dataclass

from certdesk.domain.enrollment import DAY, Certificate, CertificationRequest, Principal, Role
from certdesk.ra.office import Office, shown_kinds
from certdesk.store.overview import Scope

DAYS = 30
"""How far back the counts go, and how far ahead `soon` is."""
_FEW = 8
_REST = 9
MOST_COUNTED = 1000
"""Whoever has more before them does not need to know how many more."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """What happened on one day (UTC)."""

    day: int
    """Its beginning, in milliseconds."""
    submitted: int
    decided: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page's content; the lists are short, and a count beyond `MOST_COUNTED` means more than that."""

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
        kinds, now = shown_kinds(by), self._clock()
        is_manager = by.role is Role.REGISTRATION_MANAGER
        scope = Scope(by.organisation, kinds)
        theirs = Scope(by.organisation, tuple(kind for kind in kinds if by.decides(kind)) if is_manager else kinds)
        read, soon, today = self._store.overview, now + DAYS * DAY, now // DAY
        first, most = today - DAYS + 1, MOST_COUNTED + 1
        submitted, decided = await self._store.words.by_day(by.organisation, first)
        return Overview(
            waiting=tuple(await read.waiting(theirs, _FEW)),
            waiting_count=await read.waiting_count(theirs, most),
            expiring=tuple(await read.expiring(scope, now, soon, _FEW)),
            expiring_count=await read.expiring_count(scope, now, soon, most),
            decided=tuple(await read.decided(scope, _FEW)),
            days=tuple(
                DayCount(day * DAY, submitted.get(day, 0), decided.get(day, 0)) for day in range(first, today + 1)
            ),
        )

    async def index(self) -> bool:
        """Write down by what the requests of the next sealed batch are found; tell whether there was one. A job.

        After a burst it takes its time: it rests nine times as long as it has worked.
        """
        time = asyncio.get_running_loop().time
        begun = time()
        if not await self._store.words.take():
            return False
        await asyncio.sleep(_REST * (time() - begun))
        return True
