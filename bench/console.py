"""Measure the console with a hundred thousand and with a million requests: how long pages take, and what they weigh.

    python -m bench.console                 # makes what is measured in a temporary directory: 9 GB, half an hour
    python -m bench.console --folder FOLDER # keeps it there, and takes what is there already
    python -m bench.console --write         # also writes the tables into docs/performance.md

A server process of its own answers, over HTTP as behind a proxy. Each page is asked for again and again with other
values by each of the visitors that may see it (`bench.visits`), one request at a time.
"""

import argparse
import asyncio
import contextlib
import gzip
import http.client
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from bench import report
from bench.desk import Desk
from bench.filling import fill
from bench.visits import Page, Visitor, admit, pages, visitors
from certdesk.domain.clock import system_clock
from certdesk.store import Store
from tests.postgresql import PostgreSQLCluster

BEGIN = "<!-- begin: python -m bench.console --write -->"
_DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
_SIZES = (100_000, 1_000_000)
_DATABASES = ("SQLite", "PostgreSQL")
_LARGEST_PAGE = 150_000
"""Octets on a first visit, with everything that the page needs."""
_SLOWEST = 100
"""Milliseconds, at the 95th percentile."""
_GROWTH = 4 / 3
_GZIP = b"\x1f\x8b"
_LINKED = re.compile(r'(?:href|src)="(/static/[^"]+)"')

Key = tuple[str, str, int]
"""Page, database and number of requests."""


@dataclass
class Measured:
    """Milliseconds by page and visitor, and weights."""

    times: defaultdict[Key, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    weights: dict[str, int] = field(default_factory=dict)

    def add(self, key: Key, visitor: str, times: list[float]) -> None:
        """Note what a pass measured, unless an earlier one was quieter: other programs share the machine."""
        earlier = self.times[key].get(visitor)
        if earlier is None or _percentile(times) < _percentile(earlier):
            self.times[key][visitor] = times

    def quantiles(self, key: Key) -> tuple[float, float]:
        """Return the median and the 95th percentile of the visitor who waits longest."""
        every = [(statistics.median(times), _percentile(times)) for times in self.times[key].values()]
        return max(median for median, _ in every), max(percentile for _, percentile in every)

    def growth(self, page: str, database: str) -> float:
        """Return how many times as long the page takes with the most requests as with the fewest, at the median."""
        few, many = (self.quantiles((page, database, size))[0] for size in (_SIZES[0], _SIZES[-1]))
        return many / few


def _percentile(times: list[float]) -> float:
    return sorted(times)[max(0, round(len(times) * 0.95) - 1)]


class Browser:
    """A connection that is kept, and what of the static files was seen."""

    def __init__(self, desk: Desk, visitor: Visitor) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", desk.port)
        self._headers = {
            "Cookie": visitor.cookie,
            "Accept-Encoding": "gzip",
            "Accept-Language": "en",
            "Origin": desk.url,
            "X-Forwarded-For": "192.0.2.7",
        }

    def visit(self, page: Page, visitor: Visitor, number: int) -> tuple[float, bytes]:
        """Return the milliseconds that a page took, and the page."""
        form = page.form(visitor, number) if page.form else None
        body = urlencode(form, doseq=True) if form else None
        headers = self._headers | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
        began = time.perf_counter()
        self._connection.request("POST" if form else "GET", page.address(visitor, number), body, headers)
        answer = self._connection.getresponse()
        text = answer.read(page.enough or None)
        took = (time.perf_counter() - began) * 1000
        assert answer.status == http.client.OK, (page.name, page.address(visitor, number), answer.status, text[:2000])
        if page.enough:
            self._connection.close()
        return took, text

    def weight(self, text: bytes) -> int:
        """Return the octets of a page and of everything that it loads, as they are sent."""
        markup = gzip.decompress(text) if text.startswith(_GZIP) else text
        return len(text) + sum(self._size(address) for address in set(_LINKED.findall(markup.decode())))

    def _size(self, address: str) -> int:
        self._connection.request("GET", address.replace("&amp;", "&"), headers=self._headers)
        answer = self._connection.getresponse()
        return len(answer.read())


def measure(desk: Desk, size: int, rounds: int, measured: Measured) -> None:
    """Start a desk that was filled and visit its pages."""

    async def let_in(store: Store) -> None:
        for visitor in everybody:
            await admit(store, visitor, size, system_clock())

    everybody = visitors(size)
    desk.start()
    try:
        desk.with_store(let_in)
        for visitor in everybody:
            _visit_all(desk, visitor, size, rounds, measured)
    finally:
        desk.stop()


def _visit_all(desk: Desk, visitor: Visitor, size: int, rounds: int, measured: Measured) -> None:
    browser = Browser(desk, visitor)
    for page in pages():
        if not page.who(visitor):
            continue
        times, text = [], b""
        for number in range(rounds):
            took, text = browser.visit(page, visitor, number)
            times.append(took)
        measured.add((page.name, desk.name, size), visitor.name, times)
        if not page.enough:
            measured.weights[page.name] = max(measured.weights.get(page.name, 0), browser.weight(text))
        if _percentile(times) > _SLOWEST:
            _say(f"  slow: {desk.name}, {size:,}: {page.name}, {visitor.name}: {_percentile(times):.0f} ms")


def markdown(measured: Measured) -> str:
    """Return the tables."""
    return "\n".join([*_summary(measured), "", *_table(measured), ""])


def _summary(measured: Measured) -> Iterator[str]:
    names = list(dict.fromkeys(name for name, _, _ in measured.times))
    yield "| database | pages | slowest 95th percentile | above 100 ms | growth above a third |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for database in dict.fromkeys(database for _, database, _ in measured.times):
        slowest = [measured.quantiles((name, database, _SIZES[-1]))[1] for name in names]
        grown = sum(measured.growth(name, database) > _GROWTH for name in names)
        slow = sum(each > _SLOWEST for each in slowest)
        yield f"| {database} | {len(names)} | {max(slowest):.0f} ms | {slow} | {grown} |"
    heaviest = max(measured.weights, key=lambda name: measured.weights[name])
    yield ""
    weight = measured.weights[heaviest] / 1000
    yield f"The heaviest page, *{heaviest}*, weighs {weight:.0f} kB on a first visit, with all that it loads; the limit"
    yield f"is {_LARGEST_PAGE // 1000} kB."


def _table(measured: Measured) -> Iterator[str]:
    databases = list(dict.fromkeys(database for _, database, _ in measured.times))
    head = [f"{database}: {size // 1000:,}k | {size // 1000:,}k p95" for database in databases for size in _SIZES]
    grown = [f"{database}: growth" for database in databases]
    yield f"| page | {' | '.join([*head, *grown])} | weight |"
    yield f"| --- |{' ---: |' * (2 * len(head) + len(grown) + 1)}"
    for name in dict.fromkeys(name for name, _, _ in measured.times):
        columns = [name]
        for database in databases:
            for size in _SIZES:
                columns += [f"{value:.0f}" for value in measured.quantiles((name, database, size))]
        columns += [f"{measured.growth(name, database):.2f}" for database in databases]
        weight = measured.weights.get(name)
        yield f"| {' | '.join(columns)} | {f'{weight / 1000:.0f}' if weight else ''} |"


def main() -> None:
    """Measure the console's pages."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write the tables into docs/{_DOCUMENT.name}")
    parser.add_argument("--folder", type=Path, help="where the desks are kept, or are already")
    parser.add_argument("--rounds", type=int, default=20, help="how often each visitor asks for each page (20)")
    parser.add_argument("--passes", type=int, default=2, help="of which the quieter counts, page by page (2)")
    parser.add_argument("--databases", nargs="+", default=_DATABASES, choices=_DATABASES)
    arguments = parser.parse_args()
    measured = Measured()
    with contextlib.ExitStack() as stack:
        folder = arguments.folder
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certdesk-bench-")))
        cluster = stack.enter_context(PostgreSQLCluster()) if "PostgreSQL" in arguments.databases else None
        for name in arguments.databases:
            for size in _SIZES:
                url = cluster.create_database() if cluster and name == "PostgreSQL" else None
                desk = Desk(name, folder / f"{name}-{size}", url)
                if url or not desk.data.exists():
                    _say(f"filling: {name}, {size:,}")
                    desk.folder.mkdir(parents=True, exist_ok=True)
                    asyncio.run(fill(desk.folder, size, url))
                for number in range(arguments.passes):
                    _say(f"measuring: {name}, {size:,}, pass {number + 1}")
                    measure(desk, size, arguments.rounds, measured)
    text = markdown(measured)
    print(text)
    if arguments.write:
        report.write(text, _DOCUMENT, BEGIN)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
