"""The command `certdesk-client`: reads the command line, runs one command, shows its errors, returns its exit code.

    certdesk-client configure https://desk.example.org/settings/FRA1.xml
    certdesk-client request --email ann@example.org --phone "+33 1 23 45 67 89" --description "Ann's laptop"
    certdesk-client status --wait && certdesk-client collect && certdesk-client install

What the commands do stands in `certdesk.client.commands`, whose modules are imported only when their
command runs: they load httpx and cryptography, and `--help` should not wait for that.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from certdesk import __version__
from certdesk.client.failures import DONE, EXIT_CODES, FAILED, USAGE
from certdesk.client.language import translate_command, use_language, user_language
from certdesk.client.screen import Screen
from certdesk.client.surroundings import Surroundings
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError
from certdesk.domain.text import N_, Translator

if TYPE_CHECKING:
    from certdesk.client.session import Session

_PROGRAM = "certdesk-client"
_KINDS = [Kind.WORKSTATION.value, Kind.SERVER.value, Kind.MOBILE.value]
_EXIT_CODES = (
    ("0", N_("done; or the certificate is issued")),
    ("1", N_("something else went wrong")),
    ("2", N_("usage: what was given cannot be right, be it that the desk says so")),
    ("10", N_("nobody has decided yet")),
    ("11", N_("rejected, cancelled or lapsed")),
    ("12", N_("the desk cannot be reached")),
)

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section(_translate(ctx)(N_("Examples"))):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{_PROGRAM} {example}\n")


class Group(click.Group):
    """The group of all commands; its help ends with the exit codes."""

    command_class = Command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes."""
        translate = _translate(ctx)
        with formatter.section(translate(N_("Exit codes"))):
            formatter.write_dl([(code, translate(meaning)) for code, meaning in _EXIT_CODES])


def _translate(ctx: click.Context) -> Translator:
    return ctx.obj.translate if isinstance(ctx.obj, Surroundings) else str


def _shared(command: Decorated) -> Decorated:
    """Add the options that every command has."""
    home = N_("Directory of the settings and enrollments (default: the platform's usual one for application data).")
    as_json = N_("Print the outcome as JSON on standard output.")
    command = click.option("--home", metavar="DIRECTORY", envvar="CERTDESK_HOME", show_envvar=True, help=home)(command)
    return click.option("--json", "as_json", is_flag=True, help=as_json)(command)


def _named(command: Decorated) -> Decorated:
    """Add the option that says which enrollment is meant."""
    which = N_("Which enrollment; needed when there are several.")
    return click.option("--name", metavar="NAME", help=which)(command)


def _with_password(command: Decorated) -> Decorated:
    """Add the option for the registration password, which is never taken from the command line itself."""
    text = N_("File whose first line is the registration password (default: ask for it).")
    return click.option(
        "--password-file", metavar="FILE", envvar="CERTDESK_PASSWORD_FILE", show_envvar=True, help=text
    )(command)


def _session(ctx: click.Context, home: str | None, *, as_json: bool) -> "Session":
    from certdesk.client.session import Session  # noqa: PLC0415 - see the module's docstring

    return Session(ctx.obj, home, as_json=as_json)


@click.group(
    cls=Group,
    name=_PROGRAM,
    help=N_("Ask a Certdesk for a certificate, collect it when it is issued, install and renew it."),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=_PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Have subcommands."""


@cli.command(
    help=N_(
        "Fetch your organisation's settings. SETTINGS_URL is the address that your registration"
        " manager gave you, or a file."
    ),
    examples=(
        "configure https://desk.example.org/settings/FRA1.xml",
        "configure https://desk.example.org/settings/FRA1.xml --trust authority.pem",
        "configure settings.xml",
    ),
)
@click.argument("settings_url")
@click.option("--trust", metavar="FILE", help=N_("PEM certificates that vouch for the desk, instead of the system's."))
@click.option("--fingerprint", metavar="SHA256", help=N_("Fingerprint of the trust anchor that vouches for the desk."))
@_shared
@click.pass_context
def configure(
    ctx: click.Context,
    *,
    settings_url: str,
    trust: str | None,
    fingerprint: str | None,
    home: str | None,
    as_json: bool,
) -> int:
    """Keep an organisation's settings."""
    from certdesk.client.commands import configure as command  # noqa: PLC0415

    if trust and fingerprint:
        raise click.UsageError(N_("--trust and --fingerprint exclude each other"))
    return command.configure(_session(ctx, home, as_json=as_json), settings_url, trust, fingerprint)


@cli.command(
    help=N_(
        "Make a key and ask for its certificate. Asks for what is missing when run on a terminal. Run again, it goes"
        " on where it was interrupted; with other values, it corrects the request that is waiting."
    ),
    examples=(
        "request",
        'request --email ann@example.org --phone +33123456789 --description "Ann\'s laptop"',
        "request --kind server --dns www.example.org --dns example.org",
        "request --kind server --csr www.csr",
    ),
)
@click.option("--kind", type=click.Choice(_KINDS), help=N_("What the certificate is for (default: workstation)."))
@click.option("--name", metavar="NAME", help=N_("Its name here (default: its kind, or the server's name)."))
@click.option("--email", help=N_("Where you can be reached."))
@click.option("--phone", help=N_("Your telephone number, with the country code."))
@click.option("--description", help=N_("What helps the registration manager recognise you."))
@click.option("--state", help=N_("State or province."))
@click.option("--locality", help=N_("Locality or city."))
@click.option("--device-id", help=N_("What the desk knows this device by (default: made from the machine's ID)."))
@click.option("--dns", multiple=True, metavar="NAME", help=N_("DNS name of the server; may be repeated."))
@click.option("--ip", multiple=True, metavar="ADDRESS", help=N_("IP address of the server; may be repeated."))
@click.option(
    "--csr", "csr_file", metavar="FILE", help=N_("CSR of a server whose key lives elsewhere; - is standard input.")
)
@click.option("--new", is_flag=True, help=N_("Ask anew even if a request is waiting or a certificate is there."))
@_with_password
@_shared
@click.pass_context
def request(ctx: click.Context, /, *, home: str | None, as_json: bool, **options: Any) -> int:  # noqa: ANN401 - the rest
    """Ask for a certificate."""
    from certdesk.client.commands.request import Options, request  # noqa: PLC0415
    from certdesk.client.questions import Given  # noqa: PLC0415

    how = Options(*(options.pop(name) for name in ("name", "csr_file", "password_file", "new")))
    options["state_or_province"] = options.pop("state")
    options["kind"] = options["kind"] and Kind(options["kind"])
    return request(_session(ctx, home, as_json=as_json), Given(**options), how)


def _follows(command: Decorated) -> Decorated:
    """Add the options of the commands that ask the desk where a request stands."""
    timeout = click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0), help=N_("Stop waiting then."))
    wait = click.option("--wait", is_flag=True, help=N_("Wait for the decision."))
    return _named(wait(timeout(command)))


@cli.command(
    help=N_("Ask the desk where the request stands. The exit code says it too."),
    examples=("status", "status --wait --timeout 3600", "status --name www.example.org --json"),
)
@_follows
@_shared
@click.pass_context
def status(
    ctx: click.Context, *, name: str | None, wait: bool, timeout: float | None, home: str | None, as_json: bool
) -> int:
    """Ask where a request stands."""
    from certdesk.client.commands.follow import follow  # noqa: PLC0415

    return follow(_session(ctx, home, as_json=as_json), name, collect=False, wait=wait, timeout=timeout)


@cli.command(
    help=N_(
        "Take the certificate once it is issued. It is kept only if it is for our key and comes from the authority that"
        " the settings trust."
    ),
    examples=("collect", "collect --wait"),
)
@_follows
@_shared
@click.pass_context
def collect(
    ctx: click.Context, *, name: str | None, wait: bool, timeout: float | None, home: str | None, as_json: bool
) -> int:
    """Take the certificate."""
    from certdesk.client.commands.follow import follow  # noqa: PLC0415

    return follow(_session(ctx, home, as_json=as_json), name, collect=True, wait=wait, timeout=timeout)


@cli.command(
    help=N_("Show what is known here, without asking the desk. Lists the enrollments if there are several."),
    examples=("show", "show --name workstation --json"),
)
@_named
@_shared
@click.pass_context
def show(ctx: click.Context, *, name: str | None, home: str | None, as_json: bool) -> int:
    """Show what is known here."""
    from certdesk.client.commands.follow import show  # noqa: PLC0415

    return show(_session(ctx, home, as_json=as_json), name)


@cli.command(
    help=N_(
        "Replace the certificate by a new one. The new key is vouched for by the old one, so nobody has to decide."
    ),
    examples=("renew", "renew --within 30 --password-file password.txt"),
)
@click.option(
    "--within", metavar="DAYS", type=click.IntRange(min=0), help=N_("Only if it expires within so many days.")
)
@_with_password
@_named
@_shared
@click.pass_context
def renew(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    within: int | None,
    password_file: str | None,
    home: str | None,
    as_json: bool,
) -> int:
    """Renew a certificate."""
    from certdesk.client.commands.renew import renew  # noqa: PLC0415

    return renew(_session(ctx, home, as_json=as_json), name, password_file, within)


@cli.command(
    help=N_("Write certificate and key into a file. The registration password protects it."),
    examples=(
        "export --out certificate.p12",
        "export --out for-old-android.p12 --legacy",
        "export --out server.pem --plain-key",
    ),
)
@click.option("--out", required=True, metavar="FILE", help=N_("Where to; - is standard output."))
@click.option("--format", "form", type=click.Choice(("pkcs12", "pem")), help=N_("Default: by the file's name."))
@click.option("--legacy", is_flag=True, help=N_("PKCS#12 with triple DES, for Android before 13 and macOS before 15."))
@click.option("--plain-key", is_flag=True, help=N_("PEM with the key unprotected, for a server that starts by itself."))
@click.option("--force", is_flag=True, help=N_("Replace the file if it exists."))
@_with_password
@_named
@_shared
@click.pass_context
def export(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    password_file: str | None,
    home: str | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> int:
    """Write a file for other programs."""
    from certdesk.client.commands.deliver import ExportOptions, export  # noqa: PLC0415

    return export(_session(ctx, home, as_json=as_json), name, password_file, ExportOptions(**options))


@cli.command(
    help=N_(
        "Put the certificate where programs look for it. On Linux, that is the databases of Chromium and every Firefox"
        " profile, on Windows and macOS the system's own store; or a directory of PEM files. Then the desk is told."
    ),
    examples=("install", "install --pem-dir /etc/ssl/www.example.org --plain-key", "install --nss-db ~/.pki/nssdb"),
)
@click.option("--pem-dir", "pem_directory", metavar="DIRECTORY", help=N_("Write PEM files here instead."))
@click.option("--plain-key", is_flag=True, help=N_("With --pem-dir: leave the key unprotected, for a server."))
@click.option(
    "--nss-db",
    "nss_databases",
    multiple=True,
    metavar="DIRECTORY",
    help=N_("Use this NSS database instead; may be repeated."),
)
@click.option("--nss-password-file", metavar="FILE", help=N_("File with the NSS database's own password."))
@click.option("--trust-servers", is_flag=True, help=N_("NSS: also trust the servers of the settings' authority."))
@click.option("--machine", is_flag=True, help=N_("Windows and macOS: the machine's store, not the user's."))
@_with_password
@_named
@_shared
@click.pass_context
def install(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    password_file: str | None,
    home: str | None,
    as_json: bool,
    **wanted: Any,  # noqa: ANN401
) -> int:
    """Install a certificate."""
    from certdesk.client.commands.deliver import install  # noqa: PLC0415
    from certdesk.client.install.places import Wanted  # noqa: PLC0415

    return install(_session(ctx, home, as_json=as_json), name, password_file, Wanted(**wanted))


def run(arguments: Sequence[str], surroundings: Surroundings) -> int:
    """Run one command and return the exit code; what a person can do something about is shown, not raised."""
    screen = Screen(surroundings.translate, as_json="--json" in arguments)
    try:
        outcome = cli.main(list(arguments), prog_name=_PROGRAM, standalone_mode=False, obj=surroundings)
    except CertdeskError as error:
        screen.error(error)
        return EXIT_CODES[error.kind]
    except click.ClickException as error:
        return _shown_usage(error, screen)
    except click.Abort:
        screen.plain_error("interrupted", surroundings.translate(N_("interrupted; the same command goes on")))
        return FAILED
    except OSError as error:
        return _shown_system(error, screen)
    return outcome if isinstance(outcome, int) else DONE


def _shown_usage(error: click.ClickException, screen: Screen) -> int:
    """Show click's complaint in the house's form: lower case, no full stop."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = screen.translate(error.format_message())
    hint = f"{context.command_path if context else _PROGRAM} --help"
    screen.plain_error("usage", message[:1].lower() + message[1:].rstrip("."), hint)
    return USAGE


def _shown_system(error: OSError, screen: Screen) -> int:
    """Show the operating system's complaint with the file it is about."""
    if isinstance(error, BrokenPipeError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the reader has left; nothing more is to be said
        return FAILED
    reason = (error.strerror or str(error)).lower()
    screen.plain_error("system", f"{error.filename}: {reason}" if error.filename else reason)
    return FAILED


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    language = user_language(os.environ)
    translate = use_language(language)
    translate_command(cli, translate)
    sys.exit(run(sys.argv[1:], Surroundings(os.environ, language, translate)))


if __name__ == "__main__":
    main()
