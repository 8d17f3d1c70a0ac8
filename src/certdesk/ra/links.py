"""One-time links: how the first administrator gets in, and managers who have nothing to sign in with yet.

A link is a random token; the desk keeps its SHA-256. Looking at it changes nothing, so a mail scanner that opens
it does no harm: it is used up by the form on its page. Whoever made a link vouches for whoever follows it.
"""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from certdesk.domain.clock import SECOND
from certdesk.domain.credentials import LINK_LIFETIME, Link, LinkPurpose
from certdesk.domain.enrollment import DAY, Manager, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.sessions import Session, SignInMethod
from certdesk.domain.text import N_
from certdesk.policy.contact import normal_email
from certdesk.policy.fields import normal_text
from certdesk.policy.registry import judge_manager
from certdesk.ra.office import check_administrator, unknown_organisation
from certdesk.ra.registry import OPERATOR
from certdesk.ra.sessions import Sessions
from certdesk.store.database import DuplicateError
from certdesk.store.events import SealedEvent

_REMEMBERED = 30 * DAY
"""How long the record of an expired link is kept: who vouched for a session stands there."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was just made; whoever asked for it must hand it over and forget it."""

    token: bytes
    """32 random bytes."""
    email: str
    """Empty if the first administrator shall name themself."""
    expires_at: int

    def url(self, desk_url: str) -> str:
        """Return the link itself; its secret stands in the query, which no log of the desk holds."""
        return f"{desk_url}/link?{urlencode({'token': token_text(self.token)})}"

    @property
    def until(self) -> str:
        """When it stops working, as the command line says it."""
        return f"{datetime.fromtimestamp(self.expires_at // SECOND, UTC):%Y-%m-%d %H:%M} UTC"


class Links(Sessions):
    """Making links, and following them."""

    async def first_link(self, by: Principal, email: str = "") -> NewLink | None:
        """Return a new link for the first administrator, or None if there is an administrator.

        Whoever follows it names themself, unless it is for an address. Raises `FORBIDDEN` and `INVALID_FIELD`.
        """
        check_administrator(by)
        if email:
            email = checked_manager(Manager(email, by.name, Role.ADMINISTRATOR, "")).email
        token, link = self._new_link(LinkPurpose.FIRST_ADMINISTRATOR, email, by)
        event = self._link_event(link, by, OPERATOR, email or OPERATOR)
        if not await self._store.links.add_first(link, event):
            return None
        return NewLink(token, email, link.expires_at)

    async def invite(self, unverified: Manager, by: Principal) -> NewLink:
        """Register a manager and return the link by which they sign in for the first time.

        Raises `INVALID_FIELD`, `FORBIDDEN`, and `CONFLICT` for an address that is a manager's already.
        """
        check_administrator(by)
        manager = checked_manager(unverified)
        await self._check_organisation(manager)
        token, link = self._new_link(LinkPurpose.INVITATION, manager.email, by)
        event = self._log.event(
            "manager.invited",
            by,
            organisation=manager.organisation or OPERATOR,
            subject=manager.email,
            name=manager.name,
            role=manager.role.value,
        )
        if not await self._store.links.invite(manager, link, event):
            raise _taken()
        return NewLink(token, manager.email, link.expires_at)

    async def link_for(self, email: str, by: Principal) -> NewLink:
        """Return a new link for a manager who cannot sign in otherwise.

        An invitation may be handed over on paper and by mail: once one link is followed, the others are dead.
        Raises `FORBIDDEN`, `NOT_FOUND`, and `CONFLICT` for a manager who is disabled.
        """
        check_administrator(by)
        manager = await self._manager(email)
        token, link = self._new_link(LinkPurpose.INVITATION, manager.email, by)
        event = self._link_event(link, by, manager.organisation or OPERATOR, manager.email)
        if not await self._store.links.add_invitation(link, event):
            raise CertdeskError(ErrorKind.CONFLICT, N_("this manager is disabled: enable them first"))
        return NewLink(token, manager.email, link.expires_at)

    async def link_by_mail(self, email: str) -> NewLink:
        """Return a new link for an invitation that is being mailed, in the name of whoever invited the manager."""
        invited = [
            sealed.event
            for sealed in await self._store.events.of_subject(email)
            if sealed.event.action == "manager.invited"
        ]
        if not invited:
            raise no_such_manager()
        return await self.link_for(email, Principal(invited[-1].actor, Role.ADMINISTRATOR, source="mail"))

    async def link_by_operator(self, email: str, by: Principal) -> NewLink:
        """Return a link for a manager, or for the first administrator if there is none; raise `NOT_FOUND`."""
        email = normal_email(email)
        if await self._store.organisations.manager(email) is None and (link := await self.first_link(by, email)):
            return link
        return await self.link_for(email, by)

    async def link(self, token: bytes) -> tuple[Link, str]:
        """Return a link that can be followed and the name of its manager, if they have one yet; raise `NOT_FOUND`."""
        found = await self._store.links.get(sha256(token), self._clock())
        if found is None:
            raise _dead_link()
        return found

    async def follow_link(
        self, token: bytes, *, name: str, email: str, source: str, user_agent: str
    ) -> tuple[bytes, Session]:
        """Use a link up and return a new session's token and record.

        Name and e-mail address are the first administrator's; an invitation knows them. Raises `NOT_FOUND`,
        `INVALID_FIELD`, and `CONFLICT` if the address is a manager's already.
        """
        link, _name = await self.link(token)
        if link.purpose is LinkPurpose.FIRST_ADMINISTRATOR:
            return await self._follow_first(
                link, Manager(link.email or email, name, Role.ADMINISTRATOR, ""), source, user_agent
            )
        manager = await self._manager(link.email)
        session_token = self._randomness(32)
        session = self._new_session(session_token, manager, SignInMethod.LINK, None, source, user_agent)
        if not await self._store.links.follow(link, session, self._opened(session, link)):
            raise _dead_link()
        return session_token, session

    async def _follow_first(
        self, link: Link, unverified: Manager, source: str, user_agent: str
    ) -> tuple[bytes, Session]:
        manager = checked_manager(unverified)
        token = self._randomness(32)
        session = self._new_session(token, manager, SignInMethod.LINK, None, source, user_agent)
        added = self._log.event(
            "manager.added",
            session.principal(source),
            organisation=OPERATOR,
            subject=manager.email,
            name=manager.name,
            role=manager.role.value,
        )
        try:
            followed = await self._store.links.follow_first(link, session, added, self._opened(session, link))
        except DuplicateError:
            raise _taken() from None
        if not followed:
            raise _dead_link()
        return token, session

    async def forget_links(self) -> bool:
        """Remove links that expired long ago; a job."""
        return await self._store.links.forget(self._clock() - _REMEMBERED)

    async def _manager(self, email: str) -> Manager:
        manager = await self._store.organisations.manager(email)
        if manager is None:
            raise no_such_manager()
        return manager

    async def _check_organisation(self, manager: Manager) -> None:
        if manager.organisation and await self._store.organisations.get(manager.organisation) is None:
            raise unknown_organisation()

    def _new_link(self, purpose: LinkPurpose, email: str, by: Principal) -> tuple[bytes, Link]:
        token, now = self._randomness(32), self._clock()
        return token, Link(sha256(token), email, purpose, now, by.name, now + LINK_LIFETIME[purpose])

    def _link_event(self, link: Link, by: Principal, organisation: str, subject: str) -> SealedEvent:
        return self._log.event("link.made", by, organisation=organisation, subject=subject, purpose=link.purpose.value)

    def _opened(self, session: Session, link: Link) -> SealedEvent:
        return self._log.event(
            "session.opened",
            session.principal(session.source),
            organisation=session.organisation,
            subject=session.email,
            method=session.method.value,
            made_by=link.created_by,
        )


def token_text(token: bytes) -> str:
    """Return a link's token as its URL has it: base64url without padding."""
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def parse_token(unverified_text: str) -> bytes:
    """Return the token in a link's URL, or raise `NOT_FOUND`: a damaged link is as dead as an old one."""
    try:
        token = base64.urlsafe_b64decode(unverified_text.encode("ascii") + b"=")
    except ValueError:
        raise _dead_link() from None
    return token


def checked_manager(unverified: Manager) -> Manager:
    """Return a manager's record as it is kept, or raise `INVALID_FIELD`."""
    manager = replace(unverified, email=normal_email(unverified.email), name=normal_text(unverified.name))
    problems = judge_manager(manager)
    if problems:
        raise CertdeskError.of(problems)
    return manager


def no_such_manager() -> CertdeskError:
    """Say that there is no such manager."""
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such manager"))


def _dead_link() -> CertdeskError:
    return CertdeskError(
        ErrorKind.NOT_FOUND,
        N_("this link does not work any more: it or another one was used, or it has expired; ask for a new one"),
    )


def _taken() -> CertdeskError:
    return CertdeskError(ErrorKind.CONFLICT, N_("there is a manager with this e-mail address already"), field="email")
