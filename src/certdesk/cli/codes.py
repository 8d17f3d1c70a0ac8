"""Commands for devices that come by a standard protocol: the group `code`, and `organisation rules`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from certdesk.app import Desk
from certdesk.cli.context import data_option, operator, say, with_desk
from certdesk.cli.registry import organisation
from certdesk.domain.codes import EnrollmentCode
from certdesk.domain.enrollment import DoorRule, Kind
from certdesk.domain.text import N_

_PAGE = 100


@click.group(help=N_("Enrollment codes for devices that speak EST or SCEP."))
def code() -> None:
    """Group the commands about codes."""


@code.command(
    "add",
    help=N_(
        "Make an enrollment code and print it, once; the desk keeps only its hash.\n\n\b\nExample:\n"
        "  certdesk code add FRA1 --kind workstation --count 20 --days 7 --note 'Printers of Lyon' \\\n"
        "      --data /var/lib/certdesk"
    ),
)
@click.argument("organisation")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind if kind is not Kind.MANAGER]),
    default=Kind.WORKSTATION.value,
    show_default=True,
    help=N_("what it enrolls"),
)
@click.option("--count", type=int, default=1, show_default=True, help=N_("how many devices it is for"))
@click.option("--days", type=int, default=7, show_default=True, help=N_("how long it is good"))
@click.option("--note", default="", help=N_("what it is for, shown in lists"))
@data_option
def add_code(
    data: Path,
    database: str | None,
    passphrase_file: Path | None,
    organisation: str,
    kind: str,
    **limits: Any,  # noqa: ANN401 - what the options say: count, days, note
) -> None:
    """Make a code."""

    async def work(desk: Desk) -> None:
        made, secret = await desk.ra.add_code(organisation, Kind(kind), operator(), **limits)
        click.echo(secret)
        say(
            N_("code {id} is for {count} devices of the kind {kind}, until {end}; it is not shown again"),
            id=made.id,
            count=made.allowed,
            kind=kind,
            end=_day(made.expires_at),
        )

    with_desk(data, database, passphrase_file, work)


@code.command("list", help=N_("List codes, newest first: ID, organisation, kind, used of allowed, end, note, issuer."))
@click.argument("organisation", default="")
@data_option
def list_codes(data: Path, database: str | None, passphrase_file: Path | None, organisation: str) -> None:
    """List codes."""

    async def work(desk: Desk) -> None:
        after: str | None = None
        while True:
            page = await desk.ra.codes(operator(), organisation, after=after, limit=_PAGE)
            for each in page.items:
                click.echo("\t".join(_columns(each)))
            after = page.next
            if after is None:
                return

    with_desk(data, database, passphrase_file, work)


def _columns(code: EnrollmentCode) -> tuple[str, ...]:
    used = f"{code.used}/{code.allowed}"
    end = "withdrawn" if code.withdrawn_at else _day(code.expires_at)
    return code.id, code.organisation, code.kind, used, end, code.note, code.created_by


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"


@code.command("withdraw", help=N_("End a code before its time; ID is the one in the list."))
@click.argument("code_id", metavar="ID")
@data_option
def withdraw_code(data: Path, database: str | None, passphrase_file: Path | None, code_id: str) -> None:
    """Withdraw a code."""

    async def work(desk: Desk) -> None:
        await desk.ra.withdraw_code(code_id, operator())
        say(N_("code {id} withdrawn"), id=code_id)

    with_desk(data, database, passphrase_file, work)


@organisation.command(
    "rules",
    help=N_(
        "Settle what devices that speak EST or SCEP may do; rules that are not given are lifted.\n\n\b\n"
        "  approve-vouched  a request with an enrollment code is approved at once\n"
        "  require-code     a device that the desk does not know needs a code\n"
        "  new-keys         a renewal needs a new key, at every door\n"
        "  legacy-scep      SCEP messages may use Triple DES and SHA-1\n\n\b\nExample:\n"
        "  certdesk organisation rules FRA1 --rule approve-vouched --data /var/lib/certdesk"
    ),
)
@click.argument("code")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    type=click.Choice([rule.value for rule in DoorRule]),
    help=N_("a rule that holds; repeat it for several"),
)
@data_option
def set_door_rules(
    data: Path, database: str | None, passphrase_file: Path | None, code: str, rules: tuple[str, ...]
) -> None:
    """Settle an organisation's rules."""

    async def work(desk: Desk) -> None:
        await desk.ra.set_door_rules(code, frozenset(map(DoorRule, rules)), operator())
        say(N_("rules of {code}: {rules}"), code=code, rules=", ".join(sorted(rules)) or "-")

    with_desk(data, database, passphrase_file, work)
