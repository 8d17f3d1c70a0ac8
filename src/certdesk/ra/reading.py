"""What managers, administrators and auditors see: their own scope, and nothing that hints at more."""

from dataclasses import replace

from certdesk.domain.enrollment import Certificate, CertificationRequest, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.listing import CertificateFilter, Page, RequestFilter
from certdesk.domain.text import N_
from certdesk.ra.office import hidden_from, no_such_request
from certdesk.ra.revocation import Revocations
from certdesk.store.requests import Enrollment


class Reading(Revocations):
    """Single records and pages of lists, newest first."""

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
        """Return one page of the requests in the caller's scope."""
        if not by.sees(wanted.organisation or by.organisation):
            return Page((), None)
        position = position_of(after)
        items = await self._store.requests.listing(
            replace(wanted, organisation=by.organisation or wanted.organisation),
            hidden=hidden_from(by),
            after=position,
            limit=limit + 1,
        )
        last = items[limit - 1] if len(items) > limit else None
        return Page(tuple(items[:limit]), f"{last.created_at}.{last.id}" if last else None)

    async def certificates(
        self, by: Principal, wanted: CertificateFilter, *, after: str | None = None, limit: int = 50
    ) -> Page[Certificate]:
        """Return one page of the certificates in the caller's scope."""
        if not by.sees(wanted.organisation or by.organisation):
            return Page((), None)
        position = position_of(after)
        items = await self._store.certificates.listing(
            replace(wanted, organisation=by.organisation or wanted.organisation),
            hidden=hidden_from(by),
            after=(position[0], _serial_of(position[1])) if position else None,
            limit=limit + 1,
        )
        last = items[limit - 1] if len(items) > limit else None
        return Page(tuple(items[:limit]), f"{last.not_before}.{last.serial_number.hex()}" if last else None)


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
    try:
        return bytes.fromhex(unverified_key)
    except ValueError:
        raise _no_position() from None


def _no_position() -> CertdeskError:
    return CertdeskError(
        ErrorKind.MALFORMED, N_("this is not the beginning of a page: take it from `next`"), field="after"
    )
