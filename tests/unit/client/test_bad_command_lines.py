"""What cannot be right is refused with the promised exit code and one precise sentence, and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.client.conftest import FORM, Client
from tests.unit.client.csrs import csr_pem
from tests.unit.client.fake_desk import FakeDesk

SERVER = (*FORM, "--kind", "server")

# name, arguments ({} stands for a directory with the files below), exit code, sentence
BAD: list[tuple[str, tuple[str, ...], int, str]] = [
    ("no such command", ("enrol",), 2, "error: no such command 'enrol'"),
    ("no such option", ("show", "--bogus"), 2, "error: no such option '--bogus'"),
    ("configure without a URL", ("configure",), 2, "error: missing argument 'SETTINGS_URL'"),
    ("configure from ftp", ("configure", "ftp://a.example/s.xml"), 2, "error: this is not an https address"),
    ("configure with a password", ("configure", "https://u:p@a.example/s.xml"), 2, "must not hold a user name"),
    ("configure over http", ("configure", "http://a.example/s.xml"), 2, "plain http is accepted for this machine only"),
    ("configure from nowhere", ("configure", "{}/nothing.xml"), 1, "nothing.xml: no such file or directory"),
    ("configure from a directory", ("configure", "{}"), 1, "is a directory"),
    ("configure from another file", ("configure", "{}/garbage"), 2, "it is not well-formed XML"),
    ("configure from a large file", ("configure", "{}/large"), 2, "too large for a settings.xml"),
    ("trust that is no PEM", ("configure", "https://a.example/", "--trust", "{}/garbage"), 2, "cannot be read as PEM"),
    ("trust that is not there", ("configure", "https://a.example/", "--trust", "{}/no"), 1, "no such file"),
    ("a short fingerprint", ("configure", "https://a.example/", "--fingerprint", "abcd"), 2, "has 64 hexadecimal"),
    (
        "trust and fingerprint",
        ("configure", "https://a.example/", "--trust", "{}/garbage", "--fingerprint", "ab" * 32),
        2,
        "error: --trust and --fingerprint exclude each other",
    ),
    ("another kind", ("request", "--kind", "manager"), 2, "error: invalid value for '--kind'"),
    ("nothing filled in", ("request",), 2, "error: missing: --email, --phone, --description"),
    ("an empty e-mail", ("request", *FORM, "--email", ""), 2, "error: --email: this must not be empty"),
    ("a blank phone", ("request", *FORM, "--phone", "  "), 2, "error: --phone: this must not be empty"),
    ("no password", ("request", *FORM), 2, "error: the registration password is needed"),
    ("no password file", ("request", *FORM, "--password-file", "{}/no"), 1, "no such file or directory"),
    ("a short password", ("request", *FORM, "--password-file", "{}/short"), 2, "needs at least 8 characters"),
    ("a password without a digit", ("request", *FORM, "--password-file", "{}/letters"), 2, "password needs a digit"),
    ("a password in Latin-1", ("request", *FORM, "--password-file", "{}/latin"), 2, "is not a text in UTF-8"),
    ("an empty password file", ("request", *FORM, "--password-file", "{}/empty"), 2, "needs at least 8 characters"),
    ("names for a workstation", ("request", *FORM, "--dns", "a.example"), 2, "names and a CSR are for a server's"),
    ("a CSR for a workstation", ("request", *FORM, "--csr", "{}/csr"), 2, "names and a CSR are for a server's"),
    ("any CSR for a workstation", ("request", *FORM, "--csr", "{}/nameless"), 2, "names and a CSR are for a server's"),
    ("a server without a name", ("request", *SERVER), 2, "error: --dns: a server's certificate needs a name"),
    ("a bad DNS name", ("request", *SERVER, "--dns", "a..example"), 2, "error: --dns: a..example is not a DNS name"),
    ("a DNS name with a space", ("request", *SERVER, "--dns", "a b"), 2, "error: --dns: a b is not a DNS name"),
    ("a bad address", ("request", *SERVER, "--ip", "1.2.3"), 2, "error: --ip: 1.2.3 is not an IP address"),
    ("a network", ("request", *SERVER, "--ip", "10.0.0.0/8"), 2, "error: --ip: 10.0.0.0/8 is not an IP address"),
    ("a CSR that is not there", ("request", *SERVER, "--csr", "{}/no"), 1, "no such file or directory"),
    ("a CSR that is none", ("request", *SERVER, "--csr", "{}/garbage"), 2, "error: --csr: this is not a CSR"),
    ("a CSR that was altered", ("request", *SERVER, "--csr", "{}/altered"), 2, "the CSR's signature does not verify"),
    ("a large CSR", ("request", *SERVER, "--csr", "{}/large"), 2, "is larger than 32768 bytes"),
    ("a CSR without a name", ("request", *SERVER, "--csr", "{}/nameless"), 2, "a server's certificate needs a name"),
    ("a name with a slash", ("request", *FORM, "--name", "../a"), 2, "error: --name: an enrollment's name is made of"),
    ("an empty name", ("request", *FORM, "--name", "."), 2, "error: --name: an enrollment's name is made of"),
    ("status of nothing", ("status",), 1, "error: nothing has been requested yet"),
    ("status of another", ("status", "--name", "x"), 1, "error: there is no enrollment x in"),
    ("a timeout in words", ("status", "--timeout", "soon"), 2, "error: invalid value for '--timeout'"),
    ("a negative timeout", ("status", "--timeout", "-1"), 2, "error: invalid value for '--timeout'"),
    ("collect of nothing", ("collect",), 1, "error: nothing has been requested yet"),
    ("show of nothing", ("show",), 1, "error: nothing has been requested yet"),
    ("renew of nothing", ("renew",), 1, "error: nothing has been requested yet"),
    ("renew within words", ("renew", "--within", "soon"), 2, "error: invalid value for '--within'"),
    ("install of nothing", ("install",), 1, "error: nothing has been requested yet"),
    ("export to nowhere", ("export",), 2, "error: missing option '--out'"),
    ("export of nothing", ("export", "--out", "{}/a.p12"), 1, "error: nothing has been requested yet"),
    ("export in an unknown form", ("export", "--out", "{}/a.doc"), 2, "error: the form cannot be told from the name"),
    ("export in another form", ("export", "--out", "a", "--format", "jks"), 2, "error: invalid value for '--format'"),
    ("export over a file", ("export", "--out", "{}/garbage", "--format", "pem"), 2, "garbage exists already"),
    ("legacy PEM", ("export", "--out", "a.pem", "--legacy"), 2, "--legacy is for PKCS#12 and --plain-key"),
    ("plain PKCS#12", ("export", "--out", "a.p12", "--plain-key"), 2, "--legacy is for PKCS#12 and --plain-key"),
]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a directory with files that are not what they should be."""
    directory = tmp_path / "files"
    directory.mkdir()
    altered = csr_pem("www.example.org")
    (directory / "garbage").write_text("nothing of use")
    (directory / "large").write_bytes(b"x" * 300_000)
    (directory / "short").write_text("a1!\n")
    (directory / "letters").write_text("correct horse!\n")
    (directory / "latin").write_bytes("Straße 12!".encode("latin-1"))
    (directory / "empty").touch()
    (directory / "csr").write_text(csr_pem("www.example.org"))
    (directory / "nameless").write_text(csr_pem())
    (directory / "altered").write_text(_altered(altered))
    return directory


def _altered(pem: str) -> str:
    """Return a CSR whose signature's last bytes were exchanged."""
    lines = pem.splitlines()
    lines[-2] = lines[-2][:-8] + ("AAAA" if lines[-2][-8:-4] != "AAAA" else "BBBB") + lines[-2][-4:]
    return "\n".join(lines)


@pytest.mark.parametrize(("arguments", "code", "sentence"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_it_is_refused_in_a_sentence(
    client: Client, desk: FakeDesk, files: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    """The exit code and the sentence are exact, the desk hears nothing, and nothing is stored."""
    outcome = client(*(each.replace("{}", str(files)) for each in arguments))
    assert (outcome.code, sentence in outcome.err) == (code, True), outcome
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert "Traceback" not in outcome.err
    assert desk.calls == []
    assert not list(client.home.glob("enrollment-*.json"))


@pytest.mark.parametrize("command", ["request", "status", "collect", "renew"])
def test_nothing_works_without_settings(blank_client: Client, command: str) -> None:
    """Before `configure`, every command says what to do first."""
    outcome = blank_client(command, "--name", "x")
    assert outcome.code == 1
    assert outcome.err.splitlines()[0].startswith(
        ("error: there are no settings in", "error: there is no enrollment x")
    )
    assert "hint: certdesk-client" in outcome.err


def test_an_error_is_json_too(client: Client) -> None:
    """With `--json` a script finds the error on standard output, and the person on standard error."""
    outcome = client("status", "--json")
    assert outcome.document["error"]["kind"] == "not-found"
    assert outcome.document["error"]["detail"] == "nothing has been requested yet"
    assert outcome.err.startswith("error: nothing has been requested yet\nhint: ")


def test_everything_wrong_is_told_at_once(client: Client) -> None:
    """Several fields that cannot be right are named in one go."""
    outcome = client("request", *SERVER, "--dns", "a..b", "--ip", "x", "--email", " ")
    assert outcome.err.count("error: ") == 3


@pytest.mark.parametrize(
    ("name", "damage", "sentence"),
    [
        ("settings.json", lambda _: b"{", "is damaged"),
        ("settings.json", lambda _: b'{"version": 1}', "is damaged"),
        ("enrollment-workstation.json", lambda text: text[:-100], "the stored enrollment is damaged"),
        ("enrollment-workstation.json", lambda _: b"[]", "the stored enrollment is damaged"),
        ("enrollment-workstation.json", lambda _: b'{"version": 1, "x": 2}', "the stored enrollment is damaged"),
        ("enrollment-workstation.json", lambda text: text.replace(b'"version": 1', b'"version": 2'), "by a newer"),
    ],
)
def test_damaged_files_are_named(client: Client, name: str, damage: Callable[[bytes], bytes], sentence: str) -> None:
    """A file that somebody else has written is not guessed at, and not overwritten."""
    client.request()
    path = client.home / name
    path.write_bytes(damage(path.read_bytes()))
    damaged = path.read_bytes()
    outcome = client("status")
    assert outcome.code == 1
    assert sentence in outcome.err
    assert path.read_bytes() == damaged


def test_a_full_disk_is_a_clear_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the state cannot be written, nothing is sent, nothing is left, and the system's words are shown."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    outcome = client.request()
    assert (outcome.code, outcome.err.splitlines()[-1]) == (1, "error: no space left on device")
    assert sorted(file.name for file in client.home.iterdir()) == ["enrollment-workstation.lock", "settings.json"]


def test_two_runs_do_not_meet(client: Client) -> None:
    """While another process works on the enrollment, a second one waits and then says who holds it."""
    import fcntl  # noqa: PLC0415 - Unix only

    client.request()
    with (client.home / "enrollment-workstation.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome = client("status")
    assert outcome.code == 1
    assert "another certdesk-client is at work on this enrollment" in outcome.err
