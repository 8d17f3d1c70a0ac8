"""A change means the same on SQLite and PostgreSQL: all of it or nothing, and the caller learns which."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.store import open_store
from certdesk.store.database import Change, Database, DuplicateError, must, then

MAKE = Change(must("INSERT INTO properties (name, value) VALUES (:name, :value)"))
REPLACE = Change(
    must("UPDATE properties SET value = :new WHERE name = :name AND value = :old"),
    then("INSERT INTO properties (name, value) SELECT :note, :new WHERE {held}"),
)
MOVE = Change(
    must("UPDATE properties SET value = '' WHERE name = :source AND value = :what"),
    must("UPDATE properties SET value = :what WHERE name = :target AND value = '' AND {held}"),
    then("INSERT INTO properties (name, value) SELECT :note, :what WHERE {held}"),
)
FORGET = Change(
    must("UPDATE properties SET value = :new WHERE name = :name"),
    then("UPDATE properties SET value = :new WHERE name = 'nobody' AND {held}"),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Return an open database with no properties but two, `hat` and `box`."""
    store = await open_store(database_url)
    await store.database.apply(Change(must("DELETE FROM properties WHERE name <> ''")), {})
    await store.database.apply(MAKE, {"name": "hat", "value": "rabbit"})
    await store.database.apply(MAKE, {"name": "box", "value": ""})
    yield store.database
    await store.close()


async def values(database: Database) -> dict[str, str]:
    """Return all properties."""
    return {row[0]: row[1] for row in await database.rows("SELECT name, value FROM properties", {})}


MOVING = {"source": "hat", "target": "box", "what": "rabbit", "note": "moved"}


async def test_a_change_that_holds_is_done_in_full(database: Database) -> None:
    """Every step that touched what it had to is done with the others."""
    assert await database.apply(MOVE, MOVING)
    assert await values(database) == {"hat": "", "box": "rabbit", "moved": "rabbit"}


async def test_the_first_guard_decides(database: Database) -> None:
    """When the first guard finds nothing, nothing happens."""
    assert not await database.apply(MOVE, MOVING | {"what": "dove"})
    assert await values(database) == {"hat": "rabbit", "box": ""}


async def test_a_later_guard_undoes_the_earlier_steps(database: Database) -> None:
    """When a later guard finds nothing, what the earlier steps did is taken back."""
    assert not await database.apply(MOVE, MOVING | {"target": "bag"})
    assert await values(database) == {"hat": "rabbit", "box": ""}


async def test_a_step_that_only_follows_may_find_nothing(database: Database) -> None:
    """A `then` step that touches no row undoes nothing."""
    assert await database.apply(FORGET, {"name": "hat", "new": "dove"})
    assert await values(database) == {"hat": "dove", "box": ""}


async def test_a_duplicate_undoes_the_whole_change(database: Database) -> None:
    """A unique index that refuses a later step takes the earlier ones back too."""
    with pytest.raises(DuplicateError):
        await database.apply(REPLACE, {"name": "hat", "old": "rabbit", "new": "dove", "note": "box"})
    assert await values(database) == {"hat": "rabbit", "box": ""}


async def test_of_many_at_once_one_holds(database: Database) -> None:
    """Of twenty that compare and set the same value at once exactly one does; the others are told so."""
    held = await asyncio.gather(
        *(
            database.apply(REPLACE, {"name": "hat", "old": "rabbit", "new": f"dove {n}", "note": f"note {n}"})
            for n in range(20)
        )
    )
    assert sum(held) == 1
    assert await values(database) == {
        "hat": f"dove {held.index(True)}",
        "box": "",
        f"note {held.index(True)}": f"dove {held.index(True)}",
    }


async def test_what_nobody_expected_is_unavailable(database: Database) -> None:
    """A constraint that is none of uniqueness is a failure, and the database goes on."""
    with pytest.raises(CertdeskError) as refused:
        await database.apply(MAKE, {"name": "bag", "value": None})
    assert refused.value.kind is ErrorKind.UNAVAILABLE
    assert await database.apply(MAKE, {"name": "bag", "value": ""})


async def test_postgresql_connections_are_made_anew(postgresql_url: str) -> None:
    """When PostgreSQL has ended every connection, the next calls find new ones by themselves."""
    store = await open_store(postgresql_url)
    await asyncio.gather(*(store.ready() for _ in range(5)))
    administrator = await asyncpg.connect(postgresql_url)
    await administrator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await administrator.close()
    for _ in range(10):  # those who meet an ended connection are told that the database is unavailable, once
        with contextlib.suppress(CertdeskError):
            await store.ready()
    await asyncio.gather(*(store.ready() for _ in range(5)))
    await store.close()
