"""Lookups on PostgreSQL that share a round trip."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from certdesk.domain.errors import CertdeskError
from certdesk.store.connections import Connections
from certdesk.store.database import Lookup
from certdesk.store.lookups import SharedLookups
from certdesk.store.postgresql import PostgreSQLDatabase

# Two columns of one name, as the joins have them.
SQUARE = Lookup(
    "SELECT n, n * n AS n, CAST(:text AS text) || '!' FROM generate_series(1, 300) AS n"
    " WHERE n = :n AND :octets <> CAST('' AS bytea)"
)


class CountingConnections(Connections):
    """Connections that count the round trips."""

    trips = 0

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> Sequence[asyncpg.Record]:
        """Run a statement and return its rows."""
        self.trips += 1
        return await super().fetch(sql, arguments)


@pytest.fixture
async def connections(postgresql_url: str) -> AsyncIterator[CountingConnections]:
    """Return connections to a database."""
    connections = CountingConnections(lambda: asyncpg.connect(postgresql_url), 3)
    yield connections
    await connections.close()


def ask(lookups: SharedLookups, n: int, text: str = "x") -> "asyncio.Future[Any]":
    """Ask for a square."""
    return lookups.row(SQUARE, SQUARE.positional.arguments({"n": n, "text": text, "octets": b"y"}))


async def test_neighbours_share_a_round_trip(connections: CountingConnections) -> None:
    """Everybody who asks in one turn gets their own row from one statement; who asks for nothing that is gets None."""
    lookups = SharedLookups(connections)
    rows = await asyncio.gather(*(ask(lookups, n, f"{n}") for n in (3, 1, 999, 2, 3)))
    assert [row and tuple(row) for row in rows] == [(3, 9, "3!"), (1, 1, "1!"), None, (2, 4, "2!"), (3, 9, "3!")]
    assert connections.trips == 1


async def test_one_alone_gets_the_same(connections: CountingConnections) -> None:
    """A single caller's row is what it would be in company."""
    lookups = SharedLookups(connections)
    alone = await ask(lookups, 7)
    together, _ = await asyncio.gather(ask(lookups, 7), ask(lookups, 8))
    assert tuple(alone) == tuple(together)
    assert await ask(lookups, 999) is None
    assert connections.trips == 3


async def test_a_crowd_is_divided(connections: CountingConnections) -> None:
    """At most a hundred share a round trip."""
    lookups = SharedLookups(connections)
    rows = await asyncio.gather(*(ask(lookups, n) for n in range(1, 251)))
    assert [row[0] for row in rows] == list(range(1, 251))
    assert connections.trips == 3


async def test_an_impossible_value_is_its_callers_alone(connections: CountingConnections) -> None:
    """PostgreSQL has no text with NUL: who asks with one is told, and the neighbours get their rows."""
    lookups = SharedLookups(connections)
    answers = await asyncio.gather(ask(lookups, 1), ask(lookups, 2, "\0"), ask(lookups, 3), return_exceptions=True)
    first, refused, third = answers
    assert isinstance(refused, asyncpg.PostgresError)
    assert not isinstance(first, BaseException)
    assert not isinstance(third, BaseException)
    assert (first[1], third[1]) == (1, 9)


async def test_a_caller_who_hangs_up_disturbs_nobody(connections: CountingConnections) -> None:
    """Others get their rows when one of those who share the round trip is cancelled."""
    lookups = SharedLookups(connections)
    waiting = [ask(lookups, n) for n in (1, 2, 3)]
    waiting[1].cancel()
    assert [row[1] for row in await asyncio.gather(waiting[0], waiting[2])] == [1, 9]


async def test_everybody_is_told_when_there_is_no_database(postgresql_url: str) -> None:
    """Nobody waits for ever."""
    database = await PostgreSQLDatabase.open(postgresql_url)
    await database.close()

    async def refuse() -> asyncpg.Connection:
        raise ConnectionRefusedError

    database._connections._connect = refuse
    values = {"n": 1, "text": "", "octets": b"y"}
    results = await asyncio.gather(*(database.look_up(SQUARE, values) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [CertdeskError] * 3
