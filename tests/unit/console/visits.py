"""Visits to the console, made by hand."""

from typing import Any

from certdesk.console.routing import Visit
from certdesk.domain.clock import HOUR
from certdesk.domain.enrollment import Role
from certdesk.domain.sessions import Session, SignInMethod
from tests.unit.doors.asgi_calls import make_scope, receiving

NOW = 1_790_000_000_000


def make_session(role: Role = Role.REGISTRATION_MANAGER, organisation: str = "FRA1") -> Session:
    """Return a running session."""
    return Session(
        b"t" * 32,
        "claire@poste.example",
        "Claire Petit",
        role,
        organisation,
        SignInMethod.CERTIFICATE,
        b"f" * 32,
        NOW,
        NOW,
        NOW + HOUR,
        "192.0.2.9",
        "Test",
    )


def make_visit(path: str = "/", *chunks: bytes, language: str = "en", **more: Any) -> Visit:
    """Return a visit to an address, with a body in pieces."""
    fields = {name: more.pop(name) for name in ("session", "csrf_token", "limit") if name in more}
    scope = make_scope(path, path_params={}, **more)
    return Visit(scope, receiving(*chunks), "192.0.2.9", language, "", **fields)
