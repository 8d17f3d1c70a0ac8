"""Fill a desk's database with a population, by the quickest way that each database has for it.

    python -m bench.filling FOLDER --requests 1000000                 # makes FOLDER/desk, on SQLite
    python -m bench.filling FOLDER --requests 1000000 --database URL  # the same on an empty PostgreSQL database

The secondary indexes are dropped meanwhile and made again at the end. Search words and figures by day are left to the
desk's own job, run here until it finds nothing more to do. `certdesk serve --data FOLDER/desk` serves the result, with
the passphrase of `bench.desk`.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import asyncpg

from bench.desk import PASSPHRASE
from bench.population import COLUMNS, Population, Rows, registry
from certdesk.app import Desk, Founding, open_desk
from certdesk.domain.clock import system_clock

_FILLED = ("requests", "certificates", "events", "ocsp_answers", "issuances", "keys")


class Sink(Protocol):
    """A database that takes rows by the thousand."""

    async def begin(self) -> None:
        """Make ready."""

    async def add(self, table: str, rows: Rows) -> None:
        """Add rows."""

    async def end(self) -> None:
        """Make the indexes and the planner's statistics."""


class SQLiteSink:
    """SQLite, without waiting for the disk."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._indexes: list[str] = []

    async def begin(self) -> None:
        """Drop the indexes."""
        execute = self._connection.execute
        execute("PRAGMA synchronous = OFF")
        execute("PRAGMA cache_size = -524288")
        found = execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'index' AND sql <> ''").fetchall()
        for name, sql in [(name, sql) for name, sql, table in found if table in _FILLED]:
            self._indexes.append(sql)
            execute(f"DROP INDEX {name}")

    async def add(self, table: str, rows: Rows) -> None:
        """Insert the rows in a transaction of their own."""
        marks = ", ".join("?" * len(rows[0]))
        self._connection.execute("BEGIN")
        statement = f"INSERT INTO {table} ({COLUMNS[table]}) VALUES ({marks})"  # noqa: S608 - names of ours
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")

    async def end(self) -> None:
        """Make the indexes again."""
        for sql in self._indexes:
            self._connection.execute(sql)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()


class PostgreSQLSink:
    """PostgreSQL, by COPY."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._indexes: list[str] = []

    async def begin(self) -> None:
        """Connect and drop the indexes."""
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        found = await self._connection.fetch(
            "SELECT i.indexname, i.indexdef FROM pg_indexes i LEFT JOIN pg_constraint c ON c.conname = i.indexname"
            " WHERE i.schemaname = 'public' AND i.tablename = ANY($1) AND c.conname IS NULL",
            list(_FILLED),
        )
        for name, definition in found:
            self._indexes.append(definition)
            await self._connection.execute(f"DROP INDEX {name}")

    async def add(self, table: str, rows: Rows) -> None:
        """Copy the rows."""
        await self._connection.copy_records_to_table(table, records=rows, columns=COLUMNS[table].split(", "))

    async def end(self) -> None:
        """Make the indexes again, and do what autovacuum does in its time."""
        for definition in self._indexes:
            await self._connection.execute(definition)
        await self._connection.execute("VACUUM ANALYZE")
        await self._connection.close()


async def fill(folder: Path, size: int, database: str | None = None) -> None:
    """Make a desk in a folder and fill its database."""
    founding = Founding("Universal Federation", "CH", "https://desk.example", "http://127.0.0.1:8080")
    desk = await open_desk(folder / "desk", PASSPHRASE.encode(), database, founding)
    try:
        now = system_clock()
        population = Population(size, desk.ca, desk.log, now)
        await population.prepare()
        sink: Sink = PostgreSQLSink(database) if database else SQLiteSink(folder / "desk" / "desk.sqlite")
        await sink.begin()
        for table, rows in _everything(population, now):
            await sink.add(table, rows)
        _say("rows")
        await sink.end()
        _say("indexes")
        await _index(desk)
        if database:
            await _vacuum(database)
    finally:
        await desk.close()
    _say("search words")


def _everything(population: Population, now: int) -> Iterator[tuple[str, Rows]]:
    yield from registry(population.places, now)
    yield from population.rows()


async def _index(desk: Desk) -> None:
    while await desk.store.words.take():
        pass


async def _vacuum(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("VACUUM ANALYZE words, days, properties")
    await connection.close()


_BEGAN = time.monotonic()


def _say(what: str) -> None:
    print(f"{time.monotonic() - _BEGAN:.0f} s: {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Fill a desk's database."""
    parser = argparse.ArgumentParser(prog="python -m bench.filling", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--database", help="URL of an empty PostgreSQL database; SQLite without")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(fill(arguments.folder, arguments.requests, arguments.database))


if __name__ == "__main__":
    main()
