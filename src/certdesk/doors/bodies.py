"""Request bodies, read whole and never longer than a limit, whether announced or chunked."""

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.asgi import ClientDisconnectedError, Receive, Scope

LIMIT = 64 * 1024
"""Bytes; a CSR with an RSA 8192 key is 3 KiB of PEM."""


async def read_body(scope: Scope, receive: Receive, limit: int = LIMIT) -> bytes:
    """Return the body, or raise `TOO_LARGE` as soon as it is known to be longer than `limit` bytes."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body") and len(body) <= limit:
        message = await receive()
        body = bytearray(body) if isinstance(body, bytes) else body
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientDisconnectedError
    if len(body) > limit:
        raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> CertdeskError:
    return CertdeskError(ErrorKind.TOO_LARGE, N_("a body may have {limit} bytes"), limit=limit)
