"""Calls the EST door in this process, as devices do."""

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from certdesk.doors.asgi import Receive, Scope, Send
from certdesk.doors.est import PREFIX, PREFIXES, est_app
from certdesk.doors.http import listener_app
from certdesk.doors.settings import HTTPSettings
from tests.desks import TestDesk
from tests.integration.api_calls import Journal
from tests.integration.protocol_doors import ProtocolDoor


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Be what stands beside the doors."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class EST(ProtocolDoor):
    """A desk behind its EST door."""

    name = "est"

    async def call(  # noqa: PLR0913 - what HTTP has room for
        self,
        operation: str,
        body: bytes | None = None,
        *,
        raw: bytes | None = None,
        place: str = "FRA1",
        code: str = "",
        certificate: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "",
        address: str = "192.0.2.7",
        path: str = "",
    ) -> httpx.Response:
        """Call an operation; a body (DER) goes as base64 or else `raw`, a certificate (DER) as TLS has verified it."""
        if body is not None:
            raw = base64.b64encode(body)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if certificate is not None:
                scope["extensions"] = {"tls": {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(certificate)]}}
            await self.app(scope, receive, send)

        every = {"content-type": "application/pkcs10"} if raw is not None else {}
        if code:
            every["authorization"] = "Basic " + base64.b64encode(f"device:{code}".encode()).decode()
        transport = httpx.ASGITransport(app, client=(address, 50000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as client:
            return await client.request(
                method or ("GET" if raw is None else "POST"),
                path or f"{PREFIX}{place}/{operation}",
                content=raw,
                headers={**every, **(headers or {})},
            )


@asynccontextmanager
async def open_est(desk: TestDesk, **settings: Any) -> AsyncIterator[EST]:
    """Return a desk's EST door; without a rate limit unless told otherwise."""
    journal = Journal()
    http = HTTPSettings(log=journal, **{"public_calls_per_minute": 0, **settings})
    certificates = (desk.ca.hierarchy.issuing.der, desk.ca.hierarchy.root.der)
    est = est_app(desk.ra, ca_certificates=certificates, settings=http)
    yield EST(desk, listener_app(nothing, dict.fromkeys(PREFIXES, est), http), journal)


def certificates_in(answer: httpx.Response) -> list[x509.Certificate]:
    """Return the certificates in an answer, which must be base64 in one line."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/pkcs7-mime")
    assert answer.headers["content-transfer-encoding"] == "base64"
    assert not any(character.isspace() for character in answer.text)
    return load_der_pkcs7_certificates(base64.b64decode(answer.text, validate=True))
