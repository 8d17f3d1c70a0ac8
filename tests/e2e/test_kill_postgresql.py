"""PostgreSQL crashes under load and recovers: the server goes on by itself, and nothing acknowledged is lost."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.books import audit, restart_later
from tests.e2e.load import Load
from tests.e2e.server import DeskServer
from tests.postgresql import PostgreSQLCluster

CRASHES = 5


@pytest.fixture
def cluster() -> Iterator[PostgreSQLCluster]:
    """Return a cluster that may crash."""
    with PostgreSQLCluster() as cluster:
        yield cluster


async def test_the_server_outlives_its_database(cluster: PostgreSQLCluster, tmp_path: Path) -> None:
    """After five crashes of the database the same server process answers, and the books agree."""
    server = DeskServer(tmp_path / "desk", cluster.create_database())
    server.found()
    server.start()
    load = Load(server.url, {"FRA1": server.tls("claire"), "DEU1": server.tls("jonas")}, server.tls())
    try:
        async with load.running(6):
            for _ in range(CRASHES):
                await load.answers(40)
                load.reachable.clear()
                cluster.stop(signal.SIGQUIT)
                with server.device() as device:
                    assert device.get("/readyz").status_code == 503
                    assert device.get("/healthz").status_code == 200
                cluster.start()
                load.reachable.set()
            await load.answers(40)
        await restart_later(server)
        await load.collect_rest()
    finally:
        server.stop()
    await audit(server, load.ledger)
