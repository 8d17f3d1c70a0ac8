"""One `certdesk-client` at a time on one enrollment, so that two cannot submit it twice.

The lock belongs to the open file, so the operating system lets go of it when a process dies.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from certdesk.client.failures import ClientError
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_

PATIENCE = 20.0
"""Seconds to wait for another process."""

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(path: Path, *, patience: float = PATIENCE, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold the lock file for the duration of the block; raise `CONFLICT` when another process keeps it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for(descriptor, path, patience, sleep)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, patience: float, sleep: Callable[[float], None]) -> None:
    pause = 0.1
    while True:
        try:
            return _take(descriptor)
        except OSError as error:
            if patience <= 0:
                raise ClientError(
                    ErrorKind.CONFLICT,
                    N_("another certdesk-client is at work on this enrollment"),
                    hint=N_("wait until it has finished; it holds {path}"),
                    path=path,
                ) from error
        sleep(pause)
        patience -= pause
