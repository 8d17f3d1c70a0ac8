"""The result as a Markdown table, with the facts of the machine that it was measured on."""

import os
import platform
import re
import sqlite3
import ssl
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

BEGIN, END = "<!-- begin: python -m bench --write -->", "<!-- end -->"

TARGETS: dict[tuple[str, str], float] = {
    ("SQLite", "submit"): 0.45,
    ("SQLite", "approve"): 0.45,
    ("PostgreSQL", "submit"): 0.30,
    ("PostgreSQL", "approve"): 0.30,
    ("SQLite", "collect"): 1.0,
    ("PostgreSQL", "collect"): 1.0,
}
"""Ratios to the ceiling that are aimed at, with 64 connections."""

Key = tuple[str, int, str]
"""Database, connections, what was done."""


@dataclass
class Results:
    """Everything that was measured."""

    ceilings: list[float] = field(default_factory=list)
    desk_loops: list[float] = field(default_factory=list)
    rates: defaultdict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    ratios: defaultdict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    servers: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    """By database and measure: the value and its unit."""

    def add(self, key: Key, rate: float, ceiling: float) -> None:
        """Note a rate and its ratio to the ceiling that was measured beside it."""
        self.rates[key].append(rate)
        self.ratios[key].append(rate / ceiling)


def markdown(results: Results) -> str:
    """Return the whole report."""
    return "\n".join([*_machine(), "", *_rates(results), "", *_servers(results), ""])


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def _machine() -> Iterable[str]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()[1]
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    yield f"Measured with {os.cpu_count()} cores ({model[1] if model else platform.machine()}), which the load"
    yield f"generator and PostgreSQL share with the server; Linux {platform.release().split('-')[0]}, Python"
    linked = ssl.OPENSSL_VERSION.split(" ")[1]
    yield f"{platform.python_version()}, cryptography {version('cryptography')} with {linked}"
    yield f"SQLite {sqlite3.sqlite_version}, wrk {wrk}, openssl {openssl}."


def _rates(results: Results) -> Iterable[str]:
    yield f"Ceiling: {_spread(results.ceilings, 0)} certificates per second; the desk's own code in the same loop:"
    yield f"{_spread(results.desk_loops, 0)}. Medians, and in parentheses the least and the most, of"
    yield f"{len(next(iter(results.rates.values())))} rounds."
    yield ""
    yield "| database | connections | what | per second | ratio to the ceiling | aim |"
    yield "| --- | ---: | --- | ---: | ---: | ---: |"
    for key, rates in results.rates.items():
        database, connections, what = key
        aim = TARGETS.get((database, what)) if connections == 64 else None  # noqa: PLR2004 - where aims are set
        ratio = _spread(results.ratios[key], 2)
        wanted = f"≥ {aim:.2f}" if aim else ""
        yield f"| {database} | {connections} | {what} | {_spread(rates, 0)} | {ratio} | {wanted} |"


def _servers(results: Results) -> Iterable[str]:
    yield "| database | server | measured |"
    yield "| --- | --- | ---: |"
    for (database, what), (value, unit) in results.servers.items():
        yield f"| {database} | {what} | {value:.{2 if unit == 's' else 0}f} {unit} |"


def write(report: str, path: Path) -> None:
    """Put the report between the markers of a document."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{path} lacks the line {BEGIN}"
    assert end, f"{path} lacks the line {END}"
    path.write_text(f"{before}{BEGIN}\n\n{report}\n{END}{after}")
