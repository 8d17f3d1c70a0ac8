"""Write a small file so that it is there whole or not at all, whatever happens in the middle."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

PRIVATE = 0o600
PUBLIC = 0o644


def write_durably(path: Path, content: bytes, *, mode: int, replace: bool = False) -> None:
    """Write a file to stable storage, with its directory if there is none yet; a private file's is private too.

    The content goes into a temporary file beside the target, which is then linked or, with `replace`,
    renamed into place: no reader and no crash ever sees half a file. Raises `CONFLICT` if the file exists
    and may not be replaced, `UNAVAILABLE` if the disk is full or refuses.
    """
    try:
        _write(path, content, mode, replace)
    except OSError as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} cannot be written: {cause}"), path=path, cause=error.strerror
        ) from error


def _write(path: Path, content: bytes, mode: int, replace: bool) -> None:
    path.parent.mkdir(mode=0o700 if mode == PRIVATE else 0o755, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            temporary.chmod(mode)
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            _link(path, temporary)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _sync_directory(path.parent)


def _link(path: Path, temporary: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError as error:
        raise CertdeskError(ErrorKind.CONFLICT, N_("{path} exists already"), path=path) from error


def _sync_directory(path: Path) -> None:
    if os.name == "nt":  # pragma: no cover - Windows has no directory handles to flush
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
