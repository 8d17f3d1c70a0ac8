"""What Linux knows of a running program: the memory and processor time of all its processes together."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SIZES = re.compile(r"^(Rss|Pss): +(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in MiB."""

    resident: float
    """Pages that processes share count in each (RSS)."""
    proportional: float
    """Pages that processes share count once (PSS)."""


def memory(program: int) -> Memory:
    """Return what a program's processes take, given the first one's ID."""
    found = [dict(_SIZES.findall(Path(f"/proc/{process}/smaps_rollup").read_text())) for process in _tree(program)]
    return Memory(*(sum(int(sizes[name]) for sizes in found) / 1024 for name in ("Rss", "Pss")))


def processor_seconds(program: int) -> float:
    """Return the processor time that a program's processes have used, in user and kernel mode."""
    ticks = 0
    for process in _tree(program):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _tree(process: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield process
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield from _tree(int(child))
