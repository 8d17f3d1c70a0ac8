"""Files that other programs open."""

import subprocess
from pathlib import Path

import pytest

from certdesk.client.failures import DONE
from tests.unit.client.conftest import PASSWORD, Client
from tests.unit.client.fake_desk import FakeDesk


@pytest.fixture
def enrolled(client: Client, desk: FakeDesk) -> Client:
    """Return a client that has collected its certificate."""
    client.enroll(desk)
    return client


def _openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _export(client: Client, out: Path, *arguments: str) -> None:
    client.succeed("export", "--out", str(out), "--password-file", str(client.password_file), *arguments)


@pytest.mark.parametrize(
    ("options", "scheme", "mac"),
    [
        ((), "PBES2, PBKDF2, AES-256-CBC", "MAC: sha256"),
        (("--legacy",), "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"),
    ],
)
def test_openssl_opens_the_pkcs12(
    enrolled: Client, tmp_path: Path, options: tuple[str, ...], scheme: str, mac: str
) -> None:
    """Both forms open with the registration password and have the strength they should have."""
    out = tmp_path / "a.p12"
    _export(enrolled, out, *options)
    shown = _openssl("pkcs12", "-in", str(out), "-passin", f"pass:{PASSWORD}", "-info", "-noenc", "-legacy")
    assert scheme in shown
    assert mac in shown
    assert shown.count("BEGIN CERTIFICATE") == 2
    assert shown.count("BEGIN PRIVATE KEY") == 1
    assert "friendlyName: certdesk FRA1-" in shown
    assert out.stat().st_mode & 0o777 == 0o600


def test_openssl_opens_the_pem(enrolled: Client, tmp_path: Path) -> None:
    """The PEM file's key is encrypted with scrypt under the registration password, which OpenSSL knows."""
    out = tmp_path / "a.pem"
    assert enrolled("export", "--out", str(out)).code == DONE
    assert "BEGIN ENCRYPTED PRIVATE KEY" in out.read_text()
    assert "prime256v1" in _openssl("pkey", "-in", str(out), "-passin", f"pass:{PASSWORD}", "-text", "-noout")


def test_a_plain_key_is_asked_for(enrolled: Client, tmp_path: Path) -> None:
    """`--plain-key` writes the key without protection, into a file that is the owner's alone."""
    out = tmp_path / "a.pem"
    _export(enrolled, out, "--plain-key")
    assert "BEGIN PRIVATE KEY" in out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_file_is_replaced_only_by_force(enrolled: Client, tmp_path: Path) -> None:
    """An existing file stays unless `--force` is given."""
    out = tmp_path / "a.p12"
    out.write_text("precious")
    assert enrolled("export", "--out", str(out)).code == 2
    assert out.read_text() == "precious"
    _export(enrolled, out, "--force")
    assert out.read_bytes() != b"precious"


def test_a_failed_export_leaves_no_file(enrolled: Client, tmp_path: Path) -> None:
    """A wrong password, or a directory that is not there, leaves nothing."""
    wrong = tmp_path / "wrong"
    wrong.write_text("another one 2?")
    directory = tmp_path / "out"
    directory.mkdir()
    assert enrolled("export", "--out", str(directory / "a.p12"), "--password-file", str(wrong)).code == 1
    assert list(directory.iterdir()) == []
    outcome = enrolled("export", "--out", str(directory / "no" / "a.pem"))
    assert outcome.code == 1
    assert "no such file or directory" in outcome.err


def test_standard_output_gets_the_file_and_nothing_else(enrolled: Client) -> None:
    """`--out -` writes the bytes themselves."""
    outcome = enrolled("export", "--out", "-", "--format", "pem")
    assert outcome.code == DONE
    assert outcome.out.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert outcome.out.endswith("-----END CERTIFICATE-----\n")


def test_the_outcome_says_what_where_and_until_when(enrolled: Client, tmp_path: Path) -> None:
    """The summary names the file and the end of the validity."""
    out = tmp_path / "a.pem"
    outcome = enrolled("export", "--out", str(out))
    assert str(out) in outcome.out
    assert "valid until" in outcome.out
