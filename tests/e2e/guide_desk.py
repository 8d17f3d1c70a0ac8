"""The desk that the console's guide shows: the same people, requests and times whenever it is made.

It runs in this process, so that its clock can stand still and its IDs come out the same. A browser's calls to
`https://desk.example` are carried to it by hand, with the certificate that a proxy would have verified.
"""
# ruff: noqa: RUF001 - French is written with typographic apostrophes

import base64
import random
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.async_api import Browser, Page, Request, Route

from certdesk.audit.seal import seal
from certdesk.domain.enrollment import Conditions, Device, DoorRule, Kind, Names, Organisation, Principal, Role
from certdesk.domain.publication import PublicationText
from certdesk.domain.states import RevocationReason
from certdesk.doors.asgi import ASGIApp
from certdesk.keys.directory import KeyDirectory
from certdesk.ra import Enrollment
from certdesk.ra.organisations import OrganisationFile
from certdesk.va.authority import ValidationAuthority
from certdesk.va.responder import Responder
from tests.desks import OPERATOR, PASSPHRASE, TestDesk, make_csr, make_desk, make_submission
from tests.e2e.browser import visitor
from tests.e2e.console_pages import make_apk
from tests.integration.console_calls import MANAGERS, URL, browser, certificate_of, make_console

WIDE = (1280, 800)
PHONE = (390, 760)

_SEED = 1874
_HOUR = 3_600_000
_DAY = 24 * _HOUR
_MORNING = 1_791_882_000_000
"""The guide's day begins: Tuesday, 13 October 2026, 9:00."""
_UNEVENTFUL_DAYS = (3, 2, 4, 2, 0, 0, 2, 5, 3, 2, 3, 0, 1, 4, 2, 6, 3, 2, 0, 0, 0)
"""How many requests came on each of the days before."""
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

DESCRIPTIONS: Mapping[str, Mapping[str, str]] = {
    "handheld": {
        "en": "Handheld of route 12, Villeurbanne; inventory number 4471",
        "fr": "Terminal de la tournée 12, Villeurbanne ; numéro d’inventaire 4471",
    },
    "counter": {
        "en": "Counter 3, Lyon Bellecour; inventory number 88231",
        "fr": "Guichet 3, Lyon Bellecour ; numéro d’inventaire 88231",
    },
    "office": {
        "en": "Replaces the broken computer in the back office, Vienne",
        "fr": "Remplace l’ordinateur en panne de l’arrière-guichet, Vienne",
    },
    "tablet": {"en": "Tablet for parcel lockers, Bron", "fr": "Tablette pour les consignes à colis, Bron"},
    "server": {"en": "Web server of the parcel tracking", "fr": "Serveur web du suivi des colis"},
    "unclear": {"en": "my new phone", "fr": "mon nouveau téléphone"},
}
REASONS = {
    "en": (
        "Please give the inventory number of the device.",
        "Private devices are not enrolled. Ask the help desk for one of ours.",
    ),
    "fr": (
        "Veuillez indiquer le numéro d’inventaire de l’appareil.",
        "Les appareils privés ne sont pas enrôlés. Demandez-en un des nôtres à l’assistance.",
    ),
}
_HELP = {"en": "Help desk, +33 4 78 00 00 12", "fr": "Assistance, +33 4 78 00 00 12"}
_COMMENTS = {"en": "Called back, code compared", "fr": "Rappelé, code comparé"}
_SOUND = Conditions(screen_lock=True, rooted=False)
_HANDHELD = Device("ZB-4471-0093", "Zebra TC26", "Android 14", "Enroll 1.0.0", _SOUND)
_TABLET = Device("SM-X200-71", "Galaxy Tab A8", "Android 13", "Enroll 1.0.0", _SOUND)
_PHONE = Device("PX-9", "Pixel 9", "Android 15", "Enroll 1.0.0", Conditions(screen_lock=True, rooted=True))
_ORDINARY = (
    ("tablet", "nadia.fabre@poste.example", _TABLET),
    ("counter", "yves.lopez@poste.example", Device("SN-88200", "OptiPlex 7010", "Windows 11", "certdesk-client 1.0.0")),
    ("handheld", "bruno.petit@poste.example", _HANDHELD),
)
"""What comes on every day: its description, who asks, and for which device."""
_COUNTER = Device("SN-88231", "OptiPlex 7010", "Windows 11", "certdesk-client 1.0.0")


@dataclass
class GuideDesk:
    """A desk with one organisation's ordinary weeks behind it, in one language."""

    desk: TestDesk
    folder: Path
    language: str
    app: ASGIApp
    things: dict[str, str] = field(default_factory=dict)
    """What addresses name: `/requests/{waiting}`."""
    certificates: dict[str, bytes] = field(default_factory=dict)
    """The managers', DER, by login."""
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _windows: dict[tuple[str, tuple[int, int], bool], Page] = field(default_factory=dict)
    _browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    """What keeps the cookies of each, under whom a stop names."""
    _keys: int = 0

    @classmethod
    async def make(cls, folder: Path, language: str) -> Self:
        """Return a desk that nobody administers yet."""
        numbers = random.Random(_SEED)
        url = f"sqlite://{folder / 'desk.sqlite'}"
        desk = await make_desk(url, folder, name="Universal Post", randomness=numbers.randbytes)
        desk.time.now = _MORNING - len(_UNEVENTFUL_DAYS) * _DAY
        it = cls(desk, folder, language, make_console(desk))
        link = await desk.ra.first_link(OPERATOR)
        assert link is not None
        it.things["first_link"] = base64.urlsafe_b64encode(link.token).decode().rstrip("=")
        return it

    async def fill(self) -> None:
        """Let people come, and weeks go by."""
        for login in MANAGERS:
            self.certificates[login] = await certificate_of(self.desk, login)
        await self._describe_organisation()
        for number in _UNEVENTFUL_DAYS:
            for _ in range(number):
                await self._an_ordinary_one()
            self.desk.time.now += _DAY - number * _HOUR // 4
        await self._yesterday()
        await self._this_morning()
        await self._publish()
        await self._sign_beforehand()

    async def _describe_organisation(self) -> None:
        ra = self.desk.ra
        present = await ra.organisation_file("FRA1", OPERATOR)
        organisation = replace(
            present.organisation,
            contact_name="Hélène Marchand",
            contact_email="h.marchand@poste.example",
            contact_phone="+33478000010",
            allowed_names=("poste.example",),
            support_contact=_HELP[self.language],
            state_or_province="Rhône",
            door_rules=frozenset({DoorRule.REQUIRE_CODE}),
        )
        ada, file = _principal("ada"), OrganisationFile(organisation, REASONS[self.language])
        await ra.change_organisation(file, present.mark, ada)
        for code, name, country in (("BEL1", "bpost", "BE"), ("ITA1", "Poste Italiane", "IT")):
            await ra.add_organisation(Organisation(code, name, country), ada)

    async def _an_ordinary_one(self) -> None:
        what, email, device = _ORDINARY[self._keys % len(_ORDINARY)]
        kind = Kind.MOBILE if "Android" in device.platform else Kind.WORKSTATION
        own = replace(device, id=f"{device.id[:3]}{5000 + 37 * self._keys}")
        await self._issued(("claire", "paul")[self._keys % 2], what, email=email, device=own, kind=kind)

    async def _yesterday(self) -> None:
        self.desk.time.now = _MORNING - 20 * _HOUR
        self.things["rejected"] = await self._submit("unclear", email="luc.moreau@poste.example", device=_COUNTER)
        self.desk.time.now += _HOUR
        await self.desk.ra.reject(self.things["rejected"], _principal("claire"), REASONS[self.language][0])
        issued = await self._issued("paul", "counter", email="luc.moreau@poste.example", device=_COUNTER)
        assert issued.certificate
        self.things["issued"], self.things["certificate"] = issued.request.id, issued.certificate.serial_number.hex()
        lost = await self._issued("claire", "tablet", email="karim.benali@poste.example", kind=Kind.MOBILE)
        assert lost.certificate
        await self.desk.ra.revoke(
            lost.certificate.serial_number, _principal("claire"), RevocationReason.KEY_COMPROMISE, ""
        )
        self.things["waiting"] = await self._submit(
            "handheld",
            kind=Kind.MOBILE,
            device=_HANDHELD,
            email="amelie.durand@poste.example",
            phone="+33 6 12 34 56 78",
            locality="Villeurbanne",
        )

    async def _this_morning(self) -> None:
        self.desk.time.now = _MORNING - _HOUR // 2
        self.things["office"] = await self._submit("office", email="ines.roche@poste.example", locality="Vienne")
        self.things["locker"] = await self._submit(
            "tablet", kind=Kind.MOBILE, device=_TABLET, email="karim.benali@poste.example", locality="Bron"
        )
        self.things["phone"] = await self._submit(
            "unclear", kind=Kind.MOBILE, device=_PHONE, email="theo.blanc@poste.example"
        )
        self.things["server"] = await self._submit(
            "server",
            kind=Kind.SERVER,
            names=Names(("parcels.poste.example",)),
            device=Device("parcels-01", "virtual", "Debian 12", "certdesk-client 1.0.0"),
            email="ops@poste.example",
        )
        self.desk.time.now = _MORNING

    async def _publish(self) -> None:
        ra, ada = self.desk.ra, _principal("ada")
        files = {"Enroll.apk": make_apk(), "certdesk-client.deb": b"!<arch>\ndebian-binary".ljust(248_112, b"\0")}
        for name, octets in files.items():
            upload = await ra.begin_upload("", name, "1.0.0", ada)
            await upload.write(octets)
            await upload.finish()
        await ra.write_publication(PublicationText("FRA1", self.language, contact=_HELP[self.language]), ada)

    async def _sign_beforehand(self) -> None:
        desk = self.desk
        await desk.crl.renew_if_due()
        await desk.crl.publish()
        validation = ValidationAuthority(desk.ca, Responder(desk.ca, desk.time), desk.store.validation, desk.time)
        await validation.presign(1000)
        await seal(desk.store.events, KeyDirectory(self.folder / "keys", PASSPHRASE).load("audit"), desk.time)

    async def _submit(self, what: str, **changes: Any) -> str:
        self._keys += 1
        key = ec.derive_private_key(_SEED + self._keys, ec.SECP256R1())
        number = self._keys.to_bytes(16)
        submission = make_submission(
            csr=make_csr(key),
            claim_sha256=number * 2,
            description=DESCRIPTIONS[what][self.language],
            **{"device": replace(_COUNTER, id=f"SN-{88231 + self._keys}"), **changes},
        )
        request, _ = await self.desk.ra.submit(submission, source="192.0.2.7")
        return request.id

    async def _issued(self, login: str, what: str, **changes: Any) -> Enrollment:
        request_id = await self._submit(what, **changes)
        self.desk.time.now += _HOUR // 4
        return await self.desk.ra.approve(request_id, _principal(login), _COMMENTS[self.language])

    async def window(self, chromium: Browser, who: str, size: tuple[int, int], *, is_dark: bool) -> Page:
        """Return somebody's window on the console, the same one each time; managers are signed in since the first."""
        key = (who, size, is_dark)
        if key not in self._windows:
            opened = visitor(
                chromium,
                URL,
                language=self.language,
                size=size,
                phone=size == PHONE,
                device_scale_factor=2 if size == PHONE else 1,
                color_scheme="dark" if is_dark else "light",
            )
            page = self._windows[key] = await self._open.enter_async_context(opened)
            await page.route("**/*", _Carrier(await self._browser(who)))
        return self._windows[key]

    async def _browser(self, who: str) -> httpx.AsyncClient:
        if who not in self._browsers:
            login = who.removesuffix("?")
            opened = browser(self.app, self.certificates.get(login), self.language)
            client = (await self._open.enter_async_context(opened)).client
            client.headers["user-agent"] = _AGENT
            client.follow_redirects = True
            if login and login == who:
                await client.post("/sign-in/certificate", data={"next": "/"}, headers={"origin": URL})
            self._browsers[who] = client
        return self._browsers[who]

    async def close(self) -> None:
        """Close the desk and whatever looked at it."""
        await self._open.aclose()
        await self.desk.close()


class _Carrier:
    """Carries what a page asks for to the desk in this process, follows redirects and keeps cookies on the way."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(self, route: Route, request: Request) -> None:
        kept = {name: value for name, value in request.headers.items() if name in {"content-type", "accept"}}
        htmx = {name: value for name, value in request.headers.items() if name.startswith("hx-")}
        answer = await self._client.request(
            request.method,
            request.url,
            content=request.post_data_buffer,
            headers={**kept, **htmx, "origin": URL},
        )
        dropped = {"content-encoding", "content-length", "set-cookie"}
        headers = {name: value for name, value in answer.headers.items() if name not in dropped}
        await route.fulfill(status=answer.status_code, headers=headers, body=answer.content)


def _principal(login: str) -> Principal:
    manager = MANAGERS[login]
    return Principal(manager.email, Role(manager.role), manager.organisation)
