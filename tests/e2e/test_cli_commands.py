"""What `certdesk` prints and writes when all is well: data to standard output, everything else beside it."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509.oid import NameOID

from certdesk import __version__
from tests.e2e.books import execute, rows
from tests.e2e.server import DeskServer, certdesk_here

USAGE, WRONG = 2, 3


def test_version() -> None:
    """The version is printed."""
    assert certdesk_here("--version").stdout == f"certdesk, version {__version__}\n"


def test_a_language() -> None:
    """Sentences come in the terminal's language."""
    done = certdesk_here("ca", "show", "--data=/nonexistent", env={"LC_ALL": "fr_FR.UTF-8"})
    assert "guichet" in done.stderr


def test_organisations_are_listed_in_columns(sqlite_server: DeskServer) -> None:
    """Code, country, name and kinds stand between tabs, one organisation a line, for other programs to read."""
    added = sqlite_server.here("organisation", "add", "CHE1", "--name=Die Post", "--country=ch", "--kind=server")
    assert (added.stdout, added.stderr) == ("", "organisation CHE1 added: Die Post, CH\n")
    listed = sqlite_server.here("organisation", "list").stdout.splitlines()
    assert "CHE1\tCH\tDie Post\tserver" in listed
    assert "FRA1\tFR\tLa Poste\tmobile server workstation" in listed


def test_a_managers_file_opens_with_the_printed_password(sqlite_server: DeskServer, tmp_path: Path) -> None:
    """The PKCS#12 file is the owner's only and holds key, certificate and chain under a password that is shown once."""
    file = tmp_path / "eva.p12"
    arguments = ("manager", "add", "eva@post.example", "--name=Eva Egli", "--role=auditor", f"--pkcs12={file}")
    done = sqlite_server.here(*arguments)
    shown = dict(re.split(r"  +", line, maxsplit=1) for line in done.stdout.splitlines())
    bundle = load_pkcs12(file.read_bytes(), shown["Password"].encode())
    assert bundle.cert is not None
    assert f"{bundle.cert.certificate.serial_number:032x}" == shown["Serial number"]
    [name] = bundle.cert.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "Eva Egli"
    assert len(bundle.additional_certs) == 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert done.stderr.splitlines()[-1] == "write the password down: it is not shown again"


async def test_a_manager_can_have_several_certificates(sqlite_server: DeskServer, tmp_path: Path) -> None:
    """Adding somebody again changes their role and gives them another certificate; they are one manager still."""
    for number, role in enumerate(("auditor", "administrator")):
        sqlite_server.here(
            *("manager", "add", "eva@post.example", "--name=Eva Egli", f"--role={role}"),
            *(f"--pkcs12={tmp_path / f'{number}.p12'}", f"--password-file={sqlite_server.folder / 'password'}"),
        )
    assert await rows(sqlite_server, "SELECT role FROM managers WHERE email = 'eva@post.example'") == [
        ("administrator",)
    ]
    [(count,)] = await rows(sqlite_server, "SELECT count(*) FROM certificates WHERE email = 'eva@post.example'")
    assert count == 2


def test_a_token_is_printed_alone_and_works(sqlite_server: DeskServer) -> None:
    """Standard output has the token and nothing else; it calls the API in its scope."""
    sqlite_server.start()
    token = sqlite_server.here("token", "add", "stock", "--role=auditor", "--organisation=FRA1").stdout
    assert re.fullmatch(r"cdt_[\w-]{43}\n", token)
    with sqlite_server.device() as caller:
        answer = caller.get("/api/v1/requests", headers={"Authorization": f"Bearer {token.strip()}"})
    assert answer.status_code == 200


def test_a_file_is_published(sqlite_server: DeskServer, tmp_path: Path) -> None:
    """`publish` prints the checksum; the file is all organisations' or one's, of the desk's version or another."""
    file = tmp_path / "guide.pdf"
    file.write_bytes(b"%PDF-1.7")
    done = sqlite_server.here("publish", str(file))
    checksum = hashlib.sha256(b"%PDF-1.7").hexdigest()
    assert (done.stdout, done.stderr) == (f"SHA-256  {checksum}\n", f"guide.pdf {__version__} is published\n")
    done = sqlite_server.here("publish", str(file), "--organisation=FRA1", "--version=2.1")
    assert done.stderr == "guide.pdf 2.1 is published\n"
    (tmp_path / "Enroll.apk").write_bytes(b"%PDF-1.7")
    done = sqlite_server.here("publish", str(tmp_path / "Enroll.apk"), status=USAGE)
    assert "does not contain what its name says" in done.stderr


def test_the_chain_is_what_openssl_verifies(sqlite_server: DeskServer, tmp_path: Path) -> None:
    """`ca show --pem` prints the issuing and the root certificate."""
    (tmp_path / "chain.pem").write_text(sqlite_server.here("ca", "show", "--pem").stdout)
    command = ["openssl", "verify", "-CAfile", str(sqlite_server.root), str(tmp_path / "chain.pem")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith(": OK\n")


def test_the_ca_is_shown(sqlite_server: DeskServer) -> None:
    """`ca show` names both CAs with their fingerprints and revocation lists."""
    shown = sqlite_server.here("ca", "show").stdout
    root = x509.load_pem_x509_certificate(sqlite_server.root.read_bytes())
    assert re.search(f"^SHA-256 +{root.fingerprint(SHA256()).hex()}$", shown, re.MULTILINE)
    assert re.findall(r"^(\w+ CA) .*Universal Post \1", shown, re.MULTILINE) == ["Root CA", "Issuing CA"]


@pytest.mark.parametrize("is_der", [False, True], ids=["PEM", "DER"])
def test_a_revocation_list_is_printed_or_written(sqlite_server: DeskServer, tmp_path: Path, is_der: bool) -> None:
    """Each `ca crl` publishes the next list; it goes to standard output, or into a file that others may read."""
    file, form = tmp_path / "issuing.crl", ["--der"] if is_der else []
    load = x509.load_der_x509_crl if is_der else x509.load_pem_x509_crl
    process = sqlite_server.certdesk("ca", "crl", f"--output={file}", *form)
    assert process.stdout == ""
    first = load(file.read_bytes())
    sqlite_server.certdesk("ca", "crl", f"--output={file}", *form)
    second = load(file.read_bytes())
    numbers = [crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for crl in (first, second)]
    assert numbers[1] == numbers[0] + 1
    assert file.stat().st_mode & 0o777 == 0o644


async def test_a_tampered_audit_log_has_an_exit_status_of_its_own(sqlite_server: DeskServer) -> None:
    """`audit verify` ends with 0 for a whole log; with 3 for another, and prints what is wrong, a line each."""
    assert sqlite_server.here("audit", "verify").stderr.endswith("the audit log verifies\n")
    [(event,)] = await rows(sqlite_server, "SELECT id FROM events WHERE subject = 'DEU1'")
    await execute(sqlite_server, "UPDATE events SET actor = 'nobody' WHERE subject = 'DEU1'")
    done = sqlite_server.here("audit", "verify", status=WRONG)
    assert done.stdout == f"changed: event {event}\n"
    assert done.stderr.endswith("the audit log does not verify: 1 findings\n")
