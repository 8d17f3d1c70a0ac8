"""Every command that the documents name exists, with the options that they give it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from certdesk.cli.main import commands
from certdesk.client.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/examples/*")])
PROGRAMS: dict[str, click.Group] = {"certdesk": commands, "certdesk-client": cli}

_LINE = re.compile(r"^(?:#? {4,}|ExecStart=/opt/certdesk/bin/)(certdesk(?:-client)? .*)$", re.MULTILINE)
_INLINE = re.compile(r"`(certdesk(?:-client)? [^`]*)`")
_END = {"|", ">", "&&", "…", "..."}


def documented(document: Path) -> Iterator[list[str]]:
    """Yield the words of every command in a document."""
    text = re.sub(r"\\\n\s*", "", document.read_text())
    for command in [*_LINE.findall(text), *_INLINE.findall(text)]:
        words = shlex.split(command, comments=True)
        yield words[: next((at for at, word in enumerate(words) if word in _END), len(words))]


COMMANDS = sorted({tuple(words) for document in DOCUMENTS for words in documented(document)})


def test_the_documents_have_commands() -> None:
    """What follows is about something."""
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_documented_command_exists(words: tuple[str, ...]) -> None:
    """Its name is a command's, and its options are that command's."""
    command: click.Command = PROGRAMS[words[0]]
    rest = list(words[1:])
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        assert name in command.commands, f"there is no {name}"
        command = command.commands[name]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help"} | ({"--version"} if command in PROGRAMS.values() else set())
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known
