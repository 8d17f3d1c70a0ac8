"""What `certdesk` says to input that cannot be right: one precise sentence, an exit status, and nothing done."""

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.e2e.books import rows
from tests.e2e.server import PASSPHRASE, DeskServer, certdesk_here

FAILED, USAGE = 1, 2
NOWHERE = "postgresql://certdesk@127.0.0.1:1/desk"


@dataclass(frozen=True)
class Case:
    """A command that must be refused; `{…}` stands for one of the test's paths."""

    name: str
    command: str
    """Words between spaces; `_` inside a word is a space."""
    status: int
    sentence: str
    """The last line on standard error, and the only one unless click wrote it."""


def organisation(name: str, options: str, sentence: str, status: int = USAGE) -> Case:
    """Return a case of `organisation add CHE1` with more options."""
    return Case(name, f"organisation add CHE1 --name=Die_Post --country=CH {options}", status, sentence)


def manager(name: str, options: str, sentence: str, status: int = USAGE) -> Case:
    """Return a case of `manager add` with more options."""
    return Case(name, f"manager add --pkcs12={{folder}}/new.p12 --name=Eva_Egli {options}", status, sentence)


def serving(name: str, options: str, sentence: str) -> Case:
    """Return a case of `serve` that is refused before anything starts."""
    return Case(name, f"serve {options}", USAGE, sentence)


CODE = "error: organisation: an organisation code is 2 to 12 of the characters A-Z and 0-9"
COUNTRY = "a country is one of the two-letter codes of ISO 3166-1, such as FR"
URL = "error: --url: devices need an https URL, such as https://desk.example.org; http is for this machine only"
NO_DESK = "there is no desk in {folder}/none: start one with `certdesk serve --data {folder}/none`"

CASES = [
    Case("unknown command", "enrol", USAGE, "Error: No such command 'enrol'."),
    Case("unknown option", "organisation list --sorted", USAGE, "Error: No such option '--sorted'."),
    Case("superfluous word", "audit verify now", USAGE, "Error: Got unexpected extra argument (now)"),
    Case("no such desk", "organisation list --data={folder}/none", FAILED, f"error: {NO_DESK}"),
    Case(
        "data is a file",
        "ca show --data={folder}/password",
        USAGE,
        "Error: Invalid value for '--data' (env var: 'CERTDESK_DATA'): Directory '{folder}/password' is a file.",
    ),
    Case(
        "no passphrase file",
        "ca show --passphrase-file={folder}/none",
        FAILED,
        "error: {folder}/none cannot be read: No such file or directory",
    ),
    Case("empty passphrase file", "ca show --passphrase-file={folder}/empty", FAILED, "error: {folder}/empty is empty"),
    Case(
        "passphrase file of octets",
        "ca show --passphrase-file={folder}/octets",
        FAILED,
        "error: {folder}/octets cannot be read: UTF-8",
    ),
    Case(
        "wrong passphrase",
        "ca show --passphrase-file={folder}/wrong",
        FAILED,
        "error: {data}/keys/audit.pem cannot be decrypted: wrong passphrase, or a damaged file",
    ),
    Case(
        "unreachable database",
        f"organisation list --database={NOWHERE}",
        FAILED,
        "error: the database cannot be reached ([Errno 111] Connect call failed ('127.0.0.1', 1))",
    ),
    Case(
        "another kind of database",
        "organisation list --database=mysql://db/desk",
        FAILED,
        "error: the database cannot be reached (invalid DSN: scheme is expected to be either"
        ' "postgresql" or "postgres", got \'mysql\')',
    ),
    Case("short code", "organisation add F --name=X --country=FR", USAGE, CODE),
    Case("code with a hyphen", "organisation add FRA-1 --name=X --country=FR", USAGE, CODE),
    Case("long code", "organisation add FRANCEFRANCE1 --name=X --country=FR", USAGE, CODE),
    Case("foreign letters", "organisation add ÖST1 --name=X --country=AT", USAGE, CODE),
    Case(
        "code that is taken",
        "organisation add FRA1 --name=X --country=FR",
        FAILED,
        "error: organisation: there is an organisation FRA1 already",
    ),
    Case(
        "the operator's code",
        "organisation add OPERATOR --name=X --country=FR",
        FAILED,
        "error: organisation: there is an organisation OPERATOR already",
    ),
    Case("no country", "organisation add CHE1 --name=X", USAGE, "Error: Missing option '--country'."),
    organisation("no such country", "--country=XX", f"error: country: {COUNTRY}"),
    organisation("country by name", "--country=Switzerland", f"error: country: {COUNTRY}"),
    organisation("empty name", "--name=", "error: name: this is required"),
    organisation("blank name", "--name=__", "error: name: this is required"),
    organisation("long name", f"--name={'x' * 65}", "error: name: at most 64 characters fit here, these are 65"),
    organisation(
        "name with a bell",
        "--name=Die\aPost",
        "error: name: this holds the character U+0007, which is invisible or changes how the text reads",
    ),
    organisation(
        "name that runs backwards",
        "--name=Die\u202ePost",
        "error: name: this holds the character U+202E, which is invisible or changes how the text reads",
    ),
    organisation("no validity", "--validity-days=0", "error: validity_days: 0 is not between 1 and 1825"),
    organisation("long validity", "--validity-days=1826", "error: validity_days: 1826 is not between 1 and 1825"),
    organisation(
        "validity in words",
        "--validity-days=many",
        "Error: Invalid value for '--validity-days': 'many' is not a valid integer.",
    ),
    organisation(
        "no request lifetime",
        "--request-lifetime-days=0",
        "error: request_lifetime_days: 0 is not between 1 and 365",
    ),
    organisation("no poll interval", "--poll-seconds=0", "error: poll_seconds: 0 is not between 1 and 86400"),
    organisation(
        "unknown kind",
        "--kind=tablet",
        "Error: Invalid value for '--kind': 'tablet' is not one of 'mobile', 'workstation', 'server'.",
    ),
    organisation(
        "kind that is not enrolled",
        "--kind=manager",
        "Error: Invalid value for '--kind': 'manager' is not one of 'mobile', 'workstation', 'server'.",
    ),
    organisation(
        "unknown key type",
        "--key-type=DSA",
        "Error: Invalid value for '--key-type': 'DSA' is not one of"
        " 'EC P-256', 'RSA 2048', 'RSA 3072', 'RSA 4096', 'Ed25519'.",
    ),
    manager("no address", "eva --role=administrator", "error: email: eva is not an e-mail address"),
    manager("no name", "eva@post.example --role=administrator --name=", "error: name: this is required"),
    manager(
        "unknown role",
        "eva@post.example --role=king",
        "Error: Invalid value for '--role': 'king' is not one of 'registration-manager', 'administrator', 'auditor'.",
    ),
    manager(
        "registration manager of nothing",
        "eva@post.example --role=registration-manager",
        "error: organisation: a registration manager needs an organisation",
    ),
    manager(
        "manager of an unknown organisation",
        "eva@post.example --role=registration-manager --organisation=CHE1",
        "error: organisation: there is no such organisation at this desk",
    ),
    manager(
        "administrator of one organisation",
        "eva@post.example --role=administrator --organisation=FRA1",
        "error: organisation: an administrator acts for the whole federation, not for one organisation",
    ),
    manager(
        "PKCS#12 file that exists",
        "eva@post.example --role=administrator --pkcs12={folder}/claire.p12",
        "error: {folder}/claire.p12 exists already",
        FAILED,
    ),
    manager(
        "no such password file",
        "eva@post.example --role=administrator --password-file={folder}/none",
        "error: {folder}/none cannot be read: No such file or directory",
        FAILED,
    ),
    Case("nameless token", "token add _ --role=auditor", USAGE, "error: name: this is required"),
    Case(
        "token of an unknown organisation",
        "token add stock --role=auditor --organisation=CHE1",
        USAGE,
        "error: organisation: there is no such organisation at this desk",
    ),
    Case(
        "token for no time",
        "token add stock --role=auditor --days=0",
        USAGE,
        "Error: Invalid value for '--days': 0 is not in the range 1<=x<=3650.",
    ),
    Case("backup over a file", "backup {folder}/password", FAILED, "error: {folder}/password exists already"),
    Case(
        "backup into a file",
        "backup {folder}/password/desk.tar",
        FAILED,
        "error: {folder}/password/desk.tar cannot be written: Not a directory",
    ),
    Case(
        "backup as a folder",
        "backup {folder}",
        USAGE,
        "Error: Invalid value for 'FILE': File '{folder}' is a directory.",
    ),
    Case(
        "restore of nothing",
        "restore {folder}/none.tar --data={folder}/new",
        USAGE,
        "Error: Invalid value for 'FILE': File '{folder}/none.tar' does not exist.",
    ),
    Case(
        "restore over a desk",
        "restore {folder}/password",
        FAILED,
        "error: {data} is not empty: nothing was restored",
    ),
    Case(
        "demo over a desk",
        "demo --data={data}",
        FAILED,
        "error: {data} is not empty: the demo needs a new directory",
    ),
    serving("no port", "--listen=desk", "Error: Invalid value for '--listen': 'desk' is not HOST:PORT"),
    serving("no host", "--listen=:8443", "Error: Invalid value for '--listen': ':8443' is not HOST:PORT"),
    serving("high port", "--listen=desk:65536", "Error: Invalid value for '--listen': 'desk:65536' is not HOST:PORT"),
    serving(
        "several processes on SQLite",
        "--processes=2",
        "error: --processes: SQLite serves one process: several need --database postgresql://…",
    ),
    serving("no process", "--processes=0", "Error: Invalid value for '--processes': 0 is not in the range 1<=x<=64."),
    serving(
        "certificate without key",
        "--tls-certificate={folder}/claire.pem",
        "error: --tls-certificate: --tls-certificate and --tls-key go together",
    ),
    serving(
        "served from MySQL",
        "--database=mysql://db/desk",
        "error: --database: a database URL begins with postgresql://",
    ),
    serving(
        "proxy by name",
        "--trusted-proxy=proxy.example",
        "error: --trusted-proxy: this is not an address or network, such as 10.0.0.0/8",
    ),
    serving(
        "root key that signs no CRL of ours",
        "--root-key=Ed25519",
        "Error: Invalid value for '--root-key': 'Ed25519' is not one of"
        " 'EC P-256', 'EC P-384', 'RSA 3072', 'RSA 4096'.",
    ),
    serving(
        "negative rate", "--rate-limit=-1", "Error: Invalid value for '--rate-limit': -1.0 is not in the range x>=0."
    ),
    serving("URL without a scheme", "--url=desk.example.org", URL),
    serving("URL of another scheme", "--url=ftp://desk.example.org", URL),
    serving("URL in clear", "--url=http://desk.example.org", URL),
    serving("operator's country", "--country=XX", f"error: --country: {COUNTRY}"),
]


@pytest.fixture(scope="module")
def desk(founded_on_sqlite: DeskServer, tmp_path_factory: pytest.TempPathFactory) -> DeskServer:
    """Return a desk that nobody changes, with some files beside it."""
    folder = shutil.copytree(founded_on_sqlite.folder, tmp_path_factory.mktemp("refusals") / "desk")
    (folder / "empty").write_text("")
    (folder / "octets").write_bytes(b"\xff\xfe\n")
    (folder / "wrong").write_text("incorrect horse\n")
    return DeskServer(folder)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_refused(desk: DeskServer, case: Case) -> None:
    """The command ends with its status and its sentence, prints no data and changes nothing."""
    places = {"folder": str(desk.folder), "data": str(desk.data)}
    before = await rows(desk, "SELECT count(*) FROM events"), sorted(path.name for path in desk.folder.iterdir())
    words = [word.format_map(places).replace("_", " ") for word in case.command.split()]
    done = desk.here(*words, status=case.status)
    *usage, sentence = done.stderr.splitlines()
    assert sentence == case.sentence.format_map(places)
    assert not usage or sentence.startswith("Error:")
    assert done.stdout == ""
    assert (
        await rows(desk, "SELECT count(*) FROM events"),
        sorted(path.name for path in desk.folder.iterdir()),
    ) == before


def test_there_are_many() -> None:
    """No case is written twice."""
    assert len({case.name for case in CASES}) == len({case.command for case in CASES}) == len(CASES) >= 60


def test_no_data_directory() -> None:
    """Which desk is meant has to be said."""
    done = certdesk_here("organisation", "list")
    assert done.returncode == USAGE
    assert done.stderr.splitlines()[-1] == "Error: Missing option '--data' (env var: 'CERTDESK_DATA')."


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({}, "error: there is no passphrase: give --passphrase-file FILE or set CERTDESK_PASSPHRASE"),
        ({"CERTDESK_PASSPHRASE": ""}, "error: the passphrase of the private keys is empty"),
    ],
    ids=["none", "empty"],
)
def test_no_passphrase(desk: DeskServer, env: dict[str, str], sentence: str) -> None:
    """Without a terminal to ask at, the passphrase has to be given, and not be empty."""
    done = certdesk_here("ca", "show", f"--data={desk.data}", env=env)
    assert (done.returncode, done.stderr) == (FAILED, f"{sentence}\n")


def test_a_token_name_that_is_taken(sqlite_server: DeskServer) -> None:
    """A second token of one name is refused."""
    sqlite_server.here("token", "add", "stock", "--role=auditor")
    done = sqlite_server.here("token", "add", "stock", "--role=auditor", status=FAILED)
    assert done.stderr == "error: name: there is a token of this name already\n"


def _open_to_all(path: Path) -> None:
    path.chmod(0o644)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _remove(path: Path) -> None:
    path.unlink()


def _decrypt(path: Path) -> None:
    key = serialization.load_pem_private_key(path.read_bytes(), PASSPHRASE.encode())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (
            "keys/issuing.pem",
            _open_to_all,
            "{path} can be read by others than its owner; correct it with: chmod 600 {path}",
        ),
        ("keys/issuing.pem", _cut, "{path} cannot be decrypted: wrong passphrase, or a damaged file"),
        ("keys/issuing.pem", _decrypt, "{path} is not encrypted, so it is not used"),
        ("keys/issuing.pem", _remove, "{path} cannot be read: No such file or directory"),
        ("keys/audit.pem", _remove, "there is no desk in {data}: start one with `certdesk serve --data {data}`"),
        ("ca/issuing.pem", _remove, "{path} cannot be read: No such file or directory"),
        ("ca/root.pem", _cut, "{path} is not a CA's certificate"),
        ("desk.sqlite", _cut, "the database is damaged, or is none (SQLITE_CORRUPT): restore a backup"),
    ],
    ids=[
        "open key",
        "cut key",
        "key in clear",
        "no key",
        "no audit key",
        "no certificate",
        "cut certificate",
        "cut database",
    ],
)
def test_a_broken_desk(sqlite_server: DeskServer, name: str, change: Callable[[Path], None], sentence: str) -> None:
    """A data directory that lacks something, or where something is damaged, is named with what is wrong."""
    path = sqlite_server.data / name
    change(path)
    done = sqlite_server.here("organisation", "list", status=FAILED)
    assert done.stderr == f"error: {sentence.format(path=path, data=sqlite_server.data)}\n"


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("/desk_", "/none_", 'database "none_{number}" does not exist'),
        ("postgresql://certdesk:", "postgresql://certdesk:not", 'password authentication failed for user "certdesk"'),
        ("postgresql://certdesk:", "postgresql://nobody:", 'password authentication failed for user "nobody"'),
    ],
    ids=["database", "password", "user"],
)
def test_postgresql_refuses(postgresql_server: DeskServer, old: str, new: str, cause: str) -> None:
    """What PostgreSQL has against a connection is passed on."""
    assert postgresql_server.database
    number = postgresql_server.database.rpartition("_")[2]
    wrong = postgresql_server.database.replace(old, new)
    done = postgresql_server.here("organisation", "list", f"--database={wrong}", status=FAILED)
    assert done.stderr == f"error: the database cannot be reached ({cause.format(number=number)})\n"


def test_listening_where_somebody_else_does(sqlite_server: DeskServer) -> None:
    """A port that is taken ends the start."""
    with socket.create_server(("127.0.0.1", sqlite_server.port)):
        done = sqlite_server.certdesk("serve", f"--listen=127.0.0.1:{sqlite_server.port}", status=FAILED)
    assert done.stderr == f"error: cannot listen on 127.0.0.1:{sqlite_server.port}: Address already in use\n"


def test_listening_on_no_address_of_ours(sqlite_server: DeskServer) -> None:
    """A name that no address belongs to ends the start."""
    done = sqlite_server.certdesk("serve", "--listen=desk.invalid:8443", status=FAILED)
    assert done.stderr.startswith("error: cannot listen on desk.invalid:8443: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_tls_certificate_that_is_none(sqlite_server: DeskServer) -> None:
    """A TLS certificate that cannot be used ends the start, and both files are named."""
    server, password = sqlite_server, sqlite_server.folder / "password"
    listen = f"--listen=127.0.0.1:{server.port}", f"--pki-listen=127.0.0.1:{server.pki_port}"
    done = server.certdesk("serve", *listen, f"--tls-certificate={password}", f"--tls-key={password}", status=FAILED)
    assert done.stderr.startswith(f"error: the TLS certificate {password} cannot be used with the key {password}: ")
    assert len(done.stderr.splitlines()) == 1
