"""A throwaway PostgreSQL cluster: real, durable (`fsync` is on), and gone with the test run.

    with PostgreSQLCluster() as cluster:
        url = cluster.create_database()

PostgreSQL refuses to run as root, so root starts it as the user `postgres`, or `nobody` where there is none.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

SUPERUSER = "certdesk"
STOP_SECONDS = 20
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "lc_messages": "C",
}


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs: the newest in Debian's folders, or the PATH's."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        message = f"PostgreSQL's {name} is needed: apt-get install postgresql"
        raise FileNotFoundError(message)
    return found


def free_port() -> int:
    """Return a TCP port that nobody listens on at 127.0.0.1 right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _account() -> pwd.struct_passwd | None:
    """Return whom the server must run as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]


class PostgreSQLCluster:
    """A cluster in a temporary directory, listening on loopback and on a socket in that directory."""

    def __init__(self) -> None:
        self._account = _account()
        self._root = Path(tempfile.mkdtemp(prefix="certdesk-postgresql-"))
        self._password = secrets.token_urlsafe(16)
        self._databases = 0
        self._server: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        """Make the cluster and start it; leave nothing behind if that fails."""
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it and remove its files."""
        self.close()

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        options = OPTIONS | {"port": str(self.port), "unix_socket_directories": str(self._root)}
        # The kernel stops the server when this process dies, however it dies.
        leash = [shutil.which("setpriv") or "setpriv", "--pdeathsig", "INT"] if os.uname().sysname == "Linux" else []
        command = [*leash, binary("postgres"), "-D", str(self._root / "data")]
        command += [f"--{name}={value}" for name, value in options.items()]
        self._server = self._popen(command)
        log = self._server.stdout
        assert log is not None
        said = []
        for line in log:
            said.append(line.decode(errors="replace"))
            if b"ready to accept connections" in line:
                break
        else:
            message = f"PostgreSQL did not start:\n{''.join(said)}"
            raise RuntimeError(message)
        threading.Thread(target=_drain, args=(log,), daemon=True).start()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its sessions, SIGQUIT is a crash that the next start recovers from."""
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None

    def close(self) -> None:
        """Stop the server and remove the cluster."""
        self.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def create_database(self, template: str = "template0") -> str:
        """Make a database, a copy of a template, and return its URL."""
        self._databases += 1
        name = f"desk_{self._databases}"
        self._call("createdb", "--template", template, name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._call("dropdb", "--force", url.rpartition("/")[2])

    def url(self, database: str) -> str:
        """Return a database's URL, by way of loopback."""
        return f"postgresql://{SUPERUSER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def _initialise(self) -> None:
        password_file = self._root / "password"
        password_file.write_text(self._password)
        if self._account:
            for path in (self._root, password_file):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        options = {
            "pgdata": str(self._root / "data"),
            "username": SUPERUSER,
            "pwfile": str(password_file),
            "auth": "scram-sha-256",
            "encoding": "UTF8",
            "locale": "C.UTF-8",
        }
        self._finish([binary("initdb"), *(f"--{name}={value}" for name, value in options.items())])

    def _call(self, program: str, *arguments: str) -> None:
        self._finish([binary(program), f"--host={self._root}", f"--port={self.port}", "-U", SUPERUSER, *arguments])

    def _finish(self, command: list[str]) -> None:
        """Run a program to its end, and raise with what it said if it fails."""
        process = self._popen(command)
        said, _ = process.communicate()
        if process.returncode:
            message = f"{command[0]} failed:\n{said.decode(errors='replace')}"
            raise RuntimeError(message)

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        account = self._account
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=os.environ | {"PGPASSWORD": self._password},
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
        )


def _drain(log: IO[bytes]) -> None:
    """Read what the server says, so that it never waits for a reader."""
    with log:
        for _ in log:
            pass
