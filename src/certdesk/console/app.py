"""Puts the console together: its routes, and what happens before and after a page."""

from collections import defaultdict
from collections.abc import Awaitable, Iterable
from typing import cast

from certdesk.console import csrf, session
from certdesk.console.pages.account import AccountPages
from certdesk.console.pages.audit import AuditPages
from certdesk.console.pages.authority import AuthorityPages
from certdesk.console.pages.bulk import BulkPages
from certdesk.console.pages.certificates import CertificatePages
from certdesk.console.pages.codes import CodePages
from certdesk.console.pages.home import HomePages
from certdesk.console.pages.links import LinkPages
from certdesk.console.pages.managers import ManagerPages
from certdesk.console.pages.organisations import OrganisationPages
from certdesk.console.pages.passkeys import PasskeyPages
from certdesk.console.pages.publication import PublicationPages
from certdesk.console.pages.publish import PublishPages
from certdesk.console.pages.request import RequestPages
from certdesk.console.pages.requests import RequestListPages
from certdesk.console.pages.sign_in import SignInPages, sign_in_address
from certdesk.console.publishing import Addresses, root_of
from certdesk.console.rendering import Renderer
from certdesk.console.routing import ANYONE, Route, Visit, see_other
from certdesk.console.security import PAGE_HEADERS
from certdesk.console.statics import Statics
from certdesk.domain.clock import Clock, system_clock
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import LANGUAGES, N_
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.asgi import ASGIApp, ClientDisconnectedError, Header, Message, Receive, Scope, Send
from certdesk.doors.peers import Peers
from certdesk.doors.problems import MEANINGS, language_of
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.routing import Routes, WrongMethodError, nothing_here
from certdesk.doors.settings import HTTPSettings
from certdesk.ra import RegistrationAuthority
from certdesk.ra.sessions import THEMES


def console_app(
    ra: RegistrationAuthority,
    *,
    chain_pem: str,
    desk_url: str,
    settings: HTTPSettings,
    clock: Clock = system_clock,
    is_own_tls: bool = False,
) -> ASGIApp:
    """Return the console as an ASGI application.

    `chain_pem` is the issuing certificate and the root, `desk_url` where browsers find the desk. `is_own_tls` tells
    that the desk's TLS certificate is by its own CA, so devices need the root's fingerprint to trust it.
    """
    console = Console(ra, chain_pem=chain_pem, desk_url=desk_url, settings=settings, clock=clock, is_own_tls=is_own_tls)
    table: defaultdict[str, dict[str, Route]] = defaultdict(dict)
    for route in console.routes:
        table[route.path][route.method] = route
    return _Pages(Routes(table), console)


class Console:
    """The console's pages and the table of its routes."""

    def __init__(
        self,
        ra: RegistrationAuthority,
        *,
        chain_pem: str,
        desk_url: str,
        settings: HTTPSettings,
        clock: Clock,
        is_own_tls: bool = False,
    ) -> None:
        self._ra = ra
        self._addresses = Addresses(desk_url, root_of(chain_pem), is_own_tls=is_own_tls)
        self._desk_url = desk_url
        self._statics = Statics()
        self.peers = Peers(settings.trusted_proxies)
        limiter = _limiter(settings)
        # Apart, so that a crowd with new phones does not keep the managers of the same office from signing in.
        self._visitors = _limiter(settings)
        self.renderer = Renderer(self._statics, clock)
        areas = self._areas(ra, chain_pem, limiter, clock)
        self.routes: tuple[Route, ...] = (
            Route("GET", "/static/{name:path}", ANYONE, self._static),
            *(route for area in areas for route in area),
        )
        self.renderer.open(route.path for route in self.routes)

    def _areas(
        self,
        ra: RegistrationAuthority,
        chain_pem: str,
        limiter: RateLimiter,
        clock: Clock,
    ) -> list[Iterable[Route]]:
        renderer = self.renderer
        return [
            SignInPages(ra, renderer, self.peers, limiter).routes(),
            HomePages(ra, renderer).routes(),
            RequestListPages(ra, renderer, clock).routes(),
            RequestPages(ra, renderer).routes(),
            BulkPages(ra, renderer).routes(),
            CertificatePages(ra, renderer, chain_pem, clock).routes(),
            CodePages(ra, renderer, self._desk_url).routes(),
            PasskeyPages(ra, renderer, limiter).routes(),
            LinkPages(ra, renderer, limiter).routes(),
            AccountPages(ra, renderer, chain_pem, clock).routes(),
            ManagerPages(ra, renderer, chain_pem, self._desk_url, clock).routes(),
            OrganisationPages(ra, renderer).routes(),
            PublicationPages(ra, renderer, self._addresses).routes(),
            PublishPages(ra, renderer, self._addresses, self._visitors).routes(),
            AuthorityPages(ra, renderer, chain_pem, clock).routes(),
            AuditPages(ra, renderer).routes(),
        ]

    async def answer(self, route: Route, scope: Scope, receive: Receive) -> ASGIApp:
        """Let a page answer, if whoever asks may, and if a change comes from a form of ours."""
        visit = await self.visit(scope, receive, touch=not route.is_quiet)
        visit.limit = route.limit
        if not route.access.allows(visit.session):
            raise _refusal(visit)
        if route.method == "POST":
            csrf.check_origin(scope, self._desk_url)
            if visit.session and not route.is_upload:
                csrf.check_token(visit.csrf_token, (await visit.form()).text(csrf.TOKEN_FIELD))
        return await route.call(visit)

    async def visit(self, scope: Scope, receive: Receive, *, touch: bool) -> Visit:
        """Return what is known of a visit: who, from where, in which language."""
        token = session.token_of(scope)
        found = await self._ra.session(token, touch=touch) if token else None
        visit = stranger(scope, receive, self.peers.address(scope))
        if not token or not found:
            return visit
        visit.session = found
        visit.csrf_token = csrf.token_of(token)
        visit.language = found.language or visit.language
        visit.theme = found.theme or visit.theme
        return visit

    async def _static(self, visit: Visit) -> Answer:
        answer = self._statics.answer(
            visit.parameters["name"].lstrip("/"),
            visit.query.get("v", ""),
            visit.header(b"if-none-match"),
            compressed="gzip" in visit.header(b"accept-encoding"),
        )
        if answer is None:
            raise nothing_here()
        return answer


def _limiter(settings: HTTPSettings) -> RateLimiter:
    return RateLimiter(settings.public_calls_per_minute, settings.public_calls_at_once, settings.monotonic)


def stranger(scope: Scope, receive: Receive, source: str) -> Visit:
    """Return a visit of somebody who has no session, or whose session is not known yet."""
    language, theme = session.look_of(scope)
    return Visit(
        scope,
        receive,
        source,
        language if language in LANGUAGES else language_of(dict(scope["headers"])),
        theme if theme in THEMES else "",
    )


def _refusal(visit: Visit) -> CertdeskError:
    if visit.session is None:
        return CertdeskError(ErrorKind.UNAUTHENTICATED, N_("you are not signed in, or your session has ended"))
    return CertdeskError(ErrorKind.FORBIDDEN, N_("this page is not open to your role"))


class _Pages:
    """Answers with pages; refusals too, and defects, which the listener then logs."""

    def __init__(self, routes: Routes[Route], console: Console) -> None:
        self._routes = routes
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        has_begun = False

        def watched(message: Message) -> Awaitable[None]:
            nonlocal has_begun
            has_begun = True
            return send(message)

        try:
            page = await self._console.answer(self._routes.find(scope), scope, receive)
            await page(scope, receive, watched)
        except ClientDisconnectedError:
            raise
        except Exception as error:
            if has_begun:
                raise
            answer = await self._answer(error, scope, receive)
            await answer(scope, receive, send)
            if _is_defect(error):
                raise

    async def _answer(self, error: Exception, scope: Scope, receive: Receive) -> Answer:
        if isinstance(error, WrongMethodError):
            refusal = CertdeskError(
                ErrorKind.MALFORMED, N_("this address takes forms only: go back and open the page anew")
            )
            return await self._refused(refusal, scope, receive, error.allow, status=405)
        if isinstance(error, CertdeskError):
            return await self._refused(error, scope, receive)
        return await self._refused(CertdeskError(ErrorKind.INTERNAL, ""), scope, receive)

    async def _refused(
        self, error: CertdeskError, scope: Scope, receive: Receive, *headers: Header, status: int = 0
    ) -> Answer:
        visit = await self._visit(scope, receive)
        if error.kind is ErrorKind.UNAUTHENTICATED and visit.session is None:
            if visit.is_fragment:
                return Answer(401, b"", ((b"hx-refresh", b"true"), *PAGE_HEADERS, NO_STORE))
            if scope["method"] in {"GET", "HEAD"}:
                return see_other(sign_in_address(visit))
        return self._console.renderer.answer(
            visit,
            "error.html",
            *headers,
            status=status or MEANINGS[error.kind].status,
            title=MEANINGS[error.kind].title,
            detail=self._console.renderer.refusal(visit, error),
            kind=error.kind.value,
        )

    async def _visit(self, scope: Scope, receive: Receive) -> Visit:
        """Return the visit for an error's page, which is shown even if the session cannot be looked up."""
        scope = scope if _is_readable(scope) else {**scope, "query_string": b""}
        try:
            return await self._console.visit(scope, receive, touch=False)
        except CertdeskError:
            return stranger(scope, receive, self._console.peers.address(scope))


def _is_defect(error: Exception) -> bool:
    """Tell whether an exception is a defect of ours, and not an answer to what was asked."""
    if isinstance(error, CertdeskError):
        return error.kind is ErrorKind.INTERNAL
    return not isinstance(error, WrongMethodError)


def _is_readable(scope: Scope) -> bool:
    try:
        stranger(scope, cast("Receive", None), "")
    except CertdeskError:
        return False
    return True
