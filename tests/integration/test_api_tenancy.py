"""Nobody learns anything of another organisation, not even that something exists."""

from collections.abc import AsyncIterator

import httpx
import pytest

from certdesk.domain.enrollment import Role
from tests.desks import TestDesk
from tests.integration.api_calls import API, make_claim, make_pem, open_api

UNKNOWN_ID = "FRA1-7GQ4-2KXT"
UNKNOWN_SERIAL_NUMBER = "7f" * 16

CALLS: dict[str, tuple[str, str, dict[str, str] | None]] = {
    "read a request": ("GET", "/api/v1/requests/{id}", None),
    "approve": ("POST", "/api/v1/requests/{id}/approve", {"comment": "mine now"}),
    "reject": ("POST", "/api/v1/requests/{id}/reject", {"reason": "because"}),
    "read a certificate": ("GET", "/api/v1/certificates/{serial_number}", None),
    "revoke": ("POST", "/api/v1/certificates/{serial_number}/revoke", {"reason": "keyCompromise"}),
    "withdraw a code": ("POST", "/api/v1/codes/{code}/withdraw", None),
    "list codes of an organisation": ("GET", "/api/v1/codes?organisation={organisation}", None),
    "list requests": ("GET", "/api/v1/requests?q={id}", None),
    "list certificates": ("GET", "/api/v1/certificates?q={serial_number}", None),
    "list requests of an organisation": ("GET", "/api/v1/requests?organisation={organisation}", None),
    "list certificates of an organisation": ("GET", "/api/v1/certificates?organisation={organisation}", None),
}
PROBERS = {
    "registration manager": Role.REGISTRATION_MANAGER,
    "auditor": Role.AUDITOR,
}


@pytest.fixture
async def api(desk: TestDesk) -> AsyncIterator[API]:
    """Return the API of a desk on each database."""
    async with open_api(desk) as api:
        yield api


def _all_of(answer: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return answer.status_code, answer.headers.raw, answer.content


async def _issued(api: API, organisation: str) -> dict[str, str]:
    manager = await api.manager(f"manager@{organisation.lower()}.example", Role.REGISTRATION_MANAGER, organisation)
    request, _ = await api.submit(organisation=organisation)
    answer = await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})
    code = await manager.post("/api/v1/codes", json={"organisation": organisation, "kind": "mobile"})
    return {
        "id": request["id"],
        "code": code.json()["id"],
        "serial_number": answer.json()["certificate"]["serial_number"],
        "organisation": organisation,
    }


@pytest.mark.parametrize("prober", PROBERS)
async def test_another_organisations_things_answer_as_if_there_were_none(api: API, prober: str) -> None:
    """Byte for byte, headers included, on every call that managers have; issued and undecided requests alike."""
    client = await api.manager("prober@post.example", PROBERS[prober], "DEU1")
    undecided, _ = await api.submit()
    real = await _issued(api, "FRA1")
    unknown = {"id": UNKNOWN_ID, "code": "7GQ42KXM", "serial_number": UNKNOWN_SERIAL_NUMBER, "organisation": "XXX9"}
    for name, (method, path, body) in CALLS.items():
        expected = _all_of(await client.request(method, path.format(**unknown), json=body))
        for probe in (real, real | {"id": undecided["id"]}):
            answer = _all_of(await client.request(method, path.format(**probe), json=body))
            assert answer == expected, name


async def test_a_claim_for_another_request_answers_as_if_there_were_none(api: API) -> None:
    """Whether the ID, the claim or both are real."""
    first, first_device = await api.submit()
    _, other_device = await api.submit(organisation="DEU1")
    stranger = api.client(bearer=make_claim())
    for method, suffix in (("GET", ""), ("POST", "/installed")):
        expected = _all_of(await stranger.request(method, f"/api/v1/requests/{UNKNOWN_ID}{suffix}"))
        assert expected[0] == 404
        for client, request_id in (
            (stranger, first["id"]),
            (other_device, first["id"]),
            (first_device, UNKNOWN_ID),
        ):
            answer = await client.request(method, f"/api/v1/requests/{request_id}{suffix}")
            assert _all_of(answer) == expected


async def test_a_renewal_without_proof_does_not_tell_what_exists(api: API) -> None:
    """An unknown serial number and a real one with a wrong proof are answered alike."""
    real = await _issued(api, "FRA1")
    body = {"csr": make_pem(), "claim": make_claim(), "proof": "AAAA"}
    answers = [
        _all_of(await api.client().post(f"/api/v1/certificates/{serial_number}/renew", json=body))
        for serial_number in (UNKNOWN_SERIAL_NUMBER, real["serial_number"])
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_everyone_sees_their_own(api: API) -> None:
    """Lists hold the caller's organisation and no other; the operator's hold all."""
    french, german = await _issued(api, "FRA1"), await _issued(api, "DEU1")
    auditor = await api.manager("auditor@post.example", Role.AUDITOR, "DEU1")
    administrator = await api.manager("admin@operator.example", Role.ADMINISTRATOR)

    async def found(client: httpx.AsyncClient, path: str, field: str) -> set[str]:
        return {item[field] for item in (await client.get(path)).json()["items"]}

    assert await found(auditor, "/api/v1/requests", "id") == {german["id"]}
    assert await found(auditor, "/api/v1/certificates", "serial_number") == {german["serial_number"]}
    assert {french["id"], german["id"]} < await found(administrator, "/api/v1/requests", "id")
    everyone = await found(administrator, "/api/v1/certificates", "serial_number")
    assert {french["serial_number"], german["serial_number"]} < everyone


async def test_managers_certificates_are_the_operators_business(api: API) -> None:
    """A registration manager sees neither colleagues' requests nor their certificates."""
    manager = await api.manager("manager@fra1.example", Role.REGISTRATION_MANAGER, "FRA1")
    assert (await manager.get("/api/v1/requests?kind=manager")).json() == {"items": [], "next": None}
    assert (await manager.get("/api/v1/certificates?kind=manager")).json() == {"items": [], "next": None}
