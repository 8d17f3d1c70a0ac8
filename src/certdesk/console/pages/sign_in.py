"""Signing in with a client certificate, signing out, and choosing language and theme."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from cryptography import x509
from cryptography.x509.oid import NameOID

from certdesk.console.rendering import Renderer
from certdesk.console.routing import ANYONE, SIGNED_IN, Route, Visit, local_address, see_other
from certdesk.console.session import look_cookie, look_of, no_session_cookie, session_cookie
from certdesk.domain.clock import SECOND
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.answers import Answer
from certdesk.doors.peers import Peers
from certdesk.doors.problems import MEANINGS
from certdesk.doors.ratelimit import RateLimiter
from certdesk.ra import RegistrationAuthority
from certdesk.ra.sessions import check_look


@dataclass(frozen=True, slots=True)
class OfferedCertificate:
    """The certificate that a browser has shown, as its holder recognises it."""

    name: str
    email: str
    serial_number: str
    not_after: int


def sign_in_address(visit: Visit) -> str:
    """Return the sign-in page's address, which leads back to where the visitor wanted to go."""
    if visit.address == "/":
        return "/sign-in"
    return f"/sign-in?{urlencode({'next': visit.address})}"


class SignInPages:
    """How a session begins and ends."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, peers: Peers, limiter: RateLimiter) -> None:
        self._ra = ra
        self._renderer = renderer
        self._peers = peers
        self._limiter = limiter

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/sign-in", ANYONE, self.show),
            Route("POST", "/sign-in/certificate", ANYONE, self.sign_in),
            Route("POST", "/sign-out", SIGNED_IN, self.sign_out),
            Route("POST", "/look", ANYONE, self.look),
        )

    async def show(self, visit: Visit) -> Answer:
        """Say how to sign in, and which certificate the browser offers."""
        if visit.session is not None:
            return see_other(local_address(visit.query.get("next", "")))
        return self._page(visit, visit.query.get("next", ""))

    async def sign_in(self, visit: Visit) -> Answer:
        """Open a session for the holder of the browser's certificate."""
        self._limiter.spend(visit.source)
        wanted = local_address((await visit.form()).text("next"))
        der = self._peers.certificate(visit.scope)
        if der is None:
            return self._page(visit, wanted, refused=True, status=401)
        try:
            token, _session = await self._ra.sign_in_with_certificate(
                der, source=visit.source, user_agent=visit.header(b"user-agent")
            )
        except CertdeskError as error:
            if error.kind is not ErrorKind.UNAUTHENTICATED:
                raise
            return self._page(visit, wanted, refused=True, status=MEANINGS[error.kind].status)
        if visit.session:
            await self._ra.sign_out(visit.session, visit.source)
        return see_other(wanted, session_cookie(token))

    async def sign_out(self, visit: Visit) -> Answer:
        """End the session."""
        await self._ra.sign_out(visit.signed_in, visit.source)
        return see_other("/sign-in?notice=signed-out", no_session_cookie())

    async def look(self, visit: Visit) -> Answer:
        """Remember language and theme: with the manager, or else in the browser."""
        form = await visit.form()
        language, theme = look_of(visit.scope)
        if visit.session:
            language, theme = visit.session.language or language, visit.session.theme or theme
        language = form.text("language") if form.ticked("language") else language
        theme = form.text("theme") if form.ticked("theme") else theme
        check_look(language, theme)
        if visit.session:
            await self._ra.prefer(visit.session, language, theme)
        return see_other(local_address(form.text("next")), look_cookie(language, theme))

    def _page(self, visit: Visit, wanted: str, *, refused: bool = False, status: int = 200) -> Answer:
        return self._renderer.answer(
            visit,
            "sign_in/show.html",
            status=status,
            wanted=local_address(wanted),
            offered=_offered(self._peers.certificate(visit.scope)),
            refused=refused,
        )


def _offered(der: bytes | None) -> OfferedCertificate | None:
    if der is None:
        return None
    certificate = x509.load_der_x509_certificate(der)
    expires: datetime = certificate.not_valid_after_utc
    return OfferedCertificate(
        _first(certificate.subject, NameOID.COMMON_NAME),
        _email(certificate),
        f"{certificate.serial_number:032x}",
        int(expires.timestamp()) * SECOND,
    )


def _first(name: x509.Name, attribute: x509.ObjectIdentifier) -> str:
    return next((str(found.value) for found in name.get_attributes_for_oid(attribute)), "")


def _email(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next(iter(names.get_values_for_type(x509.RFC822Name)), "")
