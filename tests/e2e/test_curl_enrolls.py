"""curl and openssl enroll with nothing but the documented API, and nginx lets in whom they enrolled, until revoked."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.nginx import command, nginx
from tests.e2e.server import PASSWORD, DeskServer, quiet_port

NGINX = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate gateway.pem;
    ssl_certificate_key gateway.key;
    ssl_client_certificate authorities.pem;
    ssl_verify_client on;
    ssl_verify_depth 2;
    ssl_crl lists.pem;
    location / {{ return 200 "welcome $ssl_client_s_dn\\n"; }}
}}
"""


class Shell:
    """A directory in which openssl and curl are run, as a script would."""

    def __init__(self, folder: Path, server: DeskServer) -> None:
        self.folder = folder
        self.server = server

    def run(self, *command: str, stdin: bytes | None = None) -> bytes:
        """Run a program to its end and return what it printed."""
        done = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def curl(self, path: str, *options: str, body: object = None) -> tuple[int, Any]:
        """Call the API and return status and JSON."""
        sent = ["--json", "@-"] if body is not None else []
        command = ["curl", "--silent", "--cacert", str(self.server.root), "--write-out", "\n%{http_code}", *options]
        stdin = json.dumps(body).encode() if body is not None else None
        answer, _, status = self.run(*command, *sent, self.server.url + path, stdin=stdin).rpartition(b"\n")
        return int(status), json.loads(answer)

    def manager(self, login: str) -> tuple[str, ...]:
        """Return curl's options for a manager's certificate."""
        return "--cert", f"{self.server.folder / login}.pem:{PASSWORD}"

    def enroll(self, name: str, login: str, kind: str, *extension: str) -> str:
        """Make a key, submit, approve as a manager, collect `{name}.pem`, and return the serial number."""
        self.run(
            *["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"], f"{name}.key"
        )
        self.run("openssl", "req", "-new", "-key", f"{name}.key", "-subj", "/CN=any", "-out", f"{name}.csr", *extension)
        claim = (
            self.run(*["openssl", "rand", "-base64", "32"]).decode().strip().translate(str.maketrans("+/", "-_", "="))
        )
        body = {
            "organisation": "FRA1",
            "kind": kind,
            "csr": (self.folder / f"{name}.csr").read_text(),
            "claim": claim,
            "contact": {"email": "jeanne@poste.example", "phone": "+33 4 72 00 00 00"},
            "location": {"state_or_province": "Rhône", "locality": "Lyon"},
            "description": "enrolled by curl",
            "device": {"id": name},
        }
        status, made = self.curl("/api/v1/requests", body=body)
        assert status == 201
        one, holder = f"/api/v1/requests/{made['id']}", ("--header", f"Authorization: Bearer {claim}")
        status, waiting = self.curl(one, *holder)
        assert (status, waiting["status"]) == (200, "requested")
        status, _ = self.curl(f"{one}/approve", *self.manager(login), body={"comment": ""})
        assert status == 200
        status, issued = self.curl(one, *holder)
        assert (status, issued["status"]) == (200, "issued")
        (self.folder / f"{name}.pem").write_text(issued["certificate"]["pem"] + issued["chain"])
        status, installed = self.curl(f"{one}/installed", "--request", "POST", *holder)
        assert status == 200
        assert installed["installed_at"]
        return str(issued["certificate"]["serial_number"])

    def lists(self) -> None:
        """Fetch both revocation lists into `lists.pem`."""
        parts = []
        for name in ("issuing", "root"):
            der = self.run("curl", "--silent", "--fail", f"{self.server.pki_url}/crl/{name}.crl")
            parts.append(self.run(*["openssl", "crl", "-inform", "DER"], stdin=der))
        (self.folder / "lists.pem").write_bytes(b"".join(parts))


@pytest.fixture
def shell(server: DeskServer, tmp_path: Path) -> Shell:
    """Return a shell beside a desk that serves, on SQLite and then on PostgreSQL."""
    server.start()
    folder = tmp_path / "shell"
    folder.mkdir()
    return Shell(folder, server)


@pytest.fixture
def door(shell: Shell) -> Iterator[str]:
    """Return the URL of an nginx that asks for client certificates and reads the desk's revocation lists."""
    shell.enroll("gateway", "ada", "server", "-addext", "subjectAltName=IP:127.0.0.1")
    shell.lists()
    (shell.folder / "authorities.pem").write_text(shell.server.certdesk("ca", "show", "--pem").stdout)
    port = quiet_port()
    with nginx(shell.folder, NGINX.format(port=port)):
        yield f"https://127.0.0.1:{port}/"


def _knock(shell: Shell, door: str, *certificate: str) -> bytes:
    return shell.run("curl", "--silent", "--cacert", str(shell.server.root), *certificate, door)


def test_nginx_lets_in_whom_curl_enrolled_until_the_certificate_is_revoked(shell: Shell, door: str) -> None:
    """The certificate opens a mutual-TLS service; with the next revocation list it does not."""
    serial_number = shell.enroll("device", "claire", "workstation")
    shell.run("openssl", "verify", "-purpose", "sslclient", "-CAfile", "authorities.pem", "device.pem")
    device = "--cert", "device.pem", "--key", "device.key"
    assert b"400 No required SSL certificate" in _knock(shell, door)
    assert _knock(shell, door, *device).startswith(b"welcome CN=FRA1-")
    status, revoked = shell.curl(
        f"/api/v1/certificates/{serial_number}/revoke", *shell.manager("claire"), body={"reason": "keyCompromise"}
    )
    assert (status, revoked["status"]) == (200, "revoked")
    shell.lists()
    shell.run(*command(shell.folder), "-s", "reload")
    assert b"400 The SSL certificate error" in _knock_until_refused(shell, door, *device)
    said = shell.run(
        *("openssl", "ocsp", "-issuer", str(shell.server.data / "ca" / "issuing.pem"), "-serial", f"0x{serial_number}"),
        *("-url", f"{shell.server.pki_url}/ocsp", "-CAfile", "authorities.pem"),
    )
    assert b"revoked" in said


def _knock_until_refused(shell: Shell, door: str, *certificate: str) -> bytes:
    """Knock until the old workers are gone: nginx answers the reload's order before it has obeyed."""
    for _ in range(1000):
        said = _knock(shell, door, *certificate)
        if not said.startswith(b"welcome"):
            return said
    pytest.fail("nginx goes on letting the revoked certificate in")
