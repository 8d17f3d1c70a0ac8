"""The command `serve`: from the command line to the listening sockets and the processes behind them."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import structlog

from certdesk.cli.context import data_option, read_passphrase
from certdesk.cli.options import Address, Options
from certdesk.cli.server import serve_desk
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.metrics import shared_memory
from certdesk.keys.signer import KeyAlgorithm
from certdesk.serving import Process, bind, run

if sys.platform == "win32":  # pragma: no cover - the server runs on POSIX systems
    fcntl: Any = None
else:
    import fcntl

_KEYS = click.Choice([algorithm.value for algorithm in KeyAlgorithm if algorithm is not KeyAlgorithm.ED25519])


@click.command(
    help=N_(
        "Serve the desk. The first start makes the data directory, the database and the CA.\n\n"
        "\b\nExamples:\n"
        "  certdesk serve --data /var/lib/certdesk --listen 127.0.0.1:8443\n"
        "  certdesk serve --data /var/lib/certdesk --listen 0.0.0.0:8443 --url https://desk.example.org:8443 \\\n"
        "      --pki-listen 0.0.0.0:80 --pki-url http://pki.example.org --name 'Universal Post' --country CH\n"
        "  certdesk serve --data /var/lib/certdesk --listen 127.0.0.1:8000 --no-tls --trusted-proxy 127.0.0.1 \\\n"
        "      --url https://desk.example.org --database postgresql://certdesk@db/certdesk --processes 4"
    )
)
@data_option
@click.option("--listen", type=Address(), default="127.0.0.1:8443", show_default=True, help=N_("where devices call"))
@click.option(
    "--pki-listen",
    type=Address(),
    help=N_("where CRLs and OCSP are served, by plain HTTP; port 8080 of the same host unless given"),
)
@click.option("--url", help=N_("the desk's URL as devices see it; made from --listen unless given"))
@click.option("--pki-url", help=N_("the URL of CRLs and OCSP that stands in certificates"))
@click.option("--name", default="Certdesk", show_default=True, help=N_("the operator's name in the CA's certificates"))
@click.option("--country", default="", metavar="CC", help=N_("the operator's country"))
@click.option(
    "--root-key", type=_KEYS, default="EC P-384", show_default=True, help=N_("the root's key, at first start")
)
@click.option("--issuing-key", type=_KEYS, default="EC P-256", show_default=True, help=N_("the issuing CA's key"))
@click.option("--tls/--no-tls", default=True, help=N_("terminate TLS here, or leave it to a trusted proxy"))
@click.option("--tls-certificate", type=click.Path(path_type=Path), help=N_("PEM chain instead of the desk's own"))
@click.option("--tls-key", type=click.Path(path_type=Path), help=N_("its PEM key"))
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help=N_("address or network of a proxy whose Client-Cert (RFC 9440) and X-Forwarded-For are believed"),
)
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help=N_("server processes"))
@click.option(
    "--rate-limit",
    type=click.FloatRange(0),
    default=60,
    show_default=True,
    help=N_("public calls per minute from one address; 0 for no limit"),
)
@click.option("--smtp", metavar="URL", help=N_("mail server, smtp://user@host:587 or smtps://user@host"))
@click.option("--mail-from", metavar="ADDRESS", help=N_("in whose name mails are sent"))
@click.option(
    "--smtp-password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("file whose first line is the mail server's password"),
)
@click.option("--access-log", is_flag=True, help=N_("log every request"))
def serve(**arguments: Any) -> int:  # noqa: ANN401 - what the options say
    """Serve the desk."""
    options = Options(**arguments)
    options.check()
    _log_as_json()
    is_new = not (options.data / "keys").exists()
    options.mail_server()  # so that a wrong one is told before anything starts
    passphrase = read_passphrase(options.passphrase_file, is_new=is_new)
    options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_server(options):
        sockets = bind(*options.listen), bind(*options.pki_address)
        memory = shared_memory(options.processes)

        async def work(process: Process) -> None:
            await serve_desk(options, passphrase, sockets, memory, process)

        return run(work, processes=options.processes)


def _log_as_json() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )


@contextlib.contextmanager
def _only_server(options: Options) -> Iterator[None]:
    """Hold the data directory's lock while serving from SQLite: a second server would not see its commits' order."""
    if options.database:
        yield
        return
    descriptor = os.open(options.data / "serve.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("another server is serving {data} already"), data=options.data
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
