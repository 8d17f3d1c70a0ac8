"""Show the command line in the user's language: its own sentences, and those that click brings."""

import gettext
from collections.abc import Mapping

import click

from certdesk.domain.text import LOCALE, Translator, translator


def user_language(environment: Mapping[str, str]) -> str:
    """Return the language that the environment asks for (`fr_FR`), `en` when it asks for none."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = environment.get(variable, "").partition(":")[0].partition(".")[0].partition("@")[0]
        if language and language not in {"C", "POSIX"}:
            return language
        if language and variable != "LANGUAGE":
            break
    return "en"


def translate_command(command: click.Command, translate: Translator) -> None:
    """Replace the help texts of a command, its parameters and its subcommands by their translations, once."""
    command.help = command.help and translate(command.help)
    command.short_help = command.short_help and translate(command.short_help)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = translate(parameter.help)
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            translate_command(subcommand, translate)


def use_language(language: str) -> Translator:
    """Return the translator of a language, and let click's own messages (`Usage:`, `Options:`) follow it."""
    gettext.bindtextdomain("certdesk", str(LOCALE))
    gettext.textdomain("certdesk")
    return translator(language)
