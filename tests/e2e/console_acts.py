"""What people do at the console, step by step, for the journeys that are made of it."""

import base64
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import CDPSession, Page, expect

from tests.e2e.books import listed
from tests.e2e.console_pages import ConsoleDesk
from tests.e2e.server import DeskServer
from tests.integration.api_calls import make_body

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
"""What DevTools are told to play (WebAuthn Level 3 §11)."""
_LINK = re.compile(r"https://\S+/link\?token=\S+")


def url_of(server: DeskServer) -> str:
    """Return a desk's URL as people call it: passkeys are not kept for addresses."""
    return f"https://localhost:{server.port}"


def first_link(server: DeskServer) -> str:
    """Return the link that the server has printed."""
    server.wait_until_said("/link?token=")
    found = _LINK.search(server.log)
    assert found
    return found[0]


def is_link(text: str) -> bool:
    """Tell whether a text is a one-time link and nothing else."""
    return _LINK.fullmatch(text) is not None


async def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give a page's browser an authenticator, and return its number."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return devtools, added["authenticatorId"]


async def become_administrator(page: Page, link: str) -> None:
    """Follow the first link and say who one is."""
    await page.goto(link)
    await page.get_by_label("Your name").fill("Ada Operator")
    await page.get_by_label("Your e-mail address").fill("ada@operator.example")
    await page.get_by_role("button", name="Become the administrator").click()
    await page.wait_for_url("**/account")


async def make_passkey(page: Page, name: str) -> None:
    """Register a passkey in my account."""
    await page.get_by_label("Name of a new passkey").fill(name)
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_text("The passkey is yours")).to_be_visible()


async def make_certificate(page: Page, folder: Path) -> tuple[Path, str]:
    """Have a certificate made on the page that offers it, and return its file and the password beside it."""
    await page.get_by_role("button", name="Make a certificate").click()
    password = await page.locator("#password").inner_text()
    async with page.expect_download() as started:
        await page.get_by_role("button", name=".p12").click()
    pkcs12 = folder / "downloaded.p12"
    await (await started.value).save_as(pkcs12)
    return pkcs12, password


async def sign_out(page: Page) -> None:
    """Sign out by the panel behind the name."""
    await page.locator("details.who > summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in**")


@dataclass
class Requester:
    """A device that has submitted a request, and follows it."""

    server: DeskServer
    id: str
    code: str
    claim: str

    @classmethod
    def of(cls, desk: ConsoleDesk | DeskServer, device: str, **changes: object) -> "Requester":
        """Submit a request of a device with this ID."""
        server = desk.server if isinstance(desk, ConsoleDesk) else desk
        body = make_body(**{"device": {"id": device, "model": "Zebra TC26"}, "kind": "mobile"} | changes)
        with server.device() as client:
            made = client.post("/api/v1/requests", json=body).raise_for_status().json()
        return cls(server, made["id"], made["verification_code"], body["claim"])

    def look(self) -> dict[str, str]:
        """Ask what became of the request."""
        with self.server.device() as client:
            headers = {"authorization": f"Bearer {self.claim}"}
            answer = client.get(f"/api/v1/requests/{self.id}", headers=headers).raise_for_status().json()
            return {name: value for name, value in answer.items() if isinstance(value, str)}


async def approve(page: Page, requester: Requester) -> str:
    """Compare the code of the request that is open, approve it, and return the certificate's serial number."""
    assert "".join(await page.locator(".verification [aria-hidden]").all_inner_texts()) == requester.code
    await page.get_by_label("Comment for your colleagues").fill("Called back, code compared")
    await page.get_by_role("button", name="Approve and issue").click()
    await expect(page.get_by_role("status")).to_contain_text("Approved. The certificate is issued")
    assert requester.look()["status"] == "issued"
    return (await page.locator(".outcome a[href^='/certificates/']").inner_text()).strip()


async def reject(page: Page, requester: Requester, reason: str) -> None:
    """Open a request, see how the requester will read the reason, and reject it."""
    await page.goto(f"/requests/{requester.id}")
    await page.get_by_label("Reason, shown to the requester").fill(reason)
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#preview")).to_contain_text(reason)
    await page.get_by_role("button", name="Reject", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Rejected.")
    assert requester.look()["status"] == "rejected"
    assert requester.look()["reason"] == reason


async def revoke(page: Page, server: DeskServer, serial_number: str, device: str) -> None:
    """Revoke a certificate, and ask OCSP and the revocation list whether everybody is told."""
    await page.goto(f"/certificates/{serial_number}")
    await page.get_by_role("button", name="Revoke …").click()
    await expect(page.locator(".lockout")).to_contain_text(device)
    await page.get_by_label("no longer in use").check()
    await page.get_by_label("Comment for your colleagues").fill("Sold")
    await page.get_by_role("button", name="Revoke for good").click()
    await expect(page.get_by_role("status")).to_contain_text("Revoked.")
    await expect(page.locator("main")).to_contain_text("OCSP answers: revoked")
    assert _ocsp_says(server, serial_number) == "revoked"
    assert serial_number in listed(server)


def come_by_est(
    desk: ConsoleDesk, code: str, csr: bytes, *, user: str = "printer", agent: str = "printer/1.0"
) -> httpx.Response:
    """Ask for a workstation's certificate by EST with an enrollment code, as any device could; the CSR is DER."""
    headers = {"content-type": "application/pkcs10", "user-agent": agent}
    with desk.server.device() as device:
        return device.post(
            "/.well-known/est/FRA1/workstation/simpleenroll",
            content=base64.b64encode(csr),
            headers=headers,
            auth=(user, code),
        )


def _ocsp_says(server: DeskServer, serial_number: str) -> str:
    ca = server.data / "ca"
    done = subprocess.run(
        [
            *("openssl", "ocsp", "-issuer", ca / "issuing.pem", "-serial", f"0x{serial_number}"),
            *("-url", f"{server.pki_url}/ocsp", "-CAfile", ca / "root.pem"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.partition(": ")[2].partition("\n")[0]
