"""certmonger enrolls at the SCEP door: a daemon that keeps certificates up to date, of Debian and Red Hat."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.interop.protocol_desk import WRONG_CODE, ProtocolDesk, Waiting, run

DAEMON = "/usr/lib/certmonger/certmonger-session"


class Certmonger:
    """A running daemon, which is told what to do by `getcert`."""

    def __init__(self, folder: Path, desk: ProtocolDesk) -> None:
        self.folder = folder
        self.desk = desk
        socket = folder / "socket"
        self._env = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "LC_ALL": "C.UTF-8"}
        # It ends by itself with the command that it is given, which reads until this process closes the pipe.
        self._gate = folder / "gate"
        os.mkfifo(self._gate)
        listening = ("-n", "-L", "-P", str(socket), "-d", "3", "-c", f"cat {self._gate}")
        self._daemon = Waiting(folder, "printed", DAEMON, *listening, env=self._env)
        self._env["CERTMONGER_PVT_ADDRESS"] = f"unix:path={socket}"

    def serve(self) -> Iterator["Certmonger"]:
        """Yield the daemon once it listens, and end it."""
        with self._daemon, os.fdopen(os.open(self._gate, os.O_RDWR), "wb"):
            self._daemon.until_said("Running gate command")
            self("add-scep-ca", "-c", "desk", "-u", self.desk.scep())
            yield self

    def __call__(self, *words: str, status: int | None = 0) -> str:
        """Run `getcert` and return what it prints."""
        return run(self.folder, "getcert", *words, status=status, env=self._env).stdout.decode()

    def request(self, name: str, *options: str) -> None:
        """Ask for a certificate, whose key is made for it."""
        files = ("-k", str(self.folder / f"{name}.key"), "-f", str(self.folder / f"{name}.pem"))
        self("request", "-c", "desk", "-I", name, "-N", f"CN={name}", *files, *options)

    def until(self, name: str, state: str) -> None:
        """Return when a request has come to a state, after what was waited for before."""
        self._daemon.until_said(f"('{name}') moved to state '{state}'")

    def certificate(self, name: str) -> x509.Certificate:
        """Return what it has saved."""
        return x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())


@pytest.fixture(scope="module")
def certmonger(tmp_path_factory: pytest.TempPathFactory, protocol_desk: ProtocolDesk) -> Iterator[Certmonger]:
    """Return a daemon that knows the desk."""
    yield from Certmonger(tmp_path_factory.mktemp("cm"), protocol_desk).serve()


def test_it_waits_collects_and_renews(certmonger: Certmonger) -> None:
    """It waits in its state CA_WORKING, collects what was approved, and renews it with a new key."""
    certmonger.request("printer-1")
    certmonger.until("printer-1", "CA_WORKING")
    issued = certmonger.desk.approve(certmonger.desk.request_of("printer-1"))
    certmonger("refresh", "-i", "printer-1")
    certmonger.until("printer-1", "MONITORING")
    assert certmonger.certificate("printer-1") == issued
    certmonger("rekey", "-i", "printer-1")
    certmonger.until("printer-1", "MONITORING")
    renewed = certmonger.certificate("printer-1")
    assert renewed.subject == issued.subject
    assert renewed.public_key() != issued.public_key()


def test_it_is_told_of_a_rejection(certmonger: Certmonger) -> None:
    """A rejection ends in CA_REJECTED; certmonger shows failInfo's meaning and not the text beside it."""
    certmonger.request("printer-2")
    certmonger.until("printer-2", "CA_WORKING")
    certmonger.desk.reject(certmonger.desk.request_of("printer-2"), "we have no such printer")
    certmonger("refresh", "-i", "printer-2")
    certmonger.until("printer-2", "CA_REJECTED")
    assert "ca-error: Transaction either is not permitted" in certmonger("list", "-i", "printer-2")


def test_a_code_enrolls_at_once_and_a_wrong_one_does_not(certmonger: Certmonger) -> None:
    """The challenge password is an enrollment code."""
    certmonger.request("printer-3", "-L", WRONG_CODE)
    certmonger.until("printer-3", "CA_REJECTED")
    certmonger.request("printer-4", "-L", certmonger.desk.code())
    certmonger.until("printer-4", "MONITORING")
    certmonger.certificate("printer-4")
