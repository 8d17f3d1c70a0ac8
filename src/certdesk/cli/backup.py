"""Commands `backup` and `restore`: one file with everything that a desk is.

A backup is a tar archive, owner-readable only: `manifest.json`, the encrypted keys, the CA's certificates and
the database as of one moment. From SQLite that is a copy made by `VACUUM INTO`, which a serving desk does not
notice; from PostgreSQL, the output of `pg_dump`.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import click

from certdesk import __version__
from certdesk.app import Desk, database_of, open_desk
from certdesk.cli.context import data_option, read_passphrase, say, with_desk
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.store.migrate import REVISION, newer

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
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.lstrip("/"),
    }
    found |= {f"PG{name.upper()}": values[0] for name, values in parse_qs(parts.query).items()}
    return {name: unquote(value) for name, value in found.items() if value}


def _write_archive(file: Path, data: Path, dump: Path, temporary: Path) -> None:
    manifest = {
        "certdesk": __version__,
        "schema": REVISION,
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "database": "sqlite" if dump.name == _SQLITE else "postgresql",
    }
    described = temporary.with_name(_MANIFEST)
    described.write_text(json.dumps(manifest, indent=2))
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        with tarfile.open(fileobj=output, mode="w") as archive:
            archive.add(described, _MANIFEST)
            archive.add(dump, dump.name)
            for folder in _FOLDERS:
                for path in sorted((data / folder).glob("*.pem")):
                    archive.add(path, f"{folder}/{path.name}")
        output.flush()
        os.fsync(output.fileno())
    file.hardlink_to(temporary)


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
        _unpack(file, made, database)
        asyncio.run(_check(made, passphrase, database))
        if data.exists():
            data.rmdir()
        made.rename(data)
    say(N_("restored into {path}; start it with: certdesk serve --data {path}"), path=data)


def _unpack(file: Path, made: Path, database: str | None) -> None:
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                _extract(archive, member, made)
        manifest = json.loads((made / _MANIFEST).read_text())
        schema, origin = str(manifest["schema"]), str(manifest["database"])
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise CertdeskError(ErrorKind.MALFORMED, N_("{path} is not a backup, or is damaged"), path=file) from error
    if schema > REVISION:
        raise newer()
    if (origin == "postgresql") is not bool(database):
        raise CertdeskError(
            ErrorKind.INVALID_FIELD,
            N_("this backup is of a {origin} database: give --database for PostgreSQL, and leave it out for SQLite"),
            origin=origin,
        )
    if database:
        name = _connection(database)["PGDATABASE"]
        options = "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={name}"
        _run("pg_restore", *options, str(made / _DUMP), url=database)
        (made / _DUMP).unlink()
    (made / _MANIFEST).unlink()


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, made: Path) -> None:
    """Write one file of an archive; `extractall` is safe only from Python 3.11.4 on, and Debian 12 has 3.11.2.

    Raises `TarError` for anything that `backup` does not write: links, other folders, paths that lead outside.
    """
    folder, _, name = member.name.rpartition("/")
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or folder not in {"", *_FOLDERS} or name in {"", ".", ".."}:
        raise tarfile.ReadError(member.name)
    (made / folder).mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(made / folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, member.mode & 0o644)
    with os.fdopen(descriptor, "wb") as output:
        shutil.copyfileobj(content, output)
        output.flush()
        os.fsync(output.fileno())


async def _check(made: Path, passphrase: bytes, database: str | None) -> None:
    """Open what was restored: the passphrase fits, the CA belongs to the database, and no page is damaged."""
    if not database:
        url = database_of(made, None)
        connection = sqlite3.connect(url.removeprefix("sqlite://"))
        try:
            [[verdict]] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        except sqlite3.DatabaseError as error:
            verdict = str(error)
        finally:
            connection.close()
        if verdict != "ok":
            raise CertdeskError(ErrorKind.MALFORMED, N_("the backup's database is damaged: {cause}"), cause=verdict)
    desk = await open_desk(made, passphrase, database)
    await desk.store.close()
