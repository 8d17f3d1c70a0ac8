"""uvicorn's HTTP/1.1 protocol with what the desk needs of it: the client's certificate, and no endless patience."""

import asyncio
import math
import ssl
from asyncio import Transport
from typing import Any, cast

from cryptography import x509
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS = 30
"""How long a client may take to send a whole request, or to begin its first."""
MOST_JOINED = 64 * 1024
"""Bytes that are kept back at most, till the turn of the event loop ends."""
LARGEST_HEAD = 64 * 1024
"""Bytes of a request's line and headers; a Client-Cert header has about 2 KiB."""

_TLS_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


def tls_extension(connection: ssl.SSLObject) -> dict[str, Any]:
    """Return the `tls` extension of an ASGI scope; of the client's chain it has the verified leaf only."""
    der = connection.getpeercert(binary_form=True)
    return {
        "server_cert": None,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der)] if der else [],
        "client_cert_name": x509.load_der_x509_certificate(der).subject.rfc4514_string() if der else None,
        "client_cert_error": None,
        "tls_version": _TLS_VERSIONS.get(connection.version() or ""),
        "cipher_suite": None,
    }


class JoinedWrites:
    """A transport that sends together what is written in one turn of the event loop.

    uvicorn writes an answer's head and its body one after the other. Sent so, each of them costs a system call and
    wakes the client up: a seventh of what collecting a certificate costs.
    """

    def __init__(self, transport: Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Take the connection's own."""
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []
        self._size = 0

    def write(self, octets: bytes) -> None:
        """Send soon; at once if it gets so much that the connection should be asked whether it keeps up."""
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(octets)
        self._size += len(octets)
        if self._size >= MOST_JOINED:
            self._flush()

    def _flush(self) -> None:
        written, self._written, self._size = self._written, [], 0
        if written and not self._transport.is_closing():
            self._transport.write(b"".join(written))

    def close(self) -> None:
        """Send what was written, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport can do
        return getattr(self._transport, name)


class DeskProtocol(HttpToolsProtocol):
    """One connection."""

    deadline = math.inf
    """When the request that is being received must be complete, in the event loop's time."""
    _tls: dict[str, Any] | None = None
    _head: int | None = 0
    """Bytes of the present head so far; None while no head is being received."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Look at the finished handshake."""
        super().connection_made(cast("Transport", JoinedWrites(transport, self.loop)))
        self.deadline = self.loop.time() + REQUEST_SECONDS
        connection = transport.get_extra_info("ssl_object")
        if connection is not None:
            self._tls = tls_extension(connection)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that grows without an end is refused (RFC 9110 §5.4)."""
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        """Begin a scope."""
        super().on_message_begin()
        self._head = 0
        self.deadline = self.loop.time() + REQUEST_SECONDS
        if self._tls is not None:
            cast("dict[str, Any]", self.scope)["extensions"] = {"tls": self._tls}

    def on_headers_complete(self) -> None:
        """Start the application."""
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more."""
        self.deadline = math.inf
        super().on_message_complete()
