"""The list of requests: filtered, searched, paged, exported, and kept fresh by the browser."""

from collections.abc import AsyncIterator, Iterable, Sequence
from hashlib import sha256

from certdesk.console.filters import PAGE_SIZE, request_filter
from certdesk.console.rendering import Renderer, iso
from certdesk.console.routing import SIGNED_IN, Route, Visit
from certdesk.console.security import PAGE_HEADERS
from certdesk.console.streaming import Stream, csv_stream
from certdesk.domain.clock import MINUTE, Clock
from certdesk.domain.enrollment import CertificationRequest, Conditions, Device, Kind, Organisation
from certdesk.domain.identifiers import verification_code
from certdesk.domain.listing import Page
from certdesk.domain.states import RequestState
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.ra import RegistrationAuthority

_EXPORTED_AT_ONCE = 100
_AGES_FRESH = 5 * MINUTE
_HEADING = (
    "id",
    "state",
    "kind",
    "organisation",
    "created_at",
    "email",
    "phone",
    "description",
    "state_or_province",
    "locality",
    "device_id",
    "device_model",
    "device_platform",
    "device_app",
    "device_screen_lock",
    "device_rooted",
    "common_name",
    "dns_names",
    "ip_addresses",
    "verification_code",
    "source",
    "door",
    "decided_at",
    "decided_by",
    "comment",
    "reason",
    "serial_number",
)


class RequestListPages:
    """The list, the part of it that refreshes itself, and the export."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, clock: Clock) -> None:
        self._ra = ra
        self._renderer = renderer
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/requests", SIGNED_IN, self.show),
            Route("GET", "/requests/list", SIGNED_IN, self.fragment, is_quiet=True),
            Route("GET", "/requests/export.csv", SIGNED_IN, self.export),
        )

    async def show(self, visit: Visit) -> Answer:
        """Show the list with its filters."""
        page, organisations = await self._page(visit), await self._organisations(visit)
        return self._renderer.answer(
            visit,
            "requests/index.html",
            page=page,
            etag=self._etag(visit, page),
            organisations=organisations,
            states=list(RequestState),
            kinds=[kind for kind in Kind if kind is not Kind.MANAGER or not visit.by.organisation],
            wanted=request_filter(visit),
        )

    async def fragment(self, visit: Visit) -> Answer:
        """Return the list alone, or say that nothing has changed (304)."""
        page = await self._page(visit)
        etag = self._etag(visit, page)
        if visit.header(b"if-none-match") == etag:
            return Answer(304, b"", ((b"etag", etag.encode()), *PAGE_HEADERS, NO_STORE))
        return self._renderer.answer(
            visit, "requests/list.html", (b"etag", etag.encode()), page=page, etag=etag, wanted=request_filter(visit)
        )

    async def export(self, visit: Visit) -> Stream:
        """Send all requests that the filters let through, as CSV."""
        return csv_stream("requests.csv", _HEADING, self._rows(visit))

    async def _rows(self, visit: Visit) -> AsyncIterator[list[Sequence[str]]]:
        wanted, after = request_filter(visit), None
        while True:
            page = await self._ra.requests(visit.by, wanted, after=after, limit=_EXPORTED_AT_ONCE)
            yield [_row(request) for request in page.items]
            if page.next is None:
                return
            after = page.next

    async def _page(self, visit: Visit) -> Page[CertificationRequest]:
        after = visit.query.get("after")
        return await self._ra.requests(visit.by, request_filter(visit), after=after, limit=PAGE_SIZE)

    async def _organisations(self, visit: Visit) -> list[Organisation]:
        return [] if visit.by.organisation else await self._ra.organisations(visit.by)

    def _etag(self, visit: Visit, page: Page[CertificationRequest]) -> str:
        """Return what changes whenever the list would look different, ages now and then."""
        seen = [visit.language, str(self._clock() // _AGES_FRESH), visit.session and visit.session.role]
        seen += [f"{request.id} {request.state}" for request in page.items]
        return f'"{sha256(repr(seen).encode()).hexdigest()[:16]}"'


def _conditions(device: Device) -> tuple[str, str]:
    """Return what a device says of its screen lock and of rooting: yes, no, or nothing."""
    found, words = device.conditions or Conditions(), {True: "yes", False: "no", None: ""}
    return words[found.screen_lock], words[found.rooted]


def _row(request: CertificationRequest) -> Sequence[str]:
    asked, device = request.submission, request.submission.device
    return (
        request.id,
        request.state,
        asked.kind,
        asked.organisation,
        iso(request.created_at),
        asked.email,
        asked.phone,
        asked.description,
        asked.state_or_province,
        asked.locality,
        device.id,
        device.model,
        device.platform,
        device.app,
        *_conditions(device),
        asked.common_name,
        " ".join(asked.names.dns),
        " ".join(asked.names.ip),
        verification_code(request.spki_sha256),
        request.source,
        request.door,
        iso(request.decided_at) if request.decided_at else "",
        request.decided_by,
        request.comment,
        request.reason,
        request.serial_number.hex() if request.serial_number else "",
    )
