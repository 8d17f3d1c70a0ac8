"""A console with a morning's work in it, and the list of its pages, which whatever looks at pages goes through."""

import io
import re
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.async_api import FilePayload, Page

from tests.e2e.server import DeskServer
from tests.integration.api_calls import make_body, make_pem

SESSION_COOKIE = "__Host-certdesk"
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_LINK = re.compile(r"/link\?token=([\w-]+)")
LATE_MANAGERS = {
    "paul": ("Paul Roux", "registration-manager", "FRA1"),
    "odile": ("Odile Blanc", "auditor", "FRA1"),
}
"""Managers whom the founded desk does not have, as in `server.MANAGERS`."""


@dataclass
class ConsoleDesk:
    """A running desk, its managers' sessions, and what there is to see."""

    server: DeskServer
    sessions: dict[str, str] = field(default_factory=dict)
    """Session cookies by login."""
    things: dict[str, str] = field(default_factory=dict)
    """IDs of requests and serial numbers, under the names that addresses use: `/requests/{waiting}`."""
    say: Callable[[str], str] = str
    """Makes of a text what people type instead."""

    @property
    def url(self) -> str:
        """Where the console is; passkeys are not for addresses, so it has a name."""
        return f"https://localhost:{self.server.port}"

    def address(self, template: str) -> str:
        """Return an address with the things that it names."""
        return template.format(**self.things)

    def session(self, login: str) -> str:
        """Return the cookie of a manager's session; there is none for a stranger."""
        if login and login not in self.sessions:
            self.sessions[login] = sign_in(self.server, login)
        return self.sessions.get(login, "")

    def client(self, login: str = "", language: str = "en") -> httpx.Client:
        """Return a browser without scripts that a manager is signed in with."""
        cookies = {SESSION_COOKIE: self.session(login)} if login else {}
        headers = {"accept-language": language, "origin": self.url}
        return httpx.Client(
            base_url=self.url, verify=self.server.tls(), trust_env=False, cookies=cookies, headers=headers
        )

    def post(self, login: str, address: str, **fields: str | list[str]) -> httpx.Response:
        """Send a form of the console, as its page would; redirects are not followed."""
        with self.client(login) as client:
            found = _TOKEN.search(client.get("/account").text)
            assert found
            return client.post(address, data={"csrf": found[1], **fields})

    def invite(self, name: str, email: str, organisation: str) -> str:
        """Invite a registration manager, and return the one-time link's token."""
        role = "registration-manager"
        answer = self.post("ada", "/managers/invite", name=name, email=email, role=role, organisation=organisation)
        found = _LINK.search(answer.text)
        assert found, answer.text
        return found[1]

    def follow(self, login: str, token: str) -> None:
        """Follow a one-time link, and keep the session under a login."""
        with self.client() as client:
            answer = client.post("/link", data={"token": token})
            assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
            self.sessions[login] = answer.cookies[SESSION_COOKIE]

    def publish(self, organisation: str, name: str, octets: bytes, version: str) -> httpx.Response:
        """Upload an installation file, for one organisation or for `all`."""
        with self.client("ada") as ada:
            here = f"/organisations/{organisation}/publication"
            found = _TOKEN.search(ada.get(here).text)
            assert found
            return ada.post(
                f"{here}/files", data={"csrf": found[1], "version": version}, files={"file": (name, octets)}
            )

    def submit(self, **changes: Any) -> str:
        """Submit a request as a device would, and return its ID."""
        with self.server.device() as device:
            answer = device.post("/api/v1/requests", json=make_body(**changes))
            assert answer.status_code == 201, answer.text
            return str(answer.json()["id"])

    def decide(self, login: str, request_id: str, verb: str = "approve", **body: str) -> dict[str, Any]:
        """Approve or reject a request, and return it."""
        with self.server.manager(login) as manager:
            answer = manager.post(f"/api/v1/requests/{request_id}/{verb}", json=body)
            assert answer.is_success, answer.text
            decided: dict[str, Any] = answer.json()
            return decided

    def issue(self, login: str = "claire", comment: str = "", **changes: Any) -> tuple[str, str]:
        """Submit and approve a request, and return its ID and the certificate's serial number."""
        issued = self.decide(login, self.submit(**changes), comment=comment)
        return str(issued["id"]), str(issued["certificate"]["serial_number"])

    def vouch(self, login: str, **order: Any) -> tuple[str, str]:
        """Make an enrollment code, and return its number in the list and the code."""
        with self.server.manager(login) as manager:
            answer = manager.post("/api/v1/codes", json=order)
            assert answer.is_success, answer.text
            return str(answer.json()["id"]), str(answer.json()["code"])

    def revoke(self, login: str, serial_number: str, reason: str, comment: str = "") -> None:
        """Revoke a certificate."""
        with self.server.manager(login) as manager:
            body = {"reason": reason, "comment": comment}
            answer = manager.post(f"/api/v1/certificates/{serial_number}/revoke", json=body)
            assert answer.is_success, answer.text


def make_apk() -> bytes:
    """Return something with the shape of an app's package."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("AndroidManifest.xml", "<manifest/>")
        archive.writestr("classes.dex", bytes(200_000))
    return package.getvalue()


def sign_in(server: DeskServer, login: str) -> str:
    """Sign a manager in with the certificate, and return the session's cookie."""
    with server.manager(login) as manager:
        answer = manager.post("/sign-in/certificate", data={"next": "/"}, headers={"origin": server.url})
        assert answer.status_code == 303, answer.text
        return answer.cookies[SESSION_COOKIE]


def fill(desk: ConsoleDesk) -> None:
    """Fill a desk with what a morning brings."""
    for login, (name, role, organisation) in LATE_MANAGERS.items():
        desk.server.add_manager(login, name, role, organisation)
    _fill_requests(desk)
    _fill_certificates(desk)
    _fill_the_rest(desk)


def _fill_requests(desk: ConsoleDesk) -> None:
    things, say = desk.things, desk.say
    handheld = _device(say, "ZB-4471-0093", "Zebra TC26", "Android 14", "Enroll 1.0.0")
    things["rejected"] = desk.submit(
        device=_device(say, "SN-88231", "OptiPlex 7010", "Windows 11", "certdesk-client 1.0"),
        contact={"email": "luc.moreau@poste.example", "phone": "+33 4 72 10 20 30"},
        description=say("The computer of counter 3"),
    )
    reason = say("Please give the inventory number of the device.")
    desk.decide("claire", things["rejected"], "reject", reason=reason)
    things["cancelled"] = desk.submit(device=handheld, kind="mobile", description=say("Handheld of route 12"))
    things["waiting"] = desk.submit(
        device=handheld,
        kind="mobile",
        description=say("Handheld of route 12, Villeurbanne; inventory number 4471"),
        contact={"email": "amelie.durand@poste.example", "phone": "+33 6 12 34 56 78"},
        location={"state_or_province": say("Rhône"), "locality": say("Villeurbanne")},
    )
    things["server"] = desk.submit(
        kind="server",
        csr=make_pem("parcels.poste.example", "www.parcels.poste.example"),
        description=say("Web server of the parcel tracking"),
        contact={"email": "ops@poste.example", "phone": "+33 1 55 44 33 22"},
        device=_device(say, "parcels-01", "virtual", "Debian 12", "certdesk-client 1.0"),
    )
    things["waiting_too"] = desk.submit(
        device=_device(say, "SN-90417", "Latitude 5450", "Windows 11", "certdesk-client 1.0"),
        description=say("Replacement of the broken computer in the back office"),
        contact={"email": "ines.roche@poste.example", "phone": "+33 4 78 00 11 22"},
    )
    things["german"] = desk.submit(
        organisation="DEU1",
        description=say("Schalter 2, Hamburg Altona"),
        contact={"email": "petra.vogt@post.example", "phone": "+49 40 123456"},
        location={"state_or_province": "Hamburg", "locality": "Hamburg"},
    )


def _fill_certificates(desk: ConsoleDesk) -> None:
    things, say = desk.things, desk.say
    things["issued"], things["certificate"] = desk.issue(
        "claire",
        say("Known to me"),
        device=_device(say, "SN-88231", "OptiPlex 7010", "Windows 11", "certdesk-client 1.0"),
        description=say("Counter 3, Lyon Bellecour; inventory number 88231"),
        contact={"email": "luc.moreau@poste.example", "phone": "+33 4 72 10 20 30"},
    )
    _, things["revoked"] = desk.issue(
        "claire",
        say("Known to me"),
        kind="mobile",
        device=_device(say, "SM-X200-71", "Galaxy Tab A8", "Android 13", "Enroll 1.0.0"),
        contact={"email": "karim.benali@poste.example", "phone": "+33 6 98 76 54 32"},
    )
    desk.revoke("claire", things["revoked"], "keyCompromise", say("Reported by telephone"))
    _, things["german_certificate"] = desk.issue(
        "jonas",
        organisation="DEU1",
        contact={"email": "uwe.lang@post.example", "phone": "+49 40 654321"},
        location={"state_or_province": "Hamburg", "locality": "Hamburg"},
    )


def _fill_the_rest(desk: ConsoleDesk) -> None:
    assert desk.publish("all", "Enroll.apk", make_apk(), "1.0.0").is_redirect
    assert desk.publish("FRA1", "certdesk-client.deb", b"!<arch>\ndebian-binary", "1.0.0").is_redirect
    note = desk.say("New handhelds")
    desk.things["code"], _ = desk.vouch("claire", organisation="FRA1", kind="mobile", count=40, note=note)
    desk.things["invitation"] = desk.invite("Léa Fontaine", "lea.fontaine@poste.example", "FRA1")
    desk.follow("newcomer", desk.invite("Marc Keller", "marc.keller@post.example", "DEU1"))


def _device(say: Callable[[str], str], id_: str, model: str, platform: str, app: str) -> dict[str, str]:
    return {"id": id_, "model": say(model), "platform": say(platform), "app": say(app)}


Open = Callable[[Page, ConsoleDesk], Awaitable[object]]


@dataclass(frozen=True)
class ConsolePage:
    """A page of the console, and how one gets there."""

    name: str
    who: str
    """A manager's login; empty for a stranger."""
    address: str
    """Where it is, or where one starts; `{waiting}` and the like are filled in."""
    route: str
    """Its line in the console's route table."""
    steps: Open | None = None
    """What is done there before the page is looked at."""
    refusal: int = 0
    """The status that the desk refuses with, of which the browser complains; 0 if it does not."""
    is_main: bool = False
    """Whether Lighthouse looks at it."""

    async def open(self, page: Page, desk: ConsoleDesk) -> None:
        """Go there."""
        answer = await page.goto(desk.address(self.address))
        assert answer is not None
        if self.steps is not None:
            await self.steps(page, desk)
        else:
            assert answer.status == (self.refusal or 200), await page.inner_text("main")


async def _tick(page: Page, action: str) -> None:
    for box in (await page.locator("input[name=id]").all())[:2]:
        await box.check()
    async with page.expect_navigation():
        await page.locator(f"button[name=action][value={action}]").click()


async def _confirm_approval(page: Page, _desk: ConsoleDesk) -> None:
    await _tick(page, "approve")


async def _confirm_rejection(page: Page, _desk: ConsoleDesk) -> None:
    await _tick(page, "reject")


async def _reject_without_reason(page: Page, _desk: ConsoleDesk) -> None:
    async with page.expect_navigation():
        await page.locator("form[action$='/reject'] button.danger").click()


async def _preview(page: Page, _desk: ConsoleDesk) -> None:
    await page.locator("#reason").fill("Please call the help desk first.")
    async with page.expect_navigation():
        await page.locator("button[name=preview]").click()


async def _make_link(page: Page, _desk: ConsoleDesk) -> None:
    async with page.expect_navigation():
        await page.locator("form[action$='/link'] button").click()


async def _make_certificate(page: Page, _desk: ConsoleDesk) -> None:
    async with page.expect_navigation():
        await page.locator("form[action$='/certificate'] button").click()


async def _invite_nobody(page: Page, _desk: ConsoleDesk) -> None:
    await page.locator("#name").fill("Nobody")
    await page.locator("#email").fill("nobody@localhost")
    async with page.expect_navigation():
        await page.locator("main form button").click()


async def _preview_settings(page: Page, _desk: ConsoleDesk) -> None:
    await page.locator("#support_contact").fill("help@poste.example")
    async with page.expect_navigation():
        await page.locator("button[name=preview]").click()


async def _add_nothing(page: Page, _desk: ConsoleDesk) -> None:
    await page.locator("#code").fill("!")
    await page.locator("#name").fill("!")
    await page.locator("#country").select_option("FR")
    async with page.expect_navigation():
        await page.locator("main button.big").click()


async def _make_code(page: Page, desk: ConsoleDesk) -> None:
    await page.locator("input[name=kind]").first.check()
    await page.locator("#note").fill(desk.say("Printers of Lyon"))
    async with page.expect_navigation():
        await page.locator("main button.big").click()


async def _upload_nonsense(page: Page, _desk: ConsoleDesk) -> None:
    await page.locator("#version").fill("1.0.0")
    nonsense: FilePayload = {"name": "Enroll.apk", "mimeType": "text/html", "buffer": b"<script>alert(1)</script>"}
    await page.locator("#file").set_input_files(nonsense)
    async with page.expect_navigation():
        await page.locator("form[action$='/files'] button").click()


_REQUEST = "GET /requests/{request_id}"
_CERTIFICATE = "GET /certificates/{serial_number}"
_CODE = "/organisations/{code}"
_PUBLICATION = "/organisations/FRA1/publication"

PAGES = (
    ConsolePage("sign-in", "", "/sign-in", "GET /sign-in", is_main=True),
    ConsolePage("home", "claire", "/", "GET /", is_main=True),
    ConsolePage("home-administrator", "ada", "/", "GET /"),
    ConsolePage("requests", "claire", "/requests", "GET /requests", is_main=True),
    ConsolePage("requests-administrator", "ada", "/requests?state=requested", "GET /requests"),
    ConsolePage("requests-none", "claire", "/requests?q=nothing-like-it", "GET /requests"),
    ConsolePage("requests-auditor", "otto", "/requests", "GET /requests"),
    ConsolePage("request", "claire", "/requests/{waiting}", _REQUEST, is_main=True),
    ConsolePage("request-issued", "claire", "/requests/{issued}", _REQUEST),
    ConsolePage("request-rejected", "claire", "/requests/{rejected}", _REQUEST),
    ConsolePage("request-cancelled", "claire", "/requests/{cancelled}", _REQUEST),
    ConsolePage("request-server", "ada", "/requests/{server}", _REQUEST),
    ConsolePage("request-not-mine", "claire", "/requests/{server}", _REQUEST),
    ConsolePage("reject-preview", "claire", "/requests/{waiting}", "POST /requests/{request_id}/reject", _preview),
    ConsolePage(
        "reject-no-reason",
        "claire",
        "/requests/{waiting}",
        "POST /requests/{request_id}/reject",
        _reject_without_reason,
        refusal=422,
    ),
    ConsolePage("approve-many", "claire", "/requests", "POST /requests/confirm", _confirm_approval),
    ConsolePage("reject-many", "claire", "/requests", "POST /requests/confirm", _confirm_rejection),
    ConsolePage("certificates", "claire", "/certificates", "GET /certificates", is_main=True),
    ConsolePage("certificates-administrator", "ada", "/certificates", "GET /certificates"),
    ConsolePage("certificate", "claire", "/certificates/{certificate}", _CERTIFICATE, is_main=True),
    ConsolePage("certificate-revoked", "claire", "/certificates/{revoked}", _CERTIFICATE),
    ConsolePage("revoke", "claire", "/certificates/{certificate}/revoke", f"{_CERTIFICATE}/revoke"),
    ConsolePage("revoked-already", "claire", "/certificates/{revoked}/revoke", f"{_CERTIFICATE}/revoke"),
    ConsolePage("codes", "claire", "/codes", "GET /codes"),
    ConsolePage("codes-administrator", "ada", "/codes", "GET /codes"),
    ConsolePage("codes-auditor", "odile", "/codes", "GET /codes"),
    ConsolePage("code-add", "ada", "/codes/add", "GET /codes/add"),
    ConsolePage("code-made", "claire", "/codes/add", "POST /codes/add", _make_code),
    ConsolePage("code-withdraw", "claire", "/codes/{code}/withdraw", "GET /codes/{code_id}/withdraw"),
    ConsolePage("account", "claire", "/account", "GET /account", is_main=True),
    ConsolePage("account-newcomer", "newcomer", "/account", "GET /account"),
    ConsolePage("managers", "ada", "/managers", "GET /managers"),
    ConsolePage("managers-auditor", "otto", "/managers?role=auditor", "GET /managers"),
    ConsolePage("invite", "ada", "/managers/invite", "GET /managers/invite"),
    ConsolePage("invite-nobody", "ada", "/managers/invite", "POST /managers/invite", _invite_nobody, refusal=422),
    ConsolePage("manager", "ada", "/managers/paul@managers.example", "GET /managers/{email}"),
    ConsolePage("manager-myself", "ada", "/managers/ada@managers.example", "GET /managers/{email}"),
    ConsolePage("manager-link", "ada", "/managers/paul@managers.example", "POST /managers/{email}/link", _make_link),
    ConsolePage(
        "manager-made",
        "ada",
        "/managers/paul@managers.example",
        "POST /managers/{email}/certificate",
        _make_certificate,
    ),
    ConsolePage("link", "", "/link?token={invitation}", "GET /link"),
    ConsolePage("link-used", "", "/link?token=used", "GET /link", refusal=404),
    ConsolePage("organisations", "ada", "/organisations", "GET /organisations"),
    ConsolePage("organisation", "ada", "/organisations/FRA1", "GET /organisations/{code}"),
    ConsolePage("organisation-auditor", "otto", "/organisations/DEU1", "GET /organisations/{code}"),
    ConsolePage("organisation-add", "ada", "/organisations/add", "GET /organisations/add"),
    ConsolePage(
        "organisation-wrong", "ada", "/organisations/add", "POST /organisations/add", _add_nothing, refusal=422
    ),
    ConsolePage("organisation-edit", "ada", "/organisations/FRA1/edit", "GET /organisations/{code}/edit"),
    ConsolePage(
        "organisation-preview",
        "ada",
        "/organisations/FRA1/edit",
        "POST /organisations/{code}/edit",
        _preview_settings,
    ),
    ConsolePage("publication", "ada", _PUBLICATION, f"GET {_CODE}/publication"),
    ConsolePage("publication-auditor", "otto", _PUBLICATION, f"GET {_CODE}/publication"),
    ConsolePage("publication-all", "ada", "/organisations/all/publication", f"GET {_CODE}/publication"),
    ConsolePage(
        "upload-refused",
        "ada",
        _PUBLICATION,
        f"POST {_CODE}/publication/files",
        _upload_nonsense,
        refusal=422,
    ),
    ConsolePage("publish", "", "/publish/FRA1", "GET /publish/{code}", is_main=True),
    ConsolePage("publish-empty", "", "/publish/DEU1", "GET /publish/{code}"),
    ConsolePage("authority", "ada", "/authority", "GET /authority"),
    ConsolePage("audit", "ada", "/audit", "GET /audit"),
    ConsolePage("audit-auditor", "odile", "/audit?subject={waiting}", "GET /audit"),
    ConsolePage("not-found", "claire", "/nowhere", "", refusal=404),
    ConsolePage("forbidden", "otto", "/certificates/{certificate}/revoke", "", refusal=403),
)
"""Everything that people may come to see; `test_console_look` fails if a page of the route table is missing."""
