"""When a server does what it does beside answering."""

import asyncio
import itertools

import pytest

from certdesk import jobs
from certdesk.jobs import MANY_CALLS, Job, Load, run_job


class Calls:
    """Time that passes whenever it is looked at, and calls that come meanwhile."""

    def __init__(self, per_second: float) -> None:
        """Let so many come."""
        self.per_second = per_second
        self.now = 0.0
        self.answered = 0.0

    def look(self) -> float:
        """Return the time, a tenth of a second later."""
        self.now += 0.1
        self.answered += 0.1 * self.per_second
        return self.now

    def load(self) -> Load:
        """Return what looks at them."""
        return Load(lambda: int(self.answered), self.look)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_LOOK_SECONDS", 0.0)


async def done(job: Job, load: Load) -> None:
    """Run a job until its work has ended it."""
    with pytest.raises(asyncio.CancelledError):
        await run_job(job, load)


@pytest.mark.parametrize(("per_second", "is_high"), [(0, False), (MANY_CALLS / 2, False), (MANY_CALLS * 2, True)])
def test_load_is_high_when_many_call(per_second: float, is_high: bool) -> None:
    """By the answers since it was last looked at."""
    assert Calls(per_second).load().is_high() is is_high


async def test_a_job_gives_way_to_callers_until_its_patience_ends() -> None:
    """Then it does all that there is to do, however many call."""
    calls, times = Calls(MANY_CALLS * 2), []
    pieces = iter((True, True))

    async def work() -> bool:
        times.append(calls.now)
        if next(pieces, None) is None:
            raise asyncio.CancelledError
        return True

    await done(Job("x", 0, work, patience=3), calls.load())
    first, *others = times
    assert 3 < first < 4
    assert len(others) == 2
    assert others[-1] - first < 1


async def test_a_job_does_not_wait_when_few_call() -> None:
    """Its patience does not matter then."""
    calls, times = Calls(MANY_CALLS / 2), []

    async def work() -> None:
        times.append(calls.now)
        raise asyncio.CancelledError

    await done(Job("x", 0, work, patience=3), calls.load())
    assert times[0] < 1


async def test_a_failure_is_counted_and_the_job_goes_on() -> None:
    """Whatever the work raises, its next turn comes."""
    turns = itertools.count(1)

    async def work() -> None:
        if next(turns) > 2:
            raise asyncio.CancelledError
        raise OSError

    job = Job("x", 0, work)
    await done(job, Calls(0).load())
    assert job.failures == 2
