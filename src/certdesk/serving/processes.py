"""Runs the server in one process, or in several that are forked, watched and replaced when they die.

The supervisor does nothing else. Its children hold the reading end of a pipe, the lifeline, whose other end only
the supervisor has: when it dies in whatever way, they notice and stop, and nobody is left behind on the port.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NoReturn

QUICK_SECONDS = 5
"""A process that ends by itself sooner after its start than this has failed to start."""
MOST_FAILURES = 3
"""After so many of them in a row the supervisor gives up."""
PAUSE_SECONDS = 0.2
"""Between a process's death and its successor's start, so that dying at once does not keep a processor busy."""

_STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Process:
    """One of the server's processes."""

    number: int = 0
    lifeline: int | None = None
    """A file descriptor that becomes readable when the supervisor is gone; None without a supervisor."""


Work = Callable[[Process], Coroutine[Any, Any, None]]
"""What a process does; it ends when `serve` ends."""


def run(work: Work, processes: int = 1) -> int:
    """Do the work in an event loop, in each of several processes if asked to; return an exit status.

    A failure of the single process's work is raised; that of a child's is printed, and the child replaced.
    """
    if processes > 1:
        return _Supervisor(work, processes).run()
    _run(work, Process())
    return 0


def _run(work: Work, process: Process) -> None:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(work(process))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Supervisor:
    def __init__(self, work: Work, processes: int) -> None:
        self._work = work
        self._processes = processes
        self._lifeline, self._held = os.pipe()
        self._children: dict[int, tuple[int, float]] = {}
        """By process ID: its number and when it began."""
        self._stopping = False
        self._failures = 0

    def run(self) -> int:
        """Keep the processes running until told to stop; return 0, or 1 if they cannot run."""
        handlers = {number: signal.signal(number, self._stop) for number in _STOPPING}
        try:
            gc.collect()
            gc.freeze()  # the collector's marks would take the pages apart that the children share with us
            for number in range(self._processes):
                self._start(number)
            while self._children:
                self._replace(*os.wait())
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(self._held)
            os.close(self._lifeline)
        return int(self._failures >= MOST_FAILURES)

    def _stop(self, *_signal: object) -> None:
        self._stopping = True
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    def _start(self, number: int) -> None:
        # No signal may find the child with the supervisor's handlers, or the supervisor without the child's ID.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            child = os.fork()
            if not child:
                self._live(number)
            self._children[child] = number, time.monotonic()
            if self._stopping:
                os.kill(child, signal.SIGTERM)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def _live(self, number: int) -> NoReturn:
        """Be a child: work, and never return to what the supervisor's caller was doing."""
        status = 1
        try:
            os.close(self._held)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor passes it on
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
            _run(self._work, Process(number, self._lifeline))
            status = 0
        except BaseException:  # noqa: BLE001 - there is nobody above to catch it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _replace(self, child: int, status: int) -> None:
        number, began = self._children.pop(child)
        if time.monotonic() - began > QUICK_SECONDS:
            self._failures = 0
        elif os.WIFEXITED(status) and not self._stopping:
            self._failures += 1
            if self._failures == MOST_FAILURES:
                self._stop()
        if not self._stopping:
            time.sleep(PAUSE_SECONDS)
        if not self._stopping:  # it may have been told so during the pause
            self._start(number)
