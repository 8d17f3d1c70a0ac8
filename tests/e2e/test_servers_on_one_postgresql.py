"""Several servers on one PostgreSQL: one of them dies, and clients that repeat their calls notice nothing."""

import asyncio
import os
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.books import audit, restart_later
from tests.e2e.load import Load
from tests.e2e.nginx import proxy_before
from tests.e2e.server import PASSWORD, DeskServer

CLIENTS = 4
ENOUGH = 40
"""Answers after which the load is taken to flow."""


@pytest.fixture
def servers(postgresql_server: DeskServer) -> Iterator[tuple[DeskServer, DeskServer]]:
    """Return two servers of one desk, to stand behind a proxy."""
    first = postgresql_server
    first.options = ("--no-tls", "--trusted-proxy=127.0.0.1")
    second = DeskServer(first.folder, first.database, *first.options)
    first.start()
    second.start()
    yield first, second
    second.kill()


def shown_to(proxy: Path, certificate: Path | None = None) -> ssl.SSLContext:
    """Return a context that trusts the proxy and shows a manager's certificate."""
    context = ssl.create_default_context(cafile=proxy / "desk.pem")
    if certificate:
        context.load_cert_chain(certificate, password=PASSWORD)
    return context


async def test_one_of_two_is_killed(servers: tuple[DeskServer, DeskServer], tmp_path: Path) -> None:
    """Behind nginx each of two servers is killed and started again under load; every call is answered in the end."""
    first, second = servers
    with proxy_before(tmp_path, first, second) as url:
        managers = {
            code: shown_to(tmp_path, first.folder / f"{login}.pem")
            for code, login in (("FRA1", "claire"), ("DEU1", "jonas"))
        }
        load = Load(url, managers, shown_to(tmp_path))
        async with load.running(CLIENTS):
            for server in (first, second, first, second):
                await load.answers(ENOUGH)
                server.kill()
                await load.answers(ENOUGH)
                server.launch()
                await asyncio.to_thread(server.wait_until_open)
        second.stop()
        await restart_later(first)
        await load.collect_rest()
    first.stop()
    await audit(first, load.ledger)


def children(server: DeskServer) -> list[int]:
    """Return the process IDs of the server's processes, in the order of their start."""
    assert server.process is not None
    supervisor = server.process.pid
    return [int(child) for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]


async def test_one_of_two_processes_is_killed(postgresql_server: DeskServer) -> None:
    """A process of `--processes 2` that is killed under load is replaced, and every call is answered in the end."""
    server = postgresql_server
    server.options = ("--processes=2",)
    server.start()
    load = Load(server.url, {"FRA1": server.tls("claire"), "DEU1": server.tls("jonas")}, server.tls())
    async with load.running(CLIENTS):
        await load.answers(ENOUGH)
        before = children(server)
        os.kill(before[0], signal.SIGKILL)
        await asyncio.to_thread(server.wait_until_said, "the desk is open at", times=2)
        await load.answers(ENOUGH)
    after = children(server)
    assert (len(after), before[1] in after, before[0] in after) == (2, True, False)
    await restart_later(server)
    await load.collect_rest()
    assert server.stop() == 0
    await audit(server, load.ledger)


def test_all_processes_end_with_their_supervisor(postgresql_server: DeskServer) -> None:
    """When the supervisor is killed its processes stop too, and the port is free for the next start."""
    server = postgresql_server
    server.options = ("--processes=2",)
    server.start()
    server.kill()
    server.start()
    assert server.is_ready()
