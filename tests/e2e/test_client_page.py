"""The commands of the client's page do what is said of them, word for word, against a real desk."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tests.e2e.server import DeskServer, environment
from tests.unit.client.csrs import csr_pem

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text()

FORM = "--email it@poste.example --phone +33472000000 --description ours --state Rhône --locality Lyon"


class Reader:
    """Somebody who follows the page, with a home directory and a desk of their own."""

    def __init__(self, server: DeskServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._root = x509.load_pem_x509_certificate(server.root.read_bytes()).fingerprint(SHA256()).hex()
        (folder / "password.txt").write_text("counter-3-Lyon\n")
        (folder / "gateway.csr").write_text(csr_pem("gateway.example.org"))

    def follow(self, heading: str) -> str:
        """Run a section's commands one by one, have every request approved, and return what the last one prints."""
        section = re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        said = ""
        for command in re.findall(r"^ {4}(.*)$", section, re.MULTILINE):
            is_request = command.startswith("certdesk-client request")
            # On a terminal it would ask.
            said = self.run(command if "--email" in command or not is_request else f"{command} {FORM}")
            if is_request:
                self._approve()
        return said

    def run(self, command: str) -> str:
        """Run a command in a shell and return what it prints; fail if it does."""
        command = command.replace("https://desk.example.org:8443", self._server.url).replace("SHA256", self._root)
        done = subprocess.run(
            ["sh", "-uc", command.replace("/etc/ssl", str(self._folder))],
            cwd=self._folder,
            env=environment()
            | {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self._folder),
                "CERTDESK_PASSWORD_FILE": str(self._folder / "password.txt"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def certificate(self) -> str:
        """Return the certificate that the client has."""
        pem: str = json.loads(self.run("certdesk-client show --json"))["certificate"]["pem"]
        return pem

    def _approve(self) -> None:
        with self._server.manager("ada") as ada:
            for waiting in ada.get("/api/v1/requests", params={"state": "requested"}).json()["items"]:
                assert ada.post(f"/api/v1/requests/{waiting['id']}/approve", json={"comment": ""}).is_success


@pytest.fixture
def reader(sqlite_server: DeskServer, tmp_path: Path) -> Reader:
    """Return a reader whose desk serves."""
    sqlite_server.start()
    return Reader(sqlite_server, tmp_path)


def test_a_persons_certificate(reader: Reader, tmp_path: Path) -> None:
    """The usual way ends with a certificate in the browser; it is exported, shown and renewed."""
    reader.follow("The usual way")
    listed = reader.run(f"certutil -L -d sql:{tmp_path}/.pki/nssdb")
    assert "certdesk FRA1-" in listed
    reader.follow("Files for other programs")
    assert '"status": "installed"' in reader.follow("In scripts")
    before = reader.certificate()
    reader.follow("Renewal")
    assert reader.certificate() == before
    reader.run("certdesk-client renew")
    assert reader.certificate() != before


def test_servers_certificates(reader: Reader, tmp_path: Path) -> None:
    """A server's certificate arrives in its directory, and one for a key elsewhere in a file."""
    configure = re.search(r"^ {4}(certdesk-client configure .*)$", PAGE, re.MULTILINE)
    assert configure is not None
    reader.run(configure[1])
    reader.follow("Servers")
    certificate = x509.load_pem_x509_certificate((tmp_path / "www.example.org" / "fullchain.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["www.example.org", "example.org"]
    assert "BEGIN PRIVATE KEY" in (tmp_path / "www.example.org" / "key.pem").read_text()
    assert "PRIVATE KEY" not in (tmp_path / "gateway.pem").read_text()


def test_the_page_names_the_exit_codes_of_the_help(reader: Reader) -> None:
    """What the page promises to scripts is what `--help` says."""
    shown = reader.run("certdesk-client --help")
    section = shown[shown.index("Exit codes:") :].splitlines()[1:]
    for code, meaning in (line.split(maxsplit=1) for line in section):
        assert f"| {code} | {meaning}" in PAGE
