"""The command `publish`: installation files for the publication pages, as the console's upload takes them too."""

from pathlib import Path

import click

from certdesk import __version__
from certdesk.app import Desk
from certdesk.cli.context import data_option, operator, say, table, with_desk
from certdesk.domain.publication import CHUNK, SHARED
from certdesk.domain.text import N_


@click.command(
    "publish",
    help=N_(
        "Publish an installation file, such as the mobile app, on the organisations' publication pages.\n\n"
        "A file with the name of an earlier one replaces it.\n\n\b\nExample:\n"
        "  certdesk publish android/build/Enroll.apk --data /var/lib/certdesk"
    ),
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--version",
    default=__version__,
    show_default=True,
    help=N_("the file's version; unless given it is this desk's, as of the app that is built with it"),
)
@click.option(
    "--organisation",
    default=SHARED,
    metavar="CODE",
    help=N_("the organisation that publishes it; all of them unless given"),
)
@data_option
def publish(
    data: Path, database: str | None, passphrase_file: Path | None, file: Path, version: str, organisation: str
) -> None:
    """Publish a file."""

    async def work(desk: Desk) -> None:
        upload = await desk.ra.begin_upload(organisation, file.name, version, operator())
        with file.open("rb") as octets:
            while chunk := octets.read(CHUNK):
                await upload.write(chunk)
        published = await upload.finish()
        say(N_("{name} {version} is published"), name=published.name, version=published.version)
        table([(N_("SHA-256"), published.sha256.hex())])

    with_desk(data, database, passphrase_file, work)
