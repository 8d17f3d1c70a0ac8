"""Puts the API door together."""

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
from certdesk.doors.api.health import HealthCalls
from certdesk.doors.api.openapi import openapi_document
from certdesk.doors.api.operations import Call, operations
from certdesk.doors.api.requests import RequestCalls
from certdesk.doors.api.settings_file import SettingsCalls
from certdesk.doors.asgi import ASGIApp, Receive, Scope, Send
from certdesk.doors.peers import Peers
from certdesk.doors.problems import language_of, plain_problem_answer, problem_answer
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.settings import HTTPSettings, Ready
from certdesk.ra import RegistrationAuthority


def api_app(ra: RegistrationAuthority, *, chain_pem: str, settings: HTTPSettings, ready: Ready) -> ASGIApp:
    """Return the API, the settings files and what monitoring asks, as one ASGI application.

    `chain_pem` is what devices get with their certificate: the issuing certificate and the root.
    """
    peers = Peers(settings.trusted_proxies)
    limiter = RateLimiter(settings.public_calls_per_minute, settings.public_calls_at_once, settings.monotonic)
    callers = Callers(ra, peers, limiter)
    table = operations(
        RequestCalls(ra, callers, chain_pem), CertificateCalls(ra, callers, chain_pem), SettingsCalls(ra, callers)
    )
    document = encode_json(openapi_document(table))

    async def openapi(_scope: Scope, _receive: Receive) -> Answer:
        """Get this document."""
        return Answer(200, document, (JSON,))

    health = HealthCalls(settings, ready, peers)
    routes = [_route(operation.method, operation.path, operation.call) for operation in table]
    routes += [
        _route("GET", "/api/v1/openapi.json", openapi),
        _route("GET", "/healthz", health.alive),
        _route("GET", "/readyz", health.ready),
        _route("GET", "/metrics", health.metrics),
    ]
    return Problems(_litestar(routes))


def _route(method: str, path: str, call: Call) -> HTTPRouteHandler:
    methods = [HttpMethod.GET, HttpMethod.HEAD] if method == "GET" else [HttpMethod.POST]
    route = path.removesuffix(".xml").replace("}", ":str}")

    async def handler(request: Request[Any, Any, Any]) -> LitestarASGIApp:
        answer = await call(cast("Scope", request.scope), cast("Receive", request.receive))
        return cast("LitestarASGIApp", answer)

    return HTTPRouteHandler(route, http_method=methods)(handler)


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
    """Answers refusals with problem documents; defects are left to the listener, which logs them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        try:
            await self._app(scope, receive, send)
        except CertdeskError as error:
            if error.kind is ErrorKind.INTERNAL:
                raise
            answer = problem_answer(error, language_of(dict(scope["headers"])))
        except HTTPException as error:
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
