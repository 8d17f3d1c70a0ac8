"""Calls an ASGI application without a server, down to the single message."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from certdesk.doors.asgi import ASGIApp, Header, Message, Scope


@dataclass
class Received:
    """What an application answered."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


def make_scope(
    path: str = "/",
    method: str = "GET",
    headers: Sequence[Header] = (),
    client: tuple[str, int] | None = ("192.0.2.7", 50000),
    **more: Any,
) -> Scope:
    """Return an HTTP scope as uvicorn makes it."""
    raw_path, _, query = path.partition("?")
    return {
        "type": "http",
        "scheme": "http",
        "method": method,
        "path": raw_path,
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": list(headers),
        "client": client,
        **more,
    }


def receiving(*chunks: bytes) -> Callable[[], Awaitable[Message]]:
    """Return a `receive` that delivers a body in pieces, and then tells that the client is gone."""
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, start=1)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


async def call(app: ASGIApp, scope: Scope, *chunks: bytes) -> Received:
    """Call an application and return its answer."""
    received = Received()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            received.status = message["status"]
            received.headers = dict(message["headers"])
        else:
            received.body += message.get("body", b"")

    await app(scope, receiving(*chunks or (b"",)), send)
    return received
