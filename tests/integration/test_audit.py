"""The audit log on both databases: whole it verifies, and whatever is done to it is found and named."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from certdesk.audit import Finding, seal, verify
from certdesk.audit.verify import Wrong
from certdesk.domain.states import RevocationReason
from certdesk.store.database import Change, must
from certdesk.store.events import Batch, Events, SealedEvent
from tests.desks import FRENCH_MANAGER, SOURCE, TestDesk, make_submission


async def _some_history(desk: TestDesk) -> list[str]:
    """Enroll, revoke and reject, and return the IDs of all events in order."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER, "known")).certificate
    assert certificate is not None
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.SUPERSEDED)
    rejected, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    await desk.ra.reject(rejected.id, FRENCH_MANAGER, "not known")
    return [sealed.event.id for sealed in await desk.store.events.after("", 100)]


async def _seal(desk: TestDesk) -> int:
    return await seal(desk.store.events, desk.log.signer, desk.time)


async def _findings(desk: TestDesk) -> list[Finding]:
    return (await verify(desk.store.events, desk.log)).findings


async def _sql(desk: TestDesk, statement: str, **values: object) -> None:
    assert await desk.store.database.apply(Change(must(statement)), values)


@pytest.fixture(params=["sealed", "unsealed"])
async def history(request: pytest.FixtureRequest, desk: TestDesk) -> list[str]:
    """Return the event IDs of some history, sealed or not."""
    ids = await _some_history(desk)
    if request.param == "sealed":
        assert await _seal(desk) == len(ids)
    return ids


async def test_a_whole_log_verifies(desk: TestDesk) -> None:
    """Sealed in several batches, with a tail that is not sealed yet, nothing is found."""
    ids = await _some_history(desk)
    assert await _seal(desk) == len(ids)
    await _some_history(desk)
    assert await _seal(desk) > 0
    assert await _seal(desk) == 0
    await _some_history(desk)
    verification = await verify(desk.store.events, desk.log)
    assert verification.findings == []
    assert (verification.events, verification.batches) == (len(ids) * 3 - 6, 2)


async def test_sealers_at_once_seal_every_event_once(desk: TestDesk) -> None:
    """When several processes seal at the same time, the log still verifies."""
    await _some_history(desk)
    await asyncio.gather(*(_seal(desk) for _ in range(5)))
    assert await _findings(desk) == []
    assert await desk.store.events.unsealed(1) == []


class Overtaken(Events):
    """Another process seals the oldest event right before one of this one's reads."""

    def __init__(self, desk: TestDesk, read: str) -> None:
        super().__init__(desk.store.database)
        self._desk = desk
        self._read = read

    async def _overtake(self, read: str) -> None:
        if self._read == read:
            self._read = ""
            await seal(Few(self._desk.store.database), self._desk.log.signer, self._desk.time)

    async def unsealed(self, limit: int) -> list[SealedEvent]:
        """Read what is not sealed."""
        await self._overtake("unsealed")
        return await super().unsealed(limit)

    async def last_batch(self) -> Batch | None:
        """Read the last batch."""
        await self._overtake("last_batch")
        return await super().last_batch()


class Few(Events):
    """Events as a process saw them when there was only one."""

    async def unsealed(self, limit: int) -> list[SealedEvent]:
        """Read the oldest that is not sealed."""
        return await super().unsealed(1)


@pytest.mark.parametrize("read", ["unsealed", "last_batch"])
async def test_a_sealer_that_is_overtaken_seals_nothing_twice(desk: TestDesk, read: str) -> None:
    """Between whichever reads another process seals a part of the events, each of them gets into one batch."""
    await _some_history(desk)
    await seal(Overtaken(desk, read), desk.log.signer, desk.time)
    await _seal(desk)
    assert await _findings(desk) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'somebody else' WHERE id = :id",
        "UPDATE events SET at = at + 1 WHERE id = :id",
        'UPDATE events SET facts = \'{"reason":"another"}\' WHERE id = :id',
        "UPDATE events SET action = 'request.approved' WHERE id = :id",
    ],
)
async def test_a_changed_event_is_named(desk: TestDesk, history: list[str], statement: str) -> None:
    """Whatever part of an event was changed, sealed or not."""
    await _sql(desk, statement, id=history[-1])
    what = f"event {history[-1]}"
    assert {what} <= {finding.what for finding in await _findings(desk)}
    assert next(f.wrong for f in await _findings(desk) if f.what == what) in {Wrong.CHANGED, Wrong.INVENTED}


async def test_a_missing_event_is_named(desk: TestDesk, history: list[str]) -> None:
    """A deleted event is named by its ID if sealed, and by the state that it led to in any case."""
    [event] = [sealed.event for sealed in await desk.store.events.after("", 100) if sealed.event.id == history[-1]]
    await _sql(desk, "DELETE FROM events WHERE id = :id", id=event.id)
    findings = await _findings(desk)
    assert Finding(Wrong.MISSING, f"request.rejected of {event.subject}") in findings
    assert len(findings) in {1, 2}


async def test_exchanged_events_are_named(desk: TestDesk) -> None:
    """Two events that changed places are called reordered."""
    ids = await _some_history(desk)
    await _seal(desk)
    first, second = ids[-1], ids[-2]
    for old, new in ((first, "x"), (second, first), ("x", second)):
        await _sql(desk, "UPDATE events SET id = :new WHERE id = :old", old=old, new=new)
    assert set(await _findings(desk)) == {
        Finding(Wrong.REORDERED, f"event {first}"),
        Finding(Wrong.REORDERED, f"event {second}"),
    }


@pytest.mark.parametrize("batch", [None, 1])
async def test_an_invented_event_is_named(desk: TestDesk, batch: int | None) -> None:
    """A copy under another ID is not the desk's, whether or not it claims a batch."""
    ids = await _some_history(desk)
    await _seal(desk)
    await _sql(
        desk,
        "INSERT INTO events (id, at, action, actor, source, organisation, subject, facts, mac, batch)"
        " SELECT :new, at, action, actor, source, organisation, subject, facts, mac, CAST(:batch AS INTEGER)"
        " FROM events WHERE id = :old",
        new="0" + ids[-1][1:-1] + "z",
        old=ids[-1],
        batch=batch,
    )
    assert [finding.wrong for finding in await _findings(desk)] == [Wrong.INVENTED]


async def _lose_the_last_batch(desk: TestDesk) -> Finding:
    await _sql(desk, "DELETE FROM batches WHERE number = 2")
    return Finding(Wrong.MISSING, "batch 2")


async def _lose_the_first_batch(desk: TestDesk) -> Finding:
    await _sql(desk, "DELETE FROM batches WHERE number = 1")
    return Finding(Wrong.MISSING, "batch 1")


async def _forge_a_batch(desk: TestDesk) -> Finding:
    await _sql(desk, "UPDATE batches SET statement = :other WHERE number = 2", other=b"{}")
    return Finding(Wrong.CHANGED, "batch 2")


async def _renumber_a_batch(desk: TestDesk) -> Finding:
    await _sql(desk, "UPDATE batches SET number = 3 WHERE number = 2")
    return Finding(Wrong.REORDERED, "batch 3")


@pytest.mark.parametrize("attack", [_lose_the_last_batch, _lose_the_first_batch, _forge_a_batch, _renumber_a_batch])
async def test_a_batch_that_was_tampered_with_is_named(
    desk: TestDesk, attack: Callable[[TestDesk], Awaitable[Finding]]
) -> None:
    """Lost, forged and renumbered batches are found."""
    for _ in range(2):
        await _some_history(desk)
        await _seal(desk)
    expected = await attack(desk)
    assert expected in await _findings(desk)


async def test_a_state_without_its_event_is_named(desk: TestDesk) -> None:
    """A request or certificate that was changed behind the log's back is named."""
    await _some_history(desk)
    await _seal(desk)
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    await _sql(desk, "UPDATE requests SET state = 'rejected' WHERE id = :id", id=request.id)
    assert await _findings(desk) == [Finding(Wrong.MISSING, f"request.rejected of {request.id}")]
