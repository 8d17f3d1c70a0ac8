"""The client against the real desk: decisions, refusals, renewal, and a desk that is not always there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.e2e.server import DeskServer, environment

FORM = (
    *("--email", "jeanne@poste.example", "--phone", "+33 4 72 00 00 00", "--description", "Counter 3"),
    *("--state", "Rhône", "--locality", "Lyon"),
)


class Device:
    """A machine with the client on it."""

    def __init__(self, server: DeskServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.home = folder / "home"
        self.password = folder / "password"
        self.password.write_text("counter-3-Lyon\n")

    def run(self, *arguments: str, expected: int = 0) -> Any:
        """Run a command, and return its JSON; fail unless it ends with this exit code."""
        done = self.start(*arguments)
        out, err = done.communicate(timeout=120)
        assert done.returncode == expected, err
        return json.loads(out)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        command = [sys.executable, "-m", "certdesk.client.main", *arguments, "--json", f"--home={self.home}"]
        return subprocess.Popen(
            command,
            env=environment() | {"HOME": str(self.folder), "CERTDESK_PASSWORD_FILE": str(self.password)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def configure(self) -> None:
        """Learn the organisation's settings."""
        self.run("configure", f"{self.server.url}/settings/FRA1.xml", f"--trust={self.server.root}")

    def decide(self, request_id: str, decision: str = "approve", login: str = "claire", **body: str) -> None:
        """Let a manager decide."""
        with self.server.manager(login) as manager:
            answer = manager.post(f"/api/v1/requests/{request_id}/{decision}", json=body)
            assert answer.status_code == 200, answer.text

    def enroll(self) -> Any:
        """Get a certificate, and return what collect printed."""
        self.decide(self.run("request", *FORM)["request_id"])
        return self.run("collect")


@pytest.fixture
def device(sqlite_server: DeskServer, tmp_path: Path) -> Device:
    """Return a device that knows its desk, which serves."""
    sqlite_server.start()
    device = Device(sqlite_server, tmp_path)
    device.configure()
    return device


def requests_of(device: Device) -> list[Any]:
    """Return what the manager sees."""
    with device.server.manager("claire") as claire:
        items: list[Any] = claire.get("/api/v1/requests").json()["items"]
        return items


def test_a_certificate_comes_renews_and_is_known_as_installed(device: Device) -> None:
    """The desk and the client agree on every step: waiting, issued, installed, renewed by the old key."""
    asked = device.run("request", *FORM)
    assert device.run("status", expected=10)["verification_code"] == asked["verification_code"]
    [waiting] = requests_of(device)
    assert waiting["verification_code"] == asked["verification_code"]
    device.decide(asked["request_id"])
    first = device.run("collect")["certificate"]
    device.run("install", f"--pem-dir={device.folder / 'pem'}")
    assert requests_of(device)[0]["installed_at"]
    second = device.run("renew")["certificate"]
    assert second["serial_number"] != first["serial_number"]
    assert second["subject"] == first["subject"]
    device.run("install", f"--pem-dir={device.folder / 'pem'}")
    files = {name: str(device.folder / "pem" / name) for name in ("trust.pem", "chain.pem", "certificate.pem")}
    subprocess.run(
        [
            "openssl",
            "verify",
            "-CAfile",
            files["trust.pem"],
            "-untrusted",
            files["chain.pem"],
            files["certificate.pem"],
        ],
        check=True,
        capture_output=True,
    )


def test_a_rejection_reaches_the_requester_word_for_word(device: Device) -> None:
    """The reason is shown as it was written, and a corrected request follows."""
    asked = device.run("request", *FORM)
    device.decide(asked["request_id"], "reject", reason="Which « counter » 3?")
    assert device.run("status", expected=11)["reason"] == "Which « counter » 3?"
    device.run("request", "--description", "Counter 3, Bellecour")
    assert [each["status"] for each in requests_of(device)] == ["requested", "rejected"]


def test_a_correction_cancels_the_waiting_request(device: Device) -> None:
    """The desk supersedes the older request of the same device, linked both ways."""
    first = device.run("request", *FORM)["request_id"]
    second = device.run("request", "--locality", "Paris")["request_id"]
    newest, oldest = requests_of(device)
    assert (newest["id"], newest["supersedes"]) == (second, first)
    assert (oldest["id"], oldest["status"], oldest["superseded_by"]) == (first, "cancelled", second)
    assert newest["contact"] == oldest["contact"]


def test_a_refused_field_is_named_by_its_option(device: Device) -> None:
    """What the desk's policy refuses ends with 2 and names each option; the next try has no trace of it."""
    wrong = {
        "--email": "nobody",
        "--phone": "12",
        "--description": "a\u202eb",
        "--locality": "x" * 200,
        "--state": "\u200b",
        "--device-id": "x" * 200,
    }
    process = device.start("request", *(word for pair in wrong.items() for word in pair))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    named = {line.split(": ")[1] for line in err.splitlines() if line.startswith("error: ")}
    assert named == set(wrong)
    assert requests_of(device) == []
    device.run("request", *FORM, "--device-id", "counter-3")
    assert len(requests_of(device)) == 1


def test_a_desk_that_is_away_loses_nothing(device: Device) -> None:
    """While the desk is down the client ends with 12; afterwards the same command makes one request."""
    device.server.kill()
    assert device.run("request", *FORM, expected=12)["error"]["kind"] == "unavailable"
    device.server.start()
    asked = device.run("request", *FORM)
    assert [each["id"] for each in requests_of(device)] == [asked["request_id"]]
    device.server.kill()
    assert device.run("status", expected=12)["error"]["kind"] == "unavailable"
    device.server.start()
    device.run("status", expected=10)


def test_a_desk_that_restarts_is_waited_for(device: Device) -> None:
    """`status --wait` outlasts a killed server, and ends with the decision."""
    asked = device.run("request", *FORM)
    waiting = device.start("status", "--wait", "--timeout", "100")
    assert waiting.stderr
    assert "waiting for a decision" in waiting.stderr.readline()
    device.server.kill()
    device.server.start()
    device.decide(asked["request_id"])
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, err
    assert json.loads(out)["status"] == "issued"


def test_a_revoked_certificate_is_not_renewed(device: Device) -> None:
    """The desk refuses, the client says so in the desk's words and keeps what it has; a new request helps."""
    issued = device.enroll()
    serial_number = issued["certificate"]["serial_number"]
    with device.server.manager("claire") as claire:
        body = {"reason": "keyCompromise", "comment": ""}
        assert claire.post(f"/api/v1/certificates/{serial_number}/revoke", json=body).is_success
    refused = device.run("renew", expected=1)
    assert "revoked" in refused["error"]["detail"]
    assert device.run("show")["certificate"]["serial_number"] == serial_number
    assert device.run("request", "--new")["status"] == "requested"


def test_a_server_is_an_administrators(device: Device) -> None:
    """A server's names are those that were approved, and a renewal keeps them."""
    asked = device.run("request", *FORM, "--kind=server", "--dns=WWW.Example.org", "--ip=192.0.2.10")
    device.decide(asked["request_id"], login="ada", comment="ours")
    assert device.run("collect")["certificate"]["names"] == ["www.example.org", "192.0.2.10"]
    assert device.run("renew")["certificate"]["names"] == ["www.example.org", "192.0.2.10"]
    device.run("install", f"--pem-dir={device.folder / 'pem'}", "--plain-key")
    certificate = x509.load_pem_x509_certificate((device.folder / "pem" / "certificate.pem").read_bytes())
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.SERVER_AUTH in purposes
