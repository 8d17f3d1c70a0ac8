"""PostgreSQL: for more than one machine. Every read and every change is one round trip.

A connection's statements are prepared once and kept; asyncpg does both. Nothing here leaves state in
a session, so the pool need not spend a round trip on resetting one.
"""

from collections.abc import Sequence
from functools import cache

import asyncpg

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.store.database import Change, DuplicateError, Positional, Row, Values

_TIMEOUT = 30.0  # seconds for one statement

_positional = cache(Positional)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg's classes are untyped
    def get_reset_query(self) -> str:
        """Return nothing: no statement of ours changes the session."""
        return ""


class PostgreSQLDatabase:
    """A pool of connections; any number of server processes may share the database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, connections: int = 10) -> "PostgreSQLDatabase":
        """Connect, or raise `UNAVAILABLE`."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                connection_class=_Connection,
                command_timeout=_TIMEOUT,
                max_inactive_connection_lifetime=0,
                statement_cache_size=1000,
                max_cached_statement_lifetime=0,
                server_settings={"application_name": "certdesk", "jit": "off"},
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise CertdeskError(
                ErrorKind.UNAVAILABLE, N_("the database cannot be reached ({cause})"), cause=str(error)
            ) from error
        return cls(pool)

    async def row(self, sql: str, values: Values) -> Row | None:
        """Return the first row, or None."""
        statement = _positional(sql)
        try:
            found: Row | None = await self._pool.fetchrow(statement.sql, *statement.arguments(values))
        except _FAILURES as error:
            raise _unavailable(error) from error
        return found

    async def rows(self, sql: str, values: Values) -> Sequence[Row]:
        """Return all rows."""
        statement = _positional(sql)
        try:
            found: Sequence[Row] = await self._pool.fetch(statement.sql, *statement.arguments(values))
        except _FAILURES as error:
            raise _unavailable(error) from error
        return found

    async def apply(self, change: Change, values: Values) -> bool:
        """Do all of a change or nothing, in one statement."""
        statement = change.folded
        try:
            held = await self._pool.fetchval(statement.sql, *statement.arguments(values))
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
        """Close the pool."""
        await self._pool.close()


_FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def _unavailable(error: BaseException) -> CertdeskError:
    return CertdeskError(
        ErrorKind.UNAVAILABLE, N_("the database cannot be used right now ({cause})"), cause=type(error).__name__
    )
