"""One-time links: a page that can be opened any number of times, and a form on it that works once."""

from collections.abc import Iterable

from certdesk.console.rendering import Renderer
from certdesk.console.routing import ANYONE, Route, Visit, see_other
from certdesk.console.session import session_cookie
from certdesk.domain.credentials import LinkPurpose
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.doors.ratelimit import RateLimiter
from certdesk.ra import RegistrationAuthority
from certdesk.ra.links import parse_token

_SHOWN_IN_PLACE = {ErrorKind.INVALID_FIELD, ErrorKind.CONFLICT}


class LinkPages:
    """Following a link."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, limiter: RateLimiter) -> None:
        self._ra = ra
        self._renderer = renderer
        self._limiter = limiter

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/link", ANYONE, self.show),
            Route("POST", "/link", ANYONE, self.follow),
        )

    async def show(self, visit: Visit) -> Answer:
        """Say whom the link is for; nothing is used up."""
        self._limiter.spend(visit.source)
        return await self._page(visit, visit.query.get("token", ""))

    async def follow(self, visit: Visit) -> Answer:
        """Use the link up and open a session."""
        self._limiter.spend(visit.source)
        form = await visit.form()
        try:
            token, _session = await self._ra.follow_link(
                parse_token(form.text("token")),
                name=form.text("name"),
                email=form.text("email"),
                source=visit.source,
                user_agent=visit.header(b"user-agent"),
            )
        except CertdeskError as error:
            if error.kind not in _SHOWN_IN_PLACE:
                raise
            return await self._page(visit, form.text("token"), error)
        if visit.session:
            await self._ra.sign_out(visit.session, visit.source)
        return see_other("/account", session_cookie(token))

    async def _page(self, visit: Visit, unverified_token: str, error: CertdeskError | None = None) -> Answer:
        link, name = await self._ra.link(parse_token(unverified_token))
        form = await visit.form() if error else None
        translate = self._renderer.sentence(visit)
        return self._renderer.answer(
            visit,
            "links/show.html",
            status=MEANINGS[error.kind].status if error else 200,
            link=link,
            token=unverified_token,
            is_first=link.purpose is LinkPurpose.FIRST_ADMINISTRATOR,
            name=form.text("name") if form else name,
            email=form.text("email") if form else link.email,
            errors={problem.field: problem.text(translate) for problem in error.problems} if error else {},
        )
