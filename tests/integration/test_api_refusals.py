"""Bad input, case by case: its status, its kind, its field, and the sentence that a person reads."""

import base64
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certdesk.domain.enrollment import Role
from certdesk.domain.errors import ErrorKind
from certdesk.domain.states import RevocationReason
from certdesk.doors.problems import MEANINGS
from tests.desks import ADMINISTRATOR, make_csr, make_desk, new_key
from tests.integration.api_calls import API, make_body, make_claim, make_pem, open_api, pem_of_csr


@pytest.fixture
async def api(sqlite_url: str, tmp_path: Any) -> AsyncIterator[API]:
    """Return the API of a desk; decoding and policy do not depend on the database."""
    desk = await make_desk(sqlite_url, tmp_path)
    async with open_api(desk) as api:
        yield api
    await desk.close()


def _check(answer: httpx.Response, kind: ErrorKind, field: str, sentence: str) -> None:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["type"]) == (MEANINGS[kind].status, f"urn:certdesk:error:{kind}"), problem
    assert sentence in problem["detail"], problem
    assert field in {error["field"] for error in problem.get("errors", [])} | ({""} if not field else set()), problem


def _weak(name: str) -> str:
    match name:
        case "rsa-1024":
            return pem_of_csr(make_csr(rsa.generate_private_key(65537, 1024)))  # noqa: S505 - that is the point
        case "secp256k1":
            return pem_of_csr(make_csr(ec.generate_private_key(ec.SECP256K1())))
        case "p-224":
            return pem_of_csr(make_csr(ec.generate_private_key(ec.SECP224R1())))
        case _:  # cryptography does not sign with SHA-1
            key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null"
            command = f"openssl req -new {key} -sha1 -subj /CN=x".split()
            return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def _forged() -> str:
    """Return a CSR whose signature was made by nobody."""
    der = bytearray(make_csr())
    der[-1] ^= 1
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE REQUEST-----\n"


def _private_key() -> str:
    return new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


K = ErrorKind
SUBMISSIONS: dict[str, tuple[dict[str, Any] | Callable[[], dict[str, Any]], ErrorKind, str, str]] = {
    "no organisation": ({"organisation": None}, K.INVALID_FIELD, "organisation", "missing"),
    "no csr": ({"csr": None}, K.INVALID_FIELD, "csr", "missing"),
    "no claim": ({"claim": None}, K.INVALID_FIELD, "claim", "missing"),
    "no kind": ({"kind": None}, K.INVALID_FIELD, "kind", "missing"),
    "no contact": ({"contact": None}, K.INVALID_FIELD, "contact", "missing"),
    "no e-mail": ({"contact__email": None}, K.INVALID_FIELD, "contact.email", "missing"),
    "no phone": ({"contact__phone": None}, K.INVALID_FIELD, "contact.phone", "missing"),
    "no location": ({"location": None}, K.INVALID_FIELD, "location", "missing"),
    "no locality": ({"location__locality": None}, K.INVALID_FIELD, "location.locality", "missing"),
    "no device": ({"device": None}, K.INVALID_FIELD, "device", "missing"),
    "no device id": ({"device__id": None}, K.INVALID_FIELD, "device.id", "missing"),
    "no description": ({"description": None}, K.INVALID_FIELD, "description", "missing"),
    "unknown field": ({"colour": "blue"}, K.INVALID_FIELD, "colour", "there is no field “colour” here"),
    "unknown inner field": ({"device__imei": "1"}, K.INVALID_FIELD, "device.imei", "there is no field “imei” here"),
    "names for a workstation": ({"names": {"dns": ["a.example"]}}, K.INVALID_FIELD, "names", "no field “names”"),
    "unknown kind": ({"kind": "toaster"}, K.INVALID_FIELD, "kind", "'toaster' is not one of"),
    "kind a number": ({"kind": 1}, K.INVALID_FIELD, "kind", "string"),
    "phone a number": ({"contact__phone": 33123456789}, K.INVALID_FIELD, "contact.phone", "a JSON string is expected"),
    "contact a list": ({"contact": []}, K.INVALID_FIELD, "contact", "a JSON object is expected"),
    "description null": ({"description": ...}, K.INVALID_FIELD, "description", "a JSON string is expected"),
    "unknown organisation": ({"organisation": "XXX9"}, K.INVALID_FIELD, "organisation", "no such organisation"),
    "organisation in lower case": ({"organisation": "fra1"}, K.INVALID_FIELD, "organisation", "no such organisation"),
    "short claim": ({"claim": "A" * 42}, K.INVALID_FIELD, "claim", "43 base64url"),
    "long claim": ({"claim": "A" * 44}, K.INVALID_FIELD, "claim", "43 base64url"),
    "claim with padding": ({"claim": "A" * 42 + "="}, K.INVALID_FIELD, "claim", "43 base64url"),
    "claim in plain base64": ({"claim": "+" * 43}, K.INVALID_FIELD, "claim", "43 base64url"),
    "claim with a line feed": ({"claim": "A" * 43 + "\n"}, K.INVALID_FIELD, "claim", "43 base64url"),
    "csr empty": ({"csr": ""}, K.BAD_CSR, "csr", "not a CSR"),
    "csr nonsense": ({"csr": "hello"}, K.BAD_CSR, "csr", "not a CSR"),
    "csr cut off": ({"csr": make_pem()[:200]}, K.BAD_CSR, "csr", "cut off"),
    "csr twice": ({"csr": make_pem() * 2}, K.BAD_CSR, "csr", "2 PEM blocks"),
    "csr not base64": (
        {"csr": "-----BEGIN CERTIFICATE REQUEST-----\n!!\n-----END CERTIFICATE REQUEST-----"},
        K.BAD_CSR,
        "csr",
        "not base64",
    ),
    "csr of something else": ({"csr": make_pem().replace(" REQUEST", "")}, K.BAD_CSR, "csr", "is a CERTIFICATE"),
    "private key": (lambda: {"csr": _private_key()}, K.BAD_CSR, "csr", "must never be sent"),
    "csr too large": ({"csr": make_pem() + " " * 40_000}, K.BAD_CSR, "csr", "may have 32768 bytes"),
    "csr forged": (lambda: {"csr": _forged()}, K.BAD_CSR, "csr", "signature does not verify"),
    "rsa 1024": (lambda: {"csr": _weak("rsa-1024")}, K.WEAK_KEY, "csr", "2048"),
    "secp256k1": (lambda: {"csr": _weak("secp256k1")}, K.WEAK_KEY, "csr", "P-256"),
    "p-224": (lambda: {"csr": _weak("p-224")}, K.WEAK_KEY, "csr", "P-256"),
    "sha-1": (lambda: {"csr": _weak("sha1")}, K.WEAK_SIGNATURE, "csr", "SHA"),
    "e-mail without at": ({"contact__email": "jeanne"}, K.INVALID_FIELD, "contact.email", "not an e-mail address"),
    "e-mail with a space": ({"contact__email": "a b@c.example"}, K.INVALID_FIELD, "contact.email", "not an e-mail"),
    "e-mail without domain": ({"contact__email": "a@localhost"}, K.INVALID_FIELD, "contact.email", "not an e-mail"),
    "e-mail too long": ({"contact__email": "a" * 65 + "@b.example"}, K.INVALID_FIELD, "contact.email", "not an e-mail"),
    "phone without country": ({"contact__phone": "01 23 45 67 89"}, K.INVALID_FIELD, "contact.phone", "begins with +"),
    "phone with letters": ({"contact__phone": "+33 CALL ME"}, K.INVALID_FIELD, "contact.phone", "begins with +"),
    "phone too long": ({"contact__phone": "+1234567890123456"}, K.INVALID_FIELD, "contact.phone", "7 to 15 digits"),
    "description empty": ({"description": "  "}, K.INVALID_FIELD, "description", "required"),
    "description too long": ({"description": "x" * 1001}, K.INVALID_FIELD, "description", "1000"),
    "control character": ({"description": "bell\a"}, K.INVALID_FIELD, "description", "U+0007"),
    "NUL": ({"device__id": "a\0b"}, K.INVALID_FIELD, "device.id", "U+0000"),
    "bidirectional override": ({"description": "\u202egnp.exe"}, K.INVALID_FIELD, "description", "U+202E"),
    "zero width": ({"device__model": "Zeb\u200bra"}, K.INVALID_FIELD, "device.model", "U+200B"),
    "state too long": (
        {"location__state_or_province": "x" * 129},
        K.INVALID_FIELD,
        "location.state_or_province",
        "128",
    ),
    "device id too long": ({"device__id": "x" * 129}, K.INVALID_FIELD, "device.id", "128"),
    "server without names": ({"kind": "server"}, K.NAME_NOT_ALLOWED, "names", "1 to 100"),
    "wildcard": ({"kind": "server", "names": {"dns": ["*.a.example"]}}, K.NAME_NOT_ALLOWED, "names.dns", "wildcard"),
    "name with underscore": (
        {"kind": "server", "names": {"dns": ["a_b.example"]}},
        K.NAME_NOT_ALLOWED,
        "names.dns",
        "a_b",
    ),
    "address as a name": (
        {"kind": "server", "names": {"dns": ["10.0.0.1"]}},
        K.NAME_NOT_ALLOWED,
        "names.dns",
        "10.0.0.1",
    ),
    "name as an address": (
        {"kind": "server", "names": {"ip": ["a.example"]}},
        K.NAME_NOT_ALLOWED,
        "names.ip",
        "a.example",
    ),
    "name not a string": ({"kind": "server", "names": {"dns": [5]}}, K.INVALID_FIELD, "names.dns[0]", "string"),
    "too many names": (
        {"kind": "server", "names": {"dns": [f"a{number}.example" for number in range(101)]}},
        K.NAME_NOT_ALLOWED,
        "names",
        "1 to 100",
    ),
    "too large": ({"description": "x" * 66_000}, K.TOO_LARGE, "", "65536"),
}


@pytest.mark.parametrize("name", SUBMISSIONS)
async def test_a_bad_submission_is_refused_with_its_reason(api: API, name: str) -> None:
    """Nothing is recorded."""
    changes, kind, field, sentence = SUBMISSIONS[name]
    body = make_body(**(changes() if callable(changes) else changes))
    body = {key: None if value is ... else value for key, value in body.items()}
    answer = await api.client().post("/api/v1/requests", json=body)
    _check(answer, kind, field, sentence)
    auditor = api.client(bearer=await api.desk.ra.add_token("a", Role.AUDITOR, "", 1, ADMINISTRATOR))
    assert (await auditor.get("/api/v1/requests")).json()["items"] == []


BODIES: dict[str, tuple[bytes, ErrorKind]] = {
    "nothing": (b"", K.MALFORMED),
    "no JSON": (b"organisation=FRA1", K.MALFORMED),
    "JSON cut off": (b'{"organisation": "FRA1"', K.MALFORMED),
    "JSON and more": (b"{} {}", K.INVALID_FIELD),
    "not UTF-8": (b'{"kind": "mobile", "organisation": "\xff"}', K.MALFORMED),
    "lone surrogate": (b'{"kind": "mobile", "organisation": "\\ud800"}', K.MALFORMED),
    "UTF-16": ('{"kind": "mobile"}'.encode("utf-16"), K.MALFORMED),
    "a list": (b"[]", K.INVALID_FIELD),
    "a string": (b'"mobile"', K.INVALID_FIELD),
    "null": (b"null", K.INVALID_FIELD),
    "NaN": (b"NaN", K.MALFORMED),
    "deep": (b'{"a":' * 10_000, K.MALFORMED),
    "deep list": (b'{"kind":"mobile","device":' + b"[" * 60_000, K.INVALID_FIELD),
    "unknown field with control characters": (b'{"kind":"mobile","a\\u001b[31m\\u202e":1}', K.INVALID_FIELD),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_cannot_be_read_is_refused(api: API, name: str) -> None:
    """With a problem document, whatever it is."""
    body, kind = BODIES[name]
    answer = await api.client().post("/api/v1/requests", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (MEANINGS[kind].status, f"urn:certdesk:error:{kind}")
    assert answer.json()["detail"].isprintable()


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_only_json_is_a_body(api: API, media_type: str) -> None:
    """A foreign web page can send the others with its visitor's certificate, JSON it cannot."""
    manager = await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    request, _ = await api.submit()
    headers = {"content-type": media_type} if media_type else {}
    answer = await manager.post(f"/api/v1/requests/{request['id']}/approve", content=b"{}", headers=headers)
    _check(answer, K.MALFORMED, "", "Content-Type: application/json")
    assert (await manager.get(f"/api/v1/requests/{request['id']}")).json()["status"] == "requested"


async def test_json_may_say_its_charset(api: API) -> None:
    """Parameters and upper case do not matter."""
    answer = await api.client().post(
        "/api/v1/requests",
        content=json.dumps(make_body()).encode(),
        headers={"content-type": "Application/JSON; charset=utf-8"},
    )
    assert answer.status_code == 201


async def test_all_bad_fields_are_told_at_once(api: API) -> None:
    """So a form can show every error at its field."""
    body = make_body(contact__email="x", contact__phone="y", description="", device__id="\0")
    problem = (await api.client().post("/api/v1/requests", json=body)).json()
    fields = [error["field"] for error in problem["errors"]]
    assert sorted(fields) == ["contact.email", "contact.phone", "description", "device.id"]


async def test_a_key_in_use_is_refused_without_saying_where(api: API) -> None:
    """Another device's key, and a CA's."""
    csr = make_pem()
    await api.submit(csr=csr)
    answer = await api.client().post("/api/v1/requests", json=make_body(csr=csr, organisation="DEU1"))
    _check(answer, K.KEY_IN_USE, "csr", "already used elsewhere")
    assert "FRA1" not in answer.text


async def test_a_compromised_key_is_never_accepted_again(api: API) -> None:
    """Not even from the same device."""
    csr = make_pem()
    request, _ = await api.submit(csr=csr, device__id="d")
    manager = await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    issued = (await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})).json()
    path = f"/api/v1/certificates/{issued['certificate']['serial_number']}/revoke"
    revoked = await manager.post(path, json={"reason": RevocationReason.KEY_COMPROMISE})
    assert revoked.status_code == 200
    answer = await api.client().post("/api/v1/requests", json=make_body(csr=csr, device__id="d"))
    _check(answer, K.KEY_COMPROMISED, "csr", "compromised")


async def test_a_claim_is_for_one_request(api: API) -> None:
    """Another CSR under it is a conflict."""
    claim = make_claim()
    await api.submit(claim=claim)
    answer = await api.client().post("/api/v1/requests", json=make_body(claim=claim))
    _check(answer, K.CONFLICT, "claim", "another request")


@pytest.mark.parametrize(
    ("path", "kind", "field", "sentence"),
    [
        ("/api/v1/requests/FRA1-7GQ4-2KXA", K.MALFORMED, "id", "check character"),
        ("/api/v1/requests/nonsense", K.MALFORMED, "id", "looks like"),
        ("/api/v1/requests/FRA1-7GQ4-2KXT%00", K.MALFORMED, "id", "looks like"),
        ("/api/v1/requests/FRA1-7GQ4-2KXT", K.NOT_FOUND, "", "no such request"),
        ("/api/v1/certificates/00", K.MALFORMED, "serial_number", "32 hexadecimal"),
        ("/api/v1/certificates/" + "g" * 32, K.MALFORMED, "serial_number", "32 hexadecimal"),
        ("/api/v1/certificates/" + "0" * 32, K.NOT_FOUND, "", "no such certificate"),
        ("/api/v1/requests?limit=0", K.INVALID_FIELD, "limit", "1 to 100"),
        ("/api/v1/requests?limit=101", K.INVALID_FIELD, "limit", "1 to 100"),
        ("/api/v1/requests?limit=ten", K.INVALID_FIELD, "limit", "1 to 100"),
        ("/api/v1/requests?limit=%D9%A1", K.INVALID_FIELD, "limit", "1 to 100"),
        ("/api/v1/requests?limit=", K.INVALID_FIELD, "limit", "1 to 100"),
        ("/api/v1/requests?state=open", K.INVALID_FIELD, "state", "requested, approved"),
        ("/api/v1/requests?kind=toaster", K.INVALID_FIELD, "kind", "mobile, workstation"),
        ("/api/v1/requests?organisation=fra1", K.INVALID_FIELD, "organisation", "A-Z"),
        ("/api/v1/requests?organisation=", K.INVALID_FIELD, "organisation", "A-Z"),
        ("/api/v1/requests?color=blue", K.INVALID_FIELD, "", "organisation, state, kind, q, after, limit"),
        ("/api/v1/requests?limit=1&limit=2", K.INVALID_FIELD, "", "twice"),
        ("/api/v1/requests?q=%00", K.INVALID_FIELD, "q", "invisible"),
        ("/api/v1/requests?q=" + "a" * 255, K.INVALID_FIELD, "q", "too many"),
        ("/api/v1/requests?q=%FF", K.MALFORMED, "", "query string"),
        ("/api/v1/requests?" + "&".join("limit=1" for _ in range(30)), K.MALFORMED, "", "query string"),
        ("/api/v1/requests?after=x", K.MALFORMED, "after", "next"),
        ("/api/v1/requests?after=1.%00", K.INVALID_FIELD, "after", "invisible"),
        ("/api/v1/certificates?after=1.zz", K.MALFORMED, "after", "next"),
        ("/api/v1/certificates?status=expired", K.INVALID_FIELD, "status", "valid, revoked"),
        ("/api/v1/nothing", K.NOT_FOUND, "", "nothing at this address"),
        ("/settings/FRA1", K.NOT_FOUND, "", "nothing at this address"),
        ("/settings/XXX9.xml", K.NOT_FOUND, "", "no such organisation"),
        ("/settings/%00.xml", K.NOT_FOUND, "", "no such organisation"),
    ],
)
async def test_a_bad_address_is_refused_with_its_reason(
    api: API, path: str, kind: ErrorKind, field: str, sentence: str
) -> None:
    """An administrator is told precisely."""
    token = await api.desk.ra.add_token("a", Role.ADMINISTRATOR, "", 1, ADMINISTRATOR)
    _check(await api.client(bearer=token).get(path), kind, field, sentence)


@pytest.mark.parametrize(
    ("call", "body", "kind", "field", "sentence"),
    [
        ("reject", {}, K.INVALID_FIELD, "reason", "missing"),
        ("reject", {"reason": " "}, K.INVALID_FIELD, "reason", "required"),
        ("reject", {"reason": "x" * 1001}, K.INVALID_FIELD, "reason", "1000"),
        ("reject", {"reason": "a\u202eb"}, K.INVALID_FIELD, "reason", "U+202E"),
        ("approve", {"comment": "\0"}, K.INVALID_FIELD, "comment", "U+0000"),
        ("approve", {"coment": "typo"}, K.INVALID_FIELD, "coment", "no field “coment”"),
        ("approve", {"comment": None}, K.INVALID_FIELD, "comment", "a JSON string is expected"),
        ("installed", {}, K.UNAUTHENTICATED, "", "claim"),
    ],
)
async def test_a_bad_decision_is_refused_with_its_reason(
    api: API, call: str, body: dict[str, Any], kind: ErrorKind, field: str, sentence: str
) -> None:
    """And changes nothing."""
    manager = await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    request, _ = await api.submit()
    path = f"/api/v1/requests/{request['id']}"
    _check(await manager.post(f"{path}/{call}", json=body), kind, field, sentence)
    assert (await manager.get(path)).json()["status"] == "requested"


@pytest.mark.parametrize(
    ("authorization", "sentence"),
    [
        ("", "this needs a manager's client certificate"),
        ("Basic amVhbm5lOnNlY3JldA==", "Authorization: Bearer only"),
        ("Bearer", "Authorization: Bearer only"),
        ("Bearer ", "neither a claim nor an API token"),
        ("Bearer hello", "neither a claim nor an API token"),
        ("Bearer cdt_" + "x" * 43, "not known, or has expired"),
        ("Bearer \xff", "neither a claim nor an API token"),
    ],
)
async def test_a_wrong_credential_is_refused(api: API, authorization: str, sentence: str) -> None:
    """With 401 and the scheme that would be right."""
    headers = [(b"authorization", authorization.encode("latin-1"))] if authorization else []
    answer = await api.client().get("/api/v1/requests/FRA1-7GQ4-2KXT", headers=headers)
    _check(answer, K.UNAUTHENTICATED, "", sentence)
    assert answer.headers["www-authenticate"] == 'Bearer realm="certdesk"'


async def test_a_device_certificate_is_not_a_managers(api: API) -> None:
    """It was issued by the same CA, and opens nothing here."""
    manager = await api.manager("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
    request, _ = await api.submit()
    issued = (await manager.post(f"/api/v1/requests/{request['id']}/approve", json={})).json()
    device = api.client(
        certificate=x509.load_pem_x509_certificate(issued["certificate"]["pem"].encode()).public_bytes(Encoding.DER)
    )
    _check(await device.get("/api/v1/requests"), K.UNAUTHENTICATED, "", "not, or no longer, a manager's")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "GET"])
async def test_an_unsupported_method_names_the_supported(api: API, method: str) -> None:
    """405 with Allow (RFC 9110 §15.5.6)."""
    answer = await api.client().request(method, "/api/v1/requests/FRA1-7GQ4-2KXT/approve")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.json() == {"type": "about:blank", "title": "Method Not Allowed", "status": 405}
