"""What every listener promises: limits, proxies, health, metrics, validation, and an answer for every error."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import cast

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from certdesk.domain.enrollment import Manager, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.api import api_app
from certdesk.doors.problems import MEANINGS
from certdesk.doors.settings import HTTPSettings
from certdesk.ra import RegistrationAuthority
from certdesk.wire.settings import parse_settings
from tests.desks import OPERATOR, TestDesk, make_desk
from tests.integration.api_calls import API, Journal, make_body, make_claim, open_api

PROXY = "10.0.0.7"


@pytest.fixture
async def desk(sqlite_url: str, tmp_path: Path) -> AsyncIterator[TestDesk]:
    """Return a desk; listeners do not depend on the database."""
    desk = await make_desk(sqlite_url, tmp_path)
    yield desk
    await desk.close()


@pytest.fixture
async def api(desk: TestDesk) -> AsyncIterator[API]:
    """Return the API of a desk."""
    async with open_api(desk) as api:
        yield api


class FailingAuthority:
    """A registration authority that refuses everything for one reason."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., object]:
        """Return a use case that fails."""

        async def fail(*_arguments: object, **_named: object) -> None:
            raise self._error

        return fail


def _failing_client(error: Exception) -> httpx.AsyncClient:
    async def ready() -> Mapping[str, bool]:
        return {}

    ra = cast("RegistrationAuthority", FailingAuthority(error))
    settings = HTTPSettings(log=Journal(), public_calls_per_minute=0)
    app = api_app(ra, chain_pem="", settings=settings, ready=ready)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.example")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ErrorKind)
async def test_every_error_kind_is_answered(kind: ErrorKind) -> None:
    """With its status and type, on a public, a claim's and a manager's call."""
    client = _failing_client(CertdeskError(kind, "why", field="csr"))
    token = {"authorization": "Bearer cdt_" + "x" * 43}
    for answer in (
        await client.post("/api/v1/requests", json=make_body()),
        await client.get("/api/v1/requests/FRA1-7GQ4-2KXT", headers={"authorization": f"Bearer {make_claim()}"}),
        await client.get("/api/v1/requests", headers=token),
    ):
        assert answer.status_code == MEANINGS[kind].status
        assert answer.json()["type"] == f"urn:certdesk:error:{kind}"


@pytest.mark.parametrize("error", [RuntimeError("secret"), CertdeskError(ErrorKind.INTERNAL, "secret")])
async def test_a_defect_is_answered_without_details_and_logged(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """INTERNAL to the caller, the exception to the log."""
    async with open_api(desk) as api:

        async def fail(*_arguments: object, **_named: object) -> None:
            raise error

        monkeypatch.setattr(desk.ra, "submit", fail)
        answer = await api.client().post("/api/v1/requests", json=make_body())
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:certdesk:error:internal")
        assert "secret" not in answer.text
        [line] = api.journal.lines
        assert (line["route"], line["exc_info"]) == ("/api/v1/requests", error)


async def test_a_failure_is_for_the_operator_to_read(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls is told to try again; what is broken stands in the log, for OCSP as well."""
    error = CertdeskError(ErrorKind.UNAVAILABLE, "no space left on /var/lib/certdesk")

    async def fail(*_arguments: object, **_named: object) -> None:
        raise error

    request = _ocsp_request(api, await _issue(api))
    monkeypatch.setattr(api.desk.ra, "submit", fail)
    monkeypatch.setattr(type(api.desk.store.validation), "status", fail)
    answer = await api.client().post("/api/v1/requests", json=make_body())
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "/var/lib" not in answer.text
    answer = await api.client().post("/ocsp", content=request)
    assert ocsp.load_der_ocsp_response(answer.content).response_status is ocsp.OCSPResponseStatus.TRY_LATER
    assert [line["exc_info"] for line in api.journal.lines] == [error, error]


async def test_public_calls_are_limited_by_address(desk: TestDesk) -> None:
    """429 says how long to wait; another address is not concerned; a wait helps."""
    now = [0.0]
    await desk.store.organisations.put_property("desk_url", "https://desk.example")
    async with open_api(desk, public_calls_per_minute=60, public_calls_at_once=2, monotonic=lambda: now[0]) as api:
        client = api.client()
        for _ in range(2):
            assert (await client.get("/settings/FRA1.xml")).status_code == 200
        limited = await client.post("/api/v1/requests", json=make_body())
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")
        assert limited.json()["type"] == "urn:certdesk:error:rate-limited"
        assert (await api.client(address="192.0.2.8").get("/settings/FRA1.xml")).status_code == 200
        now[0] += 1
        assert (await client.post("/api/v1/requests", json=make_body())).status_code == 201


async def test_guessing_is_limited_and_polling_is_not(desk: TestDesk) -> None:
    """A device may ask as often as it likes; wrong claims and tokens use up their address's calls."""
    async with open_api(desk, public_calls_per_minute=60, public_calls_at_once=5, monotonic=lambda: 0.0) as api:
        request, device = await api.submit()
        path = f"/api/v1/requests/{request['id']}"
        for _ in range(20):
            assert (await device.get(path)).status_code == 200
        statuses = [
            (await api.client(bearer=make_claim(), address="192.0.2.9").get(path)).status_code for _ in range(7)
        ]
        assert statuses == [404] * 5 + [429] * 2
        guess = api.client(bearer="cdt_" + "x" * 43, address="192.0.2.10")
        assert [(await guess.get(path)).status_code for _ in range(7)] == [401] * 5 + [429] * 2
        assert (await device.get(path)).status_code == 200


async def test_a_proxy_forwards_certificate_and_address(desk: TestDesk) -> None:
    """RFC 9440; the audit log has the client's address, not the proxy's."""
    async with open_api(desk, trusted_proxies=(PROXY,)) as api:
        identity = await desk.ra.add_manager(
            Manager("manager@poste.example", "Ada", Role.REGISTRATION_MANAGER, "FRA1"), OPERATOR
        )
        forwarded = {
            "client-cert": f":{base64.b64encode(identity.certificate.der).decode()}:",
            "x-forwarded-for": "203.0.113.9",
        }
        assert (await api.client(address=PROXY, headers=forwarded).get("/api/v1/requests")).status_code == 200
        assert (await api.client(address="192.0.2.7", headers=forwarded).get("/api/v1/requests")).status_code == 401
        damaged = forwarded | {"client-cert": "AAAA"}
        assert (await api.client(address=PROXY, headers=damaged).get("/api/v1/requests")).status_code == 400
        sent = await api.client(address=PROXY, headers=forwarded).post("/api/v1/requests", json=make_body())
        request = await desk.ra.request(sent.json()["id"], OPERATOR)
        assert request.request.source == "203.0.113.9"


async def test_settings_are_published(api: API) -> None:
    """As XML that the client accepts, also to HEAD."""
    answer = await api.client().get("/settings/FRA1.xml")
    assert answer.headers["content-type"] == "application/xml"
    assert parse_settings(answer.content).organisation == "FRA1"
    head = await api.client().head("/settings/FRA1.xml")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]


async def test_health_is_told(api: API) -> None:
    """Alive, and ready with its parts."""
    assert (await api.client().get("/healthz")).json() == {"alive": True}
    ready = await api.client().get("/readyz")
    assert ready.json() == {"ready": True, "parts": {"database": True, "ca": True, "migrations": True}}
    assert (await api.client().head("/healthz")).status_code == 200


async def test_a_desk_that_cannot_work_says_so(desk: TestDesk) -> None:
    """503, for a load balancer."""

    async def ready() -> Mapping[str, bool]:
        return {"database": False, "ca": True}

    app = api_app(desk.ra, chain_pem="", settings=HTTPSettings(log=Journal()), ready=ready)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:  # type: ignore[arg-type]
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["parts"]["database"]) == (503, False)


async def test_metrics_are_the_operators(desk: TestDesk) -> None:
    """This machine and the proxies themselves see them; others are told that there is nothing."""
    async with open_api(desk, trusted_proxies=(PROXY,)) as api:
        request, device = await api.submit()
        await device.get(f"/api/v1/requests/{request['id']}")
        assert (await api.client().get("/metrics")).status_code == 404
        through = api.client(address=PROXY, headers={"x-forwarded-for": "203.0.113.9"})
        assert (await through.get("/metrics")).status_code == 404
        text = (await api.client(address="127.0.0.1").get("/metrics")).text
        assert 'certdesk_http_requests_total{method="POST",route="/api/v1/requests",status="201"} 1.0' in text
        route = "/api/v1/requests/{request_id}"
        assert f'certdesk_http_requests_total{{method="GET",route="{route}",status="200"}} 1.0' in text
        assert request["id"] not in text


async def _issue(api: API) -> x509.Certificate:
    manager = await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    request, _ = await api.submit()
    answer = await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})
    return x509.load_pem_x509_certificate(answer.json()["certificate"]["pem"].encode())


def _ocsp_request(api: API, certificate: x509.Certificate, nonce: bytes = b"") -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, api.desk.ca.issuing_certificate, SHA1())  # noqa: S303 - RFC 5019 §2.1.1
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


async def test_ocsp_is_answered_by_get_and_post(api: API) -> None:
    """RFC 6960 appendix A; caches are told what RFC 5019 §6 asks for."""
    request = _ocsp_request(api, await _issue(api))
    text = base64.b64encode(request).decode()
    for path in (f"/ocsp/{text}", f"/ocsp/{text.replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')}"):
        got = await api.client().get(path)
        assert got.status_code == 200
        assert ocsp.load_der_ocsp_response(got.content).certificate_status is ocsp.OCSPCertStatus.GOOD
        assert got.headers["content-type"] == "application/ocsp-response"
        assert "public" in got.headers["cache-control"]
        assert {"expires", "last-modified", "etag"} <= set(got.headers)
    posted = await api.client().post("/ocsp", content=request)
    assert ocsp.load_der_ocsp_response(posted.content).certificate_status is ocsp.OCSPCertStatus.GOOD
    with_nonce = await api.client().post("/ocsp", content=_ocsp_request(api, await _issue(api), b"n" * 16))
    assert with_nonce.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x30" * 5000, b"x" * 10_001])
async def test_ocsp_nonsense_is_malformed(api: API, content: bytes) -> None:
    """In OCSP's own words, by POST and by GET."""
    answer = await api.client().post("/ocsp", content=content)
    assert ocsp.load_der_ocsp_response(answer.content).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    answer = await api.client().get("/ocsp/" + content[:100].decode() + "!")
    assert ocsp.load_der_ocsp_response(answer.content).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


async def test_what_certificates_point_to_is_there(api: API) -> None:
    """Revocation lists and CA certificates, DER."""
    await api.desk.crl.renew_if_due()
    for name in ("root", "issuing"):
        crl = await api.client().get(f"/crl/{name}.crl")
        assert crl.headers["content-type"] == "application/pkix-crl"
        x509.load_der_x509_crl(crl.content)
        certificate = await api.client().get(f"/ca/{name}.cer")
        assert certificate.headers["content-type"] == "application/pkix-cert"
        x509.load_der_x509_certificate(certificate.content)
    head = await api.client().head("/crl/root.crl")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/crl/other.crl", "/ca/other.cer", "/crl/root.cer", "/crl/", "/ca/../ca/root.cer/x", "/ocspx"]
)
async def test_validation_has_nothing_else(api: API, path: str) -> None:
    """404 with a problem document."""
    answer = await api.client().get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:certdesk:error:not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/ocsp", "POST"),
        ("GET", "/ocsp", "POST"),
        ("POST", "/ocsp/AAAA", "GET, HEAD"),
        ("POST", "/crl/root.crl", "GET, HEAD"),
    ],
)
async def test_validation_names_its_methods(api: API, method: str, path: str, allow: str) -> None:
    """405 with Allow."""
    answer = await api.client().request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


async def test_the_document_is_published(api: API) -> None:
    """OpenAPI 3.1, with every refusal as a problem document."""
    document = json.loads((await api.client().get("/api/v1/openapi.json")).content)
    assert document["openapi"].startswith("3.1")
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                media_type = "application/problem+json" if int(status) >= 400 else "application/json"
                assert media_type in response["content"] or "application/xml" in response["content"]
