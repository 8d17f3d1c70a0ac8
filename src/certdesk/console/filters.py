"""Reads a list's filters from its address, so that an address is the whole state of a list.

What makes no sense is left out, and the form above the list shows what was understood.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from certdesk.console.routing import Visit
from certdesk.domain.clock import SECOND
from certdesk.domain.enrollment import DAY, Kind
from certdesk.domain.errors import CertdeskError
from certdesk.domain.identifiers import parse_request_id
from certdesk.domain.listing import CertificateFilter, RequestFilter
from certdesk.domain.states import CertificateStatus, RequestState

PAGE_SIZE = 50
EXPIRY_DAYS = (7, 30, 90)
EXPIRED = "expired"
_LONGEST_TEXT = 254

Choice = TypeVar("Choice", bound=StrEnum)


def _one_of(choices: type[Choice], value: str) -> Choice | None:
    return choices(value) if value in list(choices) else None


def day_of(value: str) -> date | None:
    """Return the day that a date field sent, or None."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def midnight(day: date) -> int:
    """Return a day's beginning (UTC) in milliseconds."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * SECOND


def _text(visit: Visit) -> str:
    """Return the search text; a request ID in whatever spelling is found as the one that it is."""
    text = visit.query.get("q", "").strip()[:_LONGEST_TEXT]
    try:
        return parse_request_id(text)
    except CertdeskError:
        return text


def request_filter(visit: Visit) -> RequestFilter:
    """Return which requests a list shows."""
    query = visit.query
    first, last = day_of(query.get("from", "")), day_of(query.get("to", ""))
    return RequestFilter(
        organisation=query.get("organisation", ""),
        state=_one_of(RequestState, query.get("state", "")),
        kind=_one_of(Kind, query.get("kind", "")),
        text=_text(visit),
        created_from=midnight(first) if first else None,
        created_before=midnight(last + timedelta(days=1)) if last and last < date.max else None,
        oldest_first=query.get("order") == "oldest",
    )


def certificate_filter(visit: Visit, now: int) -> CertificateFilter:
    """Return which certificates a list shows."""
    query, expiry = visit.query, visit.query.get("expiry", "")
    days = int(expiry) if expiry in map(str, EXPIRY_DAYS) else None
    return CertificateFilter(
        organisation=query.get("organisation", ""),
        status=_one_of(CertificateStatus, query.get("status", "")),
        kind=_one_of(Kind, query.get("kind", "")),
        text=_text(visit),
        expires_from=now if days else None,
        expires_before=now + days * DAY if days else now if expiry == EXPIRED else None,
    )
