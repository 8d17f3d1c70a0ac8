"""A desk as an operator runs it: a server process, and the `certdesk` commands beside it.

with ServedDesk(tmp_path) as desk:
    desk.certdesk("organisation", "add", "FRA1", "--name", "La Poste", "--country", "FR")
    httpx.get(f"{desk.url}/healthz", verify=desk.trust())
"""

import os
import signal
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.postgresql import free_port

PASSPHRASE = "correct horse battery staple"
STOP_SECONDS = 20
BIN = Path(sys.executable).parent


class ServedDesk:
    """A server process on loopback with a data directory; it may be killed and started again."""

    def __init__(self, directory: Path, *options: str, database: str = "", tls: bool = True) -> None:
        self.data = directory / "desk"
        self.log: list[str] = []
        """What the server wrote to standard error, line by line."""
        self.port, self.pki_port = free_port(), free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.pki_url = f"http://127.0.0.1:{self.pki_port}"
        passphrase_file = directory / "passphrase"
        passphrase_file.write_text(PASSPHRASE)
        self.environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "CERTDESK_DATA": str(self.data),
            "CERTDESK_PASSPHRASE_FILE": str(passphrase_file),
        } | ({"CERTDESK_DATABASE": database} if database else {})
        self._command = [
            *("certdesk", "serve", "--listen", f"127.0.0.1:{self.port}", "--pki-listen", f"127.0.0.1:{self.pki_port}"),
            *("--pki-url", self.pki_url, "--rate-limit", "0", *([] if tls else ["--no-tls"]), *options),
        ]
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        self._server = subprocess.Popen(
            self._command,
            executable=BIN / "certdesk",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        errors = self._server.stderr
        assert errors is not None
        for line in errors:
            self.log.append(line.decode(errors="replace").rstrip())
            if line.startswith(b"settings of an organisation"):  # the last of what it announces
                break
        else:
            errors.close()
            self.stop()
            message = "the desk did not start:\n" + "\n".join(self.log)
            raise RuntimeError(message)
        threading.Thread(target=self._follow, args=(errors,), daemon=True).start()

    def stop(self) -> int:
        """Let the server end what it has begun, and return its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let the server die at once."""
        self._end(signal.SIGKILL)

    def certdesk(self, *arguments: str) -> str:
        """Run a command of this desk and return its standard output; raise with what it said if it fails."""
        return self.run("certdesk", *arguments)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a program in this desk's environment, likewise."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            message = f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            raise RuntimeError(message)
        return done.stdout

    @property
    def root(self) -> Path:
        """The root's certificate, PEM."""
        return self.data / "ca" / "root.pem"

    def trust(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the desk's root and nobody else."""
        return ssl.create_default_context(cafile=str(self.root))

    def _follow(self, errors: IO[bytes]) -> None:
        with errors:
            self.log += (line.decode(errors="replace").rstrip() for line in errors)

    def _end(self, how: signal.Signals) -> int:
        if self._server is None:
            return 0
        self._server.send_signal(how)
        try:
            return self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            return self._server.wait()
        finally:
            self._server = None
