"""A server's start: the first one, several at once, one that died, and those that must not be."""

import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from certdesk.app import database_of
from tests.e2e.books import execute, rows
from tests.e2e.server import DeskServer

SERVED = "another server is serving {data} already"
FOREIGN = "this database belongs to another desk than the keys in {data}"
NEWER = "this database was written by a newer version of Certdesk: upgrade this server, or restore a backup"


@pytest.fixture(params=["sqlite", "postgresql"])
def new_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskServer]:
    """Return a server that has never been started, on SQLite and then on PostgreSQL."""
    database = request.getfixturevalue("empty_postgresql_url") if request.param == "postgresql" else None
    server = DeskServer(tmp_path / "new", database)
    yield server
    server.kill()


@pytest.fixture
def beside() -> Iterator[list[DeskServer]]:
    """Return a list for more servers; whatever of them runs is killed in the end."""
    servers: list[DeskServer] = []
    yield servers
    for server in servers:
        server.kill()


async def facts(server: DeskServer) -> dict[str, Sequence[Any]]:
    """Return every row of the tables that a start may write."""
    tables = ("properties", "organisations", "keys", "certificates", "issuances", "crls", "events")
    return {table: sorted(map(tuple, await rows(server, f"SELECT * FROM {table}"))) for table in tables}  # noqa: S608


def refused(server: DeskServer) -> str:
    """Start a server that must end by itself with exit status 1, and return the only thing that it says."""
    server.launch()
    assert server.process is not None
    assert server.process.wait(60) == 1
    server.stop()
    [sentence] = server.said
    return sentence


def open_at_once(servers: Iterable[DeskServer], excuse: str) -> int:
    """Start servers at once and return how many opened; each of the others must have said why not."""
    for server in servers:
        server.launch()
    opened = 0
    for server in servers:
        try:
            server.wait_until_open()
            opened += 1
        except RuntimeError:
            assert server.said == [f"error: {excuse.format(data=server.data)}"]
    return opened


def test_serves_managers_after_start(server: DeskServer) -> None:
    """A started desk is ready and shows a manager their own organisation's requests."""
    server.start()
    assert server.is_ready()
    with server.manager("claire") as claire:
        assert claire.get("/api/v1/requests").json()["items"] == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_when_told_to(sqlite_server: DeskServer, how: signal.Signals) -> None:
    """SIGTERM and SIGINT end a server with exit status 0 and without a word about errors."""
    sqlite_server.start()
    assert sqlite_server.stop(how) == 0
    assert "error" not in sqlite_server.log


def test_files_are_the_owners_only(tmp_path: Path) -> None:
    """Nobody else can read anything of a desk but the CA's certificates, in whatever directory the operator made."""
    server = DeskServer(tmp_path)
    server.data.mkdir(mode=0o755)
    server.start()
    modes = {str(path.relative_to(server.data)): path.stat().st_mode & 0o777 for path in server.data.rglob("*")}
    server.stop()
    public = {"ca", "ca/root.pem", "ca/issuing.pem"}
    assert modes.keys() >= {*public, "keys", "keys/root.pem", "keys/tls.pem", "desk.sqlite", "desk.sqlite-wal"}
    assert {name for name, mode in modes.items() if mode & 0o077} == public


def test_a_first_start_that_was_killed_is_continued(new_server: DeskServer) -> None:
    """A desk whose first start was killed at random moments opens at the next one, and is one desk."""
    moments = Random()
    for _ in range(6):
        new_server.launch()
        time.sleep(moments.uniform(0.3, 1.5))  # a moment that nothing marks
        new_server.kill()
    new_server.start()
    assert new_server.is_ready()
    assert new_server.certdesk("ca", "show", "--pem").stdout.count("BEGIN CERTIFICATE") == 2
    new_server.certdesk("audit", "verify")


async def test_two_first_starts_make_one_desk(
    empty_postgresql_url: str, tmp_path: Path, beside: list[DeskServer]
) -> None:
    """Two servers that start at once on one new data directory and one empty PostgreSQL both open, as one desk."""
    beside += [DeskServer(tmp_path, empty_postgresql_url) for _ in range(2)]
    assert open_at_once(beside, "") == 2
    assert all(server.is_ready() for server in beside)
    assert await rows(beside[0], "SELECT code FROM organisations") == [("OPERATOR",)]
    assert await rows(beside[0], "SELECT count(*) FROM properties WHERE name = 'issuer'") == [(1,)]


async def test_processes_make_one_desk(empty_postgresql_url: str, tmp_path: Path, beside: list[DeskServer]) -> None:
    """The first start may be one with several processes."""
    server = DeskServer(tmp_path, empty_postgresql_url, "--processes=3")
    beside.append(server)
    server.start()
    assert server.is_ready()
    assert await rows(server, "SELECT code FROM organisations") == [("OPERATOR",)]
    assert server.stop() == 0
    assert "Traceback" not in server.log


def test_two_first_starts_on_one_directory(tmp_path: Path, beside: list[DeskServer]) -> None:
    """Of two servers that start at once on one new data directory with SQLite, one opens and one says why not."""
    beside += [DeskServer(tmp_path) for _ in range(2)]
    assert open_at_once(beside, SERVED) == 1


def test_two_desks_on_one_database(empty_postgresql_url: str, tmp_path: Path, beside: list[DeskServer]) -> None:
    """Of two different desks that start at once on one empty PostgreSQL, one gets it and one says why not."""
    beside += [DeskServer(tmp_path / name, empty_postgresql_url) for name in ("one", "two")]
    assert open_at_once(beside, FOREIGN) == 1


def test_a_second_server_is_refused(sqlite_server: DeskServer, beside: list[DeskServer]) -> None:
    """A data directory with SQLite is served once, and the first server does not notice the second."""
    sqlite_server.start()
    second = DeskServer(sqlite_server.folder)
    beside.append(second)
    assert refused(second) == "error: " + SERVED.format(data=second.data)
    assert sqlite_server.is_ready()


async def test_a_wrong_passphrase_is_refused(server: DeskServer) -> None:
    """With another passphrase a server ends, names the file, and has changed nothing."""
    before = await facts(server)
    server.passphrase_file.write_text("incorrect horse\n")
    key = server.data / "keys" / "audit.pem"
    assert refused(server) == f"error: {key} cannot be decrypted: wrong passphrase, or a damaged file"
    assert await facts(server) == before


async def test_another_desks_database_is_refused(
    server: DeskServer, tmp_path: Path, founded_on_postgresql: DeskServer, founded_on_sqlite: DeskServer
) -> None:
    """A database that belongs to other keys than the data directory's is refused, and nothing in it is changed."""
    other = founded_on_sqlite if server.database else founded_on_postgresql
    stranger = DeskServer(shutil.copytree(other.folder, tmp_path / "stranger"), server.database)
    if not server.database:
        path = Path(database_of(server.data, None).removeprefix("sqlite://"))
        shutil.copy(path, stranger.data / path.name)
    before = await facts(stranger)
    assert refused(stranger) == "error: " + FOREIGN.format(data=stranger.data)
    assert await facts(stranger) == before


async def test_a_newer_database_is_refused(server: DeskServer) -> None:
    """A desk of a newer version is neither served nor looked at, and opens unchanged when the version fits again."""
    before = await facts(server)
    [(revision,)] = await rows(server, "SELECT version_num FROM alembic_version")
    await execute(server, "UPDATE alembic_version SET version_num = '9999'")
    assert refused(server) == f"error: {NEWER}"
    assert server.certdesk("organisation", "list", status=1).stderr == f"error: {NEWER}\n"
    await execute(server, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608
    assert await facts(server) == before
