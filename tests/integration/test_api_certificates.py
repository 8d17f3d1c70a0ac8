"""Certificates over the API: read, list, revoke, renew."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.domain.enrollment import DAY, Role
from certdesk.wire.renewal import sign_renewal
from tests.desks import TestDesk, make_csr, new_key
from tests.integration.api_calls import API, make_body, make_claim, open_api, pem_of_csr


@pytest.fixture
async def api(desk: TestDesk) -> AsyncIterator[API]:
    """Return the API of a desk on each database."""
    async with open_api(desk) as api:
        yield api


@pytest.fixture
async def manager(api: API) -> httpx.AsyncClient:
    """Return a registration manager of FRA1."""
    return await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")


class Device:
    """A device that is enrolled."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, issued: dict[str, str]) -> None:
        self.key = key
        self.serial_number = issued["serial_number"]
        self.der = x509.load_pem_x509_certificate(issued["pem"].encode()).public_bytes(Encoding.DER)

    @property
    def path(self) -> str:
        """Where its certificate is."""
        return f"/api/v1/certificates/{self.serial_number}"

    def renewal(self, new: ec.EllipticCurvePrivateKey | None = None, *, proof: bool = True) -> dict[str, str]:
        """Return a renewal's JSON with a proof by the old key."""
        csr = make_csr(new or new_key())
        sent = {"csr": pem_of_csr(csr), "claim": make_claim()}
        if proof:
            sent["proof"] = base64.b64encode(sign_renewal(self.key, csr)).decode()
        return sent


@pytest.fixture
async def device(api: API, manager: httpx.AsyncClient) -> Device:
    """Return an enrolled device."""
    key = new_key()
    request, _ = await api.submit(
        csr=pem_of_csr(make_csr(key)), device__id="scanner", device__conditions={"rooted": False}
    )
    answer = await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})
    return Device(key, answer.json()["certificate"])


async def test_a_certificate_is_read_and_listed(manager: httpx.AsyncClient, device: Device) -> None:
    """With what managers need to recognise it."""
    certificate = (await manager.get(device.path)).json()
    assert (certificate["status"], certificate["device_id"]) == ("valid", "scanner")
    assert certificate["subject"].endswith("O=La Poste,L=Lyon,ST=Rhône,C=FR")
    page = (await manager.get("/api/v1/certificates", params={"q": device.serial_number, "kind": "workstation"})).json()
    assert page == {"items": [certificate], "next": None}
    assert (await manager.get("/api/v1/certificates?status=revoked")).json()["items"] == []
    assert (
        await manager.get(device.path.replace(device.serial_number, device.serial_number.upper()))
    ).status_code == 200


async def test_lists_of_certificates_are_pages(api: API, manager: httpx.AsyncClient) -> None:
    """Newest first, each once."""
    made = []
    for _ in range(3):
        api.desk.time.now += 1000
        request, _ = await api.submit()
        answer = await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})
        made.append(answer.json()["certificate"]["serial_number"])
    found, path = [], "/api/v1/certificates?limit=1"
    while path:
        page = await manager.get(path)
        found += [item["serial_number"] for item in page.json()["items"]]
        path = page.links["next"]["url"] if page.links else ""
    assert found == made[::-1]


async def test_a_revocation_is_final(manager: httpx.AsyncClient, device: Device) -> None:
    """Who, when, why; the second one is a conflict."""
    revoked = await manager.post(f"{device.path}/revoke", json={"reason": "cessationOfOperation", "comment": "sold"})
    assert revoked.status_code == 200
    certificate = revoked.json()
    assert (certificate["status"], certificate["revocation_reason"]) == ("revoked", "cessationOfOperation")
    assert (certificate["revoked_by"], certificate["revocation_comment"]) == ("manager@poste.example", "sold")
    assert (await manager.get(device.path)).json() == certificate
    again = await manager.post(f"{device.path}/revoke", json={"reason": "unspecified"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:certdesk:error:conflict")


@pytest.mark.parametrize("reason", ["certificateHold", "removeFromCRL", "cACompromise", "", "keycompromise"])
async def test_a_reason_is_one_that_people_may_give(manager: httpx.AsyncClient, device: Device, reason: str) -> None:
    """RFC 5280 §5.3.1, without those that are undone or are about CAs."""
    answer = await manager.post(f"{device.path}/revoke", json={"reason": reason})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")


async def test_a_renewal_needs_the_old_key_and_nobody_else(
    api: API, manager: httpx.AsyncClient, device: Device
) -> None:
    """201 with the new certificate; the old one is superseded; a repetition answers 200 with the same."""
    api.desk.time.now += DAY
    sent = device.renewal(key := new_key())
    answer = await api.client().post(f"{device.path}/renew", json=sent)
    assert answer.status_code == 201, answer.text
    renewed = answer.json()
    certificate = x509.load_pem_x509_certificate(renewed["certificate"]["pem"].encode())
    assert certificate.public_key() == key.public_key()
    assert renewed["renews"] == device.serial_number
    assert "conditions" not in renewed["device"], "what the device reported then may be otherwise now"
    assert "chain" in renewed
    again = await api.client().post(f"{device.path}/renew", json=sent)
    assert (again.status_code, again.json()) == (200, renewed)
    followed = await api.client(bearer=sent["claim"]).get(f"/api/v1/requests/{renewed['id']}")
    assert followed.json() == renewed
    old = (await manager.get(device.path)).json()
    assert (old["status"], old["superseded_by"]) == ("superseded", renewed["certificate"]["serial_number"])


async def test_the_certificate_itself_is_a_proof(api: API, device: Device) -> None:
    """Over TLS with the certificate that is renewed, no signature is needed."""
    client = api.client(certificate=device.der)
    answer = await client.post(f"{device.path}/renew", json=device.renewal(proof=False))
    assert answer.status_code == 201, answer.text


async def test_another_certificate_is_no_proof(api: API, manager: httpx.AsyncClient, device: Device) -> None:
    """Neither a device's of the same organisation nor a manager's; nor is no certificate at all."""
    request, _ = await api.submit()
    issued = (await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})).json()["certificate"]
    other = Device(new_key(), issued)
    for client in (api.client(certificate=other.der), manager, api.client()):
        answer = await client.post(f"{device.path}/renew", json=device.renewal(proof=False))
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:certdesk:error:unauthenticated")


async def test_a_proof_is_for_one_csr(api: API, device: Device) -> None:
    """A proof that was overheard does not help with another key."""
    sent = device.renewal() | {"csr": pem_of_csr(make_csr())}
    assert (await api.client().post(f"{device.path}/renew", json=sent)).status_code == 401
    sent["proof"] = "no base64!"
    answer = await api.client().post(f"{device.path}/renew", json=sent)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "proof")


async def test_a_revoked_certificate_is_not_renewed(api: API, manager: httpx.AsyncClient, device: Device) -> None:
    """Its key proves who it was, and that is not enough."""
    await manager.post(f"{device.path}/revoke", json={"reason": "unspecified"})
    answer = await api.client().post(f"{device.path}/renew", json=device.renewal())
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:certdesk:error:forbidden")


async def test_a_submission_names_its_predecessor(api: API) -> None:
    """A newer request of the same device cancels the older; both say so."""
    first, first_device = await api.submit(device__id="scanner")
    second = (await api.client().post("/api/v1/requests", json=make_body(device__id="scanner"))).json()
    assert second["supersedes"] == first["id"]
    older = (await first_device.get(f"/api/v1/requests/{first['id']}")).json()
    assert (older["status"], older["superseded_by"]) == ("cancelled", second["id"])
