"""Puts HTTP doors together into what a listener serves."""

from collections.abc import Mapping

from certdesk.doors.asgi import ASGIApp, Receive, Scope, Send
from certdesk.doors.observing import Observed
from certdesk.doors.settings import HTTPSettings


def listener_app(main: ASGIApp, prefixed: Mapping[str, ASGIApp], settings: HTTPSettings) -> ASGIApp:
    """Return `main` and, for paths that begin with one of the prefixes, other applications; all of it observed.

    The main listener serves the API and validation, the plain one validation only:

        listener_app(api, dict.fromkeys(PREFIXES, validation), settings)
        listener_app(validation, {}, settings)
    """
    doors = tuple(prefixed.items())

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        for prefix, app in doors:
            if path.startswith(prefix):
                return await app(scope, receive, send)
        return await main(scope, receive, send)

    return Observed(dispatch, settings)
