"""Signing in to the console, staying signed in, and signing out.

A session is a random token that only the browser has; the desk keeps its SHA-256. Every request looks the
session, its manager and its certificate up again, so revoking or disabling takes effect at once.
"""

from certdesk.domain.characters import refused_character
from certdesk.domain.clock import MINUTE
from certdesk.domain.enrollment import Manager, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.sessions import LONGEST_SESSION, Session, SignInMethod
from certdesk.domain.text import LANGUAGES, N_
from certdesk.ra.access import Access

THEMES = ("light", "dark")
_TOUCHED_AGAIN = MINUTE
"""How exactly it is known when a session was last used; saves a write at every request."""
_LONGEST_USER_AGENT = 300


class Sessions(Access):
    """Use cases of sign-in; passkeys and links have their own modules and end in `open_session` too."""

    async def sign_in_with_certificate(self, der: bytes, *, source: str, user_agent: str) -> tuple[bytes, Session]:
        """Open a session for the manager whom a client certificate was issued to; raise `UNAUTHENTICATED`."""
        principal = await self.principal_of_certificate(der, source)
        return await self.open_session(
            principal.name, SignInMethod.CERTIFICATE, source=source, user_agent=user_agent, certificate=sha256(der)
        )

    async def open_session(
        self, email: str, method: SignInMethod, *, source: str, user_agent: str, certificate: bytes | None = None
    ) -> tuple[bytes, Session]:
        """Return a new session's token and record for a manager who has proved who they are.

        `certificate` is the fingerprint of the certificate that proved it. Raises `UNAUTHENTICATED` for a
        manager who is disabled or gone.
        """
        manager = await self._store.organisations.manager(email)
        if manager is None or manager.disabled:
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this account cannot sign in"))
        token = self._randomness(32)
        session = self._new_session(token, manager, method, certificate, source, user_agent)
        event = self._log.event(
            "session.opened",
            session.principal(source),
            organisation=manager.organisation,
            subject=email,
            method=method.value,
        )
        await self._store.sessions.open(session, event)
        return token, session

    def _new_session(
        self,
        token: bytes,
        manager: Manager,
        method: SignInMethod,
        certificate: bytes | None,
        source: str,
        user_agent: str,
    ) -> Session:
        now = self._clock()
        return Session(
            token_sha256=sha256(token),
            email=manager.email,
            name=manager.name,
            role=manager.role,
            organisation=manager.organisation,
            method=method,
            certificate_fingerprint=certificate,
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST_SESSION,
            source=source,
            user_agent="" if refused_character(user_agent) else user_agent[:_LONGEST_USER_AGENT],
        )

    async def session(self, token: bytes, *, touch: bool = True) -> Session | None:
        """Return the session of a token, or None if there is none any more.

        `touch` says that a person is at work; a page that refreshes itself does not keep a session alive.
        """
        now = self._clock()
        session = await self._store.sessions.get(sha256(token), now)
        if session and touch and now - session.seen_at >= _TOUCHED_AGAIN:
            await self._store.sessions.touch(session.token_sha256, now)
        return session

    async def sign_out(self, session: Session, source: str) -> None:
        """End a session; once is enough, twice does no harm."""
        await self.end_session(session.token_sha256, session.email, session.principal(source))

    async def end_session(self, token_sha256: bytes, email: str, by: Principal) -> bool:
        """End a session of a manager; return False if it is over already.

        Managers end their own sessions, administrators anyone's; whoever calls has checked that.
        """
        event = self._log.event("session.closed", by, organisation=by.organisation, subject=email)
        return await self._store.sessions.close(token_sha256, email, event)

    async def forget_sessions(self) -> bool:
        """Remove sessions that are over; a job."""
        return await self._store.sessions.forget_expired(self._clock())

    async def prefer(self, session: Session, language: str, theme: str) -> None:
        """Keep a manager's choice of language and theme; empty follows the browser. Raises `INVALID_FIELD`."""
        check_look(language, theme)
        await self._store.sessions.prefer(session.email, language, theme)


def check_look(language: str, theme: str) -> None:
    """Raise `INVALID_FIELD` for a language or theme that the desk does not have."""
    if language and language not in LANGUAGES:
        raise CertdeskError(ErrorKind.INVALID_FIELD, N_("there is no such language here"), field="language")
    if theme and theme not in THEMES:
        raise CertdeskError(ErrorKind.INVALID_FIELD, N_("there is no such theme"), field="theme")
