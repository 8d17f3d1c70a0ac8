"""The home directory: the organisation's settings and one file per enrollment, readable by the owner only.

HOME/settings.json              where the settings came from, whom to trust for TLS, the settings.xml itself
HOME/enrollment-NAME.json       key (encrypted), CSR, claim, request and certificate of one enrollment
HOME/enrollment-NAME.lock       held while a process is at work on it
"""

import base64
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certdesk.client.failures import ClientError
from certdesk.client.lock import exclusive
from certdesk.client.records import Enrollment, read_enrollment, write_enrollment
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_
from certdesk.files import make_private_directory, remove_leftovers, write_atomically
from certdesk.wire.settings import Settings, parse_settings

_NAME = re.compile(r"[a-z0-9_][a-z0-9._-]{0,99}")
_VERSION = 1


def default_home(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Return where this platform keeps a user's application data."""
    if platform == "win32":
        return Path(environment.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "Certdesk"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Certdesk"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "certdesk"


def check_name(unverified_name: str) -> str:
    """Return an enrollment's name in lower case, or raise `INVALID_FIELD`; it becomes part of a file's name."""
    name = unverified_name.lower()
    if not _NAME.fullmatch(name):
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("an enrollment's name is made of letters, digits, dots, hyphens and underscores, 100 at most"),
            field="enrollment",
        )
    return name


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `configure` has learned: the settings, and how the desk proves itself in TLS."""

    source: str
    """The URL or file that the settings came from."""
    settings_xml: bytes
    trust_system: bool
    """Whether the system's certification authorities are trusted for TLS too, beside the settings' trust anchors."""
    trust_pem: str = ""
    """Further certificates trusted for TLS, PEM."""

    def settings(self) -> Settings:
        """Return the settings, parsed."""
        return parse_settings(self.settings_xml)


def _read_configuration(stored: bytes) -> Configuration:
    """Return the configuration in a stored JSON text; raises whatever a strange text causes."""
    document = json.loads(stored)
    if document["version"] != _VERSION:
        raise ValueError
    settings_xml = base64.b64decode(document["settings"], validate=True)
    return Configuration(document["source"], settings_xml, document["trust_system"], document["trust_pem"])


class Home:
    """The home directory of one requester; it belongs to one organisation."""

    def __init__(self, path: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.path = path
        self._sleep = sleep
        self._settings = path / "settings.json"

    def configuration(self) -> Configuration:
        """Return what was configured, or raise `NOT_FOUND`."""
        try:
            return _read_configuration(self._settings.read_bytes())
        except FileNotFoundError as error:
            raise ClientError(
                ErrorKind.NOT_FOUND,
                N_("there are no settings in {home} yet"),
                hint=N_("certdesk-client configure SETTINGS_URL"),
                home=self.path,
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise ClientError(
                ErrorKind.INCOMPATIBLE,
                N_("{path} is damaged, or was written by a newer certdesk-client"),
                hint=N_("certdesk-client configure SETTINGS_URL"),
                path=self._settings,
            ) from error

    def configure(self, configuration: Configuration) -> None:
        """Keep new settings, which must be of the organisation that the enrollments here belong to."""
        organisation = configuration.settings().organisation
        make_private_directory(self.path)
        for name in self.names():
            if (owner := self.load(name).organisation) != organisation:
                raise ClientError(
                    ErrorKind.CONFLICT,
                    N_("these are settings of {organisation}, and {home} holds an enrollment with {owner}"),
                    hint=N_("use another directory with --home"),
                    organisation=organisation,
                    home=self.path,
                    owner=owner,
                )
        document = {
            "version": _VERSION,
            "source": configuration.source,
            "trust_system": configuration.trust_system,
            "trust_pem": configuration.trust_pem,
            "settings": base64.b64encode(configuration.settings_xml).decode(),
        }
        remove_leftovers(self._settings)
        write_atomically(self._settings, json.dumps(document, indent=1).encode())

    def names(self) -> list[str]:
        """Return the names of the enrollments here, sorted."""
        found = self.path.glob("enrollment-*.json")
        return sorted(path.name.removeprefix("enrollment-").removesuffix(".json") for path in found)

    def find(self, name: str) -> Enrollment | None:
        """Return an enrollment, or None when there is none of this name."""
        try:
            stored = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return read_enrollment(stored)

    def load(self, name: str) -> Enrollment:
        """Return an enrollment, or raise `NOT_FOUND`."""
        enrollment = self.find(name)
        if enrollment is None:
            raise ClientError(
                ErrorKind.NOT_FOUND,
                N_("there is no enrollment {name} in {home}"),
                hint=N_("certdesk-client request makes one; certdesk-client show lists them"),
                name=name,
                home=self.path,
            )
        return enrollment

    def the_only_name(self) -> str:
        """Return the name of the only enrollment here, or raise when there is none, or more than one."""
        names = self.names()
        if not names:
            raise ClientError(
                ErrorKind.NOT_FOUND,
                N_("nothing has been requested yet"),
                hint=N_("certdesk-client request"),
            )
        if len(names) > 1:
            raise ClientError(
                ErrorKind.INVALID_FIELD,
                N_("there are several enrollments here: {names}"),
                hint=N_("say which one with --name"),
                names=", ".join(names),
            )
        return names[0]

    def save(self, enrollment: Enrollment) -> None:
        """Keep an enrollment's new value in one atomic step. Call it inside `locked` only."""
        write_atomically(self._path(enrollment.name), write_enrollment(enrollment))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep other processes from working on an enrollment for the duration of the block."""
        make_private_directory(self.path)
        path = self._path(name)
        with exclusive(path.with_suffix(".lock"), sleep=self._sleep):
            remove_leftovers(path)
            yield

    def _path(self, name: str) -> Path:
        return self.path / f"enrollment-{name}.json"
