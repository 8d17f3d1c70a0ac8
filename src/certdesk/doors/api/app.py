"""Puts the API door together."""

from collections import defaultdict

from certdesk.domain.errors import CertdeskError
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
from certdesk.doors.problems import language_of, note_failure, plain_problem_answer, problem_answer
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.routing import Routes, WrongMethodError
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
    return API(Routes(calls))


class API:
    """Calls what the table of operations says, and answers refusals with problem documents."""

    def __init__(self, routes: Routes[Call]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is not an error of ours to foresee goes on to the listener."""
        try:
            answer = await self._routes.find(scope)(scope, receive)
        except CertdeskError as error:
            note_failure(scope, error)
            answer = problem_answer(error, language_of(dict(scope["headers"])))
        except WrongMethodError as error:
            is_question = scope["method"] == "OPTIONS"
            answer = Answer(200, b"", (error.allow,)) if is_question else plain_problem_answer(405, error.allow)
        await answer(scope, receive, send)
