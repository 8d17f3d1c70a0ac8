"""Bring a database to this version's schema, under a lock, and refuse one that is newer.

Alembic and SQLAlchemy are imported only when there is something to migrate: a start on a current
database costs one query.
"""

import fcntl
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

REVISION = "0002"
"""The schema of this version; a test holds it to the newest migration."""

_LOCK = 0x63657274  # "cert": the advisory lock of everyone who migrates a PostgreSQL database


def newer() -> CertdeskError:
    """Say that a database is from the future."""
    return CertdeskError(
        ErrorKind.INCOMPATIBLE,
        N_("this database was written by a newer version of Certdesk: upgrade this server, or restore a backup"),
    )


def migrate_sqlite(path: Path) -> None:
    """Migrate a SQLite file, making it if need be; a second process waits for the first."""
    if _revision_of(path) == REVISION:
        return
    from sqlalchemy import create_engine  # noqa: PLC0415 - only when there is something to migrate

    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None))
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            _upgrade(connection)
            connection.exec_driver_sql("COMMIT")
        engine.dispose()


def _revision_of(path: Path) -> str | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return found[0] if found else None


async def migrate_postgresql(url: str) -> None:
    """Migrate a PostgreSQL database; other processes that start meanwhile wait for it."""
    import asyncpg  # noqa: PLC0415 - not needed with SQLite

    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("the database cannot be reached ({cause})"), cause=str(error)
        ) from error
    try:
        found = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        found = None
    finally:
        await connection.close()
    if found != REVISION:
        await _upgrade_postgresql(url)


async def _upgrade_postgresql(url: str) -> None:
    import asyncpg  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        await connection.run_sync(_upgrade)
    await engine.dispose()


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
