"""An enrollment over the API, as a device and its manager live it."""

import asyncio
import os
from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certdesk.domain.enrollment import DAY, Role
from certdesk.domain.identifiers import sha256, verification_code
from tests.desks import ADMINISTRATOR, TestDesk, make_csr, new_key
from tests.integration.api_calls import API, make_body, make_pem, open_api, pem_of_csr

_SPKI = Encoding.DER, PublicFormat.SubjectPublicKeyInfo


@pytest.fixture
async def api(desk: TestDesk) -> AsyncIterator[API]:
    """Return the API of a desk on each database."""
    async with open_api(desk) as api:
        yield api


@pytest.fixture
async def manager(api: API) -> httpx.AsyncClient:
    """Return a registration manager of FRA1."""
    return await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")


async def test_a_device_submits_waits_collects_and_confirms(api: API, manager: httpx.AsyncClient) -> None:
    """The whole story in the API's own words."""
    csr = make_csr(key := new_key())
    sent = make_body(csr=pem_of_csr(csr), kind="mobile")
    submitted = await api.client().post("/api/v1/requests", json=sent)
    assert submitted.status_code == 201
    request = submitted.json()
    assert submitted.headers["location"] == f"/api/v1/requests/{request['id']}"
    assert request["status"] == "requested"
    spki_sha256 = sha256(x509.load_der_x509_csr(csr).public_key().public_bytes(*_SPKI))
    assert request["verification_code"] == verification_code(spki_sha256)
    assert request["contact"] == {"email": "jeanne@poste.example", "phone": "+33123456789"}
    assert request["location"] == sent["location"]
    assert request["device"] == sent["device"]

    device = api.client(bearer=sent["claim"])
    waiting = await device.get(f"/api/v1/requests/{request['id']}")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (200, "60")
    assert waiting.headers["cache-control"] == "no-store"

    approved = await manager.post(f"/api/v1/requests/{request['id']}/approve", json={"comment": "I know her"})
    assert (approved.status_code, approved.json()["status"]) == (200, "issued")
    assert approved.json()["decided_by"] == "manager@poste.example"
    assert approved.json()["comment"] == "I know her"

    collected = await device.get(f"/api/v1/requests/{request['id']}")
    assert "retry-after" not in collected.headers
    found = collected.json()
    certificate = x509.load_pem_x509_certificate(found["certificate"]["pem"].encode())
    issuing, root = x509.load_pem_x509_certificates(found["chain"].encode())
    certificate.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    assert certificate.public_key() == key.public_key()
    assert f"{certificate.serial_number:032x}" == found["certificate"]["serial_number"]
    assert found["certificate"]["fingerprint_sha256"] == sha256(certificate.public_bytes(Encoding.DER)).hex()
    assert "decided_by" not in found
    assert "comment" not in found

    installed = await device.post(f"/api/v1/requests/{request['id']}/installed")
    assert (installed.status_code, "installed_at" in installed.json()) == (200, True)
    assert (await device.post(f"/api/v1/requests/{request['id']}/installed")).json() == installed.json()


@pytest.mark.parametrize(
    "conditions", [{"screen_lock": True, "rooted": False}, {"screen_lock": False}, {"rooted": True}, {}]
)
async def test_conditions_are_told_as_reported(
    api: API, manager: httpx.AsyncClient, conditions: dict[str, bool]
) -> None:
    """To the device itself and to the manager; what was not reported is left out."""
    request, device = await api.submit(kind="mobile", device__conditions=conditions)
    read = [await client.get(f"/api/v1/requests/{request['id']}") for client in (device, manager)]
    for found in (request, *(answer.json() for answer in read)):
        assert found["device"].get("conditions", {}) == conditions


async def test_conditions_are_two_and_say_yes_or_no(api: API) -> None:
    """Others, and other values, are refused with the field's name."""
    for conditions, field in (
        ({"screen_lock": "yes"}, "device.conditions.screen_lock"),
        ({"rooted": 1}, "device.conditions.rooted"),
        ({"rooted": None}, "device.conditions.rooted"),
        ({"jailbroken": True}, "device.conditions.jailbroken"),
        ("safe", "device.conditions"),
    ):
        answer = await api.client().post("/api/v1/requests", json=make_body(device__conditions=conditions))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_rejection_reaches_the_requester_word_for_word(api: API, manager: httpx.AsyncClient) -> None:
    """And says nothing of who decided."""
    request, device = await api.submit()
    reason = "Wir kennen Sie nicht — désolé"
    rejected = await manager.post(f"/api/v1/requests/{request['id']}/reject", json={"reason": reason})
    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")
    found = (await device.get(f"/api/v1/requests/{request['id']}")).json()
    assert (found["status"], found["reason"]) == ("rejected", reason)
    assert "decided_by" not in found


async def test_a_lost_answer_can_be_asked_for_again(api: API) -> None:
    """The same submission ten times at once is one request: 201 once, then 200."""
    sent = make_body()
    answers = await asyncio.gather(*(api.client().post("/api/v1/requests", json=sent) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_ids_are_understood_as_people_type_them(api: API) -> None:
    """Lower case, without hyphens."""
    request, device = await api.submit()
    typed = request["id"].lower().replace("-", "")
    assert (await device.get(f"/api/v1/requests/{typed}")).json() == request


async def test_two_managers_at_once_make_one_decision(api: API, manager: httpx.AsyncClient) -> None:
    """The other one is told who decided, and when."""
    colleague = await api.manager("colleague@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    request, _ = await api.submit()
    path = f"/api/v1/requests/{request['id']}"
    answers = await asyncio.gather(
        manager.post(f"{path}/approve", json={}), colleague.post(f"{path}/reject", json={"reason": "no"})
    )
    late = next(answer for answer in answers if answer.status_code != 200)
    assert late.status_code == 409
    assert late.json()["type"] == "urn:certdesk:error:conflict"
    assert "@poste.example" in late.json()["detail"]


async def test_a_token_is_an_automations_way_in(api: API) -> None:
    """It has a role and a scope, and reads what the role may."""
    token = await api.desk.ra.add_token("export", Role.AUDITOR, "FRA1", 30, ADMINISTRATOR)
    request, _ = await api.submit()
    automation = api.client(bearer=token)
    assert (await automation.get(f"/api/v1/requests/{request['id']}")).status_code == 200
    denied = await automation.post(f"/api/v1/requests/{request['id']}/approve", json={})
    assert (denied.status_code, denied.json()["type"]) == (403, "urn:certdesk:error:forbidden")
    api.desk.time.now += 31 * DAY
    assert (await automation.get(f"/api/v1/requests/{request['id']}")).status_code == 401


async def test_a_server_request_is_an_administrators(api: API, manager: httpx.AsyncClient) -> None:
    """The names of CSR and body come together, normalised."""
    names = {"dns": ["WWW.Poste.example"], "ip": ["2001:db8:0::1"]}
    request, _ = await api.submit(kind="server", csr=make_pem("mail.poste.example"), names=names)
    assert request["names"] == {"dns": ["mail.poste.example", "www.poste.example"], "ip": ["2001:db8::1"]}
    path = f"/api/v1/requests/{request['id']}/approve"
    assert (await manager.post(path, json={})).status_code == 403
    administrator = await api.manager("admin@operator.example", Role.ADMINISTRATOR)
    assert (await administrator.post(path, json={})).json()["status"] == "issued"


async def test_a_manager_is_enrolled_by_an_administrator(api: API) -> None:
    """A stranger cannot ask for a manager's certificate."""
    sent = make_body(kind="manager", location=None, description=None, contact__phone=None, common_name="Grace Hopper")
    assert (await api.client().post("/api/v1/requests", json=sent)).status_code == 401
    administrator = await api.manager("admin@operator.example", Role.ADMINISTRATOR)
    made = await administrator.post("/api/v1/requests", json=sent)
    assert (made.status_code, made.json()["common_name"]) == (201, "Grace Hopper")


async def test_lists_are_pages_newest_first(api: API, manager: httpx.AsyncClient) -> None:
    """`next` and the Link header lead through all of it, each request once."""
    made = []
    for _ in range(5):
        api.desk.time.now += 1000
        made.append((await api.submit())[0]["id"])
    found, path = [], "/api/v1/requests?limit=2"
    while path:
        page = await manager.get(path)
        assert len(page.json()["items"]) <= 2
        found += [item["id"] for item in page.json()["items"]]
        assert ("next" in page.links) is (page.json()["next"] is not None)
        path = page.links["next"]["url"] if page.links else ""
    assert found == made[::-1]


async def test_lists_are_filtered_and_searched(api: API, manager: httpx.AsyncClient) -> None:
    """By state, kind, organisation, and the beginning of an ID, address or device ID; links keep the filter."""
    await api.submit()
    request, _ = await api.submit(kind="mobile", device__id="imei-100%_'x", contact__email="zoe@poste.example")

    async def ids(**query: str) -> list[str]:
        answer = await manager.get("/api/v1/requests", params=query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await ids(kind="mobile") == [request["id"]]
    assert await ids(q="zoe@") == [request["id"]]
    assert await ids(q="imei-100%_'") == [request["id"]]
    assert await ids(q="imei-1__") == []
    assert await ids(q=request["id"]) == [request["id"]]
    assert len(await ids(state="requested", organisation="FRA1")) == 2
    assert await ids(state="issued") == []
    assert await ids(organisation="DEU1") == []
    page = await manager.get("/api/v1/requests", params={"limit": "1", "state": "requested"})
    assert "state=requested" in page.links["next"]["url"]


async def test_errors_speak_the_callers_language(api: API) -> None:
    """The document says which; English is for everybody else."""
    answer = await api.client(headers={"accept-language": "fr-FR"}).get("/api/v1/requests")
    assert answer.headers["content-language"] == "fr"
    answer = await api.client(headers={"accept-language": "pt"}).get("/api/v1/requests")
    assert answer.headers["content-language"] == "en"
    assert answer.json()["detail"] == "this needs a manager's client certificate, an API token or a claim"


async def test_nothing_secret_is_logged(desk: TestDesk) -> None:
    """A line has neither claims, tokens nor what was searched for."""
    async with open_api(desk, log_requests=True) as api:
        manager = await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
        request, device = await api.submit()
        await device.get(f"/api/v1/requests/{request['id']}")
        await manager.get("/api/v1/requests?q=jeanne")
        await api.client(bearer="cdt_" + os.urandom(20).hex()).get("/api/v1/requests")
        claim = device.headers["authorization"].removeprefix("Bearer ")
        logged = str(api.journal.lines)
        assert len(api.journal.lines) == 4
        assert claim not in logged
        assert "jeanne" not in logged
        assert "cdt_" not in logged
