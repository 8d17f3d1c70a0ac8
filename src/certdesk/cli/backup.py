"""Commands `backup` and `restore`: one file with everything that a desk is.

A backup is a tar archive, owner-readable only: the database as of one moment, the encrypted keys, the CA's
certificates, and `manifest.json` with the digests of them all. From SQLite the database is a copy made by
`VACUUM INTO`, which a serving desk does not notice; from PostgreSQL, the output of `pg_dump`.
"""

import asyncio
import errno
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import click

from certdesk import __version__
from certdesk.app import Desk, open_desk
from certdesk.cli.context import data_option, read_passphrase, say, with_desk
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.files import PRIVATE, PUBLIC
from certdesk.keys.directory import KeyDirectory
from certdesk.store.migrate import REVISION, is_empty_postgresql, newer

_MANIFEST, _SQLITE, _DUMP = "manifest.json", "desk.sqlite", "desk.dump"
_FOLDERS = ("keys", "ca")


@click.command(
    help=N_(
        "Write everything that the desk is into one file, consistently, also while it serves.\n\n"
        "The keys stay encrypted under the passphrase: keep that elsewhere.\n\n\b\nExample:\n"
        "  certdesk backup /backup/desk-2027-01-31.tar --data /var/lib/certdesk"
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
def backup(data: Path, database: str | None, passphrase_file: Path | None, file: Path) -> None:
    """Write a backup."""
    if file.exists():
        raise CertdeskError(ErrorKind.CONFLICT, N_("{path} exists already"), path=file)
    if not file.absolute().parent.is_dir():
        raise CertdeskError(
            ErrorKind.UNAVAILABLE,
            N_("{path} cannot be written: {cause}"),
            path=file,
            cause=os.strerror(errno.ENOTDIR),
        )

    async def work(desk: Desk) -> None:
        with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".certdesk-") as folder:
            dump = await _dumped(desk, database, Path(folder))
            _write_archive(file, data, dump, Path(folder) / "backup.tar")
        say(N_("backup written: {path}, {size} bytes"), path=file, size=file.stat().st_size)

    with_desk(data, database, passphrase_file, work)


async def _dumped(desk: Desk, database: str | None, folder: Path) -> Path:
    if not database:
        await desk.store.database.backup(str(folder / _SQLITE))
        return folder / _SQLITE
    _run("pg_dump", "--format=custom", f"--file={folder / _DUMP}", url=database)
    return folder / _DUMP


def _run(program: str, *arguments: str, url: str) -> None:
    """Run a PostgreSQL program; the URL, which may hold a password, goes by the environment."""
    found = shutil.which(program)
    if found is None:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE,
            N_("{program} is not installed: install PostgreSQL's client programs"),
            program=program,
        )
    done = subprocess.run(
        [found, *arguments], env={**os.environ, **_connection(url)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{program} failed: {cause}"), program=program, cause=done.stderr.strip()[-500:]
        )


def _connection(url: str) -> dict[str, str]:
    """Return a database URL as the environment that libpq reads, where no process list shows the password."""
    parts = urlsplit(url)
    found = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
    }
    found |= {f"PG{name.upper()}": values[0] for name, values in parse_qs(parts.query).items()}
    return {name: value for name, value in found.items() if value}


def _write_archive(file: Path, data: Path, dump: Path, temporary: Path) -> None:
    """Write the archive; its manifest, which comes last, has the SHA-256 of every other file."""
    manifest = {
        "certdesk": __version__,
        "schema": REVISION,
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "database": "sqlite" if dump.name == _SQLITE else "postgresql",
    }
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        with tarfile.open(fileobj=output, mode="w") as archive:
            paths = {dump.name: dump}
            for folder in _FOLDERS:
                paths |= {f"{folder}/{path.name}": path for path in sorted((data / folder).glob("*.pem"))}
            digests = {name: _add(archive, name, path) for name, path in paths.items()}
            described = temporary.with_name(_MANIFEST)
            described.write_text(json.dumps({**manifest, "sha256": digests}, indent=2))
            _add(archive, _MANIFEST, described)
        output.flush()
        os.fsync(output.fileno())
    file.hardlink_to(temporary)


def _add(archive: tarfile.TarFile, name: str, path: Path) -> str:
    """Add a file as it is at this moment, should it be replaced meanwhile, and return its SHA-256."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=content), content)
    return digest


@click.command(
    help=N_(
        "Make a data directory from a backup, and with --database its PostgreSQL database.\n\n"
        "The directory must not exist or be empty, and the database must be empty: nothing is ever overwritten.\n\n"
        "\b\nExample:\n"
        "  certdesk restore /backup/desk-2027-01-31.tar --data /var/lib/certdesk"
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
def restore(data: Path, database: str | None, passphrase_file: Path | None, file: Path) -> None:
    """Restore a backup."""
    if data.exists() and any(data.iterdir()):
        raise CertdeskError(ErrorKind.CONFLICT, N_("{path} is not empty: nothing was restored"), path=data)
    passphrase = read_passphrase(passphrase_file)
    data.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data.absolute().parent, prefix=".certdesk-") as folder:
        made = Path(folder) / "data"
        made.mkdir(mode=0o700)
        _check_origin(_unpack(file, made), database)
        _check_passphrase(made / "keys", passphrase)
        asyncio.run(_open(made, passphrase, database))
        if data.exists():
            data.rmdir()
        made.rename(data)
    say(N_("restored into {path}; start it with: certdesk serve --data {path}"), path=data)


def _unpack(file: Path, made: Path) -> dict[str, Any]:
    """Write the files of an archive and return its manifest; raise `MALFORMED` unless each is what it was."""
    try:
        with tarfile.open(file, "r:") as archive:
            digests = {member.name: _extract(archive, member, made) for member in archive}
        manifest = json.loads((made / _MANIFEST).read_text("utf-8"))
        del digests[_MANIFEST]
        if digests != manifest["sha256"]:
            raise tarfile.ReadError(_MANIFEST)
    except (tarfile.TarError, FileExistsError, FileNotFoundError, ValueError, LookupError, TypeError) as error:
        raise CertdeskError(ErrorKind.MALFORMED, N_("{path} is not a backup, or is damaged"), path=file) from error
    (made / _MANIFEST).unlink()
    return dict(manifest)


def _check_origin(manifest: dict[str, Any], database: str | None) -> None:
    """Raise unless the backup is of this version and this kind of database."""
    if manifest["schema"] > REVISION:
        raise newer()
    if (manifest["database"] == "postgresql") is not bool(database):
        raise CertdeskError(
            ErrorKind.INVALID_FIELD,
            N_("this backup is of a {origin} database: give --database for PostgreSQL, and leave it out for SQLite"),
            origin=manifest["database"],
        )


def _check_passphrase(folder: Path, passphrase: bytes) -> None:
    """Raise `UNAVAILABLE` unless the passphrase opens every key, before anything is written to a database."""
    keys = KeyDirectory(folder, passphrase)
    for path in folder.iterdir():
        keys.load(path.stem)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, made: Path) -> str:
    """Write one file and return its SHA-256; `extractall` is safe only from Python 3.11.4 on, Debian 12 has 3.11.2.

    Raises `TarError` for anything that `backup` does not write: links, other folders, paths that lead outside.
    """
    folder, _, name = member.name.rpartition("/")
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or folder not in {"", *_FOLDERS} or name in {"", ".", ".."}:
        raise tarfile.ReadError(member.name)
    (made / folder).mkdir(mode=0o700, exist_ok=True)
    mode = PUBLIC if folder == "ca" else PRIVATE
    descriptor = os.open(made / folder / name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
    with os.fdopen(descriptor, "w+b") as output:
        shutil.copyfileobj(content, output)
        output.flush()
        os.fsync(output.fileno())
        output.seek(0)
        return hashlib.file_digest(output, "sha256").hexdigest()


async def _open(made: Path, passphrase: bytes, database: str | None) -> None:
    """Fill the database if it is PostgreSQL's, and open the desk: the CA belongs to it, and no page is damaged."""
    if database:
        await _fill(database, made / _DUMP)
    else:
        _check_pages(made / _SQLITE)
    desk = await open_desk(made, passphrase, database)
    await desk.store.close()


async def _fill(database: str, dump: Path) -> None:
    if not await is_empty_postgresql(database):
        raise CertdeskError(ErrorKind.CONFLICT, N_("the database is not empty: nothing was restored"))
    # An empty --dbname is the one that the environment names.
    _run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--dbname=", str(dump), url=database)
    dump.unlink()


def _check_pages(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        try:
            [[verdict]] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        except sqlite3.DatabaseError as error:
            verdict = str(error)
    if verdict != "ok":
        raise CertdeskError(ErrorKind.MALFORMED, N_("the backup's database is damaged: {cause}"), cause=verdict)
