"""The server on real sockets: TLS with and without client certificates, patience, stopping, several processes."""

import asyncio
import base64
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certdesk.ca.desk_certificate import DeskCertificate
from certdesk.domain.enrollment import Manager, Names, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.answers import Answer
from certdesk.doors.asgi import Receive, Scope, Send
from certdesk.doors.bodies import read_body
from certdesk.keys.directory import KeyDirectory
from certdesk.ra.managers import ManagerIdentity
from certdesk.serving import Endpoint, bind, listeners, protocol, serve, server_tls
from tests.desks import OPERATOR, TestDesk, Time, make_desk
from tests.integration.api_calls import make_body, open_api

PASSPHRASE = b"correct horse"


@contextlib.asynccontextmanager
async def serving(*endpoints: Endpoint) -> AsyncIterator[asyncio.Task[None]]:
    """Serve in this event loop until the end of the block, and then be stopped as the operator would."""
    started = asyncio.Event()
    task = asyncio.create_task(serve(endpoints, started=started.set))
    await started.wait()
    try:
        yield task
    finally:
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await task


def _port(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


class Now(Time):
    """The real time: TLS looks at it."""

    def __call__(self) -> int:
        """Return the time in milliseconds."""
        return time.time_ns() // 1_000_000


@pytest.fixture
async def desk(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestDesk]:
    """Return a desk of today."""
    monkeypatch.setattr("tests.desks.Time", Now)
    desk = await make_desk(sqlite_url, tmp_path)
    yield desk
    await desk.close()


@pytest.fixture
async def tls(desk: TestDesk, tmp_path: Path) -> ssl.SSLContext:
    """Return the TLS context of the desk's own certificate."""
    certificate = DeskCertificate(desk.ca, KeyDirectory(tmp_path / "keys", PASSPHRASE, cost=2), desk.time)
    await certificate.renew_if_due(Names(("localhost",), ("127.0.0.1",)))
    return server_tls(certificate.path, certificate.path, PASSPHRASE, desk.ca.chain_pem)


def _trust(desk: TestDesk, identity: ManagerIdentity | None = None, directory: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=desk.ca.chain_pem)
    if identity and directory:
        key = identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        certificate = x509.load_der_x509_certificate(identity.certificate.der).public_bytes(Encoding.PEM)
        (directory / "client.pem").write_bytes(key + certificate)
        context.load_cert_chain(directory / "client.pem")
    return context


async def test_a_managers_certificate_opens_the_desk(desk: TestDesk, tls: ssl.SSLContext, tmp_path: Path) -> None:
    """Asked for, not required: who has none can still submit, and is told so where one is needed."""
    identity = await desk.ra.add_manager(Manager("m@poste.example", "M", Role.REGISTRATION_MANAGER, "FRA1"), OPERATOR)
    listening = bind("127.0.0.1", 0)
    async with open_api(desk) as api, serving(Endpoint(listening, api.app, tls)):
        url = f"https://localhost:{_port(listening)}"
        async with httpx.AsyncClient(base_url=url, verify=_trust(desk)) as stranger:
            submitted = await stranger.post("/api/v1/requests", json=make_body())
            assert submitted.status_code == 201
            assert "strict-transport-security" in submitted.headers
            assert (await stranger.get("/api/v1/requests")).status_code == 401
        async with httpx.AsyncClient(base_url=url, verify=_trust(desk, identity, tmp_path)) as manager:
            for _ in range(2):  # a connection is used again, and its certificate with it
                page = await manager.get("/api/v1/requests")
                assert [item["id"] for item in page.json()["items"]] == [submitted.json()["id"]]


async def test_a_certificate_of_another_ca_does_not_get_in(desk: TestDesk, tls: ssl.SSLContext, tmp_path: Path) -> None:
    """The handshake fails."""
    (tmp_path / "other").mkdir()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(  # noqa: ASYNC221 - there is nothing else to do meanwhile
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -subj /CN=mallory".split(),
        check=True,
        capture_output=True,
    )
    context = _trust(desk)
    context.load_cert_chain(certificate, key)
    listening = bind("127.0.0.1", 0)
    async with (
        open_api(desk) as api,
        serving(Endpoint(listening, api.app, tls)),
        httpx.AsyncClient(base_url=f"https://localhost:{_port(listening)}", verify=context) as mallory,
    ):
        with pytest.raises(httpx.TransportError):
            await mallory.get("/healthz")


async def test_a_certificate_is_not_taken_from_a_header(desk: TestDesk, tls: ssl.SSLContext) -> None:
    """Our own TLS is the only witness."""
    identity = await desk.ra.add_manager(Manager("m@poste.example", "M", Role.REGISTRATION_MANAGER, "FRA1"), OPERATOR)
    listening = bind("127.0.0.1", 0)
    async with (
        open_api(desk) as api,
        serving(Endpoint(listening, api.app, tls)),
        httpx.AsyncClient(base_url=f"https://localhost:{_port(listening)}", verify=_trust(desk)) as mallory,
    ):
        headers = {"client-cert": f":{base64.b64encode(identity.certificate.der).decode()}:"}
        assert (await mallory.get("/api/v1/requests", headers=headers)).status_code == 401


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        body = await read_body(scope, receive, 1000)
    except CertdeskError:
        body, status = b"", 413
    else:
        status = 200
    await Answer(status, body, ())(scope, receive, send)


async def _raw(port: int, *chunks: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        answer = await reader.read(65536)
        writer.close()
        return answer
    return b""


async def test_a_chunked_body_has_its_limit() -> None:
    """413 although no length was announced; the connection goes on to serve others."""
    listening = bind("127.0.0.1", 0)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(Endpoint(listening, _echo)):
        chunk = b"200\r\n" + b"x" * 512 + b"\r\n"
        assert (await _raw(_port(listening), head, chunk, b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert (await _raw(_port(listening), head, *[chunk] * 10)).startswith(b"HTTP/1.1 413")


async def test_endless_headers_are_refused() -> None:
    """400, and the connection is closed."""
    listening = bind("127.0.0.1", 0)
    async with serving(Endpoint(listening, _echo)):
        endless = [b"x-%d: " % number + b"y" * 8000 + b"\r\n" for number in range(40)]
        assert (await _raw(_port(listening), b"GET / HTTP/1.1\r\n", *endless)).startswith(b"HTTP/1.1 400")


async def test_slow_clients_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says nothing, or begins a request and does not go on."""
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(listeners, "_TICKS_PER_SWEEP", 1)
    listening = bind("127.0.0.1", 0)
    async with serving(Endpoint(listening, _echo)):
        for begun in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab"):
            assert await asyncio.wait_for(_raw(_port(listening), begun), 10) == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", _port(listening))
        for _ in range(2):  # who is quick may rest between requests
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.5)  # longer than a request may take: the time that passes is what is tested
        writer.close()


async def test_what_has_begun_is_finished() -> None:
    """After the order to stop nobody new is served, and who is being served gets the answer."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await Answer(200, b"done", ())(scope, receive, send)

    listening = bind("127.0.0.1", 0)
    port = _port(listening)
    async with serving(Endpoint(listening, slow)) as task:
        request = asyncio.create_task(_raw(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))
        await begun.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(OSError):  # noqa: PT012, PT011 - refused, as soon as the listener is closed
            while True:
                asyncio_socket = await asyncio.open_connection("127.0.0.1", port)
                asyncio_socket[1].close()
        go_on.set()
        assert (await request).endswith(b"done")
        await task


async def test_two_endpoints_stop_together() -> None:
    """One order for all."""
    sockets = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    async with serving(*(Endpoint(each, _echo) for each in sockets)) as task:
        for each in sockets:
            assert (await _raw(_port(each), b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).startswith(
                b"HTTP/1.1 200"
            )
    assert task.done()


def test_a_port_in_use_is_a_clear_error() -> None:
    """It names the address."""
    with bind("127.0.0.1", 0) as listening:
        port = _port(listening)
        with pytest.raises(CertdeskError) as caught:
            bind("127.0.0.1", port)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in str(caught.value)


def test_a_key_that_cannot_be_read_is_a_clear_error(desk: TestDesk, tls: ssl.SSLContext, tmp_path: Path) -> None:
    """A wrong passphrase, and a file that is not there."""
    path = tmp_path / "keys" / "tls.pem"
    assert path.exists()
    for certificate, passphrase in ((path, b"wrong"), (path, None), (tmp_path / "none.pem", PASSPHRASE)):
        with pytest.raises(CertdeskError) as caught:
            server_tls(certificate, certificate, passphrase, desk.ca.chain_pem)
        assert caught.value.kind is ErrorKind.UNAVAILABLE


PROGRAM = """
import os, sys
from certdesk.doors.answers import Answer
from certdesk.serving import Endpoint, bind, run, serve

async def app(scope, receive, send):
    await Answer(200, str(os.getpid()).encode(), ((b"connection", b"close"),))(scope, receive, send)

socket = bind("127.0.0.1", int(sys.argv[1]))

async def work(process):
    if len(sys.argv) > 2:
        raise SystemExit("cannot work")
    await serve([Endpoint(socket, app)], process, lambda: os.write(1, b"started\\n"))

sys.exit(run(work, processes=2))
"""


@pytest.fixture
def supervisor(free_port: int) -> Iterator[subprocess.Popen[str]]:
    """Return a supervisor whose two processes have started."""
    command = [sys.executable, "-c", PROGRAM, str(free_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout
            assert [program.stdout.readline() for _ in range(2)] == ["started\n"] * 2
            yield program
        finally:
            program.kill()


def _children(supervisor: subprocess.Popen[str]) -> set[int]:
    task = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children")
    return {int(child) for child in task.read_text().split()}


def _answer(port: int) -> int:
    return int(httpx.get(f"http://127.0.0.1:{port}/").text)


def test_processes_share_a_port(supervisor: subprocess.Popen[str], free_port: int) -> None:
    """And stop together, with exit status 0."""
    assert len(_children(supervisor)) == 2
    assert _answer(free_port) in _children(supervisor)
    supervisor.terminate()
    assert supervisor.wait(20) == 0


def test_a_process_that_dies_is_replaced(supervisor: subprocess.Popen[str], free_port: int) -> None:
    """The others serve on meanwhile."""
    assert supervisor.stdout
    victim = min(_children(supervisor))
    os.kill(victim, signal.SIGKILL)
    assert _answer(free_port) != victim
    assert supervisor.stdout.readline() == "started\n"
    assert len(_children(supervisor)) == 2
    assert victim not in _children(supervisor)


def test_processes_do_not_outlive_their_supervisor(supervisor: subprocess.Popen[str], free_port: int) -> None:
    """Even if it was killed: they stop by themselves, and the port is free."""
    assert supervisor.stdout
    supervisor.kill()
    assert supervisor.stdout.read() == ""  # the pipe ends with the last process
    bind("127.0.0.1", free_port).close()


def test_a_supervisor_gives_up_what_cannot_start(free_port: int) -> None:
    """Exit status 1 after a few tries."""
    program = [sys.executable, "-c", PROGRAM, str(free_port), "fail"]
    result = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "cannot work" in result.stderr
