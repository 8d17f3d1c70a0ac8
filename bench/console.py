"""Measure the console with a hundred thousand and with a million requests: how long pages take, and what they weigh.

    python -m bench.console                 # makes what is measured in a temporary directory: 9 GB, half an hour
    python -m bench.console --folder FOLDER # keeps it there, and takes what is there already
    python -m bench.console --write         # also writes the tables into docs/performance.md

A server process of its own answers, over HTTP as behind a proxy. Each page is asked for again and again with other
values by each of the visitors that may see it (`bench.visits`), one request at a time, of the smaller and of the larger
desk in turn.
"""

import argparse
import asyncio
import contextlib
import http.client
import re
import statistics
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from bench import report
from bench.desk import Desk, stopped_at_the_end
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
_NOTICED = 0.05
"""Seconds until the server has noticed that nobody reads on."""
_GZIP = b"\x1f\x8b"
_LINKED = re.compile(r'(?:href|src)="(/static/[^"]+)"')

Key = tuple[str, str, int]
"""Page, database and number of requests."""


class Growth(NamedTuple):
    """How a page changes with ten times as many requests."""

    took: float
    """How many times as long it takes."""
    few_rows: float
    many_rows: float
    """Rows of tables on the page, with the fewest and with the most requests."""

    @property
    def shows_more(self) -> bool:
        """Whether the page itself is longer, and so takes longer to write."""
        return self.many_rows > self.few_rows + 1


@dataclass
class Measured:
    """What pages took and showed, by visitor, and what they weigh."""

    times: defaultdict[Key, defaultdict[str, list[list[float]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    """Milliseconds, pass by pass."""
    rows: dict[tuple[Key, str], float] = field(default_factory=dict)
    """Rows of tables, or lines of the begin of a file, on average."""
    weights: dict[str, int] = field(default_factory=dict)

    def quantiles(self, key: Key) -> tuple[float, float]:
        """Return the median and the 95th percentile of the visitor who waits longest.

        The quietest pass counts: other programs share the machine.
        """
        quietest = [min(passes, key=_percentile) for passes in self.times[key].values()]
        return max(map(statistics.median, quietest)), max(map(_percentile, quietest))

    def growth(self, page: str, database: str) -> Growth:
        """Return how much longer the page takes with the most requests than with the fewest, at the median.

        It is that of the visitor who then waits longest, over all passes: each visited both in turn.
        """
        few, many = ((page, database, size) for size in (_SIZES[0], _SIZES[-1]))
        medians = {visitor: statistics.median(chain(*passes)) for visitor, passes in self.times[many].items()}
        visitor = max(medians, key=lambda name: medians[name])
        took = medians[visitor] / statistics.median(chain(*self.times[few][visitor]))
        return Growth(took, self.rows[few, visitor], self.rows[many, visitor])


def _percentile(times: list[float]) -> float:
    return sorted(times)[max(0, round(len(times) * 0.95) - 1)]


def plain(text: bytes) -> bytes:
    """Return an answer's body, or its beginning, as it was before it was compressed."""
    return zlib.decompressobj(wbits=31).decompress(text) if text.startswith(_GZIP) else text


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
            self.close()
            time.sleep(_NOTICED)
        return took, text

    def close(self) -> None:
        """Close the connection before the server tires of it; the next visit opens another."""
        self._connection.close()

    def weight(self, text: bytes) -> int:
        """Return the octets of a page and of everything that it loads, as they are sent."""
        return len(text) + sum(self._size(address) for address in set(_LINKED.findall(plain(text).decode())))

    def _size(self, address: str) -> int:
        self._connection.request("GET", address.replace("&amp;", "&"), headers=self._headers)
        answer = self._connection.getresponse()
        return len(answer.read())


def measure(desks: dict[int, Desk], rounds: int, passes: int, measured: Measured) -> None:
    """Start the desks of one database, by their sizes, and visit each page on all of them in turn.

    So whatever else the machine does meanwhile slows them down alike.
    """
    with stopped_at_the_end(list(desks.values())):
        everybody = []
        for size, desk in desks.items():
            desk.start()
            who = visitors(size)
            desk.with_store(partial(_let_in, who, size))
            everybody.append([(size, desk, visitor, Browser(desk, visitor)) for visitor in who])
        for number in range(passes):
            _say(f"measuring: pass {number + 1}")
            for same in zip(*everybody, strict=True):
                _visit_all(same, rounds, measured)
                for _, _, _, browser in same:
                    browser.close()


async def _let_in(everybody: list[Visitor], size: int, store: Store) -> None:
    for visitor in everybody:
        await admit(store, visitor, size, system_clock())


def _visit_all(same: Sequence[tuple[int, Desk, Visitor, Browser]], rounds: int, measured: Measured) -> None:
    for page in pages():
        if not all(page.who(visitor) for _, _, visitor, _ in same):
            continue
        taken: list[list[tuple[float, bytes]]] = [[] for _ in same]
        for number in range(rounds):
            for (_, _, visitor, browser), seen in zip(same, taken, strict=True):
                seen.append(browser.visit(page, visitor, number))
        for (size, desk, visitor, browser), seen in zip(same, taken, strict=True):
            times = [took for took, _ in seen]
            key, mark = (page.name, desk.name, size), b"\n" if page.enough else b"<tr"
            measured.times[key][visitor.name].append(times)
            measured.rows[key, visitor.name] = statistics.mean(plain(text).count(mark) for _, text in seen)
            if not page.enough:
                measured.weights[page.name] = max(measured.weights.get(page.name, 0), browser.weight(seen[-1][1]))
            if _percentile(times) > _SLOWEST:
                _say(f"  slow: {desk.name}, {size:,}: {page.name}, {visitor.name}: {_percentile(times):.0f} ms")


def markdown(measured: Measured) -> str:
    """Return the tables."""
    return "\n".join([*_summary(measured), "", *_table(measured), ""])


def _summary(measured: Measured) -> Iterator[str]:
    names = list(dict.fromkeys(name for name, _, _ in measured.times))
    yield "| database | pages | slowest p95 | above 100 ms | growth above a third | with no more rows |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for database in dict.fromkeys(database for _, database, _ in measured.times):
        slowest = [measured.quantiles((name, database, _SIZES[-1]))[1] for name in names]
        grown = [growth for name in names if (growth := measured.growth(name, database)).took > _GROWTH]
        alike = sum(not growth.shows_more for growth in grown)
        slow = sum(each > _SLOWEST for each in slowest)
        yield f"| {database} | {len(names)} | {max(slowest):.0f} ms | {slow} | {len(grown)} | {alike} |"
    heaviest = max(measured.weights, key=lambda name: measured.weights[name])
    yield ""
    weight = measured.weights[heaviest] / 1000
    yield f"The heaviest page, *{heaviest}*, weighs {weight:.0f} kB on a first visit, with all that it loads; the limit"
    yield f"is {_LARGEST_PAGE // 1000} kB."


def _table(measured: Measured) -> Iterator[str]:
    databases = list(dict.fromkeys(database for _, database, _ in measured.times))
    sizes = [f"{database}: {size // 1000:,}k" for database in databases for size in _SIZES]
    head = [*(column for size in sizes for column in (size, f"{size} p95")), *(f"{name}: growth" for name in databases)]
    yield f"| page | {' | '.join([*head, 'rows', 'weight'])} |"
    yield f"| --- |{' ---: |' * (len(head) + 2)}"
    for name in dict.fromkeys(name for name, _, _ in measured.times):
        columns = [name]
        for database in databases:
            for size in _SIZES:
                columns += [f"{value:.0f}" for value in measured.quantiles((name, database, size))]
        growths = [measured.growth(name, database) for database in databases]
        columns += [f"{growth.took:.2f}" for growth in growths]
        columns.append(f"{growths[0].few_rows:.0f} to {growths[0].many_rows:.0f}" if growths[0].many_rows else "")
        weight = measured.weights.get(name)
        yield f"| {' | '.join(columns)} | {f'{weight / 1000:.0f}' if weight else ''} |"


def main() -> None:
    """Measure the console's pages."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write the tables into docs/{_DOCUMENT.name}")
    parser.add_argument("--folder", type=Path, help="where the desks are kept, or are already")
    parser.add_argument("--rounds", type=int, default=40, help="how often each visitor asks for each page (40)")
    parser.add_argument("--passes", type=int, default=2, help="how often all of that is done (2)")
    parser.add_argument("--databases", nargs="+", default=_DATABASES, choices=_DATABASES)
    arguments = parser.parse_args()
    measured = Measured()
    with contextlib.ExitStack() as stack:
        folder = arguments.folder
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certdesk-bench-")))
        cluster = stack.enter_context(PostgreSQLCluster()) if "PostgreSQL" in arguments.databases else None
        for name in arguments.databases:
            desks = {size: _filled(name, folder, size, cluster) for size in _SIZES}
            measure(desks, arguments.rounds, arguments.passes, measured)
    text = markdown(measured)
    print(text)
    if arguments.write:
        report.write(text, _DOCUMENT, BEGIN)


def _filled(name: str, folder: Path, size: int, cluster: PostgreSQLCluster | None) -> Desk:
    url = cluster.create_database() if cluster and name == "PostgreSQL" else None
    desk = Desk(name, folder / f"{name}-{size}", url)
    if url or not desk.data.exists():
        _say(f"filling: {name}, {size:,}")
        desk.folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(fill(desk.folder, size, url))
    return desk


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
