"""Puts the API door together."""

from collections import defaultdict
from http import HTTPStatus
from typing import Any, cast

from litestar import HttpMethod, Litestar, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp as LitestarASGIApp

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import JSON, Answer, encode_json
from certdesk.doors.api.callers import Callers
from certdesk.doors.api.certificates import CertificateCalls
from certdesk.doors.api.codes import CodeCalls
from certdesk.doors.api.health import HealthCalls
from certdesk.doors.api.openapi import openapi_document
from certdesk.doors.api.operations import Call, operations
from certdesk.doors.api.requests import RequestCalls
from certdesk.doors.api.settings_file import SettingsCalls
from certdesk.doors.asgi import ASGIApp, Receive, Scope, Send
from certdesk.doors.peers import Peers
from certdesk.doors.problems import DISCREET, language_of, plain_problem_answer, problem_answer
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.settings import HTTPSettings, Ready
from certdesk.ra import RegistrationAuthority

PREFIXES = ("/api/", "/settings/", "/healthz", "/readyz", "/metrics")
"""Where the paths of this door begin."""


def api_app(ra: RegistrationAuthority, *, chain_pem: str, settings: HTTPSettings, ready: Ready) -> ASGIApp:
    """Return the API, the settings files and what monitoring asks, as one ASGI application.

    `chain_pem` is what devices get with their certificate: the issuing certificate and the root.
    """
    peers = Peers(settings.trusted_proxies)
    limiter = RateLimiter(settings.public_calls_per_minute, settings.public_calls_at_once, settings.monotonic)
    callers = Callers(ra, peers, limiter)
    table = operations(
        RequestCalls(ra, callers, chain_pem),
        CertificateCalls(ra, callers, chain_pem),
        CodeCalls(ra, callers),
        SettingsCalls(ra, callers),
    )
    document = encode_json(openapi_document(table))

    async def openapi(_scope: Scope, _receive: Receive) -> Answer:
        """Get this document."""
        return Answer(200, document, (JSON,))

    health = HealthCalls(settings, ready, peers)
    calls: defaultdict[str, dict[str, Call]] = defaultdict(dict)
    for operation in table:
        calls[operation.path][operation.method] = operation.call
    calls["/api/v1/openapi.json"]["GET"] = openapi
    calls["/healthz"]["GET"] = health.alive
    calls["/readyz"]["GET"] = health.ready
    calls["/metrics"]["GET"] = health.metrics
    return Problems(_litestar([_route(path, by_method) for path, by_method in calls.items()]))


def _route(path: str, calls: dict[str, Call]) -> HTTPRouteHandler:
    """Return Litestar's handler of a path: one for all its methods, so that it answers OPTIONS with all of them."""
    if "GET" in calls:
        calls["HEAD"] = calls["GET"]

    async def handler(request: Request[Any, Any, Any]) -> LitestarASGIApp:
        call = calls[request.scope["method"]]
        answer = await call(cast("Scope", request.scope), cast("Receive", request.receive))
        return cast("LitestarASGIApp", answer)

    route = path.removesuffix(".xml").replace("}", ":str}")
    return HTTPRouteHandler(route, http_method=[HttpMethod(method) for method in calls])(handler)


def _litestar(routes: list[HTTPRouteHandler]) -> ASGIApp:
    app = Litestar(
        routes,
        openapi_config=None,
        logging_config=None,
        exception_handlers={Exception: _pass_on},
    )
    return cast("ASGIApp", app)


def _pass_on(_request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Let every exception through to `Problems`, where all of them are answered."""
    raise error


class Problems:
    """Answers errors with problem documents; what is not an error of ours to foresee goes on to the listener."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        try:
            await self._app(scope, receive, send)
        except CertdeskError as error:
            if error.kind in DISCREET:
                scope["failure"] = error
            answer = problem_answer(error, language_of(dict(scope["headers"])))
        except HTTPException as error:
            if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            answer = _http_problem(error, language_of(dict(scope["headers"])))
        else:
            return
        await answer(scope, receive, send)


def _http_problem(error: HTTPException, language: str) -> Answer:
    """Return the problem of an exception that Litestar's routing raises."""
    if isinstance(error, MethodNotAllowedException):
        allowed = (error.headers or {}).get("allow", "")
        return plain_problem_answer(405, (b"allow", allowed.encode()))
    if isinstance(error, NotFoundException):
        return problem_answer(CertdeskError(ErrorKind.NOT_FOUND, N_("there is nothing at this address")), language)
    return problem_answer(CertdeskError(ErrorKind.MALFORMED, N_("this is no proper HTTP request")), language)
