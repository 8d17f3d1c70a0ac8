"""A desk for programs that we did not write: `certdesk serve` in a process of its own, with devices' rules set.

FRA1 lets anyone ask, and a code approves at once. DEU1 turns away devices without a code.
"""

import shlex
import subprocess
from pathlib import Path
from typing import Any

from cryptography import x509

from tests.e2e.server import DeskServer

SECONDS = 60.0
"""How long a program may take; none does by far."""


class ProtocolDesk:
    """A running desk and what a manager does at it while devices come and go."""

    def __init__(self, folder: Path) -> None:
        self.server = DeskServer(folder)

    def open(self) -> None:
        """Found the desk and start it."""
        self.server.found()
        self.server.certdesk("organisation", "rules", "FRA1", "--rule=approve-vouched")
        self.server.certdesk("organisation", "rules", "DEU1", "--rule=approve-vouched", "--rule=require-code")
        self.server.start()

    def est(self, place: str = "FRA1") -> str:
        """Return the URL of the EST door for an organisation."""
        return f"{self.server.url}/.well-known/est/{place}"

    @property
    def root(self) -> Path:
        """The trust anchor's PEM file."""
        return self.server.root

    def code(self, organisation: str = "FRA1", kind: str = "workstation", count: int = 1) -> str:
        """Return a new enrollment code."""
        made = self.server.certdesk("code", "add", organisation, f"--kind={kind}", f"--count={count}")
        return made.stdout.strip()

    def waiting(self, organisation: str = "FRA1") -> list[dict[str, Any]]:
        """Return the requests of an organisation that wait, newest first."""
        with self.server.manager("ada") as ada:
            return list(ada.get(f"/api/v1/requests?state=requested&organisation={organisation}").json()["items"])

    def approve(self, request_id: str) -> x509.Certificate:
        """Approve a request and return its certificate."""
        with self.server.manager("ada") as ada:
            answer = ada.post(f"/api/v1/requests/{request_id}/approve", json={})
            return x509.load_pem_x509_certificate(answer.json()["certificate"]["pem"].encode())

    def reject(self, request_id: str, reason: str) -> None:
        """Reject a request."""
        with self.server.manager("ada") as ada:
            ada.post(f"/api/v1/requests/{request_id}/reject", json={"reason": reason}).raise_for_status()

    def revoke(self, certificate: x509.Certificate) -> None:
        """Revoke a certificate."""
        with self.server.manager("ada") as ada:
            serial = certificate.serial_number.to_bytes(16).hex()
            ada.post(
                f"/api/v1/certificates/{serial}/revoke", json={"reason": "cessationOfOperation"}
            ).raise_for_status()


def run(folder: Path, *command: str, status: int | None = 0) -> "subprocess.CompletedProcess[bytes]":
    """Run a program in a folder, and fail unless it ends with a status; None takes any.

    One argument is a whole command line, several are its words.
    """
    words = shlex.split(command[0]) if len(command) == 1 else command
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=SECONDS, check=False)
    if status is not None and done.returncode != status:
        said = (done.stdout + done.stderr).decode(errors="replace")
        message = f"{' '.join(command)} ended with {done.returncode}:\n{said}"
        raise AssertionError(message)
    return done
