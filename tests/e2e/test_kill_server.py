"""The server is killed at random moments under load, and nothing that it has acknowledged is lost or doubled."""

import asyncio
import random

from tests.e2e.books import audit, closed_to_inserts, listed, restart_later, rows
from tests.e2e.load import Load
from tests.e2e.server import DeskServer
from tests.integration.api_calls import make_body

KILLS = 20
CLIENTS = 8


async def test_nothing_is_lost_or_doubled(server: DeskServer) -> None:
    """After twenty kills under load every acknowledged request, decision and certificate is there, once."""
    moments = random.Random()
    server.start()
    load = Load(server.url, {"FRA1": server.tls("claire"), "DEU1": server.tls("jonas")}, server.tls())
    async with load.running(CLIENTS):
        for _ in range(KILLS):
            await load.answers(moments.randrange(20, 60))
            load.reachable.clear()
            server.kill()
            server.launch()
            await asyncio.to_thread(server.wait_until_open)
            load.reachable.set()
    assert load.repeated
    await restart_later(server)
    await load.collect_rest()
    assert set(load.ledger.revoked.values()) <= listed(server)
    server.stop()
    await audit(server, load.ledger)


async def test_issuance_is_resumed(server: DeskServer) -> None:
    """A desk that died between the intent to sign and the certificate issues it after its next start."""
    server.start()
    body = make_body()
    with server.device() as device, server.manager("claire") as claire:
        path = f"/api/v1/requests/{device.post('/api/v1/requests', json=body).json()['id']}"
        async with closed_to_inserts(server, "certificates"):
            claire.post(f"{path}/approve", json={})
            server.kill()
    assert [row[0] for row in await rows(server, "SELECT state FROM requests WHERE kind = 'workstation'")] == [
        "approved"
    ]
    await restart_later(server)
    with server.device() as device:
        shown = device.get(path, headers={"Authorization": f"Bearer {body['claim']}"}).json()
    assert shown["status"] == "issued"
    attempts = await rows(server, "SELECT attempt FROM issuances WHERE request_id = :id", id=shown["id"])
    assert sorted(attempt for (attempt,) in attempts) == [1, 2]
    server.certdesk("audit", "verify")


async def test_revocation_list_is_caught_up(server: DeskServer) -> None:
    """A desk that died between a revocation and its list publishes the list at its next start."""
    server.start()
    with server.device() as device, server.manager("claire") as claire:
        path = f"/api/v1/requests/{device.post('/api/v1/requests', json=make_body()).json()['id']}"
        serial_number = claire.post(f"{path}/approve", json={}).json()["certificate"]["serial_number"]
        async with closed_to_inserts(server, "crls"):
            claire.post(f"/api/v1/certificates/{serial_number}/revoke", json={"reason": "keyCompromise", "comment": ""})
            assert serial_number not in listed(server)
            server.kill()
    server.start()
    assert serial_number in listed(server)
