"""The command line: measure everything in turn, print the table, and write it into the documentation if asked to."""

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
    """Measure and report."""
    arguments = _arguments()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certdesk-bench-")))
        results = Results()
        desks = _open_desks(arguments, folder, stack, results)
        _measure(arguments, desks, folder, results)
    text = report.markdown(results)
    print(text)
    if arguments.write:
        report.write(text, _DOCUMENT)
    _say(f"took {time.monotonic() - began:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write the table into docs/{_DOCUMENT.name}")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--devices", type=int, default=3000, help="how many devices submit in each measurement (3000)")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64], help="at once (16 64)")
    parser.add_argument("--databases", nargs="+", default=["SQLite", "PostgreSQL"], choices=["SQLite", "PostgreSQL"])
    return parser.parse_args()


def _open_desks(
    arguments: argparse.Namespace, folder: Path, stack: contextlib.ExitStack, results: Results
) -> list[Desk]:
    desks = []
    if "SQLite" in arguments.databases:
        desks.append(Desk("SQLite", folder / "sqlite"))
    if "PostgreSQL" in arguments.databases:
        cluster = stack.enter_context(PostgreSQLCluster())
        desks.append(Desk("PostgreSQL", folder / "postgresql", cluster.create_database(), processes=2))
    stack.enter_context(stopped_at_the_end(desks))
    for desk in desks:
        _say(f"starting: {desk.name}")
        desk.folder.mkdir()
        results.servers[desk.name, "first start to first answer"] = desk.start(), "s"
        desk.register()
        desk.stop()
        results.servers[desk.name, "start to first answer"] = desk.start(), "s"
        results.servers[desk.name, f"memory when started, {desk.processes} process(es)"] = desk.memory(), "MiB"
        desk.get("/api/v1/requests")
        results.servers[desk.name, "memory after the first request"] = desk.memory(), "MiB"
    return desks


def _measure(arguments: argparse.Namespace, desks: list[Desk], folder: Path, results: Results) -> None:
    ceiling = Ceiling()
    for number in range(arguments.rounds):
        for connections in arguments.connections:
            name = f"r{number}c{connections}"
            _say(f"round {number + 1} of {arguments.rounds}, {connections} connections: making devices")
            single, cycling = make_fleet(f"{name}s", arguments.devices), make_fleet(f"{name}c", arguments.devices // 3)
            for desk in desks:
                at_best = ceiling.builder()
                results.ceilings.append(at_best)
                results.desk_loops.append(ceiling.desk())
                for what, rate in Round(desk, Fleets(single, cycling), connections, folder).measure():
                    results.add((desk.name, connections, what), rate, at_best)
                    _say(f"  {desk.name}: {what} {rate:,.0f} per second, {rate / at_best:.2f} of the ceiling")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
