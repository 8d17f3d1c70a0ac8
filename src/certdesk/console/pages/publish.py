"""The publication page of an organisation, for whoever has its address: what to download, and what to do then.

Nobody signs in here, so nothing here tells more than that one organisation wants its devices to know. Whatever is
not published answers as an address that leads nowhere.
"""

from collections.abc import Iterable
from urllib.parse import quote

from certdesk.console.downloads import Download
from certdesk.console.publishing import Addresses, qr_code
from certdesk.console.rendering import Renderer
from certdesk.console.routing import ANYONE, Route, Visit, see_other
from certdesk.domain.enrollment import Kind
from certdesk.domain.publication import PublishedFile
from certdesk.domain.text import LANGUAGES, N_
from certdesk.doors.answers import Answer
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.scep.profile import KINDS as APPLE_KINDS
from certdesk.policy.publication import file_type
from certdesk.ra import RegistrationAuthority

_COMPUTERS = frozenset({Kind.WORKSTATION, Kind.SERVER})
_PLATFORMS = ("windows", "macos", "linux", "")


class PublishPages:
    """What visitors see and download."""

    def __init__(
        self, ra: RegistrationAuthority, renderer: Renderer, addresses: Addresses, limiter: RateLimiter
    ) -> None:
        self._ra = ra
        self._renderer = renderer
        self._addresses = addresses
        self._limiter = limiter

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/publish/{code}", ANYONE, self.show, is_quiet=True),
            Route("GET", "/publish/{code}/files/{name}", ANYONE, self.download, is_quiet=True),
        )

    async def show(self, visit: Visit) -> Answer:
        """Show the page in the visitor's language; a code in lower case leads to the address that it has."""
        self._limiter.spend(visit.source)
        code = visit.parameters["code"]
        if visit.query.get("language") in LANGUAGES:
            visit.language = visit.query["language"]
        page = await self._ra.public_page(code.upper(), visit.language)
        if code != page.organisation.code:
            return see_other(f"/publish/{quote(page.organisation.code)}")
        addresses = self._addresses.of(code)
        translate = self._renderer.sentence(visit)
        return self._renderer.answer(
            visit,
            "publication/public.html",
            organisation=page.organisation,
            text=page.text,
            files=page.files,
            apps=_of_platform(page.files, "android"),
            documents=_of_platform(page.files, "document"),
            clients=[(platform, _of_platform(page.files, platform)) for platform in _PLATFORMS],
            for_phones=Kind.MOBILE in page.organisation.kinds,
            for_apple=bool(page.organisation.kinds & APPLE_KINDS),
            for_computers=bool(page.organisation.kinds & _COMPUTERS),
            for_servers=Kind.SERVER in page.organisation.kinds,
            addresses=addresses,
            qr=qr_code(addresses.settings, translate(N_("QR code of the settings' address"))),
        )

    async def download(self, visit: Visit) -> Download:
        """Send a file."""
        self._limiter.spend(visit.source)
        file = await self._ra.published_file(visit.parameters["code"], visit.parameters["name"])
        return Download(file, self._ra.file_chunk, visit)


def _of_platform(files: Iterable[PublishedFile], platform: str) -> list[PublishedFile]:
    return [file for file in files if (kind := file_type(file.name)) and kind.platform == platform]
