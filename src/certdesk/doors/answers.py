"""What a door answers with: a status, headers and a body that are complete before the first byte is sent."""

from collections.abc import Iterable

import msgspec

from certdesk.doors.asgi import Header, Receive, Scope, Send

JSON: Header = (b"content-type", b"application/json")
NO_STORE: Header = (b"cache-control", b"no-store")
NO_SNIFF: Header = (b"x-content-type-options", b"nosniff")
STRICT_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000")
"""A year (RFC 6797 §6.1.1); sent only over our own TLS, a proxy that terminates TLS decides for itself."""

encode_json = msgspec.json.Encoder().encode
"""The one JSON encoder."""


class Answer:
    """A complete HTTP answer; an ASGI application."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Iterable[Header]) -> None:
        self.status = status
        self.body = body
        self.headers = [*headers, NO_SNIFF, (b"content-length", b"%d" % len(body))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the answer; without its body to a HEAD request (RFC 9110 §9.3.2)."""
        headers = [*self.headers, STRICT_TRANSPORT] if scope["scheme"] == "https" else self.headers
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})


def json_answer(status: int, value: object, *headers: Header) -> Answer:
    """Return a JSON answer that no cache keeps: what the desk says is for the caller alone, and for now."""
    return Answer(status, encode_json(value), (JSON, NO_STORE, *headers))
