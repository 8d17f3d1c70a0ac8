"""Files are whole or not there, and the owner's alone."""

import os
from pathlib import Path

import pytest

from certdesk.client.lock import exclusive
from certdesk.domain.errors import CertdeskError
from certdesk.files import make_private_directory, remove_leftovers, replace_together, write_atomically


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    """The last content is there, with the mode that was asked for, and nothing else is in the directory."""
    file = tmp_path / "a"
    write_atomically(file, b"one")
    write_atomically(file, b"two")
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, the old content stays and the new file's beginnings are removed."""
    file = tmp_path / "a"
    write_atomically(file, b"one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"two")
    assert file.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [file]


def test_several_files_wait_for_each_other(tmp_path: Path) -> None:
    """When the second file cannot be written, the first keeps its old content."""
    first, second = tmp_path / "a", tmp_path / "missing" / "b"
    first.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        replace_together({first: b"new", second: b"new"}, modes={})
    assert first.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [first]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    """A generous umask gives nobody else access."""
    before = os.umask(0)
    try:
        make_private_directory(tmp_path / "a" / "b")
        write_atomically(tmp_path / "a" / "b" / "c", b"")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c")]
    assert modes == [0o700, 0o700, 0o600]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    """Only the leftovers of the one file go."""
    for name in (".certdesk-a.0123", ".certdesk-b.0123", "a"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".certdesk-b.0123", "a"]


def test_a_lock_is_let_go_of(tmp_path: Path) -> None:
    """After the block, and after an error in it, the lock can be taken again."""
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock"):
        raise ZeroDivisionError
    with exclusive(tmp_path / "lock", patience=0):
        pass


def test_a_held_lock_is_waited_for(tmp_path: Path) -> None:
    """The second holder waits as long as it is told to, and then names the file."""
    pauses: list[float] = []
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(CertdeskError, match="another certdesk-client"),
        exclusive(tmp_path / "lock", patience=1, sleep=pauses.append),
    ):
        pytest.fail("two held it")
    assert 1 <= sum(pauses) < 1.2
