"""Calls the API in this process: requesters, managers with certificates, automations with tokens."""

import base64
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.domain.enrollment import Manager, Role
from certdesk.domain.identifiers import sha256
from certdesk.doors.api import api_app
from certdesk.doors.asgi import ASGIApp, Receive, Scope, Send
from certdesk.doors.http import listener_app
from certdesk.doors.settings import HTTPSettings
from certdesk.doors.validation import PREFIXES, validation_app
from certdesk.va.authority import ValidationAuthority
from certdesk.va.responder import Responder
from tests.desks import OPERATOR, TestDesk, make_csr


class Journal:
    """A log that can be read."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def info(self, event: str, **facts: Any) -> None:
        """Keep a line."""
        self.lines.append({"event": event, **facts})

    error = info


class API:
    """A desk behind its API."""

    def __init__(self, desk: TestDesk, app: ASGIApp, journal: Journal) -> None:
        self.desk = desk
        self.app = app
        self.journal = journal

    def client(
        self,
        *,
        bearer: str = "",
        certificate: bytes | None = None,
        address: str = "192.0.2.7",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.AsyncClient:
        """Return a client with a claim or token, or with a verified TLS certificate (DER)."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if certificate is not None:
                scope["extensions"] = {"tls": {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(certificate)]}}
            await self.app(scope, receive, send)

        every = {"authorization": f"Bearer {bearer}"} if bearer else {}
        transport = httpx.ASGITransport(app, client=(address, 50000))  # type: ignore[arg-type]
        return httpx.AsyncClient(
            transport=transport, base_url="http://desk.example", headers={**every, **(headers or {})}
        )

    async def manager(self, email: str, role: Role, organisation: str = "") -> httpx.AsyncClient:
        """Register a manager and return a client with its certificate."""
        identity = await self.desk.ra.add_manager(Manager(email, "Ada Lovelace", role, organisation), OPERATOR)
        return self.client(certificate=identity.certificate.der)

    async def submit(self, **changes: Any) -> tuple[dict[str, Any], httpx.AsyncClient]:
        """Submit a good request and return its representation, and a client with its claim."""
        sent = make_body(**changes)
        answer = await self.client().post("/api/v1/requests", json=sent)
        assert answer.status_code == 201, answer.text
        return answer.json(), self.client(bearer=sent["claim"])


@asynccontextmanager
async def open_api(desk: TestDesk, **settings: Any) -> AsyncIterator[API]:
    """Return the API and the validation door of a desk; without a rate limit unless told otherwise."""
    journal = Journal()
    http = HTTPSettings(log=journal, **{"public_calls_per_minute": 0, **settings})
    va = ValidationAuthority(desk.ca, Responder(desk.ca, desk.time), desk.store.validation, desk.time)

    async def ready() -> Mapping[str, bool]:
        return {"database": True, "ca": True, "migrations": True}

    api = api_app(desk.ra, chain_pem=desk.ca.chain_pem, settings=http, ready=ready)
    prefixed = dict.fromkeys(PREFIXES, validation_app(va, clock=desk.time))
    yield API(desk, listener_app(api, prefixed, http), journal)


def make_claim() -> str:
    """Return a new claim."""
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def make_pem(*dns: str) -> str:
    """Return a CSR in PEM by a new key."""
    return pem_of_csr(make_csr(None, *dns))


def pem_of_csr(der: bytes) -> str:
    """Return a CSR in PEM."""
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


def make_body(**changes: Any) -> dict[str, Any]:
    """Return a good submission's JSON, changed as told; `contact__phone=None` removes a field."""
    body: dict[str, Any] = {
        "organisation": "FRA1",
        "kind": "workstation",
        "csr": make_pem(),
        "claim": make_claim(),
        "contact": {"email": "jeanne@poste.example", "phone": "+33 1 23 45 67 89"},
        "location": {"state_or_province": "Rhône", "locality": "Lyon"},
        "description": "Counter 3, Lyon Bellecour",
        "device": {"id": os.urandom(8).hex(), "model": "OptiPlex", "platform": "Debian 12", "app": "curl"},
    }
    for name, value in changes.items():
        *parents, last = name.split("__")
        target = body
        for parent in parents:
            target = target[parent]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return body


def fingerprint(claim: str) -> bytes:
    """Return what the desk keeps of a claim."""
    return sha256(base64.urlsafe_b64decode(claim + "="))
