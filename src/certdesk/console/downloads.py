"""Published files as they are sent: in chunks, whole or from where a download broke off (RFC 9110 §14).

Browsers are told to save them and never to open them, and not to guess what they are.
"""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable

from certdesk.console.routing import Visit
from certdesk.console.security import PAGE_HEADERS
from certdesk.domain.publication import CHUNK, PublishedFile
from certdesk.doors.answers import NO_SNIFF, STRICT_TRANSPORT
from certdesk.doors.asgi import Header, Receive, Scope, Send

Read = Callable[[PublishedFile, int], Awaitable[bytes]]
"""Reads a file's chunk of a number."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class Download:
    """A published file, or the part of it that a browser asks for; an ASGI application."""

    def __init__(self, file: PublishedFile, read: Read, visit: Visit) -> None:
        self._file = file
        self._read = read
        self._tag = f'"{file.sha256.hex()}"'
        self._status, self._first, self._end = self._answer_to(visit)

    def _answer_to(self, visit: Visit) -> tuple[int, int, int]:
        """Return the status, and the first octet that is sent and the one after the last."""
        size = self._file.size
        if self._tag in visit.header(b"if-none-match"):
            return 304, 0, 0
        if visit.header(b"if-range") not in {"", self._tag}:
            return 200, 0, size
        asked = _RANGE.fullmatch(visit.header(b"range").replace(" ", ""))
        if asked is None or not (asked[1] or asked[2]):
            return 200, 0, size  # none, several, or of another unit: the whole file is a right answer to all of them
        first, end = _span(asked[1], asked[2], size)
        return (206, first, end) if first < end else (416, 0, 0)

    def _headers(self) -> list[Header]:
        file = self._file
        headers: list[Header] = [
            *PAGE_HEADERS,
            NO_SNIFF,
            (b"etag", self._tag.encode()),
            (b"cache-control", b"no-cache"),
            (b"accept-ranges", b"bytes"),
        ]
        if self._status == 304:  # noqa: PLR2004 - not modified
            return headers
        headers.append((b"content-length", b"%d" % (self._end - self._first)))
        if self._status == 416:  # noqa: PLR2004 - range not satisfiable
            return [*headers, (b"content-range", b"bytes */%d" % file.size)]
        if self._status == 206:  # noqa: PLR2004 - partial content
            headers.append((b"content-range", b"bytes %d-%d/%d" % (self._first, self._end - 1, file.size)))
        return [
            *headers,
            (b"content-type", file.media_type.encode()),
            (b"content-disposition", f'attachment; filename="{file.name}"'.encode()),
            (b"repr-digest", b"sha-256=:%b:" % base64.b64encode(file.sha256)),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the file, never holding more of it than a chunk."""
        headers = self._headers()
        if scope["scheme"] == "https":
            headers.append(STRICT_TRANSPORT)
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        if scope["method"] != "HEAD":
            async for octets in self._octets():
                await send({"type": "http.response.body", "body": octets, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _octets(self) -> AsyncIterator[bytes]:
        position = self._first
        while position < self._end:
            number, begin = divmod(position, CHUNK)
            octets = (await self._read(self._file, number))[begin : begin + self._end - position]
            position += len(octets)
            yield octets


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the first octet of a range and the one after its last; without a first one, the last octets are meant."""
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size
