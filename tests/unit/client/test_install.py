"""The certificate arrives where programs look for it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from certdesk.client.failures import DONE, FAILED
from certdesk.client.install import macos, nss, windows
from certdesk.client.install.places import Wanted, places_for
from certdesk.client.portable import Credential, credential
from certdesk.domain.enrollment import KeyType, Kind
from tests.unit.client.conftest import PASSWORD, Client
from tests.unit.client.csrs import csr_pem
from tests.unit.client.fake_desk import FakeDesk, status


@pytest.fixture
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's home directory, empty."""
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def enrolled(client: Client, desk: FakeDesk, user_home: Path) -> Client:
    """Return a client that has collected its certificate."""
    client.enroll(desk)
    return client


def _install(client: Client, *arguments: str) -> tuple[int, str]:
    outcome = client("install", "--password-file", str(client.password_file), *arguments)
    return outcome.code, outcome.err


def _listed(database: Path) -> str:
    command = ["certutil", "-L", "-d", f"sql:{database}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _keys(database: Path, *arguments: str) -> int:
    command = ["certutil", "-K", "-d", f"sql:{database}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("certdesk FRA1-")


def _credential(client: Client, desk: FakeDesk) -> Credential:
    issued = client.enrollment().issued
    assert issued
    return credential(issued, (desk.authority.root_der,), PASSWORD)


def test_chromium_gets_it(enrolled: Client, desk: FakeDesk, user_home: Path) -> None:
    """Without options the user's shared NSS database gets certificate, key and issuer, and the desk is told."""
    assert _install(enrolled) == (DONE, "")
    database = user_home / ".pki" / "nssdb"
    assert f"certdesk {desk.only.id}" in _listed(database)
    assert _keys(database) == 1
    assert desk.only.installed == 1
    issued = enrolled.enrollment().issued
    assert issued
    assert issued.installed_at
    assert issued.reported


def test_the_browsers_find_a_key_that_works(enrolled: Client, desk: FakeDesk, user_home: Path, tmp_path: Path) -> None:
    """What NSS gives back, key included, is what was issued."""
    _install(enrolled)
    out, password = tmp_path / "back.p12", tmp_path / "back.password"
    password.write_text("other")
    database = f"sql:{user_home / '.pki' / 'nssdb'}"
    command = ["pk12util", "-o", str(out), "-n", f"certdesk {desk.only.id}", "-d", database, "-w", str(password)]
    subprocess.run(command, check=True, capture_output=True)
    command = ["openssl", "pkcs12", "-in", str(out), "-passin", "pass:other", "-noenc"]
    back = subprocess.run(command, check=True, capture_output=True).stdout
    certificates = x509.load_pem_x509_certificates(back)
    assert set(certificates) == {desk.only.certificate, desk.authority.issuing}
    key = re.search(rb"-----BEGIN PRIVATE KEY-----.*-----END PRIVATE KEY-----", back, re.DOTALL)
    assert key
    assert load_pem_private_key(key[0], None).public_key() == desk.only.csr.public_key()


def test_no_server_is_trusted_unasked(enrolled: Client, user_home: Path) -> None:
    """The trust anchor gets into a browser only with `--trust-servers`."""
    database = user_home / ".pki" / "nssdb"
    _install(enrolled)
    assert "C,," not in _listed(database)
    _install(enrolled, "--trust-servers")
    assert "C,," in _listed(database)


def test_every_firefox_profile_gets_it(enrolled: Client, user_home: Path) -> None:
    """Profiles are found through profiles.ini, by their databases, and in the newer and packaged directories."""
    old, new = user_home / ".mozilla" / "firefox", user_home / ".config" / "mozilla" / "firefox"
    listed, outside, unlisted = old / "a.default", user_home / "elsewhere", new / "b.default"
    for profile in (listed, outside, unlisted):
        profile.mkdir(parents=True)
    (old / "profiles.ini").write_text(
        f"[General]\nVersion=2\n[Profile0]\nName=a%b\nIsRelative=1\nPath=a.default\n[Profile1]\nIsRelative=0\nPath={outside}\n"
        "[Profile2]\nIsRelative=1\nPath=gone.default\n[Install4F]\nDefault=a.default\n"
    )
    subprocess.run(["certutil", "-N", "--empty-password", "-d", f"sql:{unlisted}"], check=True)
    assert _install(enrolled)[0] == DONE
    assert [_keys(profile) for profile in (listed, outside, unlisted)] == [1, 1, 1]


def test_installing_twice_changes_nothing(enrolled: Client, desk: FakeDesk, user_home: Path) -> None:
    """The second run succeeds, and neither the browser nor the desk has anything double."""
    _install(enrolled)
    assert _install(enrolled)[0] == DONE
    assert _keys(user_home / ".pki" / "nssdb") == 1


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048])
def test_a_renewed_certificate_takes_the_place_of_the_old(
    client: Client, desk: FakeDesk, user_home: Path, key_type: KeyType
) -> None:
    """After a renewal, install removes the predecessor's key, so that the browser has one certificate to offer."""
    settings = user_home / "settings.xml"
    settings.write_bytes(desk.settings(key_type=key_type))
    client.succeed("configure", str(settings))
    client.enroll(desk)
    for _ in range(2):
        _install(client)
        client.succeed("renew", "--password-file", str(client.password_file))
    assert _install(client) == (DONE, "")
    database = user_home / ".pki" / "nssdb"
    assert _keys(database) == 1
    assert _listed(database).count("u,u,u") == 1
    assert desk.last.installed == 1


def test_a_database_with_a_password_is_opened_with_it(enrolled: Client, tmp_path: Path) -> None:
    """Firefox's primary password is needed, is never prompted for, and is taken from a file."""
    database, password = tmp_path / "db", tmp_path / "db.password"
    database.mkdir()
    password.write_text("primary 1!\n")
    subprocess.run(["certutil", "-N", "-f", str(password), "-d", f"sql:{database}"], check=True)
    code, err = _install(enrolled, "--nss-db", str(database))
    assert (code, "is protected by a password of its own" in err) == (FAILED, True)
    assert "hint: give it with --nss-password-file" in err
    code, err = _install(enrolled, "--nss-db", str(database), "--nss-password-file", str(password))
    assert code == DONE, err
    assert _keys(database, "-f", str(password)) == 1


def test_one_broken_database_does_not_keep_the_others(enrolled: Client, tmp_path: Path) -> None:
    """The error names the database, the exit code is 1, and the others have the certificate."""
    broken, good = tmp_path / "broken", tmp_path / "good"
    broken.mkdir()
    (broken / "cert9.db").write_text("no database")
    code, err = _install(enrolled, "--nss-db", str(broken), "--nss-db", str(good))
    assert code == FAILED
    assert f"error: the database {broken} cannot be used" in err
    assert _keys(good) == 1


def test_missing_tools_are_named(enrolled: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libnss3-tools the error says what to install, and nothing counts as installed."""
    monkeypatch.setenv("PATH", "/nonexistent")
    code, err = _install(enrolled)
    assert code == FAILED
    assert "error: the program certutil is not installed" in err
    assert "hint: install certutil and pk12util: apt install libnss3-tools" in err
    issued = enrolled.enrollment().issued
    assert issued
    assert not issued.installed_at


def test_the_desk_is_told_later_if_it_is_away(enrolled: Client, desk: FakeDesk) -> None:
    """An installation while the desk is away succeeds, and the next status tells the desk."""
    desk.faults.extend([status(503)] * 5)
    code, err = _install(enrolled)
    assert code == DONE
    assert "could not be told" in err
    desk.only.installed = 0
    assert enrolled("status").code == DONE
    assert desk.only.installed == 1


def test_a_pem_directory_has_what_servers_read(enrolled: Client, desk: FakeDesk, tmp_path: Path) -> None:
    """The key is 0600 and encrypted, needs no password to be copied, and OpenSSL verifies the certificates."""
    directory = tmp_path / "pem"
    assert enrolled("install", "--pem-dir", str(directory)).code == DONE
    modes = {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()}
    assert modes == {
        "certificate.pem": 0o644,
        "chain.pem": 0o644,
        "fullchain.pem": 0o644,
        "trust.pem": 0o644,
        "key.pem": 0o600,
    }
    load_pem_private_key((directory / "key.pem").read_bytes(), PASSWORD.encode())
    command = ["openssl", "verify", "-CAfile", "trust.pem", "-untrusted", "chain.pem", "certificate.pem"]
    verified = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)
    assert verified.stdout == "certificate.pem: OK\n"


def test_a_plain_key_is_asked_for(enrolled: Client, desk: FakeDesk, tmp_path: Path) -> None:
    """`--plain-key` opens the key with the registration password, and the file is still the owner's alone."""
    directory = tmp_path / "pem"
    assert enrolled("install", "--pem-dir", str(directory), "--plain-key").code == 2
    assert not directory.exists()
    assert _install(enrolled, "--pem-dir", str(directory), "--plain-key")[0] == DONE
    key = load_pem_private_key((directory / "key.pem").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((directory / "certificate.pem").read_bytes())
    assert key.public_key() == certificate.public_key() == desk.only.csr.public_key()
    assert (directory / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_key_elsewhere_leaves_out_the_key(client: Client, desk: FakeDesk, tmp_path: Path) -> None:
    """For a CSR of another machine, the PEM directory has all but the key, and a browser's database is refused."""
    csr, directory = tmp_path / "www.csr", tmp_path / "pem"
    csr.write_text(csr_pem("www.example.org"))
    client.request("--kind", "server", "--csr", str(csr))
    desk.approve()
    client.succeed("collect")
    assert client("install", "--pem-dir", str(directory)).code == DONE
    assert not (directory / "key.pem").exists()
    refused = client("install", "--nss-db", str(tmp_path / "db"))
    assert refused.code == FAILED
    assert "the key of this certificate lives elsewhere" in refused.err


def test_a_server_needs_a_directory(client: Client, desk: FakeDesk) -> None:
    """A server's certificate is not put into the administrator's browser by default."""
    client.request("--kind", "server", "--dns", "www.example.org")
    desk.approve()
    client.succeed("collect")
    outcome = client("install")
    assert outcome.code == 2
    assert "hint: add --pem-dir DIRECTORY" in outcome.err


def test_nothing_to_install_yet(client: Client) -> None:
    """Before collect, install and export say where the enrollment stands."""
    client.request()
    for command in (("install",), ("export", "--out", "a.p12")):
        outcome = client(*command)
        assert outcome.code == FAILED
        assert "there is no certificate here yet: the enrollment workstation is requested" in outcome.err


def _fake_program(directory: Path, name: str, *, keep: str) -> Path:
    """Make a program that notes its arguments and input, and keeps a copy of the file it is to import."""
    program = directory / name
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {directory}/arguments\ncat > {directory}/input\n'
        f"env | grep CERTDESK_ > {directory}/environment\ncp {keep} {directory}/imported.p12\n"
    )
    program.chmod(0o755)
    return program


def test_windows_gets_it_through_powershell(
    enrolled: Client, desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PowerShell imports a file whose password comes on standard input; both are gone afterwards."""
    _fake_program(tmp_path, "powershell", keep='"$CERTDESK_FILE"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    windows.install(_credential(enrolled, desk), machine=True)
    password = (tmp_path / "input").read_bytes().rstrip(b"\n")
    assert load_key_and_certificates((tmp_path / "imported.p12").read_bytes(), password)[1] == desk.only.certificate
    environment = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
    assert environment["CERTDESK_STORE"] == r"Cert:\LocalMachine\My"
    assert not Path(environment["CERTDESK_FILE"]).exists()
    assert password.decode() not in (tmp_path / "arguments").read_text()
    assert password != PASSWORD.encode()


def test_macos_gets_it_through_security(
    enrolled: Client, desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`security` imports the old form of PKCS#12, under a password that is good for nothing else."""
    _fake_program(tmp_path, "security", keep='"$2"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    macos.install(_credential(enrolled, desk), keychain=Path("/k"))
    arguments = (tmp_path / "arguments").read_text().splitlines()
    password = arguments[arguments.index("-P") + 1]
    assert arguments[0] == "import"
    assert arguments[2:6] == ["-k", "/k", "-f", "pkcs12"]
    assert load_key_and_certificates((tmp_path / "imported.p12").read_bytes(), password.encode())[0]
    assert not Path(arguments[1]).exists()
    assert password != PASSWORD


@pytest.mark.parametrize(
    ("platform", "wanted", "where"),
    [
        ("linux", Wanted(), ["/h/.pki/nssdb"]),
        ("linux", Wanted(pem_directory="/p"), ["/p"]),
        ("linux", Wanted(pem_directory="/p", nss_databases=("/n",)), ["/p", "/n"]),
        ("win32", Wanted(), [r"Cert:\CurrentUser\My"]),
        ("win32", Wanted(machine=True), [r"Cert:\LocalMachine\My"]),
        ("win32", Wanted(pem_directory="/p"), ["/p"]),
        ("darwin", Wanted(), ["/h/Library/Keychains/login.keychain-db"]),
        ("darwin", Wanted(machine=True), ["/Library/Keychains/System.keychain"]),
    ],
)
def test_each_platform_has_its_places(platform: str, wanted: Wanted, where: list[str]) -> None:
    """What was named is meant; otherwise the platform's usual place."""
    places = places_for(wanted, Kind.WORKSTATION, (), platform=platform, user_home=Path("/h"))
    assert [place.where for place in places] == where


def test_broken_profiles_do_no_harm(user_home: Path) -> None:
    """An unreadable profiles.ini hides no database that is there."""
    directory = user_home / ".mozilla" / "firefox"
    (directory / "x.default").mkdir(parents=True)
    (directory / "x.default" / "cert9.db").touch()
    (directory / "profiles.ini").write_bytes(b"\xff[[[")
    assert nss.browser_databases(user_home) == [user_home / ".pki" / "nssdb", directory / "x.default"]


def test_these_tests_have_their_tools() -> None:
    """The NSS tools are there, or the tests above would say little."""
    assert shutil.which("certutil")
    assert shutil.which("pk12util")
