"""What managers, administrators and auditors see: their own scope, and nothing that hints at more."""

import re
from dataclasses import replace

from certdesk.domain.enrollment import Certificate, CertificationRequest, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.listing import CertificateFilter, Page, RequestFilter
from certdesk.domain.text import N_
from certdesk.ra.office import hidden_from, no_such_request, shown_kinds
from certdesk.ra.revocation import Revocations
from certdesk.store.requests import Enrollment
from certdesk.store.search import Found, Item


class Reading(Revocations):
    """Single records and pages of lists."""

    async def request(self, request_id: str, by: Principal) -> Enrollment:
        """Return a request in the caller's scope with its certificate; raise `NOT_FOUND`."""
        enrollment = await self._store.requests.enrollment(request_id, by.organisation)
        if enrollment is None or enrollment.request.submission.kind is hidden_from(by):
            raise no_such_request()
        return enrollment

    async def certificate(self, serial_number: bytes, by: Principal) -> Certificate:
        """Return a certificate in the caller's scope; raise `NOT_FOUND`."""
        return await self._seen_certificate(serial_number, by)

    async def requests(
        self, by: Principal, wanted: RequestFilter, *, after: str | None = None, limit: int = 50
    ) -> Page[CertificationRequest]:
        """Return one page of the requests in the caller's scope, newest first unless the filter says otherwise.

        What a text finds comes in the order of the match: whole words first, then new before old.
        """
        if not by.sees(wanted.organisation or by.organisation):
            return Page((), None)
        scoped = replace(wanted, organisation=by.organisation or wanted.organisation)
        kinds, position = shown_kinds(by, wanted.kind), position_of(after)
        if wanted.text:
            return _page_of(await self._store.search.requests(scoped, kinds=kinds, after=position, limit=limit))
        items = await self._store.requests.listing(scoped, kinds=kinds, after=position, limit=limit + 1)
        last = items[limit - 1] if len(items) > limit else None
        return Page(tuple(items[:limit]), f"{last.created_at}.{last.id}" if last else None)

    async def certificates(
        self, by: Principal, wanted: CertificateFilter, *, after: str | None = None, limit: int = 50
    ) -> Page[Certificate]:
        """Return one page of the certificates in the caller's scope, those that are valid longest first.

        If the filter asks for what expires from a time on, what expires next comes first.
        """
        if not by.sees(wanted.organisation or by.organisation):
            return Page((), None)
        scoped = replace(wanted, organisation=by.organisation or wanted.organisation)
        kinds, position = shown_kinds(by, wanted.kind), position_of(after)
        if wanted.text:
            return _page_of(await self._store.search.certificates(scoped, kinds=kinds, after=position, limit=limit))
        items = await self._store.certificates.listing(
            scoped,
            kinds=kinds,
            after=(position[0], _serial_of(position[1])) if position else None,
            limit=limit + 1,
        )
        last = items[limit - 1] if len(items) > limit else None
        return Page(tuple(items[:limit]), f"{last.not_after}.{last.serial_number.hex()}" if last else None)


def _page_of(found: Found[Item]) -> Page[Item]:
    """Return a page of what a search found, in the order of the search."""
    return Page(found.items, f"{found.next[0]}.{found.next[1]}" if found.next else None)


_REQUEST_ID = re.compile(r"[0-9A-Z-]{12,22}")
_LONGEST_POSITION, _LONGEST_TIME = 80, 15  # characters


def position_of(unverified_after: str | None) -> tuple[int, str] | None:
    """Read where a page begins, or raise `MALFORMED`."""
    if unverified_after is None:
        return None
    time, dot, key = unverified_after.partition(".")
    if len(unverified_after) > _LONGEST_POSITION or not (
        time.isascii() and time.isdigit() and len(time) <= _LONGEST_TIME and dot
    ):
        raise _no_position()
    return int(time), key


def _serial_of(unverified_key: str) -> bytes:
    """Return the serial number in a position; one from a search names a request, and stands before all serials."""
    if _REQUEST_ID.fullmatch(unverified_key):
        return b""
    try:
        return bytes.fromhex(unverified_key)
    except ValueError:
        raise _no_position() from None


def _no_position() -> CertdeskError:
    return CertdeskError(
        ErrorKind.MALFORMED, N_("this is not the beginning of a page: take it from `next`"), field="after"
    )
