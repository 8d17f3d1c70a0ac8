"""Count what a call costs in steps and octets, which are the same on every machine, unlike seconds."""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType

CALLS = frozenset({"call", "c_call"})


def steps(call: Callable[[], object]) -> int:
    """Return how many functions are called, in Python and in C, until a call returns or is refused by `ValueError`."""
    count = 0

    def watch(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in CALLS

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    except ValueError:
        pass
    finally:
        sys.setprofile(before)
    return count


def peak(call: Callable[[], object]) -> int:
    """Return how many octets are allocated at most during a call that may be refused by `ValueError`."""
    tracemalloc.start()
    try:
        call()
    except ValueError:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most
