"""`certdesk demo`: the story holds, and nothing is left of it."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from certdesk.cli.demo import _interruptions_deferred
from tests.e2e.server import PATIENCE, environment

COMMAND = (sys.executable, "-m", "certdesk.cli.main", "demo")
CHAPTERS = 8


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Return a directory for temporary files of the demo's own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def desks_in(folder: Path) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return [line for line in lines if str(folder) in line]


def tell(temporary: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo to its end."""
    return subprocess.run(
        [*COMMAND, "--exit"],
        env=environment() | {"TMPDIR": str(temporary), **env},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


def test_every_step_holds(temporary: Path) -> None:
    """The story is told to its end, whatever desk the environment speaks for, and no process or file is left of it."""
    done = tell(temporary, CERTDESK_DATABASE="postgresql://127.0.0.1:1/production")
    assert done.returncode == 0, done.stderr
    chapters = [line.partition(".")[0] for line in done.stderr.splitlines() if line[:1].isdigit()]
    assert chapters == [str(number) for number in range(1, CHAPTERS + 1)]
    assert done.stderr.endswith("\nEverything held.\n")
    assert desks_in(temporary) == []
    assert list(temporary.iterdir()) == []


def test_a_step_that_does_not_hold_ends_it(temporary: Path, tmp_path: Path) -> None:
    """When the client fails, the demo says which command did, its exit status is 1, and nothing is left."""
    fails = "import sys\nif 'certdesk.client.main' in sys.orig_argv:\n    raise SystemExit('out of order')\n"
    (tmp_path / "sitecustomize.py").write_text(fails)
    done = tell(temporary, PYTHONPATH=os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    assert done.returncode == 1
    assert "\nerror: `certdesk.client.main configure" in done.stderr
    assert "out of order" in done.stderr
    assert desks_in(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.fixture
def running(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """Return a demo in a directory that it keeps."""
    command = [*COMMAND, f"--data={tmp_path / 'demo'}"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def told(running: "subprocess.Popen[str]", last: str) -> list[str]:
    """Return what the demo has told when it comes to a line with these words."""
    assert running.stderr is not None
    lines: list[str] = []
    while not lines or last not in lines[-1]:
        lines.append(running.stderr.readline())
        assert lines[-1], "".join(lines)
    return lines


def finish(running: "subprocess.Popen[str]", how: signal.Signals) -> int:
    """Send the demo a signal and return its exit status."""
    running.send_signal(how)
    assert running.stderr is not None
    running.stderr.read()
    return running.wait(PATIENCE)


def test_the_desk_goes_on_until_ctrl_c(running: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Without --exit the desk can be looked at until SIGINT; its new directory is kept."""
    [url] = [line.split()[1] for line in told(running, "Ctrl-C") if line.strip().startswith("settings ")]
    context = ssl.create_default_context(cafile=tmp_path / "demo" / "desk" / "ca" / "root.pem")
    assert httpx.get(url, verify=context, trust_env=False).status_code == 200
    assert finish(running, signal.SIGINT) == 0
    assert desks_in(tmp_path) == []
    assert (tmp_path / "demo" / "device").is_dir()


def test_a_demo_that_is_stopped_stops_its_desk(running: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """SIGTERM in the middle of the story ends the demo as failed, and the desk with it."""
    told(running, "open at")
    assert finish(running, signal.SIGTERM) == 1
    assert desks_in(tmp_path) == []


def test_an_interruption_waits_until_a_start_is_known() -> None:
    """A signal that comes while a process is being started is heard as soon as there is somebody to stop."""
    reached = []

    def start() -> None:
        with _interruptions_deferred():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end of the start")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert reached == ["the end of the start"]
