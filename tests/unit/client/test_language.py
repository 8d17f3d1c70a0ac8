"""The command line in another language, and quick to start."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from certdesk.client.language import translate_command, user_language
from certdesk.client.main import Command, cli


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr_FR"),
        ({"LANG": "de_DE@euro", "LC_ALL": "fr_CA"}, "fr_CA"),
        ({"LANG": "fr_FR", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB", "LANGUAGE": "fr:de"}, "fr"),
    ],
)
def test_the_environment_names_the_language(environment: dict[str, str], language: str) -> None:
    """LANGUAGE, LC_ALL, LC_MESSAGES and LANG count in gettext's order."""
    assert user_language(environment) == language


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _commands(subcommand)


def test_everything_in_the_help_is_translated() -> None:
    """The walk reaches the help of every command and option."""

    @click.group(help="group")
    def group() -> None: ...

    @group.command(help="command")
    @click.option("--option", help="option")
    def command() -> None: ...

    translate_command(group, str.upper)
    assert group.help == "GROUP"
    assert command.help == "COMMAND"
    (option,) = command.params
    assert isinstance(option, click.Option)
    assert option.help == "OPTION"


@pytest.mark.parametrize("command", list(_commands(cli)), ids=lambda command: command.name)
def test_every_command_explains_itself(command: click.Command) -> None:
    """Each command has a help text, examples unless it is the group, and a help text for every option."""
    assert command.help
    if not isinstance(command, click.Group):
        assert isinstance(command, Command)
        assert command.examples
        assert all(example.split()[0] == command.name for example in command.examples)
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


def _python(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=True,
    )


def test_help_does_not_wait_for_cryptography() -> None:
    """`--help` is printed without loading what only the commands need."""
    shown = _python("-X", "importtime", "-m", "certdesk.client.main", "request", "--help")
    assert "Examples:" in shown.stdout
    loaded = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & {"httpx", "cryptography", "rich", "defusedxml"}


def test_the_help_names_every_exit_code() -> None:
    """`certdesk-client --help` documents what a script can rely on."""
    shown = _python("-m", "certdesk.client.main", "--help", LANG="C.UTF-8").stdout
    section = shown[shown.index("Exit codes:") :]
    assert [line.split()[0] for line in section.splitlines()[1:]] == ["0", "1", "2", "10", "11", "12"]
