"""The commands of the operator's page and of the README do what is said of them, word for word."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import DeskServer, environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()


def commands(heading: str) -> str:
    """Return the first block of commands below a heading."""
    section = re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)[0]
    return re.sub(r"^ {4}", "", lines, flags=re.MULTILINE)


def run(desk: DeskServer, script: str) -> str:
    """Run a block of commands in the desk's folder and return what they print; fail if one of them does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euxc", script],
        cwd=desk.folder,
        env=environment() | desk.env | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskServer]:
    """Return a new desk on SQLite that serves."""
    desk = DeskServer(tmp_path)
    desk.start()
    yield desk
    desk.kill()


def test_organisations_and_people(desk: DeskServer) -> None:
    """Organisations, managers and a token can be entered while the desk serves."""
    said = run(desk, commands("Organisations and people"))
    assert "FRA1\tFR\tLa Poste" in said
    assert {path.name for path in desk.folder.glob("*.p12")} == {"ada.p12", "eve.p12", "sam.p12"}
    token = said.splitlines()[-1]
    with desk.device() as caller:
        assert caller.get("/api/v1/requests", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_the_readmes_first_steps(desk: DeskServer) -> None:
    """Whoever follows the README has an organisation, managers, and a fingerprint that the client accepts."""
    [step] = re.findall(r"((?: {7}certdesk (?:organisation|manager|ca) .*\n)+)", README)
    shown = re.search(r"SHA-256 +([0-9a-f]{64})", run(desk, step))
    assert shown is not None
    [configure] = re.findall(r"certdesk-client configure .*", README)
    run(desk, configure.replace("https://desk.example.org:8443", desk.url).replace("SHA256", shown[1]))


def test_backup_and_restore(desk: DeskServer) -> None:
    """A backup of a serving desk becomes another desk with the same facts, and both audit logs verify."""
    run(desk, commands("Organisations and people"))
    script = commands("Backup and restore")
    run(desk, script.replace("/backup/", f"{desk.folder}/").replace("/var/lib/", f"{desk.folder}/"))
    restored = str(desk.folder / "certdesk-restored")
    assert "FRA1" in desk.certdesk("organisation", "list", "--data", restored).stdout
    run(desk, commands("The audit log"))
    desk.certdesk("audit", "verify", "--data", restored)


def test_the_root_key_may_be_kept_offline(desk: DeskServer) -> None:
    """A desk starts and serves without the root's key."""
    desk.stop()
    (desk.data / "keys" / "root.pem").rename(desk.folder / "root.pem")
    desk.start()
    assert desk.is_ready()


def test_watching(desk: DeskServer) -> None:
    """What the page tells monitoring to look at is there."""
    with desk.device() as monitoring:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert f"`{path}`" in PAGE
            assert monitoring.get(path).status_code == 200
        metrics = monitoring.get("/metrics").text
    names = re.findall(r"`(certdesk_\w+)`", PAGE)
    assert len(names) == 3
    assert [name for name in names if f"\n{name}" not in metrics] == []


def test_a_second_server_is_refused(desk: DeskServer) -> None:
    """SQLite serves one process, and the second one says so."""
    second = DeskServer(desk.folder)
    with pytest.raises(RuntimeError, match=r"another server is serving .* already"):
        second.start()
    second.kill()
