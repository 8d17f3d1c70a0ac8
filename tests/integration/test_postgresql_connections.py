"""How connections to PostgreSQL are shared, lost and replaced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.store.connections import Connections
from certdesk.store.postgresql import PostgreSQLDatabase

MOST = 3
SLEEP = "SELECT pg_sleep(:seconds), pg_backend_pid()"
PROCESS = "SELECT pg_backend_pid()"
END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[PostgreSQLDatabase]:
    """Return a database with at most three connections."""
    opened = await PostgreSQLDatabase.open(postgresql_url, connections=MOST)
    yield opened
    await opened.close()


async def process(database: PostgreSQLDatabase) -> int:
    """Return which of the server's processes answers."""
    row = await database.row(PROCESS, {})
    assert row is not None
    return int(row[0])


async def end_others(url: str) -> None:
    """End all other sessions with the database."""
    connection = await asyncpg.connect(url)
    await connection.fetch(END_OTHERS)
    await connection.close()


async def test_callers_wait_in_line(database: PostgreSQLDatabase) -> None:
    """Any number of callers share the connections, and no more are opened."""
    rows = await asyncio.gather(*(database.row(SLEEP, {"seconds": 0.01}) for _ in range(10 * MOST)))
    assert len({row[1] for row in rows if row}) == MOST


async def test_a_connection_is_used_again(database: PostgreSQLDatabase) -> None:
    """One caller after the other gets the same connection."""
    assert len({await process(database) for _ in range(5)}) == 1


async def test_callers_who_hang_up_take_no_place(database: PostgreSQLDatabase) -> None:
    """Callers may be cancelled while they wait in line or for an answer: others are served all the same."""
    callers = [asyncio.create_task(database.row(SLEEP, {"seconds": 60})) for _ in range(2 * MOST)]
    while await asyncio.sleep(0.01, len(database._connections._waiting)) < MOST:
        pass
    patient = [asyncio.create_task(process(database)) for _ in range(2 * MOST)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert all(await asyncio.gather(*patient))


async def test_a_turn_that_comes_too_late_passes_on(postgresql_url: str) -> None:
    """A caller who hangs up at the moment when a connection becomes free passes it on to the next in line."""
    connections = Connections(lambda: asyncpg.connect(postgresql_url), 1)
    sleeping = asyncio.create_task(connections.fetch("SELECT pg_sleep(0.05)", ()))
    while await asyncio.sleep(0.001, connections._count) == 0:
        pass
    first, second = (asyncio.create_task(connections.fetch("SELECT 1", ())) for _ in range(2))
    await asyncio.sleep(0)
    connections._waiting[0].add_done_callback(lambda _: first.cancel())
    await sleeping
    assert await asyncio.wait_for(second, 5)
    with pytest.raises(asyncio.CancelledError):
        await first
    await connections.close()


async def test_a_failing_statement_keeps_its_connection(database: PostgreSQLDatabase) -> None:
    """A statement that PostgreSQL refuses says nothing against its connection."""
    before = await process(database)
    with pytest.raises(CertdeskError):
        await database.row("SELECT 1 / 0", {})
    assert await process(database) == before


async def test_lost_connections_are_replaced(database: PostgreSQLDatabase, postgresql_url: str) -> None:
    """When the server has ended all sessions, the next caller gets a new one."""
    before = await process(database)
    await end_others(postgresql_url)
    while not await asyncio.sleep(0.001, database._connections._idle[0].is_closed()):  # until the news has arrived
        pass
    assert await process(database) != before


async def test_callers_of_lost_connections_are_told(database: PostgreSQLDatabase, postgresql_url: str) -> None:
    """Whoever waits for an answer when a session ends is told so, and those in line are served by new ones."""
    callers = [asyncio.create_task(database.row(SLEEP, {"seconds": 60})) for _ in range(MOST)]
    while await asyncio.sleep(0.01, database._connections._count) < MOST:
        pass
    patient = [asyncio.create_task(process(database)) for _ in range(2 * MOST)]
    await asyncio.sleep(0.05)
    await end_others(postgresql_url)
    for caller in callers:
        with pytest.raises(CertdeskError) as caught:
            await caller
        assert caught.value.kind is ErrorKind.UNAVAILABLE
    for waiting in patient:
        with contextlib.suppress(CertdeskError):  # it may have been given one that had just been ended
            assert await waiting
    assert await process(database)


async def test_those_in_line_are_told_when_no_connection_can_be_made() -> None:
    """When connecting fails everybody in line tries and is told, and nobody waits for ever."""
    attempts = 0

    async def connect() -> asyncpg.Connection:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0.001)
        raise ConnectionRefusedError

    connections = Connections(connect, 1)
    results = await asyncio.gather(*(connections.fetch(PROCESS, ()) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionRefusedError] * 5
    assert attempts == 5
