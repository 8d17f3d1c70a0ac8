"""Migrations: the same schema on both databases, made once, in one transaction, and never from the future."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.store import open_store
from certdesk.store.migrate import REVISION, configuration, migrate_postgresql, migrate_sqlite

Inspect = Callable[[sa.Connection], Any]
_CONDITIONED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '% WHERE %'",
}


async def migrate(url: str) -> None:
    """Migrate a database of either kind."""
    if url.startswith("sqlite"):
        await asyncio.to_thread(migrate_sqlite, Path(url.removeprefix("sqlite://")))
    else:
        await migrate_postgresql(url)


async def on(url: str, work: Inspect) -> Any:
    """Do something with a SQLAlchemy connection to a database, and commit it."""
    if url.startswith("sqlite"):
        engine = sa.create_engine(url.replace("sqlite://", "sqlite:///"))
        with engine.begin() as connection:
            found = work(connection)
        engine.dispose()
        return found
    concurrent = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with concurrent.begin() as connection:
        found = await connection.run_sync(work)
    await concurrent.dispose()
    return found


async def execute(url: str, *statements: str) -> None:
    """Execute statements."""

    def work(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await on(url, work)


def schema(connection: sa.Connection) -> dict[str, Any]:
    """Return what both databases can tell of their tables, in words that do not depend on which it is."""
    inspector = sa.inspect(connection)
    octets, whole = sa.LargeBinary, sa.Integer
    kinds = {octets: "octets", whole: "whole number", sa.Text: "text", sa.String: "text"}

    def kind(column: Any) -> str:
        return next(word for known, word in kinds.items() if isinstance(column, known))

    return {
        table: {
            "columns": {
                column["name"]: (kind(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            },
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(each["column_names"] for each in inspector.get_unique_constraints(table)),
            "indexes": {
                index["name"]: (index["column_names"], bool(index["unique"]))
                for index in inspector.get_indexes(table)
                if not index.get("duplicates_constraint")
            },
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that does not exist yet."""
    return f"sqlite://{tmp_path / 'new.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database without a schema, on SQLite and then on PostgreSQL."""
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


def test_the_code_knows_the_newest_migration() -> None:
    """`REVISION` is Alembic's one head."""
    assert ScriptDirectory.from_config(configuration()).get_heads() == [REVISION]


async def test_both_databases_have_the_same_schema(sqlite_url: str, postgresql_url: str) -> None:
    """Tables, columns, keys and indexes are the same on SQLite and PostgreSQL."""
    ours, theirs = await on(sqlite_url, schema), await on(postgresql_url, schema)
    assert ours.keys() == theirs.keys()
    for table, facts in ours.items():
        assert facts == theirs[table]


async def test_partial_indexes_are_partial_on_both(sqlite_url: str, postgresql_url: str) -> None:
    """The same indexes have a condition."""

    def conditioned(connection: sa.Connection) -> set[str]:
        return set(connection.exec_driver_sql(_CONDITIONED[connection.dialect.name]).scalars())

    ours = await on(sqlite_url, conditioned)
    assert "requests_device" in ours
    assert ours == await on(postgresql_url, conditioned)


async def test_all_who_start_at_once_find_the_schema(empty_url: str) -> None:
    """Of four that migrate one empty database at once, one makes the schema and all return with it."""
    await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    assert "requests" in await on(empty_url, schema)
    store = await open_store(empty_url)
    await store.ready()
    await store.close()


async def test_facts_survive_every_migration(empty_url: str) -> None:
    """What was stored under the first schema is there under the newest."""

    def begin(connection: sa.Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO properties (name, value) VALUES ('colour', 'yellow')")
        connection.exec_driver_sql(
            "INSERT INTO organisations (code, name, country, kinds, allow_wildcards, key_type, validity_days,"
            " request_lifetime_days, poll_seconds) VALUES ('FRA1', 'La Poste', 'FR', 'mobile', 0, 'EC P-256', 1, 2, 3)"
        )

    await on(empty_url, begin)
    store = await open_store(empty_url)
    assert await store.organisations.property("colour") == "yellow"
    assert [each.code for each in await store.organisations.all()] == ["FRA1"]
    await store.close()


async def test_a_newer_database_is_refused_unchanged(database_url: str) -> None:
    """A revision that this version does not know ends the start with a sentence, and nothing is migrated."""
    await execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    before = await on(database_url, schema)
    with pytest.raises(CertdeskError) as refused:
        await open_store(database_url)
    assert refused.value.kind is ErrorKind.INCOMPATIBLE
    assert str(refused.value) == (
        "this database was written by a newer version of Certdesk: upgrade this server, or restore a backup"
    )
    assert await on(database_url, schema) == before


async def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    """Where a foreign table is in the way the start ends with a sentence, and no table of ours was made."""
    await execute(empty_url, "CREATE TABLE batches (mine TEXT)")
    with pytest.raises(CertdeskError, match="the database cannot be used right now") as refused:
        await migrate(empty_url)
    assert refused.value.kind is ErrorKind.UNAVAILABLE
    assert (await on(empty_url, schema)).keys() == {"batches"}


async def test_a_file_that_is_no_database_is_refused_unchanged(tmp_path: Path) -> None:
    """Something else in the database's place is not touched."""
    path = tmp_path / "desk.sqlite"
    path.write_text("minutes of the last meeting\n" * 100)
    with pytest.raises(
        CertdeskError, match=r"^the database is damaged, or is none \(SQLITE_NOTADB\): restore a backup$"
    ):
        await open_store(f"sqlite://{path}")
    assert path.read_text() == "minutes of the last meeting\n" * 100


async def test_sqlite_files_are_the_owners_only(tmp_path: Path) -> None:
    """The database and what SQLite keeps beside it can be read by nobody else."""
    store = await open_store(f"sqlite://{tmp_path / 'desk.sqlite'}")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("desk.sqlite*")}
    await store.close()
    assert modes == dict.fromkeys(["desk.sqlite", "desk.sqlite-wal", "desk.sqlite-shm", "desk.sqlite.lock"], "0o600")


async def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    """A start that died before its first commit left an empty file, which the next one fills."""
    path = tmp_path / "desk.sqlite"
    path.touch()
    migrate_sqlite(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]
