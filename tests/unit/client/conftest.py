"""What the client's tests share: an authority, a desk, and a client that waits for nothing."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from certdesk.client.failures import DONE
from certdesk.client.home import Home
from certdesk.client.main import run
from certdesk.client.records import Enrollment
from certdesk.client.surroundings import Surroundings
from certdesk.client.transport import Patience
from tests.unit.client.authority import Authority, pem
from tests.unit.client.fake_desk import FakeDesk

PASSWORD = "correct horse 1!"
FORM = ("--email", "ann@example.org", "--phone", "+33123456789", "--description", "Ann's laptop")


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return what `--json` printed."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass
class Client:
    """The command line, run in this process on a home directory of its own; pauses are noted, not waited for."""

    home: Path
    capture: pytest.CaptureFixture[str]
    password_file: Path
    pauses: list[float] = field(default_factory=list)
    now: float = 0.0

    def __call__(self, *arguments: str) -> Outcome:
        """Run a command."""
        self.capture.readouterr()
        environment = {"CERTDESK_HOME": str(self.home)}
        surroundings = Surroundings(environment, "en", str, patience=self.patience, scrypt_cost=2)
        code = run([*arguments, "--home", str(self.home)], surroundings)
        captured = self.capture.readouterr()
        return Outcome(code, captured.out, captured.err)

    @property
    def patience(self) -> Patience:
        """Return a patience whose clock moves by its own pauses."""
        return Patience(sleep=self._sleep, monotonic=lambda: self.now, chance=lambda: 0.0)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def succeed(self, *arguments: str) -> Outcome:
        """Run a command that has to end well."""
        outcome = self(*arguments)
        assert outcome.code == DONE, outcome
        return outcome

    def request(self, *arguments: str) -> Outcome:
        """Ask for a certificate with everything filled in."""
        return self("request", *FORM, "--password-file", str(self.password_file), *arguments)

    def enrollment(self, name: str = "workstation") -> Enrollment:
        """Return what is stored."""
        return Home(self.home).load(name)

    def enroll(self, desk: FakeDesk) -> None:
        """Request, have it approved, collect."""
        assert self.request().code == DONE
        desk.approve()
        self.succeed("collect")


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Return the authority that the settings trust."""
    return Authority()


@pytest.fixture
def desk(authority: Authority, tmp_path: Path) -> Iterator[FakeDesk]:
    """Return a running desk."""
    with FakeDesk(authority, tmp_path) as running:
        yield running


@pytest.fixture
def anchor_file(authority: Authority, tmp_path: Path) -> Path:
    """Return a PEM file with the authority's root."""
    file = tmp_path / "root.pem"
    file.write_text(pem(authority.root))
    return file


@pytest.fixture
def blank_client(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client that knows nothing yet."""
    for variable in ("CERTDESK_HOME", "CERTDESK_PASSWORD_FILE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD + "\n")
    os.umask(0o022)
    return Client(tmp_path / "home", capsys, password_file)


@pytest.fixture
def client(blank_client: Client, desk: FakeDesk, anchor_file: Path) -> Client:
    """Return a client that has the desk's settings."""
    blank_client.succeed("configure", f"{desk.url}/settings/FRA1.xml", "--trust", str(anchor_file))
    desk.calls.clear()
    return blank_client
