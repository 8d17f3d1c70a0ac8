"""Request bodies and their limit."""

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.asgi import ClientDisconnectedError, Message
from certdesk.doors.bodies import read_body
from tests.unit.doors.asgi_calls import make_scope, receiving


async def test_a_body_in_pieces_is_put_together() -> None:
    """Up to the very limit."""
    assert await read_body(make_scope(), receiving(b"ab", b"", b"cde"), 5) == b"abcde"


async def test_an_announced_body_is_refused_before_it_is_read() -> None:
    """Nothing is received."""

    async def receive() -> Message:
        raise AssertionError

    scope = make_scope(headers=[(b"content-length", b"6")])
    with pytest.raises(CertdeskError) as caught:
        await read_body(scope, receive, 5)
    assert caught.value.kind is ErrorKind.TOO_LARGE


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_long() -> None:
    """The rest is not received."""
    pieces = [b"abc", b"def", b"never", b"read"]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    with pytest.raises(CertdeskError) as caught:
        await read_body(make_scope(), receive, 5)
    assert caught.value.kind is ErrorKind.TOO_LARGE
    assert pieces == [b"never", b"read"]


async def test_a_client_that_hangs_up_is_not_answered() -> None:
    """Half a body is no body."""

    async def receive() -> Message:
        return messages.pop(0)

    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    with pytest.raises(ClientDisconnectedError):
        await read_body(make_scope(), receive, 5)
