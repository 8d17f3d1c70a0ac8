"""SQLite: the embedded default, called straight from the event loop.

All writers of one turn of the event loop share a transaction: it begins with the first of them and is
committed once, when every request that was ready in that turn has run. Nobody is answered before the
commit. Each change that may stop midway runs in a savepoint of its own, so it does not take its neighbours down.

The commit waits for the disk in a thread, once for all of them. Meanwhile the loop reads, verifies and answers;
whoever wants to write then is in the next transaction.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.store.database import Change, DuplicateError, Lookup, Row, Values

_BUSY_SECONDS = 10.0
_DUPLICATES = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_MOST_REMEMBERED = 4096
"""Rows; those of OCSP answers have some 1,500 octets."""
_CHECKPOINT_PAGES = 8192
"""32 MiB. A busy moment's commit writes hundreds of pages, mostly the same as the one before: written back into the
database after a thousand, SQLite's usual, they would cost almost every commit a second wait for the disk."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection without implicit transactions, durable at every commit; raise `UNAVAILABLE`."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, cached_statements=512, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(error) from error
    return connection


def unavailable(error: sqlite3.Error) -> CertdeskError:
    """Say in a sentence why SQLite cannot go on."""
    code = error.sqlite_errorcode & 0xFF
    if code == sqlite3.SQLITE_FULL or error.sqlite_errorcode == sqlite3.SQLITE_IOERR_SHMSIZE:
        return CertdeskError(ErrorKind.UNAVAILABLE, N_("the disk is full: nothing was stored; try again later"))
    if code in _DAMAGED:
        return CertdeskError(
            ErrorKind.UNAVAILABLE,
            N_("the database is damaged, or is none ({cause}): restore a backup"),
            cause=error.sqlite_errorname,
        )
    return CertdeskError(
        ErrorKind.UNAVAILABLE, N_("the database cannot be used right now ({cause})"), cause=error.sqlite_errorname
    )


class SQLiteDatabase:
    """One connection that writes, one that reads what has been committed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = connect(path)
        # What savepoints keep would go into files in /var/tmp; migrations, which sort whole tables, leave it there.
        self._writer.execute("PRAGMA temp_store = MEMORY")
        self._reader = connect(path)
        self._reader.execute("PRAGMA query_only = TRUE")
        self._remembered: dict[tuple[Any, ...], Row | None] = {}
        """What was looked up since anybody has written."""
        self._version: Row | None = None
        """Which state of the database that is of."""
        self._is_looked_at = False
        """Whether that was made sure of in this turn of the event loop."""
        self._committer = ThreadPoolExecutor(1, "commit")
        self._waiting: list[asyncio.Future[None]] | None = None
        """Those whose changes are in the open transaction; None when none is open."""
        self._in_line: list[asyncio.Future[None]] | None = None
        """Those who want to write while it is being committed; None when none is."""

    async def row(self, sql: str, values: Values) -> Row | None:
        """Return the first row, or None."""
        try:
            found: Row | None = self._reader.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        return found

    async def look_up(self, lookup: Lookup, values: Values) -> Row | None:
        """Return the row, or None; what is asked again and again is remembered until anybody writes anything."""
        if not lookup.is_repeated:
            return await self.row(lookup.sql, values)
        if not self._is_looked_at:
            await self._forget_what_is_old()
            self._is_looked_at = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        key = lookup, *values.values()
        if key not in self._remembered:
            self._remembered[key] = await self.row(lookup.sql, values)
        return self._remembered[key]

    async def _forget_what_is_old(self) -> None:
        """Forget what was looked up before the last commit, by this process or another, or too much of it."""
        row = await self.row("PRAGMA data_version", {})
        if row != self._version or len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.clear()
            self._version = row

    def _end_turn(self) -> None:
        self._is_looked_at = False

    async def rows(self, sql: str, values: Values) -> Sequence[Row]:
        """Return all rows."""
        try:
            return self._reader.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def apply(self, change: Change, values: Values) -> bool:
        """Do all of a change or nothing; return when this turn's transaction is on the disk.

        A change that did not hold waits as well: what it ran into may be a neighbour's change of the same
        turn, and whoever looks again must find it.
        """
        while self._in_line is not None:
            await _turn_in(self._in_line)
        try:
            if self._waiting is None:
                self._begin()
            held = self._run(change, values)
        except sqlite3.Error as error:
            if not self._writer.in_transaction:  # the whole transaction was taken back
                self._end(error)
            if error.sqlite_errorcode in _DUPLICATES:
                await self._committed()
                raise DuplicateError(str(error)) from error
            raise unavailable(error) from error
        await self._committed()
        return held

    def _begin(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._waiting = []
        asyncio.get_running_loop().call_soon(self._commit)

    def _run(self, change: Change, values: Values) -> bool:
        if not change.needs_savepoint:
            return self._run_freely(change, values)
        execute = self._writer.execute
        execute("SAVEPOINT change")
        held = False
        try:
            for step, must in change.steps:
                if execute(step.sql, step.arguments(values)).rowcount < 1 and must:
                    break
            else:
                held = True
        finally:
            if self._writer.in_transaction:
                if not held:
                    execute("ROLLBACK TO change")
                execute("RELEASE change")
        return held

    def _run_freely(self, change: Change, values: Values) -> bool:
        """Run a change without a savepoint, which is a tenth of its cost.

        If a step after the first fails nevertheless, because of the disk, nobody's change of this turn is kept.
        """
        (first, _), *rest = change.steps
        execute = self._writer.execute
        if execute(first.sql, first.arguments(values)).rowcount < 1:
            return False
        try:
            for step, _ in rest:
                execute(step.sql, step.arguments(values))
        except sqlite3.Error:
            if self._writer.in_transaction:
                execute("ROLLBACK")
            raise
        return True

    async def _committed(self) -> None:
        if self._waiting is not None:
            await _turn_in(self._waiting)

    def _commit(self) -> None:
        if self._waiting is None or self._in_line is not None:
            return
        self._in_line = []
        commit = asyncio.get_running_loop().run_in_executor(self._committer, self._writer.execute, "COMMIT")
        commit.add_done_callback(self._has_committed)

    def _has_committed(self, commit: "asyncio.Future[sqlite3.Cursor]") -> None:
        error = cast("sqlite3.Error | None", commit.exception())
        if error is not None and self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._end(error)
        in_line, self._in_line = self._in_line or [], None
        _call(in_line, None)

    def _end(self, error: sqlite3.Error | None) -> None:
        waiting, self._waiting = self._waiting or [], None
        _call(waiting, error)

    async def backup(self, path: str) -> None:
        """Write a consistent copy to a new file; the pages are copied from one snapshot."""
        try:
            self._reader.execute("PRAGMA query_only = FALSE")
            self._reader.execute("VACUUM INTO ?", (path,))
        except sqlite3.Error as error:
            raise unavailable(error) from error
        finally:
            self._reader.execute("PRAGMA query_only = TRUE")

    async def close(self) -> None:
        """Finish the open transaction and close both connections."""
        self._commit()
        while self._in_line is not None:
            await _turn_in(self._in_line)
        self._committer.shutdown()
        self._reader.close()
        self._writer.close()


async def _turn_in(line: list["asyncio.Future[None]"]) -> None:
    """Get in line, and return when called."""
    waiter = asyncio.get_running_loop().create_future()
    line.append(waiter)
    await waiter


def _call(line: list["asyncio.Future[None]"], error: sqlite3.Error | None) -> None:
    for waiter in line:
        if waiter.done():  # its request was cancelled meanwhile
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(unavailable(error))
