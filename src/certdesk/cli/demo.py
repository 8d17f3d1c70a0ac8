"""The command `demo`: a real enrollment from an empty directory to a certificate that opens a door, told as a story.

Nothing is staged: the desk is `certdesk serve` in a process of its own, the device runs `certdesk-client`, the
manager calls the API over TLS with their own client certificate, and the door is an OpenSSL server that asks for
a client certificate and reads the desk's revocation list.
"""

import contextlib
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import click
import httpx
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.x509 import ocsp

from certdesk.cli.context import say, translate
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

_PASSWORD = "counter-3-Lyon"  # noqa: S105 - of keys that live as long as the demo
_START_SECONDS = 30.0
_SERVER_NAME = "api.federation.example"


def free_port() -> int:
    """Return a TCP port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@click.command(
    help=N_(
        "Show a whole enrollment: a desk, two organisations, a device, a decision, a certificate that opens a door.\n\n"
        "The desk goes on running afterwards, to be looked at, until Ctrl-C. With --exit the exit status is 0 only if "
        "every step held.\n\n\b\nExamples:\n  certdesk demo\n  certdesk demo --exit --data /tmp/desk"
    )
)
@click.option("--exit", "exits", is_flag=True, help=N_("stop after the story, and remove the temporary directory"))
@click.option(
    "--data", type=click.Path(path_type=Path), help=N_("new directory for everything; a temporary one unless given")
)
def demo(*, exits: bool, data: Path | None) -> None:
    """Show a whole enrollment."""
    if data and data.exists() and any(data.iterdir()):
        raise CertdeskError(ErrorKind.CONFLICT, N_("{path} is not empty: the demo needs a new directory"), path=data)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the desk too
    with contextlib.ExitStack() as stack:
        if data is None and exits:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certdesk-demo-")))
        else:
            folder = data or Path(tempfile.mkdtemp(prefix="certdesk-demo-"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        story = Story(folder)
        story.tell(stack)
        if exits and data is None:
            return
        story.show_around()
        if exits:
            return
        say(N_("\nThe desk goes on running; Ctrl-C ends it."))
        with contextlib.suppress(KeyboardInterrupt):
            story.wait()


@dataclass
class Story:
    """The enrollment, chapter by chapter; a step that does not hold raises."""

    folder: Path
    port: int = field(default_factory=free_port)
    pki_port: int = field(default_factory=free_port)
    chapter: int = 0
    _server: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where the desk is."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """The desk's data directory."""
        return self.folder / "desk"

    def tell(self, stack: contextlib.ExitStack) -> None:
        """Tell the whole story."""
        self._write_secrets()
        self._open_desk(stack)
        self._register()
        with self._door(self._enroll_door()) as door:
            request_id = self._submit()
            self._decide(request_id)
            device = self._collect()
            self._pass(door, device)
            self._revoke(device, door)
        say(N_("\nEverything held."))

    def show_around(self) -> None:
        """Say where everything is."""
        say(
            N_(
                "Have a look around:\n"
                "  data and keys     {data}\n"
                "  console           {url} (import the manager's PKCS#12 into a browser that trusts the trust anchor)\n"
                "  publication page  {url}/publish/FRA1\n"
                "  settings          {url}/settings/FRA1.xml\n"
                "  API               {url}/api/v1/openapi.json\n"
                "  trust anchor      {data}/ca/root.pem\n"
                "  manager's PKCS#12 {folder}/claire.p12 (its password is in {folder}/password)\n"
                "  device            {folder}/device"
            ),
            data=self.data,
            url=self.url,
            folder=self.folder,
        )

    def wait(self) -> None:
        """Return when the desk has ended."""
        if self._server:
            self._server.wait()

    def _title(self, message: str, **values: object) -> None:
        self.chapter += 1
        click.echo(err=True)
        say(N_("{number}. {title}"), number=self.chapter, title=_translated(message, **values))

    def _write_secrets(self) -> None:
        for name, secret in (("passphrase", os.urandom(24).hex()), ("password", _PASSWORD)):
            descriptor = os.open(self.folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{secret}\n")

    def _open_desk(self, stack: contextlib.ExitStack) -> None:
        self._title(N_("A desk opens, with embedded SQLite and its own CA"))
        log = stack.enter_context((self.folder / "desk.log").open("wb"))
        command = [
            *_python("certdesk.cli.main", "serve"),
            *(f"--data={self.data}", f"--passphrase-file={self.folder / 'passphrase'}"),
            *(f"--listen=127.0.0.1:{self.port}", f"--pki-listen=127.0.0.1:{self.pki_port}"),
            "--name=Demo Postal Federation",
        ]
        self._server = stack.enter_context(_process(command, stdout=log, stderr=log))
        began = time.monotonic()
        while not self._is_open():
            if self._server.poll() is not None or time.monotonic() - began > _START_SECONDS:
                raise _broken(N_("the desk did not start: see {log}"), log=self.folder / "desk.log")
            time.sleep(0.05)
        seconds = f"{time.monotonic() - began:.1f}"
        say(
            N_("   open at {url} after {seconds} s; everything is in {folder}"),
            url=self.url,
            seconds=seconds,
            folder=self.folder,
        )

    def _is_open(self) -> bool:
        with contextlib.suppress(OSError, httpx.HTTPError):
            context = ssl.create_default_context(cafile=self.data / "ca" / "root.pem")
            return httpx.get(f"{self.url}/readyz", verify=context, trust_env=False).is_success
        return False

    def _certdesk(self, *arguments: str) -> str:
        where = f"--data={self.data}", f"--passphrase-file={self.folder / 'passphrase'}"
        return _run(*_python("certdesk.cli.main", *arguments, *where))

    def _client(self, home: str, *arguments: str, expected: int = 0) -> Any:  # noqa: ANN401 - what --json printed
        options = [f"--home={self.folder / home}", "--json"]
        return json.loads(_run(*_python("certdesk.client.main", *arguments, *options), expected=expected))

    def _register(self) -> None:
        self._title(N_("The operator adds two organisations and their registration managers"))
        for code, name, country in (("FRA1", "La Poste", "FR"), ("DEU1", "Deutsche Post", "DE")):
            self._certdesk("organisation", "add", code, f"--name={name}", f"--country={country}", "--poll-seconds=5")
        for login, name, role, *organisation in (
            ("claire", "Claire Petit", "registration-manager", "FRA1"),
            ("jonas", "Jonas Weber", "registration-manager", "DEU1"),
            ("ada", "Ada Operator", "administrator"),
        ):
            self._certdesk(
                *("manager", "add", f"{login}@example.org", f"--name={name}", f"--role={role}"),
                *(f"--organisation={code}" for code in organisation),
                *(f"--pkcs12={self.folder / f'{login}.p12'}", f"--password-file={self.folder / 'password'}"),
            )
        say(N_("   La Poste has Claire, Deutsche Post has Jonas, the operator has Ada"))

    def _configure(self, home: str) -> None:
        self._client(home, "configure", f"{self.url}/settings/FRA1.xml", f"--trust={self.data / 'ca' / 'root.pem'}")

    def _request(self, home: str, description: str, *options: str) -> Any:  # noqa: ANN401
        answers = {
            "email": "jeanne@example.org",
            "phone": "+33 4 72 00 00 00",
            "description": description,
            "state": "Rhône",
            "locality": "Lyon",
            "password-file": str(self.folder / "password"),
        }
        given = [f"--{name}={value}" for name, value in answers.items()]
        return self._client(home, "request", *given, *options)

    def _enroll_door(self) -> Path:
        """Enroll the server behind the door the same way; an administrator decides."""
        self._title(N_("The federation's API server asks for a certificate; Ada, the administrator, approves"))
        self._configure("server")
        asked = self._request(
            "server", "API gateway", "--kind=server", f"--dns={_SERVER_NAME}", "--ip=127.0.0.1", "--device-id=gateway"
        )
        with self._manager("ada") as ada:
            _expect(ada.post(f"/api/v1/requests/{asked['request_id']}/approve", json={"comment": "our own"}), 200)
        self._client("server", "collect")
        self._install("server", "--plain-key")
        return self.folder / "server" / "pem"

    def _submit(self) -> str:
        self._title(N_("Jeanne's workstation makes a key and asks for a certificate"))
        self._configure("device")
        asked = self._request("device", "Counter 3, Lyon Bellecour", "--kind=workstation", "--device-id=counter-3")
        request_id, code = asked["request_id"], asked["verification_code"]
        say(N_("   request ID {id}, verification code {code}: Jeanne reads both to Claire"), id=request_id, code=code)
        self._client("device", "status", expected=10)
        say(N_("   the device asks, and is told to come back: nobody has decided yet"))
        return str(request_id)

    def _decide(self, request_id: str) -> None:
        self._title(N_("Jonas of the other organisation sees nothing; Claire sees the request and approves it"))
        with self._manager("jonas") as jonas:
            if _expect(jonas.get("/api/v1/requests"), 200)["items"]:
                raise _broken(N_("a manager saw another organisation's requests"))
            _expect(jonas.post(f"/api/v1/requests/{request_id}/approve", json={}), 404)
            say(N_("   to Jonas the request does not exist: 404"))
        with self._manager("claire") as claire:
            waiting = _expect(claire.get("/api/v1/requests", params={"state": "requested"}), 200)["items"]
            for each in waiting:
                say(
                    N_("   waiting for Claire: {id}  {email}  {description}"),
                    id=each["id"],
                    email=each["contact"]["email"],
                    description=each["description"],
                )
            answer = claire.post(f"/api/v1/requests/{request_id}/approve", json={"comment": "I know her"})
            decided = _expect(answer, 200)
            say(N_("   approved by {who}"), who=decided["decided_by"])

    def _collect(self) -> Path:
        self._title(N_("The device collects its certificate, checks it and installs it"))
        self._client("device", "collect")
        self._install("device")
        shown = self._client("device", "show")
        say(N_("   {certificate}"), certificate=_subject(self.folder / "device" / "pem"))
        say(N_("   status: {status}"), status=shown["status"])
        return self.folder / "device" / "pem"

    def _install(self, home: str, *options: str) -> None:
        password = f"--password-file={self.folder / 'password'}"
        self._client(home, "install", f"--pem-dir={self.folder / home / 'pem'}", password, *options)

    def _pass(self, door: "Door", device: Path) -> None:
        self._title(N_("The certificate opens the door of the federation's API"))
        if door.knock(None) is not None:
            raise _broken(N_("the door opened without a certificate"))
        say(N_("   without a certificate: refused"))
        greeting = door.knock(device)
        if greeting is None:
            raise _broken(N_("the door did not open"))
        say(N_("   with the device's certificate: {greeting}"), greeting=greeting)

    def _revoke(self, device: Path, door: "Door") -> None:
        self._title(N_("The workstation is lost: Claire revokes its certificate, and the door stays shut"))
        serial = f"{_certificate(device).serial_number:032x}"
        with self._manager("claire") as claire:
            body = {"reason": "keyCompromise", "comment": "stolen from the counter"}
            _expect(claire.post(f"/api/v1/certificates/{serial}/revoke", json=body), 200)
        status = self._ocsp_status(device)
        if status is not ocsp.OCSPCertStatus.REVOKED:
            raise _broken(N_("OCSP does not know of the revocation"))
        say(N_("   OCSP answers: revoked"))
        door.reload(self._crl())
        if door.knock(device) is not None:
            raise _broken(N_("the door opened for a revoked certificate"))
        say(N_("   the door has the new revocation list: refused"))
        self._certdesk("audit", "verify")
        say(N_("   and the audit log, which has all of this, verifies"))

    def _ocsp_status(self, device: Path) -> ocsp.OCSPCertStatus:
        issuer = x509.load_pem_x509_certificate((self.data / "ca" / "issuing.pem").read_bytes())
        request = ocsp.OCSPRequestBuilder().add_certificate(_certificate(device), issuer, SHA256()).build()
        answer = httpx.post(
            f"http://127.0.0.1:{self.pki_port}/ocsp", content=request.public_bytes(Encoding.DER), trust_env=False
        )
        return ocsp.load_der_ocsp_response(answer.content).certificate_status

    def _crl(self) -> bytes:
        answer = httpx.get(f"http://127.0.0.1:{self.pki_port}/crl/issuing.crl", trust_env=False)
        return x509.load_der_x509_crl(answer.content).public_bytes(Encoding.PEM)

    @contextlib.contextmanager
    def _manager(self, login: str) -> Iterator[httpx.Client]:
        """Yield an API client that shows the manager's certificate."""
        context = ssl.create_default_context(cafile=self.data / "ca" / "root.pem")
        octets = (self.folder / f"{login}.p12").read_bytes()
        key, certificate, chain = load_key_and_certificates(octets, _PASSWORD.encode())
        if key is None or certificate is None:
            raise _broken(N_("the PKCS#12 file is incomplete"))
        protection = BestAvailableEncryption(_PASSWORD.encode())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(pem + b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *chain)))
            file.flush()
            context.load_cert_chain(file.name, password=_PASSWORD)
        with httpx.Client(base_url=self.url, verify=context, trust_env=False) as client:
            yield client

    @contextlib.contextmanager
    def _door(self, server: Path) -> Iterator["Door"]:
        door = Door(server, (self.data / "ca" / "root.pem").read_text(), self._issuing_pem(), self._crl())
        try:
            yield door
        finally:
            door.close()

    def _issuing_pem(self) -> str:
        return (self.data / "ca" / "issuing.pem").read_text()


class Door:
    """A mutual-TLS service of the federation: it greets whoever shows a certificate of the CA that is not revoked."""

    def __init__(self, server: Path, root_pem: str, issuing_pem: str, crl: bytes) -> None:
        self._server = server
        self._root_pem, self._issuing_pem = root_pem, issuing_pem
        self._crl = crl
        self._listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Greeter)
        self._plain = self._listener.socket
        self._listener.get_request = self._accept  # type: ignore[method-assign]
        self._context = self._new_context()
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        context.load_verify_locations(cadata=self._root_pem + self._issuing_pem)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(self._crl)
            file.flush()
            context.load_verify_locations(cafile=file.name)
        context.load_cert_chain(self._server / "fullchain.pem", self._server / "key.pem")
        return context

    def _accept(self) -> tuple[Any, Any]:
        connection, address = self._plain.accept()
        try:
            return self._context.wrap_socket(connection, server_side=True), address
        except OSError:
            connection.close()
            raise

    def reload(self, crl: bytes) -> None:
        """Take a new revocation list."""
        self._crl = crl
        self._context = self._new_context()

    def knock(self, device: Path | None) -> str | None:
        """Return the greeting for a device's certificate, or None if the door stays shut."""
        context = ssl.create_default_context(cadata=self._root_pem)
        if device:
            context.load_cert_chain(device / "fullchain.pem", device / "key.pem", _PASSWORD)
        host, port = self._plain.getsockname()
        try:
            answer = httpx.get(f"https://{host}:{port}/", verify=context, trust_env=False)
        except httpx.TransportError:
            return None
        return answer.text.strip()

    def close(self) -> None:
        """Close the door for good."""
        self._listener.shutdown()
        self._listener.server_close()


class _Greeter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Greet by the name in the certificate."""
        subject = dict(pair for [pair] in self.connection.getpeercert()["subject"])
        greeting = f"welcome, {subject['commonName']} of {subject['organizationName']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(greeting)))
        self.end_headers()
        self.wfile.write(greeting)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


def _environment() -> dict[str, str]:
    """Return the environment without what speaks for a desk that the operator has besides."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CERTDESK_")}


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _run(*command: str, expected: int = 0) -> str:
    with _process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        printed, complaint = (octets.decode() for octets in process.communicate())
    if process.returncode != expected:
        raise _broken(
            N_("`{command}` ended with {status}: {cause}"),
            command=" ".join(command[2:5]),
            status=process.returncode,
            cause=complaint.strip() or printed.strip(),
        )
    return printed


@contextlib.contextmanager
def _process(
    command: Sequence[str], *, stdout: int | IO[bytes], stderr: int | IO[bytes]
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a command that does not outlive the body, whenever the demo is interrupted."""
    process = None
    try:
        with _interruptions_deferred():
            process = subprocess.Popen(command, env=_environment(), stdout=stdout, stderr=stderr)
        yield process
    finally:
        if process is not None:
            _stop(process)


@contextlib.contextmanager
def _interruptions_deferred() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait for the end of the body: in the midst of a start nobody knows yet what to stop."""
    came: list[int] = []
    signals = signal.SIGINT, signal.SIGTERM
    handlers = [signal.signal(number, lambda number, _frame: came.append(number)) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _expect(answer: httpx.Response, status: int) -> Any:  # noqa: ANN401 - whatever JSON it is
    if answer.status_code != status:
        raise _broken(
            N_("{url} answered {status}: {cause}"), url=answer.url, status=answer.status_code, cause=answer.text[:500]
        )
    return answer.json()


def _certificate(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / "fullchain.pem").read_bytes())


def _subject(directory: Path) -> str:
    return _certificate(directory).subject.rfc4514_string()


def _broken(message: str, **values: object) -> CertdeskError:
    return CertdeskError(ErrorKind.INTERNAL, message, field="", **values)


def _translated(message: str, **values: object) -> str:

    return translate()(message).format_map(values)
