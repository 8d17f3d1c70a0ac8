"""Sockets, TLS, and the servers on them in one event loop, which stop together and gracefully."""

import asyncio
import contextlib
import ctypes
import gc
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn._types import ASGI3Application

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.asgi import ASGIApp
from certdesk.serving.processes import Process
from certdesk.serving.protocol import DeskProtocol

BACKLOG = 2048
IDLE_SECONDS = 75
"""How long a connection may rest between requests; load balancers keep theirs for about a minute."""
GRACE_SECONDS = 10
"""How long requests may go on after the order to stop."""
_OBJECTS_PER_COLLECTION = 10_000
"""How many more objects than at the last collection begin another one. After Python's 700 it would look several times
in every turn of a busy event loop at what dozens of requests are just using: a twentieth of an approval's time."""
_TICKS_PER_SWEEP = 50  # uvicorn ticks ten times a second


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listening socket and what is served there, by TLS if it has a context."""

    socket: socket.socket
    app: ASGIApp
    tls: ssl.SSLContext | None = None


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises `UNAVAILABLE` if that cannot be."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE,
            N_("cannot listen on {host}:{port}: {reason}"),
            host=host,
            port=port,
            reason=(error.strerror or str(error)).partition(" (while ")[0],  # the address has been named
        ) from None


def server_tls(certificate: Path, key: Path, passphrase: bytes | None, client_trust_pem: str) -> ssl.SSLContext:
    """Return the context of a listener that asks for client certificates and does without.

    `certificate` is a PEM file with the chain, `key` a PEM file, encrypted or not, `client_trust_pem` the CAs
    whose client certificates are accepted. A renewed certificate is taken up while serving by calling
    `load_cert_chain` of the context. Raises `UNAVAILABLE` if a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(cadata=client_trust_pem)
    try:
        context.load_cert_chain(certificate, key, passphrase or b"")  # without a passphrase OpenSSL would ask for one
    except (OSError, ValueError) as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE,
            N_("the TLS certificate {certificate} cannot be used with the key {key}: {reason}"),
            certificate=certificate,
            key=key,
            reason=error,
        ) from None
    return context


class _Listener(uvicorn.Server):
    """One endpoint's server; signals are handled for all of them together."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            uvicorn.Config(
                cast("ASGI3Application", endpoint.app),
                http=DeskProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
                ssl_context_factory=(lambda *_: cast("ssl.SSLContext", endpoint.tls)) if endpoint.tls else None,
            )
        )
        self._socket = endpoint.socket
        self.listening = asyncio.Event()

    async def run_until_stopped(self) -> None:
        await self.serve([self._socket])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SWEEP == 0:
            self._hang_up_on_the_slow()
        return await super().on_tick(counter)

    def _hang_up_on_the_slow(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, DeskProtocol) and connection.deadline < now:
                connection.transport.abort()

    def stop(self, *, at_once: bool = False) -> None:
        self.should_exit = True
        self.force_exit |= at_once


async def serve(
    endpoints: Sequence[Endpoint], process: Process | None = None, started: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT, or until this process's supervisor is gone; then finish what has begun.

    A second SIGINT does not wait for that. `started` is called once all endpoints accept connections.
    """
    listeners = [_Listener(endpoint) for endpoint in endpoints]
    with _stopped_by_signals(listeners, process):
        async with asyncio.TaskGroup() as group:
            for listener in listeners:
                group.create_task(listener.run_until_stopped())
            for listener in listeners:
                await listener.listening.wait()
            if process:
                _settle()
            started()


def _settle() -> None:
    """Give back the memory that only the start needed, and keep what stays for good from the garbage collector.

    Opening encrypted keys alone leaves 30 MB of scrypt's working memory in glibc's heap.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@contextlib.contextmanager
def _stopped_by_signals(listeners: Sequence[_Listener], process: Process | None) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    interrupted = False

    def stop() -> None:
        for listener in listeners:
            listener.stop()

    def interrupt() -> None:
        nonlocal interrupted
        for listener in listeners:
            listener.stop(at_once=interrupted)
        interrupted = True

    def orphaned(lifeline: int) -> None:
        loop.remove_reader(lifeline)
        stop()

    loop.add_signal_handler(signal.SIGTERM, stop)
    lifeline = process.lifeline if process else None
    if lifeline is None:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    else:
        loop.add_reader(lifeline, orphaned, lifeline)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
        if lifeline is not None:
            loop.remove_reader(lifeline)
