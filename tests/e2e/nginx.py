"""nginx, with a configuration and a folder of its own.

with nginx(folder, http):  # the lines of the http block; relative paths are the folder's
    ...
"""

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from tests.e2e.server import DeskServer, leash, quiet_port

_PAGE = (Path(__file__).parents[2] / "docs" / "examples" / "nginx.conf").read_text()
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def command(folder: Path) -> list[str]:
    """Return nginx's command line; Debian keeps the program where only root looks."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or shutil.which("nginx")
    assert found is not None, "nginx is needed: apt-get install nginx-light"
    return [found, "-p", str(folder), "-c", "nginx.conf"]


@contextlib.contextmanager
def nginx(folder: Path, http: str) -> Iterator[None]:
    """Run nginx from when it accepts connections to the end of the block."""
    main = f"daemon off; user root; pid {folder}/nginx.pid; error_log stderr notice;\nevents {{}}\n"
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in _TEMPORARY)
    (folder / "nginx.conf").write_text(f"{main}http {{\naccess_log off;\n{places}{http}}}\n")
    with subprocess.Popen([*leash(), *command(folder)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "start worker process" in line:
                break
        else:
            raise RuntimeError("".join(said))
        drain = threading.Thread(target=_drain, args=(process.stderr,))
        drain.start()
        try:
            yield
        finally:
            process.terminate()
            drain.join()


def _drain(log: IO[str]) -> None:
    """Read what nginx says, so that it never waits for a reader."""
    for _ in log:
        pass


@contextlib.contextmanager
def proxy_before(folder: Path, *desks: DeskServer) -> Iterator[str]:
    """Run nginx before desks as the operator's page has it, and give its URL.

    Its own TLS certificate, `desk.pem` in the folder, vouches for itself.
    """
    _make_certificate(folder)
    (folder / "desk-ca.pem").write_text(desks[0].certdesk("ca", "show", "--pem").stdout)
    port = quiet_port()
    with nginx(folder, _configured(folder, port, desks)):
        yield f"https://127.0.0.1:{port}"


def _configured(folder: Path, port: int, desks: Iterable[DeskServer]) -> str:
    """Return the page's configuration with a test's addresses and files."""
    http = _PAGE
    for old, new in {
        "server 127.0.0.1:8000;": "\n    ".join(f"server 127.0.0.1:{desk.port};" for desk in desks),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/": f"{folder}/",
    }.items():
        assert old in http
        http = http.replace(old, new)
    return http


def _make_certificate(folder: Path) -> None:
    arguments = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    arguments += ["-keyout", str(folder / "desk.key"), "-out", str(folder / "desk.pem"), "-days", "2"]
    arguments += ["-subj", "/CN=desk.example.org", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(arguments, check=True, capture_output=True)
