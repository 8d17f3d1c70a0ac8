"""My account: what a manager signs in with, where they are signed in, and how they like it."""

import base64
import binascii
from collections.abc import Iterable

from certdesk.console.browsers import describe_browser
from certdesk.console.enrolling import Handover, new_once, read_csr_form, read_once
from certdesk.console.rendering import Renderer
from certdesk.console.routing import SIGNED_IN, Route, Visit, see_other
from certdesk.domain.clock import Clock
from certdesk.domain.credentials import Passkey
from certdesk.domain.enrollment import Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.ra import RegistrationAuthority
from certdesk.ra.managers import NOTICES, is_usable
from certdesk.ra.passkeys import LONGEST_NAME

_PASSED_ON = {ErrorKind.NOT_FOUND, ErrorKind.UNAUTHENTICATED, ErrorKind.UNAVAILABLE, ErrorKind.INTERNAL}
"""Refusals that are not about what somebody has typed, and so have the general page."""


class AccountPages:
    """The manager's own page, and its forms."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, chain_pem: str, clock: Clock) -> None:
        self._ra = ra
        self._renderer = renderer
        self._handover = Handover(ra, renderer, chain_pem)
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/account", SIGNED_IN, self.show),
            Route("POST", "/account/passkeys/rename", SIGNED_IN, self.rename_passkey),
            Route("POST", "/account/passkeys/remove", SIGNED_IN, self.remove_passkey),
            Route("POST", "/account/sessions/end", SIGNED_IN, self.end_session),
            Route("POST", "/account/sessions/end-others", SIGNED_IN, self.end_other_sessions),
            Route("POST", "/account/notices", SIGNED_IN, self.choose_notice),
            Route("POST", "/account/certificate", SIGNED_IN, self.issue),
            Route("POST", "/account/csr", SIGNED_IN, self.certify, is_upload=True),
        )

    async def show(self, visit: Visit) -> Answer:
        """Show the account."""
        return await self._page(visit)

    async def rename_passkey(self, visit: Visit) -> Answer:
        """Give a passkey another name."""
        form = await visit.form()
        credential_id = octets_of(form.text("passkey"))
        try:
            await self._ra.rename_passkey(visit.signed_in, credential_id, form.text("name"), visit.source)
        except CertdeskError as error:
            return await self._page(visit, error)
        return see_other("/account?notice=saved")

    async def remove_passkey(self, visit: Visit) -> Answer:
        """Remove a passkey."""
        form = await visit.form()
        await self._ra.remove_passkey(visit.signed_in, octets_of(form.text("passkey")), visit.source)
        return see_other("/account?notice=passkey-removed")

    async def end_session(self, visit: Visit) -> Answer:
        """End one of the manager's sessions."""
        session = octets_of((await visit.form()).text("session"))
        await self._ra.end_my_session(visit.signed_in, session, visit.source)
        return see_other("/account?notice=session-ended")

    async def end_other_sessions(self, visit: Visit) -> Answer:
        """End all of the manager's sessions but this one."""
        await self._ra.end_my_other_sessions(visit.signed_in, visit.source)
        return see_other("/account?notice=session-ended")

    async def choose_notice(self, visit: Visit) -> Answer:
        """Keep when the manager wants to be told of requests."""
        try:
            await self._ra.choose_notice(visit.signed_in, (await visit.form()).text("notify"), visit.source)
        except CertdeskError as error:
            return await self._page(visit, error)
        return see_other("/account?notice=saved")

    async def issue(self, visit: Visit) -> Answer:
        """Make a key and a certificate for whoever came by a one-time link."""
        once = read_once((await visit.form()).text("once"))
        try:
            identity = await self._ra.issue_to_myself(visit.signed_in, once)
        except CertdeskError as error:
            return await self._page(visit, error)
        return self._handover.identity(visit, identity, "/account")

    async def certify(self, visit: Visit) -> Answer:
        """Issue a certificate for the own key of whoever came by a one-time link."""
        asked = await read_csr_form(visit)
        try:
            certificate = await self._ra.certify_myself(visit.signed_in, asked.csr, asked.once)
        except CertdeskError as error:
            return await self._page(visit, error)
        return self._handover.certificate(visit, certificate, "/account")

    async def _page(self, visit: Visit, error: CertdeskError | None = None) -> Answer:
        if error and error.kind in _PASSED_ON:
            raise error
        session = visit.signed_in
        translate = self._renderer.sentence(visit)
        passkeys = await self._ra.passkeys(session)
        certificates = await self._ra.my_certificates(session)
        return self._renderer.answer(
            visit,
            "account/show.html",
            status=MEANINGS[error.kind].status if error else 200,
            passkeys=[(passkey, text_of(passkey.credential_id)) for passkey in passkeys],
            certificates=certificates,
            sessions=[
                (each, text_of(each.token_sha256), describe_browser(each.user_agent))
                for each in await self._ra.my_sessions(session)
            ],
            may_enroll=await self._ra.voucher_of(session) is not None,
            can_return=bool(passkeys) or any(is_usable(each, self._clock()) for each in certificates),
            notices=NOTICES if session.role is not Role.AUDITOR else (),
            notify=await self._ra.notice_of(session),
            once=new_once(self._ra),
            wrong=[problem.text(translate) for problem in error.problems] if error else [],
            name=_name_for(passkeys, visit.header(b"user-agent")),
            longest_name=LONGEST_NAME,
        )


def text_of(octets: bytes) -> str:
    """Return octets as a form's field has them: base64url."""
    return base64.urlsafe_b64encode(octets).decode()


def octets_of(unverified_text: str) -> bytes:
    """Return the octets in a form's field; what cannot be read belongs to nothing."""
    try:
        return base64.b64decode(unverified_text.encode(), b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""


def _name_for(passkeys: list[Passkey], user_agent: str) -> str:
    """Propose a name for another passkey."""
    name = describe_browser(user_agent) or "Passkey"
    taken = {passkey.name for passkey in passkeys}
    return next(each for each in (name, *(f"{name} ({n})" for n in range(2, len(taken) + 3))) if each not in taken)
