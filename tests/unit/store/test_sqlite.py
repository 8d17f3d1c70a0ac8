"""SQLite's group commit: one transaction for all who write in one turn of the event loop."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.store.database import Change, DuplicateError, Lookup, must, then
from certdesk.store.sqlite import SQLiteDatabase, connect

ADD = Change(must("INSERT INTO things (name, size) VALUES (:name, :size)"))
GROW = Change(
    must("UPDATE things SET size = size + 1 WHERE name = :name"),
    must("UPDATE things SET size = size WHERE name = :name AND size < 10"),
    then("UPDATE things SET size = -1 WHERE name = 'nobody'"),
)
ORPHAN = Change(must("INSERT INTO parts (thing) VALUES (:name)"))


class Turns(SQLiteDatabase):
    """A database that counts its commits."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.said: list[str] = []
        self._writer.set_trace_callback(self.said.append)

    @property
    def commits(self) -> int:
        """How many transactions were committed."""
        return self.said.count("COMMIT")

    async def names(self) -> list[str]:
        """Return what is stored, as the reading connection sees it."""
        return [row[0] for row in await self.rows("SELECT name FROM things ORDER BY name", {})]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database with two tables; a part of no thing is noticed by COMMIT only."""
    path = tmp_path / "things.sqlite"
    connection = connect(path)
    connection.execute("CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER NOT NULL)")
    connection.execute("CREATE TABLE parts (thing TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED)")
    connection.close()
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Turns]:
    """Return the database, opened."""
    database = Turns(path)
    yield database
    await database.close()


async def test_those_of_one_turn_share_a_commit(database: Turns) -> None:
    """Fifty changes that are ready in the same turn of the event loop cost one commit."""
    assert all(await asyncio.gather(*(database.apply(ADD, {"name": f"{n:02}", "size": n}) for n in range(50))))
    assert database.commits == 1
    assert len(await database.names()) == 50


async def test_each_turn_has_a_commit_of_its_own(database: Turns) -> None:
    """A change is not kept waiting for those of later turns."""
    for number in range(3):
        await database.apply(ADD, {"name": str(number), "size": 0})
    assert database.commits == 3


async def test_an_answer_means_that_it_is_stored(database: Turns, path: Path) -> None:
    """Once a change is answered, another process finds it."""
    await database.apply(ADD, {"name": "chair", "size": 1})
    other = connect(path)
    assert other.execute("SELECT name FROM things").fetchall() == [("chair",)]
    other.close()


async def test_nothing_is_read_before_it_is_committed(database: Turns) -> None:
    """Reading while a transaction is open shows what was committed before."""
    change = asyncio.ensure_future(database.apply(ADD, {"name": "chair", "size": 1}))
    await asyncio.sleep(0)
    assert database.commits == 0
    assert await database.names() == []
    await change
    assert await database.names() == ["chair"]


async def test_others_go_on_while_the_disk_is_slow(database: Turns) -> None:
    """While a transaction is being committed others are served, and whoever writes is in the next one."""
    is_written = threading.Event()
    database._writer.set_trace_callback(lambda said: is_written.wait(10) if said == "COMMIT" else None)
    first = asyncio.ensure_future(database.apply(ADD, {"name": "chair", "size": 1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert database._in_line == []
    second = asyncio.ensure_future(database.apply(ADD, {"name": "table", "size": 1}))
    assert await database.names() == []
    assert not first.done()
    assert not second.done()
    is_written.set()
    assert await first
    assert await database.names() == ["chair"]
    assert await second
    assert await database.names() == ["chair", "table"]


SIZE = Lookup("SELECT size FROM things WHERE name = :name", is_repeated=True)


async def test_what_is_repeated_is_remembered(database: Turns) -> None:
    """Who asks for the same row again is answered from the first look, in the same turn and in later ones."""
    said: list[str] = []
    database._reader.set_trace_callback(said.append)
    await database.apply(ADD, {"name": "chair", "size": 1})
    for _ in range(3):
        names = ["chair", "table", "chair", "table"]
        found = await asyncio.gather(*(database.look_up(SIZE, {"name": name}) for name in names))
        assert found == [(1,), None, (1,), None]
    assert len([each for each in said if each.startswith("SELECT")]) == 2


async def test_nothing_old_is_remembered(database: Turns, path: Path) -> None:
    """Whatever is written, by this process or by another, is seen by the next one who asks."""
    for size in range(1, 4):
        await database.apply(GROW if size > 1 else ADD, {"name": "chair", "size": 1})
        assert await database.look_up(SIZE, {"name": "chair"}) == (size,)
    other = connect(path)
    other.execute("UPDATE things SET size = 9")
    await asyncio.sleep(0)
    assert await database.look_up(SIZE, {"name": "chair"}) == (9,)
    other.close()


async def test_not_too_much_is_remembered(database: Turns) -> None:
    """Asking for ever other rows does not take ever more memory."""
    for number in range(10_000):
        await database.look_up(SIZE, {"name": str(number)})
        if number % 100 == 0:
            await asyncio.sleep(0)
    assert len(database._remembered) < 5000


async def test_closing_finishes_what_is_open(database: Turns, path: Path) -> None:
    """Whoever has written before the database is closed is told that it is stored, and it is."""
    change = asyncio.ensure_future(database.apply(ADD, {"name": "chair", "size": 1}))
    await asyncio.sleep(0)
    await database.close()
    assert await change
    other = connect(path)
    assert other.execute("SELECT name FROM things").fetchall() == [("chair",)]
    other.close()


async def test_nothing_is_written_beside_the_database(database: Turns, path: Path) -> None:
    """What savepoints keep till the commit, pages full of what requesters sent, stays in memory."""
    for number in range(50):
        await database.apply(ADD, {"name": f"{number:02}" + "x" * 2000, "size": 0})
    change = asyncio.ensure_future(database.apply(Change(must("UPDATE things SET size = size + 1")), {}))
    await asyncio.sleep(0)
    assert not [link for link in Path("/proc/self/fd").iterdir() if "etilqs_" in str(_target(link))]
    assert await change


def _target(link: Path) -> Path | None:
    with suppress(FileNotFoundError):
        return link.readlink()
    return None


async def test_neighbours_survive_a_duplicate(database: Turns) -> None:
    """A change that a unique index refuses takes nobody down with it."""
    names = ["chair", "table", "chair", "lamp"]
    done = await asyncio.gather(
        *(database.apply(ADD, {"name": name, "size": 1}) for name in names), return_exceptions=True
    )
    assert [type(each) for each in done] == [bool, bool, DuplicateError, bool]
    assert await database.names() == ["chair", "lamp", "table"]
    assert database.commits == 1


async def test_neighbours_survive_a_failure(database: Turns) -> None:
    """A change that fails in another way than a unique index is `UNAVAILABLE`, alone."""
    refused, stored = await asyncio.gather(
        database.apply(ADD, {"name": "chair", "size": None}),
        database.apply(ADD, {"name": "table", "size": 1}),
        return_exceptions=True,
    )
    assert isinstance(refused, CertdeskError)
    assert str(refused) == "the database cannot be used right now (SQLITE_CONSTRAINT_NOTNULL)"
    assert stored is True
    assert await database.names() == ["table"]


async def test_a_change_that_does_not_hold_is_undone(database: Turns) -> None:
    """A later step that touches no row takes the earlier ones back, and nothing of the neighbours'."""
    await database.apply(ADD, {"name": "chair", "size": 9})
    grown, added = await asyncio.gather(
        database.apply(GROW, {"name": "chair"}), database.apply(ADD, {"name": "table", "size": 1})
    )
    assert (grown, added) == (False, True)
    assert await database.row("SELECT size FROM things WHERE name = 'chair'", {}) == (9,)


async def test_a_change_without_a_savepoint_fails_for_everybody(database: Turns) -> None:
    """If a later step of one that is expected to hold fails, nobody of its turn is told that anything was stored."""
    grow = Change(
        must("UPDATE things SET size = size + 1 WHERE name = :name"),
        then("INSERT INTO things (name, size) VALUES (:name, 0)"),
        shared_by="name",
    )
    assert await database.apply(ADD, {"name": "chair", "size": 1})
    assert not await database.apply(grow, {"name": "lamp"})
    done = await asyncio.gather(
        database.apply(ADD, {"name": "table", "size": 1}),
        database.apply(grow, {"name": "chair"}),
        database.apply(ADD, {"name": "lamp", "size": 1}),
        return_exceptions=True,
    )
    assert isinstance(done[0], CertdeskError)
    assert isinstance(done[1], DuplicateError)
    assert done[2] is True
    assert await database.rows("SELECT name, size FROM things ORDER BY name", {}) == [("chair", 1), ("lamp", 1)]


async def test_who_lost_sees_who_won(database: Turns) -> None:
    """A change that ran into a neighbour's is answered when the neighbour's can be read."""

    async def lose() -> list[str]:
        with pytest.raises(DuplicateError):
            await database.apply(ADD, {"name": "chair", "size": 2})
        return await database.names()

    _, seen = await asyncio.gather(database.apply(ADD, {"name": "chair", "size": 1}), lose())
    assert seen == ["chair"]


async def test_a_commit_that_fails_fails_everybody(database: Turns) -> None:
    """When COMMIT fails, nobody is told that anything was stored, nothing is, and the next turn works."""
    database._writer.execute("PRAGMA foreign_keys = ON")
    done = await asyncio.gather(
        database.apply(ADD, {"name": "chair", "size": 1}),
        database.apply(ORPHAN, {"name": "nothing"}),
        database.apply(ADD, {"name": "table", "size": 1}),
        return_exceptions=True,
    )
    assert [getattr(each, "kind", None) for each in done] == [ErrorKind.UNAVAILABLE] * 3
    assert await database.names() == []
    assert await database.apply(ADD, {"name": "lamp", "size": 1})
    assert await database.names() == ["lamp"]


async def test_a_full_disk_stores_nothing_that_it_denies(database: Turns) -> None:
    """When SQLite finds no room, answers and rows agree, and it goes on once there is room again."""
    database._writer.execute("PRAGMA max_page_count = 12")
    wanted = [f"{number:02}" * 200 for number in range(90)]
    done = await asyncio.gather(
        *(database.apply(ADD, {"name": name, "size": 1}) for name in wanted), return_exceptions=True
    )
    stored = [name for name, each in zip(wanted, done, strict=True) if each is True]
    assert await database.names() == stored
    refused = next(each for each in done if each is not True)
    assert str(refused) == "the disk is full: nothing was stored; try again later"
    database._writer.execute("PRAGMA max_page_count = 10000")
    assert await database.apply(ADD, {"name": "after", "size": 1})
    assert [row[0] for row in await database.rows("PRAGMA integrity_check", {})] == ["ok"]


async def test_a_caller_that_goes_away_hinders_nobody(database: Turns) -> None:
    """A cancelled caller's change is committed with its neighbours', who are answered."""
    gone = asyncio.ensure_future(database.apply(ADD, {"name": "chair", "size": 1}))
    stays = asyncio.ensure_future(database.apply(ADD, {"name": "table", "size": 1}))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays
    assert await database.names() == ["chair", "table"]


async def test_closing_finishes_the_transaction(database: Turns, path: Path) -> None:
    """What was begun before `close` is stored and answered."""
    change = asyncio.ensure_future(database.apply(ADD, {"name": "chair", "size": 1}))
    await asyncio.sleep(0)
    await database.close()
    assert await change
    with pytest.raises(sqlite3.ProgrammingError):
        database._writer.execute("SELECT 1")
    other = connect(path)
    assert other.execute("SELECT count(*) FROM things").fetchone() == (1,)
    other.close()
