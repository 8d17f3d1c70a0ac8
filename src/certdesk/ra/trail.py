"""The audit log for people: page by page within their scope, and whether it was found whole.

Verifying reads the whole log, which takes minutes when the log is large. So a person asks for it, a server's job does
it, slowly enough that nobody else notices, and what it came to is kept with its time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from certdesk.audit import verify
from certdesk.domain.clock import MINUTE, SECOND, Clock
from certdesk.domain.enrollment import Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.listing import Page
from certdesk.domain.text import N_
from certdesk.domain.trail import EventFilter, VerificationOrder, VerificationResult
from certdesk.ra.office import DESK, Office
from certdesk.store.database import Database
from certdesk.store.events import Batch, Events, SealedEvent
from certdesk.store.trail import Trail

_STALLED = 2 * MINUTE
"""A server that was not heard of for so long has given up."""
_HEARD_OF_AGAIN = 5 * SECOND
_BREATH = 0.01  # seconds
_MOST_FINDINGS = 100
"""How many are kept; the command `audit verify` names them all."""
_LONGEST_ID = 36


@dataclass(frozen=True, slots=True)
class LogState:
    """Where the log stands."""

    last_batch: Batch | None
    unsealed: int
    order: VerificationOrder | None
    result: VerificationResult | None


class Trails(Office):
    """Use cases of auditors, each within their scope, and of administrators."""

    async def events(
        self, by: Principal, wanted: EventFilter, *, after: str | None = None, limit: int = 50
    ) -> Page[SealedEvent]:
        """Return one page of the log, newest first; raise `FORBIDDEN` and `MALFORMED`."""
        _check_may_audit(by)
        position = after or ""
        if len(position) > _LONGEST_ID or not all(each in "0123456789abcdef-" for each in position):
            raise CertdeskError(
                ErrorKind.MALFORMED, N_("this is not the beginning of a page: take it from `next`"), field="after"
            )
        if not by.sees(wanted.organisation or by.organisation):
            return Page((), None)
        scoped = replace(wanted, organisation=by.organisation or wanted.organisation)
        items, following = await self._store.trail.listing(scoped, after=position, limit=limit)
        return Page(tuple(items), following)

    async def log_state(self, by: Principal) -> LogState:
        """Return how far the log is sealed, and when it was last verified; raise `FORBIDDEN`."""
        _check_may_audit(by)
        order, result = await self._store.trail.verification()
        return LogState(await self._store.events.last_batch(), await self._store.trail.unsealed_count(), order, result)

    async def ask_for_verification(self, by: Principal) -> None:
        """Have the log verified; if somebody has asked already, that one will do. Raises `FORBIDDEN`."""
        _check_may_audit(by)
        if by.organisation:
            raise CertdeskError(ErrorKind.FORBIDDEN, N_("the log is verified as a whole, by who sees all of it"))
        event = self._log.event("audit.asked", by, organisation="", subject="audit")
        await self._store.trail.place_order(VerificationOrder(self._clock(), by.name), event)

    async def verify_if_asked(self) -> None:
        """Verify the log if somebody has asked for it and no other server is at it; a job."""
        order, _ = await self._store.trail.verification()
        now = self._clock()
        if order is None or now - order.walked_at < _STALLED:
            return
        work = _Work(self._store.trail, self._clock, order)
        if await work.note(now, 0, begun_at=now):
            await self._verify(work)

    async def _verify(self, work: "_Work") -> None:
        found = await verify(_Unhurried(self._store.database, work.walked), self._log)
        order = work.order
        result = VerificationResult(
            begun_at=order.begun_at,
            ended_at=self._clock(),
            asked_by=order.asked_by,
            events=found.events,
            batches=found.batches,
            finding_count=len(found.findings),
            findings=tuple((finding.wrong.value, finding.what) for finding in found.findings[:_MOST_FINDINGS]),
        )
        event = self._log.event(
            "audit.verified",
            DESK,
            organisation="",
            subject="audit",
            asked_by=order.asked_by,
            events=str(found.events),
            batches=str(found.batches),
            findings=str(len(found.findings)),
        )
        await self._store.trail.end_order(order, result, event)


class _Work:
    """One server's work on an order."""

    def __init__(self, trail: Trail, clock: Clock, order: VerificationOrder) -> None:
        self._trail = trail
        self._clock = clock
        self.order = order

    async def note(self, now: int, walked: int, *, begun_at: int) -> bool:
        """Write down how far it is; return False if another server has taken over."""
        present = replace(self.order, begun_at=begun_at, walked_at=now, walked=walked)
        if not await self._trail.take_order(self.order, present):
            return False
        self.order = present
        return True

    async def walked(self, count: int) -> None:
        """Be heard of now and then; stop if another server is at it by now."""
        now = self._clock()
        if now - self.order.walked_at >= _HEARD_OF_AGAIN and not await self.note(
            now, count, begun_at=self.order.begun_at
        ):
            raise CertdeskError(ErrorKind.CONFLICT, N_("another server verifies the audit log"))


class _Unhurried(Events):
    """Reads the log with pauses, in which other work gets its turn, and says how far it is."""

    def __init__(self, database: Database, walked: Callable[[int], Awaitable[None]]) -> None:
        super().__init__(database)
        self._walked = walked
        self._count = 0

    async def _breathe(self, count: int = 0) -> None:
        self._count += count
        await self._walked(self._count)
        await asyncio.sleep(_BREATH)

    async def after(self, event_id: str, limit: int) -> list[SealedEvent]:
        """Return events in the order of their IDs."""
        found = await super().after(event_id, limit)
        await self._breathe(len(found))
        return found

    async def batches(self, after: int) -> list[Batch]:
        """Return some batches in order."""
        found = await super().batches(after)
        await self._breathe()
        return found

    async def request_states(self, after: str, limit: int) -> list[tuple[str, str]]:
        """Return IDs and states of requests."""
        found = await super().request_states(after, limit)
        await self._breathe()
        return found

    async def certificate_states(self, after: bytes, limit: int) -> list[tuple[bytes, str, str]]:
        """Return serial numbers, request IDs and statuses of certificates."""
        found = await super().certificate_states(after, limit)
        await self._breathe()
        return found


def _check_may_audit(by: Principal) -> None:
    if by.role is Role.REGISTRATION_MANAGER:
        raise CertdeskError(ErrorKind.FORBIDDEN, N_("the audit log is read by administrators and auditors"))
