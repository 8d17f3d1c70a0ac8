"""What the person or the script sees: data on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from certdesk.client.failures import ClientError
from certdesk.domain.errors import CertdeskError
from certdesk.domain.text import N_, Translator

_OPTIONS = {
    "contact.email": "--email",
    "contact.phone": "--phone",
    "location.state_or_province": "--state",
    "location.locality": "--locality",
    "description": "--description",
    "device.id": "--device-id",
    "names.dns": "--dns",
    "names.ip": "--ip",
    "names": "--dns",
    "csr": "--csr",
    "kind": "--kind",
    "enrollment": "--name",
    "fingerprint": "--fingerprint",
    "password": "--password-file",
}
"""The option behind each field of the API."""


class Screen:
    """Writes what a command has to say."""

    def __init__(self, translate: Translator, *, as_json: bool) -> None:
        self.translate = translate
        self._as_json = as_json

    def result(self, document: dict[str, object], rows: list[tuple[str, str]]) -> None:
        """Write the outcome to standard output: the document as JSON, or the labelled rows that are not empty."""
        if self._as_json:
            click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))
            return
        shown = [(self.translate(label), value) for label, value in rows if value]
        width = max((len(label) for label, _ in shown), default=0)
        for label, value in shown:
            click.echo(f"{label:<{width}}  {value}")

    def note(self, message: str, **values: object) -> None:
        """Tell the person something, on standard error."""
        click.echo(self.translate(message).format_map(values), err=True)

    @contextmanager
    def waiting(self, message: str, **values: object) -> Iterator[None]:
        """Show that something goes on: a spinner on a terminal, a line elsewhere."""
        text = self.translate(message).format_map(values)
        if not sys.stderr.isatty():
            click.echo(text, err=True)
            yield
            return
        from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
        from rich.text import Text  # noqa: PLC0415

        with Console(stderr=True).status(Text(text)):
            yield

    def error(self, error: CertdeskError) -> None:
        """Write an error and its hint; a script that wanted JSON finds it on standard output too."""
        lines, hint = self._sentences(error)
        self._error(lines, hint, error.kind)

    def warning(self, error: CertdeskError) -> None:
        """Write an error that does not end the command, to standard error only."""
        self._lines(*self._sentences(error))

    def plain_error(self, kind: str, message: str, hint: str = "") -> None:
        """Write an error that click or the operating system has put into words."""
        self._error([message], hint, kind)

    def _error(self, lines: list[str], hint: str, kind: str) -> None:
        self._lines(lines, hint)
        if self._as_json:
            document = {"error": {"kind": kind, "detail": "; ".join(lines), "hint": hint}}
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))

    def _sentences(self, error: CertdeskError) -> tuple[list[str], str]:
        lines = [_with_option(problem.field, problem.text(self.translate)) for problem in error.problems]
        return lines, error.hint_text(self.translate) if isinstance(error, ClientError) and error.hint else ""

    def _lines(self, lines: list[str], hint: str) -> None:
        for line in lines:
            click.echo(self.translate(N_("error: {sentence}")).format(sentence=line), err=True)
        if hint:
            click.echo(self.translate(N_("hint: {sentence}")).format(sentence=hint), err=True)


def _with_option(field: str, sentence: str) -> str:
    option = _OPTIONS.get(field)
    return f"{option}: {sentence}" if option else sentence
