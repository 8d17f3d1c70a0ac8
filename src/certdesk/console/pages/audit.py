"""The audit log: who did what, from where and why, and whether the log was found whole."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, timedelta
from urllib.parse import quote

from certdesk.console.filters import PAGE_SIZE, day_of, midnight
from certdesk.console.labels import LABELS
from certdesk.console.pages.managers import address_of as manager_address
from certdesk.console.rendering import Renderer, iso
from certdesk.console.routing import AUDITORS, OVERSEERS, Route, Visit, see_other
from certdesk.console.streaming import Stream, csv_stream
from certdesk.console.words import WORDS
from certdesk.domain.enrollment import Event
from certdesk.domain.errors import CertdeskError
from certdesk.domain.identifiers import parse_request_id
from certdesk.domain.trail import EventFilter
from certdesk.doors.answers import Answer
from certdesk.ra import RegistrationAuthority
from certdesk.store.events import SealedEvent

_EXPORTED_AT_ONCE = 100
_HEADING = ("id", "at", "action", "actor", "source", "organisation", "subject", "facts", "batch")
_AREAS = ("request", "certificate", "manager", "session", "passkey", "link", "token", "code")
_MORE_AREAS = ("organisation", "publication", "file", "audit")
ACTIONS = tuple(word for word in WORDS if word.partition(".")[0] in {*_AREAS, *_MORE_AREAS} and "." in word)
"""Everything that the log can say was done, in the order of the words."""
_SERIAL_NUMBER = re.compile(r"[0-9a-f]{32}")
_LONGEST_TEXT = 254


class AuditPages:
    """The log within the auditor's scope."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer) -> None:
        self._ra = ra
        self._renderer = renderer

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/audit", AUDITORS, self.index),
            Route("GET", "/audit/state", AUDITORS, self.state, is_quiet=True),
            Route("GET", "/audit/export.csv", AUDITORS, self.export),
            Route("POST", "/audit/verify", OVERSEERS, self.verify),
        )

    async def index(self, visit: Visit) -> Answer:
        """Show the log with its filters."""
        wanted = event_filter(visit)
        page = await self._ra.events(visit.by, wanted, after=visit.query.get("after"), limit=PAGE_SIZE)
        return self._renderer.answer(
            visit,
            "audit/index.html",
            page=page,
            wanted=wanted,
            state=await self._ra.log_state(visit.by),
            actions=ACTIONS,
            organisations=[] if visit.by.organisation else await self._ra.organisations(visit.by),
            labels=LABELS,
            address_of=lambda event: subject_address(event, overseer=not visit.by.organisation),
        )

    async def state(self, visit: Visit) -> Answer:
        """Show whether the log is whole, as a part of the page."""
        return self._renderer.answer(visit, "audit/state.html", state=await self._ra.log_state(visit.by))

    async def export(self, visit: Visit) -> Stream:
        """Send all events that the filters let through, as CSV."""
        return csv_stream("audit.csv", _HEADING, self._rows(visit))

    async def _rows(self, visit: Visit) -> AsyncIterator[list[Sequence[str]]]:
        wanted, after = event_filter(visit), None
        while True:
            page = await self._ra.events(visit.by, wanted, after=after, limit=_EXPORTED_AT_ONCE)
            yield [_row(sealed) for sealed in page.items]
            if page.next is None:
                return
            after = page.next

    async def verify(self, visit: Visit) -> Answer:
        """Have the log verified; the result appears here when it is there."""
        await self._ra.ask_for_verification(visit.by)
        return see_other("/audit?notice=verification-asked")


def event_filter(visit: Visit) -> EventFilter:
    """Return which events the log shows; what makes no sense is left out."""
    query = visit.query
    first, last = day_of(query.get("from", "")), day_of(query.get("to", ""))
    action = query.get("action", "")
    return EventFilter(
        organisation=query.get("organisation", ""),
        actor=query.get("actor", "").strip()[:_LONGEST_TEXT],
        action=action if action in ACTIONS else "",
        subject=_subject(query.get("subject", "").strip()[:_LONGEST_TEXT]),
        since=midnight(first) if first else None,
        before=midnight(last + timedelta(days=1)) if last and last < date.max else None,
    )


def _subject(text: str) -> str:
    """Return what events are about, from any spelling of a request ID or serial number."""
    serial_number = text.replace(":", "").lower()
    if _SERIAL_NUMBER.fullmatch(serial_number):
        return serial_number
    try:
        return parse_request_id(text)
    except CertdeskError:
        return text


def subject_address(event: Event, *, overseer: bool) -> str:
    """Return where more is to be read about an event's subject; empty where there is nothing for this reader."""
    area = event.action.partition(".")[0]
    if area == "request":
        return f"/requests/{quote(event.subject)}"
    if area == "certificate":
        return f"/certificates/{quote(event.subject)}"
    if not overseer:
        return ""
    if area in {"organisation", "publication"}:
        return f"/organisations/{quote(event.subject)}"
    if area == "file":
        return f"/organisations/{quote(event.organisation) or 'all'}/publication"
    return manager_address(event.subject) if "@" in event.subject else ""


def _row(sealed: SealedEvent) -> Sequence[str]:
    event = sealed.event
    return (
        event.id,
        iso(event.at),
        event.action,
        event.actor,
        event.source,
        event.organisation,
        event.subject,
        json.dumps(event.facts, ensure_ascii=False) if event.facts else "",
        str(sealed.batch or ""),
    )
