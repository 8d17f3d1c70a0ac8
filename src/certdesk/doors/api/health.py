"""What monitoring asks: is the process alive, can the desk work, what does it count."""

from collections.abc import Mapping

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import NO_STORE, Answer, json_answer
from certdesk.doors.api import shapes
from certdesk.doors.asgi import Receive, Scope
from certdesk.doors.metrics import CONTENT_TYPE, exposition
from certdesk.doors.peers import Peers
from certdesk.doors.settings import HTTPSettings, Ready


class HealthCalls:
    """`/healthz`, `/readyz` and `/metrics`."""

    def __init__(self, settings: HTTPSettings, ready: Ready, peers: Peers) -> None:
        self._settings = settings
        self._ready = ready
        self._peers = peers

    async def alive(self, _scope: Scope, _receive: Receive) -> Answer:
        """Tell that the process answers; restarting it would not help whatever else is wrong."""
        return json_answer(200, shapes.Liveness(alive=True))

    async def ready(self, _scope: Scope, _receive: Receive) -> Answer:
        """Tell whether to send requests here."""
        parts: Mapping[str, bool] = await self._ready()
        ready = all(parts.values())
        return json_answer(200 if ready else 503, shapes.Readiness(ready=ready, parts=dict(parts)))

    async def metrics(self, scope: Scope, _receive: Receive) -> Answer:
        """Show the counts in Prometheus's format, to this machine and the configured proxies only."""
        if not self._peers.is_operator(scope):
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is nothing at this address"))
        body = exposition(self._settings.metrics, await self._settings.figures())
        return Answer(200, body, ((b"content-type", CONTENT_TYPE.encode()), NO_STORE))
