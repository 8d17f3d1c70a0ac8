"""Commands that look at the desk: `ca show`, `ca crl` and `audit verify`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.app import Desk
from certdesk.audit import verify
from certdesk.ca.hierarchy import CACertificate
from certdesk.cli.context import data_option, say, table, with_desk
from certdesk.domain.identifiers import sha256
from certdesk.domain.text import N_
from certdesk.files import PUBLIC
from certdesk.keys.files import write_durably

_WRONG = 3


@click.group(help=N_("The desk's certificate authority."))
def ca() -> None:
    """Group the commands about the CA."""


@ca.command("show", help=N_("Show the root and the issuing CA and the state of their revocation lists."))
@click.option("--pem", is_flag=True, help=N_("print the chain in PEM instead"))
@data_option
def show_ca(data: Path, database: str | None, passphrase_file: Path | None, *, pem: bool) -> None:
    """Show the CAs."""

    async def work(desk: Desk) -> None:
        if pem:
            click.echo(desk.ca.chain_pem, nl=False)
            return
        await _show(desk, N_("Root CA"), desk.ca.hierarchy.root)
        click.echo()
        await _show(desk, N_("Issuing CA"), desk.ca.hierarchy.issuing)

    with_desk(data, database, passphrase_file, work)


async def _show(desk: Desk, title: str, authority: CACertificate) -> None:
    crl = await desk.store.validation.latest_crl(authority.issuer)
    table(
        [
            (title, authority.certificate.subject.rfc4514_string()),
            (N_("Valid from"), _day(authority.not_before)),
            (N_("Valid until"), _day(authority.not_after)),
            (N_("SHA-256"), sha256(authority.der).hex()),
            (N_("Key identifier"), authority.issuer),
            (N_("CRL number"), str(crl.number) if crl else "-"),
            (N_("CRL next update"), _day(crl.next_update) if crl else "-"),
        ]
    )


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


@ca.command(
    "crl",
    help=N_(
        "Publish a new revocation list and write it to standard output or a file.\n\n\b\nExample:\n"
        "  certdesk ca crl --data /var/lib/certdesk | openssl crl -noout -text"
    ),
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help=N_("file to write, replacing it"))
@click.option("--der", is_flag=True, help=N_("DER instead of PEM"))
@data_option
def publish_crl(
    data: Path, database: str | None, passphrase_file: Path | None, output: Path | None, *, der: bool
) -> None:
    """Publish a revocation list."""

    async def work(desk: Desk) -> None:
        crl = await desk.crl.publish()
        octets = x509.load_der_x509_crl(crl.der).public_bytes(Encoding.DER if der else Encoding.PEM)
        if output:
            write_durably(output, octets, mode=PUBLIC, replace=True)
        else:
            sys.stdout.buffer.write(octets)
        say(N_("CRL {number} published, next update {time}"), number=crl.number, time=_day(crl.next_update))

    with_desk(data, database, passphrase_file, work)


@click.group(help=N_("The log of who did what."))
def audit() -> None:
    """Group the commands about the audit log."""


@audit.command(
    "verify",
    help=N_(
        "Verify the whole audit log: every changed, missing, reordered or invented event is named.\n\n"
        "The exit status is 0 if it is whole and 3 if it is not."
    ),
)
@data_option
def verify_audit(data: Path, database: str | None, passphrase_file: Path | None) -> int:
    """Verify the audit log."""

    async def work(desk: Desk) -> int:
        found = await verify(desk.store.events, desk.log)
        for finding in found.findings:
            click.echo(f"{finding.wrong}: {finding.what}")
        say(N_("{events} events in {batches} batches"), events=found.events, batches=found.batches)
        if found.findings:
            say(N_("the audit log does not verify: {count} findings"), count=len(found.findings))
            return _WRONG
        say(N_("the audit log verifies"))
        return 0

    return with_desk(data, database, passphrase_file, work)
