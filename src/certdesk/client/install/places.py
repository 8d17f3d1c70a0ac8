"""Which places are meant, and what installing there needs."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from certdesk.client.failures import ClientError
from certdesk.client.install import macos, nss, pem, windows
from certdesk.client.portable import Credential
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; nothing named means the platform's usual places."""

    pem_directory: str | None = None
    plain_key: bool = False
    nss_databases: tuple[str, ...] = ()
    nss_password_file: str | None = None
    trust_servers: bool = False
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """One place, and the function that installs there."""

    where: str
    install: Callable[[Credential], object]
    opens_key: bool = True
    """Whether the key is needed as such, and with it the registration password."""


def places_for(
    wanted: Wanted, kind: Kind, retired: tuple[str, ...], *, platform: str = sys.platform, user_home: Path | None = None
) -> list[Place]:
    """Return the places that are meant; `retired` are predecessors (PEM) whose keys are to be removed."""
    user_home = user_home or Path.home()
    places = [_directory(_absolute(wanted.pem_directory), wanted)] if wanted.pem_directory else []
    databases = [_absolute(each) for each in wanted.nss_databases]
    usual = not places and not databases
    if usual and platform == "win32":
        return [Place(windows.store(machine=wanted.machine), partial(windows.install, machine=wanted.machine))]
    if usual and platform == "darwin":
        keychain = macos.keychain(user_home, machine=wanted.machine)
        return [Place(str(keychain), partial(macos.install, keychain=keychain))]
    if wanted.machine:
        raise ClientError(ErrorKind.INVALID_FIELD, N_("--machine is for the stores of Windows and macOS"))
    if usual and kind is Kind.SERVER:
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("a server's certificate goes into a directory of its own"),
            hint=N_("add --pem-dir DIRECTORY"),
        )
    if usual:
        databases = nss.browser_databases(user_home)
    return places + [_database(each, wanted, retired) for each in databases]


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _directory(path: Path, wanted: Wanted) -> Place:
    return Place(
        str(path), partial(pem.install, directory=path, plain_key=wanted.plain_key), opens_key=wanted.plain_key
    )


def _database(path: Path, wanted: Wanted, retired: tuple[str, ...]) -> Place:
    password_file = _absolute(wanted.nss_password_file) if wanted.nss_password_file else None
    installer = partial(
        nss.install, database=path, password_file=password_file, trust_servers=wanted.trust_servers, retired=retired
    )
    return Place(str(path), installer)
