"""The first page: what waits, what expires, what happened lately."""

from collections.abc import Iterable

from certdesk.console.rendering import Renderer
from certdesk.console.routing import SIGNED_IN, Route, Visit
from certdesk.domain.clock import Clock
from certdesk.doors.answers import Answer
from certdesk.ra import RegistrationAuthority


class HomePages:
    """The first page."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, clock: Clock) -> None:
        self._ra = ra
        self._renderer = renderer
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (Route("GET", "/", SIGNED_IN, self.show),)

    async def show(self, visit: Visit) -> Answer:
        """Show what waits for the manager."""
        return self._renderer.answer(visit, "home/show.html")
