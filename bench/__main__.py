"""The command line: measure everything in turn, print the tables, and write them into the documentation if asked to."""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from bench import report
from bench.ceiling import Ceiling
from bench.desk import Desk, stopped_at_the_end
from bench.fleet import make_fleet
from bench.report import Results
from bench.rounds import Fleets, Round
from tests.postgresql import PostgreSQLCluster

_DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"


def main() -> None:
    """Measure how fast the desk is."""
    arguments = _arguments()
    began = time.monotonic()
    results = Results()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certdesk-bench-")))
        desks = _desks(arguments.databases, folder, stack)
        for desk in desks:
            _open(desk, results)
        _measure(arguments, desks, folder, results)
    text = report.markdown(results)
    print(text)
    if arguments.write:
        report.write(text, _DOCUMENT)
    _say(f"took {time.monotonic() - began:.0f} seconds")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write the tables into docs/{_DOCUMENT.name}")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--devices", type=int, default=3000, help="how many devices submit in each measurement (3000)")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64], help="at once (16 64)")
    databases = ["SQLite", "PostgreSQL"]
    parser.add_argument("--databases", nargs="+", default=databases, choices=databases)
    return parser.parse_args()


def _desks(databases: list[str], folder: Path, stack: contextlib.ExitStack) -> list[Desk]:
    desks = []
    if "SQLite" in databases:
        desks.append(Desk("SQLite", folder / "sqlite"))
    if "PostgreSQL" in databases:
        cluster = stack.enter_context(PostgreSQLCluster())
        desks.append(Desk("PostgreSQL", folder / "postgresql", cluster.create_database(), processes=2))
    stack.enter_context(stopped_at_the_end(desks))
    return desks


def _open(desk: Desk, results: Results) -> None:
    """Start a desk for the first time and again, and note how long that takes and what the idle server needs."""
    _say(f"starting: {desk.name}")
    desk.folder.mkdir()
    first = desk.start()
    desk.register()
    desk.stop()
    again = desk.start()
    idle = desk.memory()
    desk.get("/api/v1/requests")
    used = desk.memory()
    count = f"{desk.processes} processes and their supervisor" if desk.processes > 1 else "one process"
    for what, value, aim in (
        ("from its first start to its first answer", f"{first:.2f} s", "< 2 s"),
        ("from a start to the first answer", f"{again:.2f} s", "< 2 s"),
        (f"idle memory, {count} (RSS, shared pages in each)", f"{idle.resident:.0f} MiB", ""),
        ("idle memory, shared pages once (PSS)", f"{idle.proportional:.0f} MiB", "< 120 MiB"),
        ("the same after the first request", f"{used.proportional:.0f} MiB", ""),
    ):
        results.servers.append((desk.name, what, value, aim))


def _measure(arguments: argparse.Namespace, desks: list[Desk], folder: Path, results: Results) -> None:
    loops = Ceiling()

    def ceiling() -> float:
        results.ceilings.append(loops.builder())
        return results.ceilings[-1]

    for number in range(arguments.rounds):
        for connections in arguments.connections:
            _say(f"round {number + 1} of {arguments.rounds}, {connections} connections")
            name = f"r{number}c{connections}"
            fleets = Fleets(make_fleet(f"{name}s", arguments.devices), make_fleet(f"{name}c", arguments.devices // 3))
            for desk in desks:
                results.desk_loops.append(loops.desk())
                for measured in Round(desk, fleets, connections, folder, ceiling).measure():
                    results.measured[desk.name, connections, measured.what].append(measured)
                    ratio = measured.per_second / measured.ceiling
                    _say(f"  {desk.name}: {measured.what} {measured.per_second:,.0f} per second, {ratio:.2f}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
