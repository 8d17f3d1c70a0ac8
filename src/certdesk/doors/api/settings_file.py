"""Publishes every organisation's settings.xml."""

from certdesk.doors.answers import Answer
from certdesk.doors.api.callers import Callers
from certdesk.doors.asgi import Receive, Scope
from certdesk.ra import RegistrationAuthority

_HEADERS = ((b"content-type", b"application/xml"), (b"cache-control", b"public, max-age=60"))


class SettingsCalls:
    """The settings that devices are pointed to."""

    def __init__(self, ra: RegistrationAuthority, callers: Callers) -> None:
        self._ra = ra
        self._callers = callers

    async def read(self, scope: Scope, _receive: Receive) -> Answer:
        """Get an organisation's settings for its devices."""
        self._callers.stranger(scope)
        return Answer(200, await self._ra.settings(scope["path_params"]["organisation"]), _HEADERS)
