"""Answers that are sent piece by piece, while they are being made."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence

from certdesk.console.security import PAGE_HEADERS
from certdesk.doors.answers import NO_SNIFF, NO_STORE, STRICT_TRANSPORT
from certdesk.doors.asgi import Header, Receive, Scope, Send

_UNBUFFERED: Header = (b"x-accel-buffering", b"no")
"""Tells nginx to pass the pieces on as they come."""
_BYTE_ORDER_MARK = "\ufeff".encode()  # without it a spreadsheet takes UTF-8 for something else
_FORMULA_BEGINS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - spreadsheets take the full-width ones for the others


class Stream:
    """An answer whose body is not complete yet; an ASGI application."""

    def __init__(self, chunks: AsyncIterator[bytes], *headers: Header, ends_with_reader: bool = False) -> None:
        self._chunks = chunks
        self._headers = [*PAGE_HEADERS, NO_STORE, NO_SNIFF, _UNBUFFERED, *headers]
        self._ends_with_reader = ends_with_reader
        """Whether nothing more is made once nobody is there to read it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is as soon as it is there."""
        left = asyncio.ensure_future(_left(receive))
        try:
            await self._send(scope, send, left)
        finally:
            left.cancel()

    async def _send(self, scope: Scope, send: Send, left: "asyncio.Future[None]") -> None:
        headers = [*self._headers, STRICT_TRANSPORT] if scope["scheme"] == "https" else self._headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] != "HEAD":
            async for chunk in self._chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if self._ends_with_reader and left.done():
                    break
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    """Return when the reader has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def csv_stream(name: str, heading: Sequence[str], pages: AsyncIterator[list[Sequence[str]]]) -> Stream:
    """Return a CSV file (RFC 4180, UTF-8) to be saved under a name."""

    async def chunks() -> AsyncIterator[bytes]:
        yield _BYTE_ORDER_MARK + _lines([heading])
        async for rows in pages:
            yield _lines(rows)
            await asyncio.sleep(0)  # others have their turn, however fast the reader is

    return Stream(
        chunks(),
        (b"content-type", b"text/csv; charset=utf-8; header=present"),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        ends_with_reader=True,
    )


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def cell(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula: one that looks like it gets an apostrophe in front."""
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_BEGINS) or value.startswith(_FORMULA_BEGINS) else value
