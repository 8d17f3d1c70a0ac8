"""The few ASGI types that doors speak in; scopes and messages are those of ASGI 3."""

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]


class ClientDisconnectedError(Exception):
    """The client hung up before its request was complete: there is nobody left to answer."""
