"""Backups: made while the desk serves, restored into another desk, and refused when they are not what they were."""

import asyncio
import copy
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.books import audit, check, rows
from tests.e2e.load import Load
from tests.e2e.server import DeskServer

Files = dict[str, bytes]
DAMAGED = "error: {backup} is not a backup, or is damaged\n"


@pytest.fixture
def target(server: DeskServer, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskServer]:
    """Return a desk to restore into: a new directory, and an empty database if the backup is of PostgreSQL."""
    database = request.getfixturevalue("empty_postgresql_url") if server.database else None
    target = DeskServer(tmp_path / "target", database)
    yield target
    target.kill()


@pytest.fixture
def backup(server: DeskServer, tmp_path: Path) -> Path:
    """Return a backup of a desk that does not serve."""
    path = tmp_path / "desk.tar"
    server.here("backup", str(path))
    return path


async def test_everything_told_before_is_restored(server: DeskServer, target: DeskServer, tmp_path: Path) -> None:
    """A backup under load becomes a desk that serves, has all that clients were told before it began, and verifies."""
    server.start()
    load = Load(server.url, {"FRA1": server.tls("claire"), "DEU1": server.tls("jonas")}, server.tls())
    async with load.running(4):
        await load.answers(60)
        told = copy.deepcopy(load.ledger)
        await asyncio.to_thread(server.certdesk, "backup", str(tmp_path / "desk.tar"))
        await load.answers(60)
    server.stop()
    await audit(server, load.ledger)

    target.here("restore", str(tmp_path / "desk.tar"))
    entries = await check(target, told)
    assert entries.keys() <= load.ledger.claims.keys()
    target.start()
    assert target.is_ready()
    target.stop()
    target.here("audit", "verify")


def test_restored_managers_can_sign_in(server: DeskServer, target: DeskServer, backup: Path) -> None:
    """To the managers a restored desk is the old one."""
    target.here("restore", str(backup))
    shutil.copy(server.folder / "claire.pem", target.folder)
    target.start()
    with target.manager("claire") as claire:
        assert claire.get("/api/v1/requests").status_code == 200


def test_files_are_the_owners_only(server: DeskServer, target: DeskServer, backup: Path) -> None:
    """Nobody else can read a backup, or anything that was restored but the CA's certificates."""
    target.here("restore", str(backup))
    modes = {str(path.relative_to(target.data)): path.stat().st_mode & 0o777 for path in target.data.rglob("*")}
    assert {name for name, mode in modes.items() if mode & 0o077} == {"ca/root.pem", "ca/issuing.pem"}
    assert target.data.stat().st_mode & 0o777 == 0o700
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.parent.iterdir() if path.name.startswith(".")] == []


def test_a_backup_is_never_overwritten(server: DeskServer, backup: Path) -> None:
    """The name of a file that exists is refused."""
    before = backup.read_bytes()
    assert server.here("backup", str(backup), status=1).stderr == f"error: {backup} exists already\n"
    assert backup.read_bytes() == before


def test_a_directory_that_is_not_empty_is_refused(server: DeskServer, backup: Path) -> None:
    """A restore never mixes two desks."""
    before = sorted(path.name for path in server.data.iterdir())
    refused = server.here("restore", str(backup), status=1)
    assert refused.stderr == f"error: {server.data} is not empty: nothing was restored\n"
    assert sorted(path.name for path in server.data.iterdir()) == before


async def test_a_database_that_is_not_empty_is_refused(
    postgresql_server: DeskServer, empty_postgresql_url: str, tmp_path: Path
) -> None:
    """A PostgreSQL database with any table is left as it is."""
    backup = tmp_path / "desk.tar"
    postgresql_server.here("backup", str(backup))
    target = DeskServer(tmp_path / "target", postgresql_server.database)
    before = await rows(postgresql_server, "SELECT count(*) FROM events")
    refused = target.here("restore", str(backup), status=1)
    assert refused.stderr == "error: the database is not empty: nothing was restored\n"
    assert not target.data.exists()
    assert await rows(postgresql_server, "SELECT count(*) FROM events") == before


def test_a_wrong_passphrase_is_refused(target: DeskServer, backup: Path) -> None:
    """With a wrong passphrase nothing is restored, and with the right one it can be afterwards."""
    passphrase = target.passphrase_file.read_text()
    target.passphrase_file.write_text("incorrect horse\n")
    said = target.here("restore", str(backup), status=1).stderr
    assert said.endswith(".pem cannot be decrypted: wrong passphrase, or a damaged file\n")
    assert not target.data.exists()
    target.passphrase_file.write_text(passphrase)
    target.here("restore", str(backup))


def test_the_other_kind_of_database_is_refused(server: DeskServer, target: DeskServer, backup: Path) -> None:
    """A backup of SQLite does not go into PostgreSQL, nor the other way round."""
    origin = "postgresql" if server.database else "sqlite"
    target.database = None if server.database else "postgresql://127.0.0.1:1/none"
    assert target.here("restore", str(backup), status=2).stderr == (
        f"error: this backup is of a {origin} database: give --database for PostgreSQL, and leave it out for SQLite\n"
    )
    assert not target.data.exists()


async def test_a_newer_backup_is_refused(server: DeskServer, target: DeskServer, tmp_path: Path) -> None:
    """A backup that a newer version made is refused before anything is written."""
    backup = tmp_path / "desk.tar"
    server.here("backup", str(backup))
    files = unpacked(backup)
    files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | {"schema": "9999"}).encode()
    pack(backup, files)
    assert target.here("restore", str(backup), status=1).stderr == (
        "error: this database was written by a newer version of Certdesk: upgrade this server, or restore a backup\n"
    )
    assert not target.data.exists()


def unpacked(backup: Path) -> Files:
    """Return an archive's files."""
    with tarfile.open(backup) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def pack(backup: Path, files: Files) -> None:
    """Write an archive of files."""
    with tarfile.open(backup, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _flip_an_octet(backup: Path, files: Files) -> None:
    content = bytearray(files["desk.sqlite"])
    content[len(content) // 2] ^= 1
    pack(backup, files | {"desk.sqlite": bytes(content)})


def _lose_a_key(backup: Path, files: Files) -> None:
    del files["keys/issuing.pem"]
    pack(backup, files)


def _lose_the_manifest(backup: Path, files: Files) -> None:
    del files["manifest.json"]
    pack(backup, files)


def _break_the_manifest(backup: Path, files: Files) -> None:
    pack(backup, files | {"manifest.json": b"{"})


def _add_a_file(backup: Path, files: Files) -> None:
    pack(backup, {"keys/other.pem": b"", **files})


def _lead_outside(backup: Path, files: Files) -> None:
    pack(backup, {"../outside": b"", **files})


def _write_elsewhere(backup: Path, files: Files) -> None:
    pack(backup, {"/tmp/certdesk-outside": b"", **files})


def _add_a_link(backup: Path, files: Files) -> None:
    with tarfile.open(backup, "a") as archive:
        link = tarfile.TarInfo("keys/link.pem")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)


def _cut_it(backup: Path, files: Files) -> None:
    backup.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])


def _empty_it(backup: Path, files: Files) -> None:
    backup.write_bytes(b"")


def _put_text_there(backup: Path, files: Files) -> None:
    backup.write_text("minutes of the last meeting\n" * 100)


@pytest.mark.parametrize(
    "damage",
    [
        _flip_an_octet,
        _lose_a_key,
        _lose_the_manifest,
        _break_the_manifest,
        _add_a_file,
        _lead_outside,
        _write_elsewhere,
        _add_a_link,
        _cut_it,
        _empty_it,
        _put_text_there,
    ],
)
def test_a_damaged_backup_is_refused(
    sqlite_server: DeskServer, tmp_path: Path, damage: Callable[[Path, Files], None]
) -> None:
    """Whatever is wrong with an archive, it is refused in one sentence, and nothing is left of the attempt."""
    backup = tmp_path / "desk.tar"
    sqlite_server.here("backup", str(backup))
    damage(backup, unpacked(backup))
    target = DeskServer(tmp_path / "target")
    assert target.here("restore", str(backup), status=2).stderr == DAMAGED.format(backup=backup)
    assert [path.name for path in target.folder.iterdir()] == ["passphrase"]
    assert not Path("/tmp/certdesk-outside").exists()


def test_a_database_that_was_damaged_before_its_backup_is_refused(sqlite_server: DeskServer, tmp_path: Path) -> None:
    """Pages that were broken when the backup was made are found by their content."""
    backup = tmp_path / "desk.tar"
    sqlite_server.here("backup", str(backup))
    files = unpacked(backup)
    content = files["desk.sqlite"]
    files["desk.sqlite"] = content[:8192] + b"\xff" * 4096 + content[12288:]
    manifest = json.loads(files["manifest.json"])
    manifest["sha256"]["desk.sqlite"] = hashlib.sha256(files["desk.sqlite"]).hexdigest()
    files["manifest.json"] = json.dumps(manifest).encode()
    pack(backup, files)
    target = DeskServer(tmp_path / "target")
    said = target.here("restore", str(backup), status=2).stderr
    assert said.startswith("error: the backup's database is damaged: ")
    assert not target.data.exists()
