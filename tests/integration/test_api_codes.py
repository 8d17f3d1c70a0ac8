"""Enrollment codes by the API: issued once, listed, withdrawn, within the caller's scope."""

from collections.abc import AsyncIterator

import pytest

from certdesk.domain.enrollment import Role
from certdesk.domain.errors import CertdeskError
from tests.desks import TestDesk
from tests.integration.api_calls import API, open_api
from tests.integration.protocol_devices import ProtocolDevice

ORDER = {"organisation": "FRA1", "kind": "workstation", "count": 20, "days": 30, "note": "Printers of Lyon"}


@pytest.fixture
async def api(desk: TestDesk) -> AsyncIterator[API]:
    """Return the desk's API."""
    async with open_api(desk) as api:
        yield api


async def test_a_code_is_issued_shown_once_listed_and_withdrawn(api: API) -> None:
    """The code stands in the first answer only; afterwards there is its record, until and after it is withdrawn."""
    manager = await api.manager("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    answer = await manager.post("/api/v1/codes", json=ORDER)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    secret = made.pop("code")
    assert len(secret) == 24
    assert (made["count"], made["used"], made["created_by"]) == (20, 0, "claire@poste.example")
    request = (await ProtocolDevice().ask(api.desk, code=secret)).request
    listed = (await manager.get("/api/v1/codes")).json()
    assert listed == {"items": [made | {"used": 1}], "next": None}
    seen = (await manager.get(f"/api/v1/requests/{request.id}")).json()
    assert (seen["door"], seen["vouched_by"]) == ("est", "claire@poste.example")
    withdrawn = await manager.post(f"/api/v1/codes/{made['id']}/withdraw")
    assert withdrawn.json()["withdrawn_by"] == "claire@poste.example"
    assert (await manager.post(f"/api/v1/codes/{made['id']}/withdraw")).status_code == 409


async def test_codes_stay_in_their_organisation(api: API) -> None:
    """A neighbour neither sees nor withdraws a code, and issues none; nor does a stranger."""
    claire = await api.manager("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    jonas = await api.manager("jonas@post.example", Role.REGISTRATION_MANAGER, "DEU1")
    made = (await claire.post("/api/v1/codes", json=ORDER)).json()
    assert (await jonas.get("/api/v1/codes")).json()["items"] == []
    assert (await jonas.get("/api/v1/codes?organisation=FRA1")).json()["items"] == []
    assert (await jonas.post(f"/api/v1/codes/{made['id']}/withdraw")).status_code == 404
    assert (await jonas.post("/api/v1/codes", json=ORDER)).status_code == 422
    for call in (api.client().get("/api/v1/codes"), api.client().post("/api/v1/codes", json=ORDER)):
        assert (await call).status_code == 401
    assert (await claire.post("/api/v1/codes", json=ORDER | {"kind": "server"})).status_code == 403
    assert (await claire.post("/api/v1/codes/nonsense/withdraw")).status_code == 400


async def test_the_code_is_nowhere_but_in_its_answer(desk: TestDesk) -> None:
    """Not in the log of accesses, no event, no later answer and no refusal holds it, in any spelling."""
    async with open_api(desk, log_requests=True) as api:
        manager = await api.manager("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
        made = await manager.post("/api/v1/codes", json=ORDER)
        assert made.headers["cache-control"] == "no-store"
        secret = made.json()["code"]
        device = ProtocolDevice()
        request = (await device.ask(desk, code=secret)).request
        await manager.post(f"/api/v1/requests/{request.id}/approve", json={})
        later = [
            (await manager.get(path)).text
            for path in ("/api/v1/codes", f"/api/v1/requests/{request.id}", "/api/v1/certificates")
        ]
        later.append((await manager.post(f"/api/v1/codes/{made.json()['id']}/withdraw")).text)
        with pytest.raises(CertdeskError) as refused:
            await ProtocolDevice("another").ask(desk, code=secret)
    events = [repr(sealed.event) for sealed in await desk.store.events.after("", 100)]
    told = "".join([*later, *events, repr(refused.value), repr(api.journal.lines)])
    assert "code.withdrawn" in told
    assert secret.replace("-", "") not in told.replace("-", "").upper()


async def test_codes_come_in_pages(api: API) -> None:
    """The next page's address stands in the body and in the header."""
    manager = await api.manager("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    for _ in range(3):
        api.desk.time.now += 1
        await manager.post("/api/v1/codes", json=ORDER)
    first = await manager.get("/api/v1/codes?limit=2&organisation=FRA1")
    assert len(first.json()["items"]) == 2
    last = await manager.get(first.links["next"]["url"])
    assert len(last.json()["items"]) == 1
    assert (await manager.get("/api/v1/codes?after=nonsense")).status_code == 400
