"""The desk's small files, keys and certificates, written whole or not at all, with errors for its operator."""

from pathlib import Path

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.files import PRIVATE, create_atomically, write_atomically


def write_durably(path: Path, content: bytes, *, mode: int, replace: bool = False) -> None:
    """Write a file to stable storage, with its directory if there is none yet; a private file's is private too.

    Raises `CONFLICT` if the file exists and may not be replaced, `UNAVAILABLE` if the disk is full or refuses.
    """
    write = write_atomically if replace else create_atomically
    try:
        path.parent.mkdir(mode=0o700 if mode == PRIVATE else 0o755, parents=True, exist_ok=True)
        write(path, content, mode=mode)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise CertdeskError(ErrorKind.CONFLICT, N_("{path} exists already"), path=path) from error
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} cannot be written: {cause}"), path=path, cause=error.strerror
        ) from error
