"""Enrollment codes: a manager vouches beforehand for devices that will come by a standard protocol."""

from contextlib import suppress
from dataclasses import replace

from certdesk.domain.codes import EnrollmentCode, Voucher, new_code, new_code_id, parse_code
from certdesk.domain.enrollment import DAY, CertificationRequest, Kind, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.listing import Page
from certdesk.domain.states import RequestState
from certdesk.domain.text import N_
from certdesk.policy.codes import judge_code
from certdesk.policy.fields import normal_lines
from certdesk.ra.collection import Collections
from certdesk.ra.office import check_decides, unknown_organisation
from certdesk.ra.reading import position_of
from certdesk.store.database import DuplicateError
from certdesk.wire.pkcs10 import CSR


class Codes(Collections):
    """What managers do with codes, and what becomes of one that a device presents."""

    async def add_code(
        self, organisation: str, kind: Kind, by: Principal, *, count: int = 1, days: int = 7, note: str = ""
    ) -> tuple[EnrollmentCode, str]:
        """Issue a code for `count` devices of a kind; return its record and the code, which nobody can see again.

        Whoever may decide requests of the kind may vouch for them. Raises `INVALID_FIELD`, `KIND_NOT_ALLOWED`
        and `FORBIDDEN`.
        """
        found = await self._store.organisations.get(organisation) if by.sees(organisation) else None
        if found is None or not found.kinds:
            raise unknown_organisation()
        check_decides(kind, by)
        note = normal_lines(note)
        if problems := judge_code(kind, found, count, days, note):
            raise CertdeskError.of(problems)
        now = self._clock()
        secret, code_id = new_code(self._randomness), new_code_id(self._randomness)
        code = EnrollmentCode(code_id, organisation, kind, count, 0, note, now, by.name, now + days * DAY)
        event = self._log.event(
            "code.added",
            by,
            organisation=organisation,
            subject=f"code:{code_id}",
            kind=kind.value,
            count=str(count),
            days=str(days),
            note=note,
        )
        await self._store.codes.add(code, sha256((parse_code(secret) or "").encode()), event)
        return code, secret

    async def codes(
        self, by: Principal, organisation: str = "", *, after: str | None = None, limit: int = 50
    ) -> Page[EnrollmentCode]:
        """Return one page of the codes in the caller's scope, newest first; no code itself is among it."""
        if not by.sees(organisation or by.organisation):
            return Page((), None)
        items = await self._store.codes.listing(
            by.organisation or organisation, after=position_of(after), limit=limit + 1
        )
        last = items[limit - 1] if len(items) > limit else None
        return Page(tuple(items[:limit]), f"{last.created_at}.{last.id}" if last else None)

    async def code(self, code_id: str, by: Principal) -> EnrollmentCode:
        """Return a code's record within the caller's scope, or raise `NOT_FOUND`."""
        code = await self._store.codes.get(code_id, by.organisation)
        if code is None:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such enrollment code"))
        return code

    async def withdraw_code(self, code_id: str, by: Principal) -> EnrollmentCode:
        """End a code before its time; raise `NOT_FOUND`, `FORBIDDEN`, or `CONFLICT` if that was done before."""
        code = await self.code(code_id, by)
        check_decides(code.kind, by)
        event = self._log.event(
            "code.withdrawn", by, organisation=code.organisation, subject=f"code:{code_id}", used=str(code.used)
        )
        at = self._clock()
        if not await self._store.codes.withdraw(code_id, by.name, at, event):
            raise CertdeskError(ErrorKind.CONFLICT, N_("this enrollment code was withdrawn already"))
        return replace(code, withdrawn_at=at, withdrawn_by=by.name)

    async def _voucher(self, unverified_code: str, organisation: str, kind: Kind) -> Voucher:
        """Return what a presented code is worth for a device of this kind; raise `UNAUTHENTICATED`.

        Whether it has expired or is used up is not asked yet: it may be presented again by a device that used it.
        """
        code = parse_code(unverified_code)
        found = await self._store.codes.by_hash(sha256(code.encode()), self._clock()) if code else None
        if found is None or (found[0].organisation, found[0].kind) != (organisation, kind):
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this enrollment code is not known here"))
        record, issuer = found
        if issuer is None or not (issuer.sees(organisation) and issuer.decides(kind)):
            raise CertdeskError(
                ErrorKind.UNAUTHENTICATED, N_("whoever issued this enrollment code may not vouch for devices any more")
            )
        return Voucher(record, issuer)

    async def _vouch(self, request: CertificationRequest, csr: CSR, voucher: Voucher, source: str) -> None:
        """Mark an undecided request that came without this code as vouched for; raise `UNAUTHENTICATED`."""
        event = self._log.event(
            "request.vouched",
            Principal(voucher.by.name, voucher.by.role, voucher.by.organisation, source),
            organisation=voucher.code.organisation,
            subject=request.id,
            code=voucher.code.id,
        )
        with suppress(DuplicateError):
            if await self._store.requests.vouch(request.id, voucher.code.id, voucher.by.name, self._clock(), event):
                return
        present = await self._present(request.id)
        if present.state is not RequestState.REQUESTED or present.code_id:
            return  # decided, or vouched for, meanwhile
        if objection := await self._objection_to_code(voucher, csr):
            raise objection
