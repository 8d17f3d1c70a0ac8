"""Run the platform's own tools, and hand them a PKCS#12 file that nobody else can read."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certdesk.client.desk import printable
from certdesk.client.failures import ClientError
from certdesk.client.portable import Credential
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_

_TIMEOUT = 120
"""Seconds; macOS and Windows may ask the person at the screen to agree."""


def run(program: str, *arguments: str, hint: str, stdin: str = "", environment: dict[str, str] | None = None) -> str:
    """Run a program away from the terminal and return what it printed; raise when it is missing or fails.

    `hint` says what to do when it is not installed. It gets a session of its own, so that it cannot prompt.
    """
    path = shutil.which(program)
    if path is None:
        raise ClientError(ErrorKind.NOT_FOUND, N_("the program {program} is not installed"), hint=hint, program=program)
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, and there is no shell
            [path, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            start_new_session=True,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired as error:
        raise ClientError(ErrorKind.CONFLICT, N_("{program} did not finish in time"), program=program) from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = printable(lines[-1]) if lines else f"exit status {done.returncode}"
        raise ProgramError(ErrorKind.CONFLICT, N_("{program} failed: {reason}"), program=program, reason=reason)
    return done.stdout


class ProgramError(ClientError):
    """A foreign program was run and reported a failure; `reason` in the problem's values is its last line."""

    @property
    def reason(self) -> str:
        """Return the program's own words."""
        return str(self.problem.values["reason"])


@dataclass(frozen=True, slots=True)
class Handover:
    """A PKCS#12 file and the password made for it, which is nowhere on disk."""

    file: Path
    password: str


@contextmanager
def handed_over(credential: Credential, *, legacy: bool = False) -> Iterator[Handover]:
    """Write the credential for another program to import; the file is gone after the block.

    A run that is killed in between leaves a file that nobody can open.
    """
    password = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="certdesk-") as directory:  # made 0700
        file = Path(directory, "credential.p12")
        file.write_bytes(credential.pkcs12(password, legacy=legacy))
        yield Handover(file, password)
