"""The clock that everything with a sense of time is given as a constructor argument."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""The current time in milliseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def system_clock() -> int:
    """Return the machine's time in milliseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1_000_000
