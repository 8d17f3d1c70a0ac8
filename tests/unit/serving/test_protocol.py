"""What a connection sends together."""

import asyncio
from typing import cast

from certdesk.serving.protocol import MOST_JOINED, JoinedWrites


class Sent:
    """A transport that notes what it is given."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.octets: list[bytes] = []
        self.is_closed = False

    def write(self, octets: bytes) -> None:
        """Note it."""
        self.octets.append(octets)

    def close(self) -> None:
        """Note that."""
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        """Tell whether it was."""
        return self.is_closed


def joined(sent: Sent) -> JoinedWrites:
    """Return the writes that go there."""
    return JoinedWrites(cast("asyncio.Transport", sent), asyncio.get_running_loop())


async def test_head_and_body_are_sent_at_once() -> None:
    """When the turn ends; the next turn's are sent by themselves."""
    sent = Sent()
    writes = joined(sent)
    writes.write(b"head")
    writes.write(b"body")
    assert sent.octets == []
    await asyncio.sleep(0)
    writes.write(b"more")
    await asyncio.sleep(0)
    assert sent.octets == [b"headbody", b"more"]


async def test_much_is_not_kept_back() -> None:
    """Whoever sends a file must learn at once when the client does not keep up."""
    sent = Sent()
    writes = joined(sent)
    writes.write(b"head")
    writes.write(bytes(MOST_JOINED))
    assert [len(each) for each in sent.octets] == [MOST_JOINED + 4]
    await asyncio.sleep(0)
    assert len(sent.octets) == 1


async def test_closing_sends_what_was_written() -> None:
    """And nothing after it."""
    sent = Sent()
    writes = joined(sent)
    writes.write(b"last words")
    writes.close()
    assert (sent.octets, sent.is_closed, writes.is_closing()) == ([b"last words"], True, True)
    await asyncio.sleep(0)
    assert len(sent.octets) == 1


async def test_a_connection_that_was_cut_gets_nothing() -> None:
    """As uvicorn has it: the answer is dropped."""
    sent = Sent()
    writes = joined(sent)
    writes.write(b"too late")
    writes.abort()
    await asyncio.sleep(0)
    assert sent.octets == []
