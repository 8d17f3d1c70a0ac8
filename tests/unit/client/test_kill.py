"""Killed at any moment, the client goes on where it was: one request, nothing lost, nothing half written."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from certdesk.client.home import Home
from certdesk.client.keystore import decrypt_key
from certdesk.client.records import Enrollment
from tests.unit.client.authority import pem
from tests.unit.client.conftest import FORM, PASSWORD, Client
from tests.unit.client.fake_desk import FakeDesk, Record

MOST_STEPS = 60


class MortalClient:
    """Runs commands that may be killed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, *arguments: str, within: Path, kill_at: int | None = None) -> int | None:
        """Return the exit code, or None when the run was killed at its step."""
        order = {"arguments": arguments, "within": str(within), "kill_at": kill_at}
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        return None if answer["killed"] else int(answer["code"])


@pytest.fixture
def mortal() -> Iterator[MortalClient]:
    """Return a client that can be killed."""
    command = [sys.executable, "-m", "tests.unit.client.mortal"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        yield MortalClient(process)
        assert process.stdin
        process.stdin.close()


def _of_device(desk: FakeDesk, device: str) -> list[Record]:
    return [each for each in desk.records.values() if each.body["device"].get("id") == device]


def _stored(home: Path) -> Enrollment | None:
    """Return what is stored, which is never anything that cannot be read."""
    return Home(home).find("workstation")


def _no_leftovers(home: Path) -> None:
    assert sorted(file.name for file in home.iterdir()) == [
        "enrollment-workstation.json",
        "enrollment-workstation.lock",
        "settings.json",
    ]


def test_a_killed_configure_leaves_all_or_nothing(mortal: MortalClient, desk: FakeDesk, tmp_path: Path) -> None:
    """After a kill at any step of `configure`, running it again succeeds."""
    settings = tmp_path / "settings.xml"
    settings.write_bytes(desk.settings())
    for step in range(1, MOST_STEPS):
        home = tmp_path / f"home-{step}"
        command = ("configure", str(settings), "--home", str(home))
        outcome = mortal.run(*command, within=home, kill_at=step)
        assert mortal.run(*command, within=home) == 0
        assert [file.name for file in home.iterdir()] == ["settings.json"]
        if outcome is not None:
            assert step > 2
            return
    pytest.fail("it never ended")


def test_a_killed_request_is_made_exactly_once(
    mortal: MortalClient, client: Client, desk: FakeDesk, tmp_path: Path
) -> None:
    """After a kill at any step of `request`, running it again leaves one request, of the key that is stored."""
    for step in range(1, MOST_STEPS):
        home = tmp_path / f"home-{step}"
        shutil.copytree(client.home, home)
        command = ("request", *FORM, "--device-id", f"device-{step}", "--password-file", str(client.password_file))
        outcome = mortal.run(*command, "--home", str(home), within=home, kill_at=step)
        _stored(home)
        assert mortal.run(*command, "--home", str(home), within=home) == 0
        stored = _stored(home)
        (record,) = _of_device(desk, f"device-{step}")
        assert stored
        assert stored.requested
        assert not stored.prepared
        assert stored.requested.id == record.id
        assert stored.requested.order.csr == record.body["csr"]
        assert decrypt_key(stored.requested.order.key, PASSWORD).public_key() == record.csr.public_key()
        _no_leftovers(home)
        if outcome is not None:
            assert step > 6
            return
    pytest.fail("it never ended")


def test_a_killed_collect_gets_the_certificate_later(
    mortal: MortalClient, client: Client, desk: FakeDesk, tmp_path: Path
) -> None:
    """After a kill at any step of `collect`, running it again has key and certificate together."""
    client.request()
    desk.approve()
    certificate = desk.only.certificate
    assert certificate
    for step in range(1, MOST_STEPS):
        home = tmp_path / f"home-{step}"
        shutil.copytree(client.home, home)
        outcome = mortal.run("collect", "--home", str(home), within=home, kill_at=step)
        assert _stored(home)
        assert mortal.run("collect", "--home", str(home), within=home) == 0
        stored = _stored(home)
        assert stored
        assert stored.issued
        assert stored.issued.certificate == pem(certificate)
        assert decrypt_key(stored.issued.key, PASSWORD).public_key() == certificate.public_key()
        _no_leftovers(home)
        if outcome is not None:
            assert step > 3
            return
    pytest.fail("it never ended")


def test_a_killed_renewal_keeps_the_old_until_it_has_the_new(
    mortal: MortalClient, client: Client, desk: FakeDesk, tmp_path: Path
) -> None:
    """At any step of `renew` a certificate with its key is stored, and one renewal comes of two runs."""
    client.enroll(desk)
    command = ("renew", "--password-file", str(client.password_file))
    for step in range(1, MOST_STEPS):
        home = tmp_path / f"home-{step}"
        shutil.copytree(client.home, home)
        before = len(desk.records)
        outcome = mortal.run(*command, "--home", str(home), within=home, kill_at=step)
        _assert_usable(_stored(home))
        if outcome is not None:
            assert step > 6
            return
        if len(desk.records) == before or _is_pending(home):
            assert mortal.run(*command, "--home", str(home), within=home) == 0
        _assert_usable(_stored(home))
        assert len(desk.records) == before + 1
        _no_leftovers(home)
    pytest.fail("it never ended")


def _is_pending(home: Path) -> bool:
    stored = _stored(home)
    return bool(stored and (stored.prepared or stored.requested))


def _assert_usable(stored: Enrollment | None) -> None:
    assert stored
    assert stored.issued
    certificate = x509.load_pem_x509_certificate(stored.issued.certificate.encode())
    assert decrypt_key(stored.issued.key, PASSWORD).public_key() == certificate.public_key()


def test_a_killed_export_leaves_a_whole_file_or_none(
    mortal: MortalClient, client: Client, desk: FakeDesk, tmp_path: Path
) -> None:
    """After a kill at any step of `export`, the file opens or is not there."""
    client.enroll(desk)
    for step in range(1, MOST_STEPS):
        directory = tmp_path / f"out-{step}"
        directory.mkdir()
        out = directory / "certificate.p12"
        command = ("export", "--out", str(out), "--password-file", str(client.password_file), "--force")
        outcome = mortal.run(*command, "--home", str(client.home), within=directory, kill_at=step)
        if out.exists():
            assert load_key_and_certificates(out.read_bytes(), PASSWORD.encode())[0]
        if outcome is not None:
            assert step > 1
            return
    pytest.fail("it never ended")


def test_a_killed_install_is_completed_by_the_next(
    mortal: MortalClient, client: Client, desk: FakeDesk, tmp_path: Path
) -> None:
    """After a kill at any step of `install --pem-dir`, each file is whole, and the next run makes them match."""
    client.enroll(desk)
    for step in range(1, MOST_STEPS):
        home, directory = tmp_path / f"home-{step}", tmp_path / f"pem-{step}"
        shutil.copytree(client.home, home)
        command = ("install", "--pem-dir", str(directory), "--plain-key", "--password-file", str(client.password_file))
        outcome = mortal.run(*command, "--home", str(home), within=tmp_path, kill_at=step)
        if (directory / "key.pem").exists():
            load_pem_private_key((directory / "key.pem").read_bytes(), None)
        assert mortal.run(*command, "--home", str(home), within=tmp_path) == 0
        key = load_pem_private_key((directory / "key.pem").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((directory / "certificate.pem").read_bytes())
        assert key.public_key() == certificate.public_key()
        stored = _stored(home)
        assert stored
        assert stored.issued
        assert stored.issued.reported
        if outcome is not None:
            assert step > 8
            return
    pytest.fail("it never ended")
