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
    """Write a file and its directory entry to stable storage.

    The content goes into a temporary file beside the target, which is then linked or, with `replace`,
    renamed into place: no reader and no crash ever sees half a file. Raises `CONFLICT` if the file exists
    and may not be replaced, `UNAVAILABLE` if the disk is full or refuses.
    """
    try:
        _write(path, content, mode, replace)
    except FileExistsError as error:
        raise CertdeskError(ErrorKind.CONFLICT, N_("{path} exists already"), path=path) from error
    except OSError as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} cannot be written: {cause}"), path=path, cause=error.strerror
        ) from error


def _write(path: Path, content: bytes, mode: int, replace: bool) -> None:
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
            path.hardlink_to(temporary)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    if os.name == "nt":  # pragma: no cover - Windows has no directory handles to flush
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
