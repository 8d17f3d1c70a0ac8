"""Decodes what forms send, within limits; nothing of it is written to a disk.

Ordinary forms are urlencoded and read whole. A form with a file is multipart and read piece by piece:

    async for part, octets in multipart(visit, LARGEST_FILE):
        ...  # part.name, part.filename; octets is None at a part's end
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from certdesk.console.csrf import TOKEN_FIELD, check_token
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.asgi import ClientDisconnectedError, Receive, Scope
from certdesk.doors.bodies import read_body

if TYPE_CHECKING:
    from certdesk.console.routing import Visit

MOST_FIELDS = 1000
"""More than the boxes of the longest list."""
_LONGEST_TOKEN = 100


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each with all its values."""

    fields: Mapping[str, list[str]]

    def text(self, name: str) -> str:
        """Return a field's first value; empty if it was not sent."""
        values = self.fields.get(name)
        return values[0] if values else ""

    def every(self, name: str) -> list[str]:
        """Return all values of a field, as of boxes that were ticked."""
        return self.fields.get(name, [])

    def ticked(self, name: str) -> bool:
        """Tell whether a box was ticked."""
        return name in self.fields


NO_FORM = Form({})


async def read_form(scope: Scope, receive: Receive, limit: int) -> Form:
    """Return an urlencoded body's fields; raise `MALFORMED` or `TOO_LARGE`."""
    media_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if media_type.partition(b";")[0].strip().lower() not in {b"application/x-www-form-urlencoded", b""}:
        raise _malformed()
    body = await read_body(scope, receive, limit)
    if body and not media_type:
        raise _malformed()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise _malformed() from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


async def multipart(visit: "Visit", largest: int) -> AsyncIterator[tuple[MultipartSegment, bytes | None]]:
    """Yield the parts of a multipart body: each part with its octets, piece by piece, and with None at its end.

    The form's first field must be the CSRF token, which is checked before anything else is looked at. Raises
    `MALFORMED`, `FORBIDDEN` and `TOO_LARGE`.
    """
    media_type, options = parse_options_header(visit.header(b"content-type"))
    if media_type != "multipart/form-data" or "boundary" not in options:
        raise _malformed()
    token: bytes | None = b""
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=MOST_FIELDS) as parser:
            part: MultipartSegment | None = None
            async for chunk in _chunks(visit.receive, largest):
                for piece in parser.parse(chunk):
                    if isinstance(piece, MultipartSegment):
                        part = piece
                    elif token is not None:
                        token = _read_token(visit, part, token, piece)
                    elif part is not None:
                        yield part, None if piece is None else bytes(piece)
    except MultipartError:
        raise _malformed() from None


def _read_token(visit: "Visit", part: MultipartSegment | None, token: bytes, piece: bytearray | None) -> bytes | None:
    """Return what of the CSRF token has come so far, or None once all of it has come and is right."""
    if part is None or part.name != TOKEN_FIELD or len(token) > _LONGEST_TOKEN:
        check_token(visit.csrf_token, "")
    if piece is not None:
        return token + piece
    check_token(visit.csrf_token, token.decode("latin-1"))
    return None


async def _chunks(receive: Receive, largest: int) -> AsyncIterator[bytes]:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > largest:
            raise CertdeskError(ErrorKind.TOO_LARGE, N_("a body may have {limit} bytes"), limit=largest)
        if chunk:  # to the parser nothing means the end
            yield chunk
        more = message.get("more_body", False)


def _malformed() -> CertdeskError:
    return CertdeskError(ErrorKind.MALFORMED, N_("this form cannot be read: go back, reload the page and try again"))
