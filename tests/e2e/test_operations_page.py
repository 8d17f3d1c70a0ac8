"""The commands of the operator's page do what it says, word for word."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.served import ServedDesk

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def commands(heading: str) -> str:
    """Return the first block of commands below a heading."""
    section = re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    lines = re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)[0]
    return re.sub(r"^ {4}", "", lines, flags=re.MULTILINE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ServedDesk]:
    """Return a desk that serves."""
    with ServedDesk(tmp_path) as desk:
        yield desk


def test_organisations_and_people(desk: ServedDesk, tmp_path: Path) -> None:
    """Organisations, managers and a token can be entered while the desk serves."""
    said = desk.run("sh", "-euc", commands("Organisations and people"), cwd=tmp_path)
    assert "FRA1\tFR\tLa Poste" in said
    assert {path.name for path in tmp_path.glob("*.p12")} == {"ada.p12", "eve.p12", "sam.p12"}
    token = said.splitlines()[-1]
    answer = httpx.get(f"{desk.url}/api/v1/requests", verify=desk.trust(), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_backup_and_restore(desk: ServedDesk, tmp_path: Path) -> None:
    """A backup of a serving desk becomes another desk with the same facts and an audit log that verifies."""
    desk.certdesk("organisation", "add", "FRA1", "--name", "La Poste", "--country", "FR")
    script = commands("Backup and restore").replace("/backup/", f"{tmp_path}/").replace("/var/lib/", f"{tmp_path}/")
    desk.run("sh", "-euc", script)
    restored = str(tmp_path / "certdesk-restored")
    assert "FRA1" in desk.certdesk("organisation", "list", "--data", restored)
    desk.run("sh", "-euc", commands("The audit log"))
    desk.certdesk("audit", "verify", "--data", restored)


def test_the_root_key_may_be_kept_offline(desk: ServedDesk, tmp_path: Path) -> None:
    """A desk starts and serves without the root's key."""
    desk.stop()
    (desk.data / "keys" / "root.pem").rename(tmp_path / "root.pem")
    desk.start()
    assert httpx.get(f"{desk.url}/readyz", verify=desk.trust()).status_code == 200


def test_watching(desk: ServedDesk) -> None:
    """What the page tells monitoring to look at is there."""
    for path in ("healthz", "readyz", "metrics"):
        assert f"`/{path}`" in PAGE
        assert httpx.get(f"{desk.url}/{path}", verify=desk.trust()).status_code == 200
    metrics = httpx.get(f"{desk.url}/metrics", verify=desk.trust()).text
    names = re.findall(r"`(certdesk_\w+)`", PAGE)
    assert len(names) == 3
    assert [name for name in names if f"\n{name}" not in metrics] == []


def test_a_second_server_is_refused(desk: ServedDesk, tmp_path: Path) -> None:
    """SQLite serves one process, and the second one says so."""
    second = ServedDesk(tmp_path)
    with pytest.raises(RuntimeError, match=r"another server is serving .* already"):
        second.start()
