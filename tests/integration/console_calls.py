"""A browser without scripts: it keeps cookies, fills in forms and says where they come from."""

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import httpx
import structlog

from certdesk.console.app import console_app
from certdesk.domain.enrollment import Manager, Role
from certdesk.doors.asgi import ASGIApp
from certdesk.doors.http import listener_app
from certdesk.doors.settings import HTTPSettings
from tests.desks import OPERATOR, TestDesk

URL = "https://desk.example"
SOURCE = "192.0.2.9"
MANAGERS = {
    "claire": Manager("claire@poste.example", "Claire Petit", Role.REGISTRATION_MANAGER, "FRA1"),
    "paul": Manager("paul@poste.example", "Paul Roux", Role.REGISTRATION_MANAGER, "FRA1"),
    "jonas": Manager("jonas@post.example", "Jonas Weber", Role.REGISTRATION_MANAGER, "DEU1"),
    "ada": Manager("ada@operator.example", "Ada Operator", Role.ADMINISTRATOR, ""),
    "otto": Manager("otto@operator.example", "Otto Prüfer", Role.AUDITOR, ""),
    "odile": Manager("odile@poste.example", "Odile Blanc", Role.AUDITOR, "FRA1"),
}
_TOKEN = re.compile(r'name="csrf" value="([^"]*)"')
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)


def make_console(desk: TestDesk, **settings: Any) -> ASGIApp:
    """Return the console of a desk, behind a proxy at 127.0.0.1."""
    http = HTTPSettings(
        log=structlog.get_logger(),
        trusted_proxies=("127.0.0.1",),
        **{"public_calls_per_minute": 0, **settings},
    )
    console = console_app(desk.ra, chain_pem=desk.ca.chain_pem, desk_url=URL, settings=http, clock=desk.time)
    return listener_app(console, {}, http)


class Browser:
    """One manager's browser."""

    def __init__(self, client: httpx.AsyncClient, certificate: bytes | None) -> None:
        self.client = client
        self.certificate = certificate
        self.token = ""

    async def get(self, address: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Open an address; redirects are not followed."""
        response = await self.client.get(address, headers=headers)
        self._learn(response)
        return response

    async def post(self, address: str, **fields: str | Sequence[str]) -> httpx.Response:
        """Send a form from a page that was opened before."""
        response = await self.client.post(address, data={"csrf": self.token, **fields}, headers={"origin": URL})
        self._learn(response)
        return response

    def _learn(self, response: httpx.Response) -> None:
        if "html" in response.headers.get("content-type", "") and (found := _TOKEN.search(response.text)):
            self.token = found[1] or self.token

    async def sign_in(self) -> "Browser":
        """Sign in with the browser's certificate."""
        response = await self.post("/sign-in/certificate", next="/")
        assert response.status_code == 303, response.text
        await self.get("/")
        return self


async def certificate_of(desk: TestDesk, who: str) -> bytes:
    """Register a manager and return the certificate that was issued (DER)."""
    identity = await desk.ra.add_manager(MANAGERS[who], OPERATOR)
    return identity.certificate.der


@asynccontextmanager
async def browser(app: ASGIApp, certificate: bytes | None = None, language: str = "en") -> AsyncIterator[Browser]:
    """Open a browser; a certificate is one that TLS has verified."""
    headers = {"accept-language": language, "x-forwarded-for": SOURCE, "user-agent": "Test 1.0"}
    if certificate:
        headers["client-cert"] = f":{base64.b64encode(certificate).decode()}:"
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # httpx's scopes are typed more narrowly
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
        yield Browser(client, certificate)


@asynccontextmanager
async def signed_in(desk: TestDesk, who: str, app: ASGIApp | None = None) -> AsyncIterator[Browser]:
    """Open a browser in which a new manager is signed in."""
    certificate = await certificate_of(desk, who)
    async with browser(app or make_console(desk), certificate) as it:
        yield await it.sign_in()


def words(response: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(_TAG.sub(" ", response.text)).split())
