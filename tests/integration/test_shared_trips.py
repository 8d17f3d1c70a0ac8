"""Lookups and changes on PostgreSQL that share a round trip."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from certdesk.domain.errors import CertdeskError
from certdesk.store.connections import Connections
from certdesk.store.database import Change, Lookup, must, then
from certdesk.store.postgresql import PostgreSQLDatabase
from certdesk.store.sharing import SharedChanges, SharedLookups

# Two columns of one name, as the joins have them.
SQUARE = Lookup(
    "SELECT n, n * n AS n, CAST(:text AS text) || '!' FROM generate_series(1, 300) AS n"
    " WHERE n = :n AND :octets <> CAST('' AS bytea)"
)


GROW = Change(
    must("UPDATE things SET size = size + :by WHERE name = :name"),
    must("UPDATE things SET size = size WHERE name = 'limit' AND :by < 10 AND {held}"),
    then("INSERT INTO notes (note) SELECT :note FROM (SELECT pg_sleep(:pause)) AS pause WHERE {held}"),
    shared_by="name",
)


class CountingConnections(Connections):
    """Connections that count the round trips."""

    trips = 0

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> Sequence[asyncpg.Record]:
        """Run a statement and return its rows."""
        self.trips += 1
        return await super().fetch(sql, arguments)

    async def fetch_many(self, sql: str, all_arguments: Sequence[Sequence[Any]]) -> Sequence[asyncpg.Record]:
        """Run a statement several times and return all rows."""
        self.trips += 1
        return await super().fetch_many(sql, all_arguments)


@pytest.fixture
async def connections(postgresql_url: str) -> AsyncIterator[CountingConnections]:
    """Return connections to a database."""
    connections = CountingConnections(lambda: asyncpg.connect(postgresql_url), 3)
    yield connections
    await connections.close()


@pytest.fixture
async def things(connections: CountingConnections) -> CountingConnections:
    """Return the same, with two tables."""
    await connections.fetch("DROP TABLE IF EXISTS things, notes", ())
    await connections.fetch("CREATE TABLE things (name text PRIMARY KEY, size bigint NOT NULL)", ())
    await connections.fetch("CREATE TABLE notes (note text PRIMARY KEY)", ())
    await connections.fetch("INSERT INTO things VALUES ('box', 0), ('hat', 0), ('limit', 0)", ())
    connections.trips = 0
    return connections


async def sizes(connections: Connections) -> dict[str, int]:
    """Return how large the things are."""
    return {row[0]: row[1] for row in await connections.fetch("SELECT name, size FROM things", ())}


def grow(changes: SharedChanges, name: str, note: str, by: int = 1, pause: float = 0) -> "asyncio.Future[int]":
    """Let a thing grow."""
    return changes.ask(GROW, GROW.folded.arguments({"name": name, "note": note, "by": by, "pause": pause}))


def ask(lookups: SharedLookups, n: int, text: str = "x") -> "asyncio.Future[Any]":
    """Ask for a square."""
    return lookups.ask(SQUARE, SQUARE.positional.arguments({"n": n, "text": text, "octets": b"y"}))


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


async def test_changes_of_one_turn_share_a_transaction(things: CountingConnections) -> None:
    """Each is told whether its own held, in whichever order they went, and a later one sees what an earlier one did."""
    changes = SharedChanges(things)
    names = ["hat", "nothing", "box", "hat"]
    assert await asyncio.gather(*(grow(changes, name, f"{number}") for number, name in enumerate(names))) == [
        1,
        0,
        1,
        1,
    ]
    assert things.trips == 1
    assert await sizes(things) == {"box": 1, "hat": 2, "limit": 0}
    [[transactions]] = await things.fetch("SELECT count(DISTINCT xmin::text) FROM notes", ())
    assert transactions == 1


async def test_a_change_that_is_refused_is_its_callers_alone(things: CountingConnections) -> None:
    """A duplicate, a later guard and an impossible value: each is told, alone, and the neighbours' changes are done."""
    changes = SharedChanges(things)
    asked = [
        grow(changes, "hat", "1"),
        grow(changes, "hat", "1"),
        grow(changes, "hat", "2", by=10),
        grow(changes, "box", "\0"),
        grow(changes, "box", "3"),
    ]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert [each for each in done if not isinstance(each, BaseException)] == [1, 1]
    refused = {type(each) for each in done if isinstance(each, BaseException)}
    assert refused == {
        asyncpg.UniqueViolationError,
        asyncpg.DivisionByZeroError,
        asyncpg.CharacterNotInRepertoireError,
    }
    assert await sizes(things) == {"box": 1, "hat": 1, "limit": 0}


async def test_nothing_is_sent_again_when_the_connection_is_lost(things: CountingConnections) -> None:
    """Nobody knows then what was committed, so everybody is told that something went wrong."""
    changes = SharedChanges(things)

    async def lose(sql: str, all_arguments: Sequence[Sequence[Any]]) -> Sequence[asyncpg.Record]:
        things.trips += 1
        raise asyncpg.ConnectionDoesNotExistError

    things.fetch_many = lose  # type: ignore[method-assign]
    done = await asyncio.gather(grow(changes, "hat", "1"), grow(changes, "box", "2"), return_exceptions=True)
    assert [type(each) for each in done] == [asyncpg.ConnectionDoesNotExistError] * 2
    assert things.trips == 1


async def test_two_servers_do_not_wait_for_each_other(things: CountingConnections) -> None:
    """Changes of the same rows in opposite orders, by two servers at once, are done without a deadlock."""
    one, other = SharedChanges(things), SharedChanges(things)
    asked = [grow(one, name, f"one, {name}", pause=0.05) for name in ("box", "hat")]
    asked += [grow(other, name, f"other, {name}", pause=0.05) for name in ("hat", "box")]
    assert await asyncio.gather(*asked) == [1, 1, 1, 1]
    assert things.trips == 2
    assert await sizes(things) == {"box": 2, "hat": 2, "limit": 0}


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
