"""What a machine is known by."""

from pathlib import Path

import pytest

from certdesk.client.device import device_id, this_device
from certdesk.client.home import check_name, default_home
from certdesk.domain.errors import CertdeskError


def test_the_machine_id_is_hashed_per_organisation(tmp_path: Path) -> None:
    """The device ID is stable, differs between organisations, and does not give away the machine ID."""
    file = tmp_path / "machine-id"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    ours = device_id("FRA1", (file,))
    assert ours == device_id("FRA1", (tmp_path / "missing", file))
    assert ours != device_id("SWE2", (file,))
    assert len(ours) == 32
    assert "0123456789abcdef" not in ours


def test_without_a_machine_id_the_host_name_has_to_do(tmp_path: Path) -> None:
    """A machine without /etc/machine-id is known by its name."""
    empty = tmp_path / "machine-id"
    empty.touch()
    assert device_id("FRA1", (empty,))
    assert device_id("FRA1", (empty,)) == device_id("SWE2", ())


def test_the_device_describes_itself() -> None:
    """Model, platform and program are there, short and printable."""
    described = this_device()
    assert set(described) == {"model", "platform", "app"}
    assert all(value and value.isprintable() and len(value) <= 128 for value in described.values())


def test_each_platform_has_its_home() -> None:
    """Application data is kept where the platform keeps it."""
    assert default_home({"XDG_DATA_HOME": "/x"}, "linux") == Path("/x/certdesk")
    assert default_home({}, "linux") == Path.home() / ".local" / "share" / "certdesk"
    assert default_home({}, "darwin") == Path.home() / "Library" / "Application Support" / "Certdesk"
    assert default_home({"APPDATA": "/a"}, "win32") == Path("/a/Certdesk")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "-a", "a b", "a\n", "é", "a" * 101, "a:b", "*.a"])
def test_a_name_is_no_path(name: str) -> None:
    """Names that could leave the directory or confuse a file system are refused."""
    with pytest.raises(CertdeskError, match="an enrollment's name is made of"):
        check_name(name)


def test_names_do_not_differ_in_case() -> None:
    """File systems that ignore case must not mix up two enrollments."""
    assert check_name("WWW.Example.org") == "www.example.org"
