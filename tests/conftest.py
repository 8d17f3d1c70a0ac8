"""What tests ask for: databases and ports.

A PostgreSQL cluster is started for each worker of the run, at the first test that asks for it. Every test has a
database to itself: a copy of one that was migrated once.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import postgresql
from tests.postgresql import PostgreSQLCluster

# How long an example takes depends on what else the machine does, and says nothing about the code.
hypothesis.settings.register_profile("certdesk", deadline=None)
hypothesis.settings.load_profile("certdesk")


@pytest.fixture
def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on."""
    return postgresql.free_port()


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[PostgreSQLCluster]:
    """Return this worker's PostgreSQL cluster."""
    with PostgreSQLCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_cluster: PostgreSQLCluster) -> str:
    """Return the name of a migrated database, to be copied and not to be connected to."""
    from certdesk.store.migrate import migrate_postgresql  # noqa: PLC0415 - most tests need no database

    url = postgresql_cluster.create_database()
    asyncio.run(migrate_postgresql(url))
    return url.rpartition("/")[2]


@pytest.fixture
def empty_postgresql_url(postgresql_cluster: PostgreSQLCluster) -> Iterator[str]:
    """Return the URL of a new PostgreSQL database without a schema."""
    url = postgresql_cluster.create_database()
    yield url
    postgresql_cluster.drop_database(url)


@pytest.fixture
def postgresql_url(postgresql_cluster: PostgreSQLCluster, migrated_postgresql: str) -> Iterator[str]:
    """Return the URL of a new PostgreSQL database with the current schema."""
    url = postgresql_cluster.create_database(migrated_postgresql)
    yield url
    postgresql_cluster.drop_database(url)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file, to be copied and not to be opened."""
    from certdesk.store.migrate import migrate_sqlite  # noqa: PLC0415 - most tests need no database

    path = tmp_path_factory.mktemp("migrated") / "desk.sqlite"
    migrate_sqlite(path)
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """Return the URL of a new SQLite database with the current schema."""
    return f"sqlite://{shutil.copy(migrated_sqlite, tmp_path / 'desk.sqlite')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new database with the current schema, on SQLite and then on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
