"""Bring a database to this version's schema, under a lock, and refuse one that is newer.

Alembic and SQLAlchemy are imported only when there is something to migrate: a start on a current
database costs one query.
"""

import fcntl
import sqlite3
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.store.sqlite import connect, unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg
    from alembic.config import Config
    from sqlalchemy import Connection

REVISION = "0006"
"""The schema of this version; a test holds it to the newest migration."""

_LOCK = 0x63657274  # "cert": the advisory lock of everyone who migrates a PostgreSQL database


def newer() -> CertdeskError:
    """Say that a database is from the future."""
    return CertdeskError(
        ErrorKind.INCOMPATIBLE,
        N_("this database was written by a newer version of Certdesk: upgrade this server, or restore a backup"),
    )


def migrate_sqlite(path: Path) -> None:
    """Migrate a SQLite file, making it if need be; a second process waits for the first.

    Only the owner may read the file, and what SQLite keeps beside it. Raises `UNAVAILABLE` if it cannot be
    read or written.
    """
    try:
        path.touch(mode=0o600)
        if _revision_of(path) != REVISION:
            _upgrade_sqlite(path)
    except sqlite3.Error as error:
        raise unavailable(error) from error


def _revision_of(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return found[0] if found else None


def _upgrade_sqlite(path: Path) -> None:
    from sqlalchemy import create_engine, exc  # noqa: PLC0415 - only when there is something to migrate

    lock_path = path.with_name(path.name + ".lock")
    lock_path.touch(mode=0o600)
    with lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = create_engine("sqlite://", creator=lambda: connect(path))
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN EXCLUSIVE")
                _upgrade(connection)
                connection.exec_driver_sql("COMMIT")
        except exc.DBAPIError as error:
            raise error.orig or error from error
        finally:
            engine.dispose()


async def migrate_postgresql(url: str) -> None:
    """Migrate a PostgreSQL database; other processes that start meanwhile wait for it. Raises `UNAVAILABLE`."""
    async with _connected(url) as connection:
        has_schema = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
        found = await connection.fetchval("SELECT version_num FROM alembic_version") if has_schema else None
    if found != REVISION:
        await _upgrade_postgresql(url)


async def is_empty_postgresql(url: str) -> bool:
    """Tell whether a PostgreSQL database has no table yet. Raises `UNAVAILABLE`."""
    async with _connected(url) as connection:
        tables = await connection.fetchval(
            "SELECT count(*) FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
    return bool(tables == 0)


@asynccontextmanager
async def _connected(url: str) -> "AsyncIterator[asyncpg.Connection]":
    """Connect once, beside the pool of a desk that is open."""
    import asyncpg  # noqa: PLC0415 - not needed with SQLite

    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("the database cannot be reached ({cause})"), cause=str(error)
        ) from error
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise _unusable(error) from error
    finally:
        await connection.close()


async def _upgrade_postgresql(url: str) -> None:
    import asyncpg  # noqa: PLC0415
    from sqlalchemy import exc  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            await connection.run_sync(_upgrade)
    except exc.DBAPIError as error:
        raise _unusable((error.orig and error.orig.__cause__) or error) from error
    finally:
        await engine.dispose()


def _unusable(error: BaseException) -> CertdeskError:
    return CertdeskError(ErrorKind.UNAVAILABLE, N_("the database cannot be used right now ({cause})"), cause=str(error))


def _upgrade(connection: "Connection") -> None:
    from alembic import command, util  # noqa: PLC0415

    config = configuration()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except util.CommandError as error:  # Alembic's way to say that it does not know the revision
        raise newer() from error


def configuration() -> "Config":
    """Return Alembic's configuration, for contributors' `alembic revision` too."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
