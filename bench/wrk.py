"""Runs wrk, the load generator: one thread, requests prepared beforehand, every answer checked."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
PATIENCE = 60
"""Seconds after which a measurement has failed; they take a few."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests to be sent to a server, and what is expected of each answer."""

    url: str
    requests: Path
    answers: int
    status: int = 200
    marker: str = ""


def write_requests(path: Path, requests: Iterable[bytes]) -> Path:
    """Write whole HTTP requests in the form that the scripts read."""
    path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
    return path


def replay(load: Load, connections: int) -> float:
    """Send prepared requests and return how many were answered per second."""
    return _run(
        "replay.lua", load.url, connections, str(load.requests), str(load.answers), str(load.status), load.marker
    )


def cycle(url: str, submissions: Path, approval: Path, claims: Path, connections: int) -> float:
    """Take devices through submit, approve and collect, and return how many arrived per second."""
    return _run("cycle.lua", url, connections, str(submissions), str(approval), str(claims))


def _run(script: str, url: str, connections: int, *arguments: str) -> float:
    options = ["-t1", f"-c{connections}", f"-d{PATIENCE}s", f"--timeout={PATIENCE}s"]
    command = ["wrk", *options, "-s", str(FOLDER / script), url]
    done = subprocess.run([*command, "--", *arguments], capture_output=True, text=True, check=False)
    measured = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("measured")]
    assert measured, f"{script} did not finish:\n{done.stdout}{done.stderr}"
    _, answers, wrong, seconds = measured[0]
    assert wrong == "0", f"{wrong} answers were wrong, the first: {done.stderr}"
    return int(answers) / float(seconds)
