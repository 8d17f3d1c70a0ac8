"""What a server does beside answering: again and again, and with patience while many call.

    job = Job("seal the audit log", 1, desk.seal, patience=5)
    task = asyncio.create_task(run_job(job, Load(lambda: metrics.answered)))

What is done for one enrollment later (sealing its events, signing an OCSP answer ahead, writing what it is found by)
costs a third of what it costs to answer. In a burst of calls that is better done a few seconds afterwards.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

MANY_CALLS = 100
"""Answers a second from which on a server is busy: beyond, a processor has work for a tenth of its time."""
_LOOK_SECONDS = 0.05
"""Over how short a time answers are counted, and after how long a job that waits looks again."""


@dataclass(slots=True)
class Job:
    """Something that a server does again and again, and how that went."""

    name: str
    seconds: float
    """How long it rests after having found nothing to do."""
    work: Callable[[], Awaitable[object]]
    """Does a piece of work; what it returns is true if there may be more."""
    patience: float = 0
    """For how many seconds it gives way to callers when its turn has come."""
    failures: int = 0


class Load:
    """Tells whether many call."""

    def __init__(self, answered: Callable[[], int], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take what counts the answers that this process has given."""
        self._answered = answered
        self.now = monotonic
        self._seen = answered(), monotonic()
        self._is_high = False

    def is_high(self) -> bool:
        """Tell whether many have called since this was last looked at."""
        (count, since), now = self._seen, self.now()
        if now - since >= _LOOK_SECONDS:
            self._seen = self._answered(), now
            self._is_high = self._seen[0] - count > MANY_CALLS * (now - since)
        return self._is_high

    async def has_passed(self, until: float) -> None:
        """Return when it is low, or at a time of the monotonic clock."""
        while self.now() < until and self.is_high():  # noqa: ASYNC110 - nothing but time tells
            await asyncio.sleep(_LOOK_SECONDS)


async def run_job(job: Job, load: Load) -> None:
    """Do a job until cancelled; a failure is logged, and the next turn tries again."""
    while True:
        end_of_patience, more = load.now() + job.patience, True
        while more:
            await load.has_passed(end_of_patience)
            more = await _do(job)
            await asyncio.sleep(0)
        await asyncio.sleep(job.seconds)


async def _do(job: Job) -> bool:
    """Do a piece of work and tell whether there may be more."""
    log = structlog.get_logger()
    try:
        return bool(await job.work())
    except Exception:  # a job that fails must not end, nor take the server down
        log.exception("job failed", job=job.name)
        job.failures += 1
        return False
