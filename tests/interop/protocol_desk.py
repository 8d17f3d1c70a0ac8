"""A desk for programs that we did not write: `certdesk serve` in a process of its own, with devices' rules set.

Devices that wait come back after a second, and a code approves at once. DEU1 turns away devices without a code,
USA1 puts up with old SCEP devices.
"""

import json
import shlex
import subprocess
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from cryptography import x509

from tests.e2e.server import MANAGERS, PASSWORD, DeskServer, leash

SECONDS = 60.0
"""How long a program may take; none does by far."""
ORGANISATIONS = (
    ("FRA1", "La Poste", "FR", "approve-vouched"),
    ("DEU1", "Deutsche Post", "DE", "approve-vouched", "require-code"),
    ("USA1", "US Mail", "US", "approve-vouched", "legacy-scep"),
)
"""Code, name, country and rules."""
ADMINISTRATOR = "ada"
WRONG_CODE = "7GQ4-2KXM-9VTB-QQ3N-ZD0R"
"""An enrollment code that nobody has made."""


class ProtocolDesk:
    """A running desk and what a manager does at it while devices come and go."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.server = DeskServer(folder, None, *options)

    def open(self) -> None:
        """Start the desk, and let devices and one administrator in."""
        server = self.server
        (server.folder / "password").write_text(f"{PASSWORD}\n")
        server.start()
        for code, name, country, *rules in ORGANISATIONS:
            server.here("organisation", "add", code, f"--name={name}", f"--country={country}", "--poll-seconds=1")
            server.here("organisation", "rules", code, *(f"--rule={rule}" for rule in rules))
        server.add_manager(ADMINISTRATOR, *MANAGERS[ADMINISTRATOR])

    def est(self, place: str = "FRA1") -> str:
        """Return the URL of the EST door for an organisation."""
        return f"{self.server.url}/.well-known/est/{place}"

    def scep(self, place: str = "FRA1") -> str:
        """Return the URL of the SCEP door for an organisation, by plain HTTP."""
        return f"{self.server.pki_url}/scep/{place}"

    @property
    def root(self) -> Path:
        """The trust anchor's PEM file."""
        return self.server.root

    def code(self, organisation: str = "FRA1", kind: str = "workstation", count: int = 1) -> str:
        """Return a new enrollment code."""
        made = self.server.here("code", "add", organisation, f"--kind={kind}", f"--count={count}")
        return made.stdout.strip()

    def waiting(self, organisation: str = "FRA1") -> list[dict[str, Any]]:
        """Return the requests of an organisation that wait, newest first."""
        with self.server.manager(ADMINISTRATOR) as ada:
            answer = ada.get(f"/api/v1/requests?state=requested&organisation={organisation}")
            assert answer.is_success, answer.text
            return list(answer.json()["items"])

    def request_of(self, name: str, organisation: str = "FRA1") -> str:
        """Return the ID of the one request of a device that waits."""
        [found] = [each["id"] for each in self.waiting(organisation) if each["device"]["id"] == name]
        return str(found)

    def approve(self, request_id: str) -> x509.Certificate:
        """Approve a request and return its certificate."""
        with self.server.manager(ADMINISTRATOR) as ada:
            answer = ada.post(f"/api/v1/requests/{request_id}/approve", json={})
            return x509.load_pem_x509_certificate(answer.json()["certificate"]["pem"].encode())

    def reject(self, request_id: str, reason: str) -> None:
        """Reject a request."""
        with self.server.manager(ADMINISTRATOR) as ada:
            ada.post(f"/api/v1/requests/{request_id}/reject", json={"reason": reason}).raise_for_status()

    def revoke(self, certificate: x509.Certificate) -> None:
        """Revoke a certificate."""
        with self.server.manager(ADMINISTRATOR) as ada:
            serial = certificate.serial_number.to_bytes(16).hex()
            ada.post(
                f"/api/v1/certificates/{serial}/revoke", json={"reason": "cessationOfOperation"}
            ).raise_for_status()


class Program:
    """A program in a process of its own; it is killed in the end."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._process.kill()
        self._process.__exit__(None, None, None)  # closes its pipes, and waits


class Waiting(Program):
    """A program that goes on by itself while a manager decides; what it prints goes to a file, what it says is read."""

    def __init__(self, folder: Path, out: str, *command: str, env: Mapping[str, str] | None = None) -> None:
        with (folder / out).open("wb") as printed:
            super().__init__(
                subprocess.Popen(
                    [*leash(), *command],
                    cwd=folder,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                )
            )
        self.said: list[str] = []
        """The lines on its standard error, as far as somebody has looked."""
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def __exit__(self, *_raised: object) -> None:
        self._process.kill()
        self._reader.join(SECONDS)  # it must not find its pipe closed
        super().__exit__()

    def until_said(self, words: str) -> None:
        """Return when it says a line with these words, after those that somebody has looked at."""
        while (line := self._lines.get(timeout=SECONDS)) is not None:
            self.said.append(line)
            if words in line:
                return
        message = f"it did not say {words!r}:\n{''.join(self.said)}"
        raise AssertionError(message)

    def end(self, status: int = 0) -> str:
        """Return all that it has said when it has ended, which must be with this exit status."""
        self.said.extend(iter(partial(self._lines.get, timeout=SECONDS), None))
        assert self._process.wait(SECONDS) == status, "".join(self.said)
        return "".join(self.said)


class Obedient(Program):
    """A program that reads line by line what to do, and answers each line with one in JSON."""

    def __init__(self, *command: str) -> None:
        pipe = subprocess.PIPE
        super().__init__(subprocess.Popen([*leash(), *command], stdin=pipe, stdout=pipe, stderr=pipe, text=True))

    def __call__(self, *words: str) -> dict[str, Any]:
        """Let it do something and return what came of it."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        guard = threading.Timer(SECONDS, process.kill)
        guard.start()
        process.stdin.write(" ".join(words) + "\n")
        process.stdin.flush()
        told = process.stdout.readline()
        guard.cancel()
        assert told, process.stderr.read()
        return dict(json.loads(told))


def run(
    folder: Path, *command: str, status: int | None = 0, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run a program in a folder, and fail unless it ends with a status; None takes any.

    One argument is a whole command line, several are its words.
    """
    words = shlex.split(command[0]) if len(command) == 1 else command
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, timeout=SECONDS, check=False)
    if status is not None and done.returncode != status:
        said = (done.stdout + done.stderr).decode(errors="replace")
        message = f"{' '.join(command)} ended with {done.returncode}:\n{said}"
        raise AssertionError(message)
    return done
