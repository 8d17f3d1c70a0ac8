"""The entry point of `certdesk`: the commands, and what they say when they cannot go on."""

import sys

import click

from certdesk import __version__
from certdesk.cli.backup import backup, restore
from certdesk.cli.codes import code
from certdesk.cli.context import say, translate
from certdesk.cli.demo import demo
from certdesk.cli.inspection import audit, ca
from certdesk.cli.publication import publish
from certdesk.cli.registry import manager, organisation, token
from certdesk.cli.serve import serve
from certdesk.client.language import translate_command
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

FAILED, USAGE, WRONG = 1, 2, 3
"""Exit codes: something failed; the command or its input is wrong; `audit verify` found something."""

_USAGE_KINDS = {
    ErrorKind.MALFORMED,
    ErrorKind.INVALID_FIELD,
    ErrorKind.NAME_NOT_ALLOWED,
    ErrorKind.KIND_NOT_ALLOWED,
    ErrorKind.TOO_LARGE,
}

HELP = N_(
    "Certificate enrollment for a federation of organisations.\n\n"
    "\b\nExamples:\n"
    "  certdesk demo\n"
    "  certdesk serve --data /var/lib/certdesk --listen 0.0.0.0:8443 --url https://desk.example.org:8443\n"
    '  certdesk organisation add FRA1 --name "La Poste" --country FR --data /var/lib/certdesk\n\n'
    "Exit status: 0 done, 1 failed, 2 wrong usage or input, 3 the audit log does not verify."
)


@click.group(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="certdesk")
def commands() -> None:
    """Group all commands."""


for each in (serve, organisation, manager, token, code, publish, ca, audit, backup, restore, demo):
    commands.add_command(each)


def main() -> None:
    """Run the command line and end the process with its exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; every error is a sentence, never a traceback."""
    translator = translate()
    translate_command(commands, translator)
    try:
        result = commands.main(arguments, prog_name="certdesk", standalone_mode=False)
    except CertdeskError as error:
        for problem in error.problems:
            field = f"{problem.field}: " if problem.field else ""
            say(N_("error: {sentence}"), sentence=f"{field}{problem.text(translator)}")
        return USAGE if error.kind in _USAGE_KINDS else FAILED
    except click.ClickException as error:
        error.show()
        return USAGE
    except click.Abort:
        click.echo(err=True)
        return FAILED
    except OSError as error:
        say(N_("error: {sentence}"), sentence=error)
        return FAILED
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
