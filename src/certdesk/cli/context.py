"""What every command needs: which desk, its passphrase, the language, and how to say that something failed."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from certdesk.app import Desk, no_desk, open_desk
from certdesk.client.language import use_language, user_language
from certdesk.domain.enrollment import Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_, Translator

Result = TypeVar("Result")

_PASSPHRASE = "CERTDESK_PASSPHRASE"  # noqa: S105 - a variable's name


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which desk."""
    for option in reversed(
        (
            click.option(
                "--data",
                envvar="CERTDESK_DATA",
                required=True,
                show_envvar=True,
                type=click.Path(path_type=Path, file_okay=False),
                help=N_("the desk's data directory"),
            ),
            click.option(
                "--database",
                envvar="CERTDESK_DATABASE",
                show_envvar=True,
                metavar="URL",
                help=N_("postgresql://… instead of SQLite in the data directory"),
            ),
            click.option(
                "--passphrase-file",
                envvar="CERTDESK_PASSPHRASE_FILE",
                show_envvar=True,
                type=click.Path(path_type=Path, dir_okay=False),
                help=N_("file whose first line opens the private keys; else CERTDESK_PASSPHRASE, or you are asked"),
            ),
        )
    ):
        command = option(command)
    return command


def read_passphrase(file: Path | None, *, is_new: bool = False) -> bytes:
    """Return the passphrase from the file, the environment or the terminal; raise `UNAVAILABLE` if there is none."""
    if file:
        passphrase = first_line(file)
    elif _PASSPHRASE in os.environ:
        passphrase = os.environ[_PASSPHRASE]
    elif sys.stdin.isatty():
        passphrase = click.prompt(
            _(N_("Passphrase of the desk's private keys")), hide_input=True, confirmation_prompt=is_new, err=True
        )
    else:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE,
            N_("there is no passphrase: give --passphrase-file FILE or set CERTDESK_PASSPHRASE"),
        )
    return passphrase.encode()


def first_line(file: Path) -> str:
    """Return the first line of a file that holds a secret; raise `UNAVAILABLE`."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "UTF-8"
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} cannot be read: {cause}"), path=file, cause=cause
        ) from error
    if not lines or not lines[0]:
        raise CertdeskError(ErrorKind.UNAVAILABLE, N_("{path} is empty"), path=file)
    return lines[0]


def translate() -> Translator:
    """Return the translator for this terminal's language."""
    return use_language(user_language(os.environ))


def _(message: str) -> str:
    return translate()(message)


def say(message: str, **values: object) -> None:
    """Tell the person something on standard error, where it does not mix with data."""
    click.echo(_(message).format_map(values), err=True)


def table(rows: Iterable[tuple[str, str]]) -> None:
    """Print labelled values to standard output; labels are message ids."""
    shown = [(_(label), value) for label, value in rows if value]
    width = max((len(label) for label, _value in shown), default=0)
    for label, value in shown:
        click.echo(f"{label:<{width}}  {value}")


def operator() -> Principal:
    """Return who acts at this command line, for the audit log."""
    return Principal(f"operator:{getpass.getuser()}", Role.ADMINISTRATOR, source="command line")


def with_desk(
    data: Path, database: str | None, passphrase_file: Path | None, work: Callable[[Desk], Awaitable[Result]]
) -> Result:
    """Open the desk, do something with it and close it."""
    if not (data / "keys").exists():
        raise no_desk(data)
    passphrase = read_passphrase(passphrase_file)

    async def run() -> Result:
        desk = await open_desk(data, passphrase, database)
        try:
            return await work(desk)
        finally:
            await desk.close()

    return asyncio.run(run())
