"""The outermost layer of a listener: counts and logs every request, and answers what nobody else caught.

One line of JSON per request when the operator wants an access log, and always one for a server error. A line
never holds the query string, a header or a body: no search text, no claim, no token.
"""

from collections.abc import Awaitable
from http import HTTPMethod
from time import perf_counter

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.asgi import ASGIApp, ClientDisconnectedError, Message, Receive, Scope, Send
from certdesk.doors.peers import Peers
from certdesk.doors.problems import language_of, problem_answer
from certdesk.doors.settings import HTTPSettings

_METHODS = frozenset(HTTPMethod)
_HUNG_UP = 499
"""The status under which requests are counted whose client hung up first; nginx's custom."""
_LONGEST_PATH = 200


class Observed:
    """An ASGI application, observed."""

    def __init__(self, app: ASGIApp, settings: HTTPSettings) -> None:
        self._app = app
        self._metrics = settings.metrics
        self._log = settings.log
        self._log_requests = settings.log_requests
        self._peers = Peers(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        The application notes in the scope what is of interest here: the route in `path_template`, and in `failure`
        an exception that it has answered, but whose reason only the operator may read.
        """
        began = perf_counter()
        status = 0

        def watched(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnectedError:
            status = _HUNG_UP
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller learns no more than that
            scope["failure"] = error
            if not status:
                problem = CertdeskError(ErrorKind.INTERNAL, "")
                await problem_answer(problem, language_of(dict(scope["headers"])))(scope, receive, watched)
        self._record(scope, status, perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        if "failure" in scope:
            self._log.error("request failed", route=_route(scope), method=method, exc_info=scope["failure"])
        self._metrics.count(method, status, _route(scope), seconds)
        if self._log_requests:
            self._log.info(
                "request",
                client=self._peers.address(scope),
                method=method,
                path=scope["path"][:_LONGEST_PATH],
                status=status,
                ms=round(seconds * 1000, 2),
            )


def _route(scope: Scope) -> str:
    return scope.get("path_template") or "other"
