"""PostgreSQL: for more than one machine. Every read and every change is one round trip, or part of a shared one.

A connection's statements are prepared once and kept; asyncpg does both.
"""

from collections.abc import Sequence
from functools import cache

import asyncpg

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.store.connections import Connections
from certdesk.store.database import Change, DuplicateError, Lookup, Positional, Row, Values
from certdesk.store.sharing import SharedChanges, SharedLookups

_TIMEOUT = 30.0  # seconds for one statement

_positional = cache(Positional)


_SETTINGS = {"application_name": "certdesk", "jit": "off"}


class PostgreSQLDatabase:
    """Connections to a database that any number of server processes may share."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lookups = SharedLookups(connections)
        self._changes = SharedChanges(connections)

    @classmethod
    async def open(cls, url: str, connections: int = 10) -> "PostgreSQLDatabase":
        """Connect, or raise `UNAVAILABLE`."""

        async def connect() -> "asyncpg.Connection[asyncpg.Record]":
            return await asyncpg.connect(
                url,
                command_timeout=_TIMEOUT,
                statement_cache_size=1000,
                max_cached_statement_lifetime=0,
                server_settings=_SETTINGS,
            )

        database = cls(Connections(connect, connections))
        try:
            await database._connections.open()
        except (*_FAILURES, ValueError) as error:
            raise CertdeskError(
                ErrorKind.UNAVAILABLE, N_("the database cannot be reached ({cause})"), cause=str(error)
            ) from error
        return database

    async def row(self, sql: str, values: Values) -> Row | None:
        """Return the first row, or None."""
        rows = await self.rows(sql, values)
        return rows[0] if rows else None

    async def look_up(self, lookup: Lookup, values: Values) -> Row | None:
        """Return the row, or None; whoever looks it up in the same turn of the event loop shares the round trip."""
        try:
            return await self._lookups.ask(lookup, lookup.positional.arguments(values))
        except _FAILURES as error:
            raise _unavailable(error) from error

    async def rows(self, sql: str, values: Values) -> Sequence[Row]:
        """Return all rows."""
        statement = _positional(sql)
        try:
            found: Sequence[Row] = await self._connections.fetch(statement.sql, statement.arguments(values))
        except _FAILURES as error:
            raise _unavailable(error) from error
        return found

    async def apply(self, change: Change, values: Values) -> bool:
        """Do all of a change or nothing, in one statement."""
        statement = change.folded
        arguments = statement.arguments(values)
        try:
            if change.is_shared:
                held = await self._changes.ask(change, arguments)
            else:
                [[held]] = await self._connections.fetch(statement.sql, arguments)
        except asyncpg.DivisionByZeroError:  # a later guard did not hold, see `Change`
            return False
        except asyncpg.UniqueViolationError as error:
            raise DuplicateError(str(error)) from error
        except _FAILURES as error:
            raise _unavailable(error) from error
        return bool(held)

    async def backup(self, path: str) -> None:
        """Refuse: `pg_dump` is the right tool."""
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("a PostgreSQL database is backed up with pg_dump, not into {path}"), path=path
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()


# asyncpg calls it an internal error when the server ends a connection at the wrong moment.
_FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def _unavailable(error: BaseException) -> CertdeskError:
    return CertdeskError(
        ErrorKind.UNAVAILABLE, N_("the database cannot be used right now ({cause})"), cause=type(error).__name__
    )
