"""Commands for the federation's members: `organisation`, `manager` and `token`."""

import os
from pathlib import Path

import click

from certdesk.app import Desk
from certdesk.cli.context import data_option, first_line, operator, say, table, with_desk
from certdesk.domain.enrollment import KeyType, Kind, Manager, Organisation, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.files import PRIVATE
from certdesk.keys.files import write_durably
from certdesk.ra.registry import DESK_URL


@click.group(help=N_("Organisations of the federation."))
def organisation() -> None:
    """Group the commands about organisations."""


@organisation.command(
    "add",
    help=N_(
        "Add an organisation.\n\n\b\nExample:\n"
        '  certdesk organisation add FRA1 --name "La Poste" --country FR --data /var/lib/certdesk'
    ),
)
@click.argument("code")
@click.option("--name", required=True, help=N_("legal name, the O of its certificates"))
@click.option("--country", required=True, help=N_("ISO 3166-1 code of two letters, the C of its certificates"))
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind if kind is not Kind.MANAGER]),
    help=N_("what it may enroll; repeat it for several; all kinds unless given"),
)
@click.option("--allow-wildcards", is_flag=True, help=N_("let server names begin with *."))
@click.option(
    "--key-type",
    type=click.Choice([key_type.value for key_type in KeyType]),
    default=KeyType.EC_P256.value,
    show_default=True,
    help=N_("the key that devices make"),
)
@click.option("--validity-days", type=int, default=365, show_default=True, help=N_("how long certificates are valid"))
@click.option(
    "--request-lifetime-days", type=int, default=30, show_default=True, help=N_("when an undecided request lapses")
)
@click.option("--poll-seconds", type=int, default=60, show_default=True, help=N_("how often a waiting device asks"))
@click.option("--support-contact", default="", help=N_("whom requesters may ask for help"))
@data_option
def add_organisation(
    data: Path, database: str | None, passphrase_file: Path | None, kinds: tuple[str, ...], **facts: str
) -> None:
    """Add an organisation."""
    facts["key_type"] = KeyType(facts["key_type"])
    wanted = Organisation(**facts)  # type: ignore[arg-type]  # click has converted each option
    if kinds:
        wanted = Organisation(**facts, kinds=frozenset(map(Kind, kinds)))  # type: ignore[arg-type]

    async def work(desk: Desk) -> None:
        added = await desk.ra.add_organisation(wanted, operator())
        say(N_("organisation {code} added: {name}, {country}"), code=added.code, name=added.name, country=added.country)

    with_desk(data, database, passphrase_file, work)


@organisation.command("list", help=N_("List the organisations: code, country, name and kinds."))
@data_option
def list_organisations(data: Path, database: str | None, passphrase_file: Path | None) -> None:
    """List the organisations."""

    async def work(desk: Desk) -> None:
        for each in await desk.ra.organisations(operator()):
            click.echo(f"{each.code}\t{each.country}\t{each.name}\t{' '.join(sorted(each.kinds))}")

    with_desk(data, database, passphrase_file, work)


@click.group(help=N_("Registration managers, administrators and auditors."))
def manager() -> None:
    """Group the commands about managers."""


@manager.command(
    "add",
    help=N_(
        "Register a manager and write their key and user certificate into a PKCS#12 file.\n\n"
        "The file's password is made up and printed once, unless --password-file gives one. "
        "For somebody who is registered already, this issues another certificate.\n\n\b\nExample:\n"
        '  certdesk manager add claire@poste.example --name "Claire Petit" --role registration-manager \\\n'
        "      --organisation FRA1 --pkcs12 claire.p12 --data /var/lib/certdesk"
    ),
)
@click.argument("email")
@click.option("--name", required=True, help=N_("the person's name, the CN of the certificate"))
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help=N_("what they may do"))
@click.option("--organisation", default="", metavar="CODE", help=N_("the organisation they are limited to"))
@click.option(
    "--pkcs12",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("the file to write; it must not exist"),
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("file whose first line protects the PKCS#12 file"),
)
@data_option
def add_manager(
    data: Path,
    database: str | None,
    passphrase_file: Path | None,
    pkcs12: Path,
    password_file: Path | None,
    **facts: str,
) -> None:
    """Register a manager."""
    if pkcs12.exists():  # before anything is issued for nothing
        raise CertdeskError(ErrorKind.CONFLICT, N_("{path} exists already"), path=pkcs12)
    chosen = first_line(password_file) if password_file else ""
    wanted = Manager(facts["email"], facts["name"], Role(facts["role"]), facts["organisation"])

    async def work(desk: Desk) -> None:
        identity = await desk.ra.add_manager(wanted, operator())
        password = chosen or desk.ra.new_password()
        write_durably(pkcs12, identity.pkcs12(desk.ca.chain_pem, password), mode=PRIVATE)
        say(N_("manager {email} registered as {role}"), email=wanted.email, role=wanted.role)
        table(
            [
                (N_("Subject"), identity.certificate.subject),
                (N_("Serial number"), identity.certificate.serial_number.hex()),
                (N_("PKCS#12 file"), os.fspath(pkcs12)),
                (N_("Password"), "" if chosen else password),
            ]
        )
        if not chosen:
            say(N_("write the password down: it is not shown again"))

    with_desk(data, database, passphrase_file, work)


@manager.command(
    "link",
    help=N_(
        "Print a one-time link by which a manager signs in at the console, and gets a passkey or a certificate.\n\n"
        "As long as there is no administrator, the link may be for anybody: whoever follows it becomes the "
        "administrator.\n\n\b\nExample:\n"
        "  certdesk manager link claire@poste.example --data /var/lib/certdesk"
    ),
)
@click.argument("email")
@data_option
def link_manager(data: Path, database: str | None, passphrase_file: Path | None, email: str) -> None:
    """Print a one-time link."""

    async def work(desk: Desk) -> None:
        link = await desk.ra.link_by_operator(email, operator())
        desk_url = await desk.store.organisations.property(DESK_URL) or ""
        click.echo(link.url(desk_url))
        say(N_("the link signs in {email}; it works once, until {moment}"), email=link.email, moment=link.until)

    with_desk(data, database, passphrase_file, work)


@click.group(help=N_("API tokens for automations."))
def token() -> None:
    """Group the commands about tokens."""


@token.command(
    "add",
    help=N_(
        "Make an API token and print it, once; the desk keeps only its hash.\n\n\b\nExample:\n"
        "  certdesk token add inventory --role auditor --organisation FRA1 --data /var/lib/certdesk"
    ),
)
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help=N_("what it may do"))
@click.option("--organisation", default="", metavar="CODE", help=N_("the organisation it is limited to"))
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help=N_("how long it is good"))
@data_option
def add_token(
    data: Path,
    database: str | None,
    passphrase_file: Path | None,
    name: str,
    role: str,
    organisation: str,
    days: int,
) -> None:
    """Make an API token."""

    async def work(desk: Desk) -> None:
        click.echo(await desk.ra.add_token(name, Role(role), organisation, days, operator()))
        say(N_("keep the token safe: it is not shown again"))

    with_desk(data, database, passphrase_file, work)
