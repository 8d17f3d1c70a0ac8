"""The client in front of a person: a real terminal, questions, a password that is not shown."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.client.conftest import PASSWORD, Client
from tests.unit.client.fake_desk import FakeDesk

# The terminal becomes the new session's own, since getpass opens /dev/tty.
_IN_TERMINAL = (
    "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


PATIENCE = 60
"""Seconds, on a busy machine."""


class Terminal:
    """A terminal with the client in it."""

    def __init__(self, *arguments: str) -> None:
        self._near, far = pty.openpty()
        command = [sys.executable, "-c", _IN_TERMINAL, "-m", "certdesk.client.main", *arguments]
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "120"}
        self._process = subprocess.Popen(
            command, stdin=far, stdout=subprocess.PIPE, stderr=far, env=environment, start_new_session=True
        )
        os.close(far)
        self.shown = ""

    def wait_for(self, question: str) -> None:
        """Wait until a question is shown again."""
        deadline = time.monotonic() + PATIENCE
        seen = self.shown.count(question)
        while self.shown.count(question) == seen:
            assert time.monotonic() < deadline, self.shown
            self._read()

    def answer(self, question: str, answer: str) -> None:
        """Wait for a question and type the answer."""
        self.wait_for(question)
        os.write(self._near, answer.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C until it is noticed; the first one may come before the program listens."""
        for _ in range(PATIENCE // 5):
            os.write(self._near, b"\x03")
            until = time.monotonic() + 5
            while time.monotonic() < until:
                if not self._read():
                    return

    def _read(self) -> bool:
        """Read what is shown, if anything comes within a second; return whether more may come."""
        if not select.select([self._near], [], [], 1)[0]:
            return True
        try:
            octets = os.read(self._near, 4096)
        except OSError:  # the other end is closed
            return False
        self.shown += octets.decode(errors="replace")
        return bool(octets)

    def end(self) -> tuple[int, str]:
        """Wait for the end, and return exit code and standard output."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, self.shown
        assert self._process.stdout
        out = self._process.stdout.read().decode()
        return self._process.wait(PATIENCE), out

    def close(self) -> None:
        """Give the terminal back."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        os.close(self._near)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Return a list of terminals that are closed after the test."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def test_what_is_missing_is_asked_for(client: Client, desk: FakeDesk, terminals: list[Terminal]) -> None:
    """On a terminal, request proposes the settings' values, asks for the rest, and for the password twice."""
    terminal = Terminal("request", "--home", str(client.home), "--phone", "+33123456789")
    terminals.append(terminal)
    terminal.answer("State or province [Île-de-France]:", "")
    terminal.answer("Locality or city [Paris]:", "Lyon")
    terminal.answer("E-mail:", "ann@example.org")
    terminal.answer("Description (what helps the manager recognise you):", "   ")
    terminal.answer("Description (what helps the manager recognise you):", "Ann's laptop")
    terminal.answer("Registration password:", PASSWORD)
    terminal.answer("The same again:", PASSWORD)
    code, out = terminal.end()
    assert code == 0, terminal.shown
    assert PASSWORD not in terminal.shown
    assert desk.only.id in out
    assert "tell your registration manager" in terminal.shown
    assert "tell your registration manager" not in out
    assert desk.only.body["location"] == {"state_or_province": "Île-de-France", "locality": "Lyon"}
    assert desk.only.body["contact"] == {"email": "ann@example.org", "phone": "+33123456789"}


def test_ctrl_c_is_no_traceback(client: Client, terminals: list[Terminal]) -> None:
    """An interrupted question ends with 1 and one sentence."""
    terminal = Terminal("request", "--home", str(client.home))
    terminals.append(terminal)
    terminal.wait_for("State or province [Île-de-France]:")
    terminal.interrupt()
    code, _ = terminal.end()
    assert code == 1
    assert "error: interrupted" in terminal.shown
    assert "Traceback" not in terminal.shown


def test_waiting_shows_that_something_goes_on(client: Client, desk: FakeDesk, terminals: list[Terminal]) -> None:
    """`status --wait` on a terminal shows what it waits for, and standard output stays clean."""
    client.request()
    terminal = Terminal("status", "--wait", "--timeout", "0.2", "--home", str(client.home))
    terminals.append(terminal)
    code, out = terminal.end()
    assert code == 10
    assert "waiting for a decision" in terminal.shown
    assert "waiting" not in out


def test_a_closed_pipe_is_no_traceback(client: Client, tmp_path: Path) -> None:
    """A reader that has gone away is not worth a word."""
    client.request()
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "certdesk.client.main", "show", "--home", str(client.home)]
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == ""
