"""One run of the client: the only place that wires home, desk, password, clock and screen together."""

import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from certdesk.client.desk import Desk
from certdesk.client.enrollment import Workflow
from certdesk.client.failures import ClientError
from certdesk.client.home import Home, check_name, default_home
from certdesk.client.keystore import PrivateKey, encrypt_key
from certdesk.client.screen import Screen
from certdesk.client.surroundings import Surroundings
from certdesk.client.transport import Patience, Transport, tls_context
from certdesk.domain.errors import ErrorKind
from certdesk.domain.passwords import prepare_registration_password
from certdesk.domain.text import N_
from certdesk.wire.pkcs8 import COST
from certdesk.wire.settings import Settings

_LONGEST_LINE = 8192


class Session:
    """What a command works with."""

    def __init__(self, surroundings: Surroundings, home: str | None, *, as_json: bool) -> None:
        self._surroundings = surroundings
        self.clock = surroundings.clock
        self.screen = Screen(surroundings.translate, as_json=as_json)
        self.patience = replace(surroundings.patience or Patience(), notice=self.screen.note)
        directory = Path(home).expanduser() if home else default_home(surroundings.environment)
        self.home = Home(directory.absolute(), sleep=self.patience.sleep)

    @property
    def interactive(self) -> bool:
        """Tell whether there is a person to ask."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def settings(self) -> Settings:
        """Return the settings that were configured."""
        return self.home.configuration().settings()

    def transport(self, tls: ssl.SSLContext) -> Transport:
        """Return HTTP with a choice of whom to trust."""
        language = self._surroundings.language.replace("_", "-")
        return Transport(tls, language=language, patience=self.patience)

    @contextmanager
    def workflow(self) -> Iterator[Workflow]:
        """Open the way to the desk."""
        configuration = self.home.configuration()
        settings = configuration.settings()
        tls = tls_context(settings.trust_anchors, system=configuration.trust_system, pem=configuration.trust_pem)
        with self.transport(tls) as transport:
            yield Workflow(self.home, settings, Desk(settings.desk_url, transport), clock=self.clock)

    def name(self, option: str | None) -> str:
        """Return the enrollment that is meant: the named one, or the only one."""
        return check_name(option) if option else self.home.the_only_name()

    def encrypted(self, key: PrivateKey, password: str) -> str:
        """Return a key as it is stored."""
        return encrypt_key(key, password, cost=self._surroundings.scrypt_cost or COST)

    def ask(self, question: str, proposal: str) -> str:
        """Ask the person for a line that is not empty."""
        answer = ""
        while not answer:
            answer = str(click.prompt(self.screen.translate(question), default=proposal or None, err=True)).strip()
        return answer

    def password(self, file: str | None, *, new: bool = False) -> str:
        """Return the registration password, from the file or the person; a new one is asked for twice.

        It never comes from the command line, where every other user of the machine could read it.
        """
        if file:
            return prepare_registration_password(_first_line(file))
        if not self.interactive:
            raise ClientError(
                ErrorKind.INVALID_FIELD,
                N_("the registration password is needed"),
                hint=N_("put it into a file and name that with --password-file or CERTDESK_PASSWORD_FILE"),
            )
        question, again = map(self.screen.translate, (N_("Registration password"), N_("The same again")))
        typed: str = click.prompt(question, hide_input=True, confirmation_prompt=new and again, err=True)
        return prepare_registration_password(typed)


def _first_line(path: str) -> str:
    with click.open_file(path, "rb") as file:
        line = bytes(file.readline(_LONGEST_LINE))
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ClientError(
            ErrorKind.INVALID_FIELD, N_("{path} is not a text in UTF-8"), field="password", path=path
        ) from error


def read_file(path: str, limit: int) -> bytes:
    """Return a file's content, or standard input's for `-`; raise `TOO_LARGE` beyond `limit` bytes."""
    with click.open_file(path, "rb") as file:
        content = bytes(file.read(limit + 1))
    if len(content) > limit:
        raise ClientError(ErrorKind.TOO_LARGE, N_("{path} is larger than {limit} bytes"), path=path, limit=limit)
    return content
