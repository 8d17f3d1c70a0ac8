"""Passkeys: what the script of a page asks, in JSON, since only a script can talk to an authenticator.

The pages themselves are the sign-in page and *my account*; renaming and removing are plain forms there.
"""

from collections.abc import Awaitable, Callable, Iterable

from certdesk.console.rendering import Renderer
from certdesk.console.routing import ANYONE, SIGNED_IN, Route, Visit, local_address
from certdesk.console.security import PAGE_HEADERS
from certdesk.console.session import session_cookie
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.answers import JSON, NO_STORE, Answer, encode_json
from certdesk.doors.asgi import Header
from certdesk.doors.problems import MEANINGS
from certdesk.doors.ratelimit import RateLimiter
from certdesk.ra import RegistrationAuthority


class PasskeyPages:
    """Signing in with a passkey, and registering one."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, limiter: RateLimiter) -> None:
        self._ra = ra
        self._renderer = renderer
        self._limiter = limiter

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("POST", "/sign-in/passkey/options", ANYONE, self._said(self.ask)),
            Route("POST", "/sign-in/passkey", ANYONE, self._said(self.sign_in)),
            Route("POST", "/account/passkeys/options", SIGNED_IN, self._said(self.offer)),
            Route("POST", "/account/passkeys", SIGNED_IN, self._said(self.register)),
        )

    async def ask(self, visit: Visit) -> Answer:
        """Give a challenge to whoever wants to sign in."""
        self._limiter.spend(visit.source)
        return _json(200, (await self._ra.ask_for_passkey()).encode())

    async def sign_in(self, visit: Visit) -> Answer:
        """Open a session for the owner of the passkey that has answered."""
        self._limiter.spend(visit.source)
        form = await visit.form()
        token, _session = await self._ra.sign_in_with_passkey(
            form.text("credential"), source=visit.source, user_agent=visit.header(b"user-agent")
        )
        if visit.session:
            await self._ra.sign_out(visit.session, visit.source)
        return _go(local_address(form.text("next")), session_cookie(token))

    async def offer(self, visit: Visit) -> Answer:
        """Give the challenge for a new passkey."""
        return _json(200, (await self._ra.offer_passkey(visit.signed_in)).encode())

    async def register(self, visit: Visit) -> Answer:
        """Keep the new passkey."""
        form = await visit.form()
        await self._ra.add_passkey(visit.signed_in, form.text("name"), form.text("credential"), visit.source)
        return _go("/account?notice=passkey-added")

    def _said(self, page: Callable[[Visit], Awaitable[Answer]]) -> Callable[[Visit], Awaitable[Answer]]:
        """Return a page whose refusals the script can show where the person is looking."""

        async def answer(visit: Visit) -> Answer:
            try:
                return await page(visit)
            except CertdeskError as error:
                if error.kind is ErrorKind.INTERNAL:
                    raise
                detail = self._renderer.refusal(visit, error)
                return _json(MEANINGS[error.kind].status, encode_json({"detail": f"{detail[:1].upper()}{detail[1:]}."}))

        return answer


def _go(address: str, *headers: Header) -> Answer:
    return _json(200, encode_json({"location": address}), *headers)


def _json(status: int, body: bytes, *headers: Header) -> Answer:
    return Answer(status, body, (*PAGE_HEADERS, JSON, NO_STORE, *headers))
