"""Desks to start: every test has its own, a copy of one that was founded once with organisations and managers."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.browser import chromium as start_chromium
from tests.e2e.console_acts import url_of
from tests.e2e.console_pages import ConsoleDesk, fill
from tests.e2e.server import DeskServer, quiet_port
from tests.postgresql import PostgreSQLCluster


@pytest.fixture(scope="session")
def founded_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> DeskServer:
    """Return a desk on SQLite that has organisations and managers, to be copied and not to be started."""
    server = DeskServer(tmp_path_factory.mktemp("founded") / "sqlite")
    server.found()
    return server


@pytest.fixture(scope="session")
def founded_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql_cluster: PostgreSQLCluster
) -> DeskServer:
    """Return a desk on PostgreSQL that has organisations and managers, to be copied and not to be started."""
    server = DeskServer(tmp_path_factory.mktemp("founded") / "postgresql", postgresql_cluster.create_database())
    server.found()
    return server


@pytest.fixture
def sqlite_server(founded_on_sqlite: DeskServer, tmp_path: Path) -> Iterator[DeskServer]:
    """Return a desk on SQLite, not started yet; whatever of it runs is killed in the end."""
    server = DeskServer(shutil.copytree(founded_on_sqlite.folder, tmp_path / "sqlite"))
    yield server
    server.kill()


@pytest.fixture
def postgresql_server(
    founded_on_postgresql: DeskServer, postgresql_cluster: PostgreSQLCluster, tmp_path: Path
) -> Iterator[DeskServer]:
    """Return a desk on PostgreSQL, not started yet; whatever of it runs is killed in the end."""
    assert founded_on_postgresql.database is not None
    database = postgresql_cluster.create_database(founded_on_postgresql.database.rpartition("/")[2])
    server = DeskServer(shutil.copytree(founded_on_postgresql.folder, tmp_path / "postgresql"), database)
    yield server
    server.kill()
    postgresql_cluster.drop_database(database)


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> DeskServer:
    """Return a desk that is not started yet, on SQLite and then on PostgreSQL."""
    server: DeskServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(scope="session")
def console(founded_on_sqlite: DeskServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleDesk]:
    """Return a running desk with a morning's work in it; tests add to it what they need, and share it."""
    server = DeskServer(shutil.copytree(founded_on_sqlite.folder, tmp_path_factory.mktemp("console") / "desk"))
    desk = ConsoleDesk(server)
    server.options = (f"--url={desk.url}",)
    server.start()
    fill(desk)
    yield desk
    server.kill()


@pytest.fixture(scope="session")
def untouched_desk(tmp_path_factory: pytest.TempPathFactory) -> DeskServer:
    """Return a desk that was started once and that nobody administers, to be copied and not to be started."""
    server = DeskServer(tmp_path_factory.mktemp("untouched") / "desk")
    server.start()
    server.stop()
    return server


@pytest.fixture
def new_desk(untouched_desk: DeskServer, tmp_path: Path) -> Iterator[DeskServer]:
    """Return a running desk that nobody administers yet, called by a name: passkeys are not kept for addresses."""
    server = DeskServer(shutil.copytree(untouched_desk.folder, tmp_path / "desk"))
    server.options = (f"--url={url_of(server)}",)
    server.start()
    yield server
    server.kill()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def newcomers(untouched_desk: DeskServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Return a browser that trusts every `new_desk`; whoever comes to one has a context."""
    async with start_chromium(tmp_path_factory.mktemp("newcomers") / "home", [untouched_desk.root]) as browser:
        yield browser


@pytest.fixture(scope="session")
def debugging_port() -> int:
    """Return the port at which other programs find the browser of `chromium`."""
    return quiet_port()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(
    console: ConsoleDesk, debugging_port: int, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """Return a browser that trusts the desk of `console` and has no certificate; every visitor has a context."""
    home = tmp_path_factory.mktemp("chromium") / "home"
    async with start_chromium(home, [console.server.root], debugging_port) as browser:
        yield browser
