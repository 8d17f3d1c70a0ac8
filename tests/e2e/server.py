"""A desk as its operator has it: `certdesk serve` in a process of its own, and commands beside it.

    server = DeskServer(folder)
    server.start()
    with server.manager("claire") as claire:
        claire.get("/api/v1/requests")
    server.kill()
    server.start()  # on the same ports

Nothing waits by sleeping: the server says on standard error when it is open.
"""

import contextlib
import io
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import httpx
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from certdesk.cli.main import run

PATIENCE = 60.0
"""Seconds after which something is taken to be stuck; nothing takes as long by far."""
PASSPHRASE = "correct horse battery staple"
PASSWORD = "counter-3-Lyon"
MANAGERS = {
    "claire": ("Claire Petit", "registration-manager", "FRA1"),
    "jonas": ("Jonas Weber", "registration-manager", "DEU1"),
    "ada": ("Ada Operator", "administrator", ""),
    "otto": ("Otto Prüfer", "auditor", ""),
}
"""By login: name, role and organisation; the e-mail address is `LOGIN@managers.example`."""

_OPEN = "the desk is open at"
_QUIET_PORTS = range(20_000, 32_000)
"""Below the ports that the kernel gives to clients: nobody takes one of these while a server is down."""


def quiet_port() -> int:
    """Return a TCP port of 127.0.0.1 that stays free until somebody asks for it by number."""
    while True:
        port = secrets.choice(_QUIET_PORTS)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def leash() -> list[str]:
    """Return the words before a command that the kernel kills when this process dies, however it dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def certdesk(
    *arguments: str, env: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run a `certdesk` command to its end, in English, without a terminal and without the caller's desk."""
    command = [*before, sys.executable, "-m", "certdesk.cli.main", *arguments]
    return subprocess.run(
        command,
        env=environment() | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def certdesk_here(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a `certdesk` command likewise, but in a thread of this process: the same without the imports' second."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment() | dict(env or {}))
    try:
        with (
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
            ThreadPoolExecutor(1) as thread,
        ):
            status = thread.submit(run, list(arguments)).result()
    finally:
        os.environ.clear()
        os.environ.update(before)
    said = [stream.buffer.getvalue().decode() for stream in streams]
    return subprocess.CompletedProcess(arguments, status, *said)


def environment() -> dict[str, str]:
    """Return this process's environment without what would speak for a desk or a language."""
    foreign = ("CERTDESK_", "LANG", "LC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {"LC_ALL": "C.UTF-8"}


class DeskServer:
    """One data directory, the process that serves it, and what its operator does with it.

    `folder` has the data directory `desk`, the passphrase's file and the managers' PKCS#12 files. Without a
    database the desk uses SQLite in the data directory. `options` are more options of `serve`.
    """

    def __init__(self, folder: Path, database: str | None = None, *options: str) -> None:
        self.folder = folder
        self.database = database
        self.options = options
        self.data = folder / "desk"
        self.passphrase_file = folder / "passphrase"
        self.before: Sequence[str] = ()
        """Words before every command: where it shall run."""
        self.port, self.pki_port = quiet_port(), quiet_port()
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []
        """What the present process has written to standard error, line by line."""
        self._reader: threading.Thread | None = None
        self._news = threading.Condition()
        if not self.passphrase_file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.passphrase_file.write_text(f"{PASSPHRASE}\n")
            self.passphrase_file.chmod(0o600)

    @property
    def url(self) -> str:
        """Where devices and managers call."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def pki_url(self) -> str:
        """Where revocation lists and OCSP are served."""
        return f"http://127.0.0.1:{self.pki_port}"

    @property
    def root(self) -> Path:
        """The trust anchor's PEM file."""
        return self.data / "ca" / "root.pem"

    @property
    def env(self) -> dict[str, str]:
        """The variables that tell a command which desk is meant."""
        env = {"CERTDESK_DATA": str(self.data), "CERTDESK_PASSPHRASE_FILE": str(self.passphrase_file)}
        return env | ({"CERTDESK_DATABASE": self.database} if self.database else {})

    def start(self) -> None:
        """Start the server and return when it is open."""
        self.launch()
        self.wait_until_open()

    def launch(self) -> None:
        """Start the server and return at once; not from a thread, for the leash is held by the one that calls."""
        command = [
            *self.before,
            *leash(),
            *(sys.executable, "-m", "certdesk.cli.main", "serve"),
            *(f"--listen=127.0.0.1:{self.port}", f"--pki-listen=127.0.0.1:{self.pki_port}"),
            *("--name=Universal Post", "--country=CH", "--rate-limit=0"),
            *self.options,
        ]
        self.said = []
        self.process = subprocess.Popen(
            command, env=environment() | self.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._listen, args=(self.process.stderr, self.said), daemon=True)
        self._reader.start()

    def _listen(self, stderr: IO[str], said: list[str]) -> None:
        with stderr:
            for line in stderr:
                with self._news:
                    said.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_until_open(self) -> None:
        """Return when the server says that it is open."""
        self.wait_until_said(_OPEN)

    def wait_until_said(self, words: str, times: int = 1) -> None:
        """Return when so many lines with these words stand on the server's standard error."""

        def is_said() -> bool:
            return sum(words in line for line in self.said) >= times or not self._is_listening()

        with self._news:
            self._news.wait_for(is_said, PATIENCE)
        if sum(words in line for line in self.said) < times:
            message = f"the server did not say {words!r}:\n{self.log}"
            raise RuntimeError(message)

    def _is_listening(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    @property
    def log(self) -> str:
        """What the present process has written to standard error."""
        return "\n".join(self.said)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end and return the exit status; without a process there is nothing to do."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        if self._reader is not None:
            self._reader.join(PATIENCE)
        return status

    def kill(self) -> None:
        """End the server as a power cut would, and return when it is gone."""
        self.stop(signal.SIGKILL)

    def certdesk(self, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command on this desk, and fail unless it ends with this exit status."""
        return self._expect(status, arguments, certdesk(*arguments, env=self.env, before=self.before))

    def here(self, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command on this desk likewise, but in this process."""
        return self._expect(status, arguments, certdesk_here(*arguments, env=self.env))

    def _expect(
        self, status: int, arguments: Sequence[str], done: "subprocess.CompletedProcess[str]"
    ) -> "subprocess.CompletedProcess[str]":
        said = f"certdesk {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        assert done.returncode == status, said
        return done

    def found(self) -> None:
        """Make the desk: start it for the first time, add FRA1, DEU1 and the managers, and stop it."""
        (self.folder / "password").write_text(f"{PASSWORD}\n")
        self.start()
        for code, name, country in (("FRA1", "La Poste", "FR"), ("DEU1", "Deutsche Post", "DE")):
            self.here("organisation", "add", code, f"--name={name}", f"--country={country}", "--poll-seconds=5")
        for login, (name, role, organisation) in MANAGERS.items():
            self.add_manager(login, name, role, organisation)
        self.stop()

    def add_manager(self, login: str, name: str, role: str, organisation: str) -> None:
        """Register a manager, whose certificate and key are in `LOGIN.p12` and `LOGIN.pem` afterwards."""
        pkcs12 = self.folder / f"{login}.p12"
        self.here(
            *("manager", "add", f"{login}@managers.example", f"--name={name}", f"--role={role}"),
            *(f"--organisation={organisation}", f"--pkcs12={pkcs12}", f"--password-file={self.folder / 'password'}"),
        )
        bundle = load_pkcs12(pkcs12.read_bytes(), PASSWORD.encode())
        assert bundle.key is not None
        assert bundle.cert is not None
        protection = BestAvailableEncryption(PASSWORD.encode())
        parts = [bundle.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)]
        parts += [held.certificate.public_bytes(Encoding.PEM) for held in (bundle.cert, *bundle.additional_certs)]
        (self.folder / f"{login}.pem").write_bytes(b"".join(parts))

    def tls(self, login: str = "") -> ssl.SSLContext:
        """Return a context that trusts the desk's root, and shows a manager's certificate if asked to."""
        context = ssl.create_default_context(cafile=self.root)
        if login:
            context.load_cert_chain(self.folder / f"{login}.pem", password=PASSWORD)
        return context

    def manager(self, login: str) -> httpx.Client:
        """Return an API client with a manager's certificate."""
        return httpx.Client(base_url=self.url, verify=self.tls(login), trust_env=False)

    def device(self) -> httpx.Client:
        """Return an API client without a certificate, as a device has before it is enrolled."""
        return httpx.Client(base_url=self.url, verify=self.tls(), trust_env=False)

    def is_ready(self) -> bool:
        """Ask the server whether everything that it needs can be used."""
        with self.device() as device:
            return device.get("/readyz").is_success
