"""The result as Markdown, with the facts of the machine that it was measured on."""

import os
import platform
import re
import sqlite3
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl.backend import backend

from bench.rounds import Measured

BEGIN, END = "<!-- begin: python -m bench --write -->", "<!-- end -->"

AIMS = {
    ("SQLite", 64, "submit"): 0.45,
    ("SQLite", 64, "approve"): 0.45,
    ("SQLite", 64, "collect"): 1.0,
    ("PostgreSQL", 64, "submit"): 0.30,
    ("PostgreSQL", 64, "approve"): 0.30,
    ("PostgreSQL", 64, "collect"): 1.0,
}
"""Ratios to the ceiling."""

Key = tuple[str, int, str]
"""Database, connections, what was done."""


@dataclass
class Results:
    """Everything that was measured."""

    ceilings: list[float] = field(default_factory=list)
    desk_loops: list[float] = field(default_factory=list)
    measured: defaultdict[Key, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    servers: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Database, what, value and aim."""


def markdown(results: Results) -> str:
    """Return the whole report."""
    return "\n".join([*_machine(), "", *_rates(results), "", *_servers(results), ""])


def _machine() -> Iterator[str]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = os.cpu_count()
    programs = (
        f"Linux {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
        f"cryptography {version('cryptography')} ({_first(backend.openssl_version_text(), r'OpenSSL [0-9.]+')})",
        f"SQLite {sqlite3.sqlite_version}",
        "wrk " + _first(_output("wrk", "-v"), r"[0-9]+[.][0-9.]+[0-9]"),
        _first(_output("openssl", "version"), r"OpenSSL [0-9.]+"),
    )
    yield f"Measured on {cores} cores ({model[1] if model else platform.machine()}), which the server shares with the"
    yield f"load generator and with PostgreSQL; {', '.join(programs)}."


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _first(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else text.strip()


def _rates(results: Results) -> Iterator[str]:
    rounds = max(map(len, results.measured.values()))
    yield f"The ceiling: {spread(results.ceilings, 0)} certificates per second; the desk's own code in the same loop:"
    yield f"{spread(results.desk_loops, 0)}. Medians of {rounds} rounds, and in parentheses the least and the most."
    yield ""
    yield "| database | connections | what | per second | ratio to the ceiling | aim | server's processor time |"
    yield "| --- | ---: | --- | ---: | ---: | ---: | ---: |"
    for (database, connections, what), each in results.measured.items():
        rate = spread([measured.per_second for measured in each], 0)
        ratio = spread([measured.per_second / measured.ceiling for measured in each], 2)
        aim = AIMS.get((database, connections, what))
        spent = statistics.median(measured.server_seconds for measured in each) * 1e6
        columns = (
            database,
            connections,
            what,
            rate,
            ratio,
            f"≥ {aim:.2f}" if aim else "",
            f"{spent:,.0f} µs" if spent else "",
        )
        yield f"| {' | '.join(map(str, columns))} |"


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median, and in parentheses the least and the most."""
    median, least, most = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{median} ({least} to {most})"


def _servers(results: Results) -> Iterator[str]:
    yield "| database | server | measured | aim |"
    yield "| --- | --- | ---: | ---: |"
    for row in results.servers:
        yield f"| {' | '.join(row)} |"


def write(report: str, path: Path, marker: str = BEGIN) -> None:
    """Put the report between the markers of a document."""
    before, begin, rest = path.read_text().partition(marker)
    _, end, after = rest.partition(END)
    assert begin, f"{path} lacks the line {marker}"
    assert end, f"{path} lacks the line {END}"
    path.write_text(f"{before}{begin}\n\n{report}\n{END}{after}")
