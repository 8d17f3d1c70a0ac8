"""Files that are either as they were or wholly new, whatever happens while they are written."""

import os
import secrets
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644
_MARK = ".certdesk-"


def make_private_directory(path: Path) -> None:
    """Make a directory, and its parents, that only its owner may enter (0700); leave one that exists as it is."""
    missing = [directory for directory in (path, *path.parents) if not directory.exists()]
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
        _sync_directory(directory.parent)


def write_atomically(path: Path, octets: bytes, *, mode: int = PRIVATE) -> None:
    """Put `octets` into a file in one step that survives a crash or a power cut.

    The bytes go to a new file beside it, made exclusively with `mode`, are synced, and then take the
    name; a failure leaves the old file, if any, and nothing else.
    """
    replace_together({path: octets}, modes={path: mode})


def create_atomically(path: Path, octets: bytes, *, mode: int = PRIVATE) -> None:
    """Do the same for a file that must not be there yet; raises `FileExistsError` where it is."""
    temporary = _beside(path)
    try:
        _write_new(temporary, octets, mode)
        path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def replace_together(files: dict[Path, bytes], *, modes: dict[Path, int]) -> None:
    """Write several files, all to disk first, and give them their names only then.

    Renaming several files is not one step, but a full disk or a missing permission shows before the first.
    """
    written: dict[Path, Path] = {}
    try:
        for path, octets in files.items():
            written[path] = _beside(path)
            _write_new(written[path], octets, modes.get(path, PRIVATE))
        for path, temporary in written.items():
            temporary.replace(path)
    except BaseException:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
        raise
    for directory in {path.parent for path in files}:
        _sync_directory(directory)


def remove_leftovers(path: Path) -> None:
    """Remove what a killed writer of this file left beside it. Only for whoever holds the file's lock."""
    for leftover in path.parent.glob(f"{_MARK}{path.name}.*"):
        leftover.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{_MARK}{path.name}.{secrets.token_hex(8)}")


def _write_new(path: Path, octets: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        path.chmod(mode)  # whatever the umask
        os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    if os.name == "nt":  # a directory cannot be opened there, and NTFS journals the rename
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
