"""nginx in front of a desk, with the configuration of the operator's page."""

import base64
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import PASSWORD, DeskServer, leash, quiet_port

CONFIGURATION = (Path(__file__).parents[2] / "docs" / "examples" / "nginx.conf").read_text()
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx() -> str:
    """Return nginx's path; Debian keeps it where only root looks."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or shutil.which("nginx")
    assert found is not None, "nginx is needed: apt-get install nginx-light"
    return found


def configured(folder: Path, desk: DeskServer, port: int) -> Path:
    """Write the page's configuration with this test's addresses and files."""
    http = CONFIGURATION
    for old, new in {
        "127.0.0.1:8000": f"127.0.0.1:{desk.port}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/": f"{folder}/",
    }.items():
        assert old in http
        http = http.replace(old, new)
    main = f"daemon off; user root; pid {folder}/nginx.pid; error_log stderr notice;\nevents {{}}\n"
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    path = folder / "nginx.conf"
    path.write_text(f"{main}http {{\naccess_log off;\n{places}{http}}}\n")
    return path


def make_certificate(folder: Path) -> None:
    """Make the proxy's own TLS certificate, which vouches for itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(folder / "desk.key"), "-out", str(folder / "desk.pem"), "-days", "2"]
    command += ["-subj", "/CN=desk.example.org", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def proxy(sqlite_server: DeskServer, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an nginx before a desk."""
    sqlite_server.options = ("--no-tls", "--trusted-proxy=127.0.0.1")
    sqlite_server.start()
    make_certificate(tmp_path)
    (tmp_path / "desk-ca.pem").write_text(sqlite_server.certdesk("ca", "show", "--pem").stdout)
    port = quiet_port()
    command = [*leash(), nginx(), "-p", str(tmp_path), "-c", str(configured(tmp_path, sqlite_server, port))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "start worker process" in line:
                break
        else:
            pytest.fail("".join(said))
        yield f"https://127.0.0.1:{port}"
        process.terminate()
        process.communicate()


def client(proxy: str, folder: Path, certificate: Path | None = None) -> httpx.Client:
    """Return a caller that trusts the proxy, and shows a certificate if it has one."""
    context = ssl.create_default_context(cafile=folder / "desk.pem")
    if certificate:
        context.load_cert_chain(certificate, password=PASSWORD)
    return httpx.Client(base_url=proxy, verify=context, trust_env=False)


def test_a_manager_is_known_by_the_certificate_that_nginx_passes_on(
    proxy: str, sqlite_server: DeskServer, tmp_path: Path
) -> None:
    """`Client-Cert` arrives as RFC 9440 has it."""
    with client(proxy, tmp_path, sqlite_server.folder / "claire.pem") as claire:
        assert claire.get("/api/v1/requests").status_code == 200


def test_nobody_is_a_manager_without_a_certificate(proxy: str, tmp_path: Path) -> None:
    """Without a client certificate a manager's call is refused, and everybody's works."""
    with client(proxy, tmp_path) as stranger:
        assert stranger.get("/api/v1/requests").status_code == 401
        assert stranger.get("/settings/FRA1.xml").status_code == 200


def test_what_a_client_sends_as_client_cert_does_not_pass(
    proxy: str, sqlite_server: DeskServer, tmp_path: Path
) -> None:
    """Nobody becomes a manager by knowing a manager's certificate."""
    pem = (sqlite_server.folder / "claire.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") : pem.index("-----END CERTIFICATE") + 25])
    forged = {"Client-Cert": f":{base64.b64encode(der).decode()}:"}
    with client(proxy, tmp_path) as stranger:
        assert stranger.get("/api/v1/requests", headers=forged).status_code == 401


def test_metrics_are_not_for_the_world(proxy: str, tmp_path: Path) -> None:
    """The counts do not pass the proxy."""
    with client(proxy, tmp_path) as stranger:
        assert stranger.get("/metrics").status_code == 404
