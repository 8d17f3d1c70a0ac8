"""The command `serve`: the desk's server, from the command line to the listening sockets."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import structlog

from certdesk.app import Desk, Founding, Job, jobs_of, open_desk, run_job
from certdesk.ca.desk_certificate import DeskCertificate
from certdesk.cli.context import data_option, read_passphrase, say
from certdesk.console.app import console_app
from certdesk.domain.enrollment import Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.api.app import PREFIXES as API_PREFIXES
from certdesk.doors.api.app import api_app
from certdesk.doors.http import listener_app
from certdesk.doors.metrics import Figure, RequestMetrics, shared_memory
from certdesk.doors.settings import HTTPSettings
from certdesk.doors.validation.app import PREFIXES, validation_app
from certdesk.keys.signer import KeyAlgorithm
from certdesk.serving import Endpoint, Process, bind, run, server_tls
from certdesk.serving import serve as serve_endpoints

_DEFAULT_PKI_PORT = 8080
_RENEWAL_SECONDS = 3600

if sys.platform == "win32":  # pragma: no cover - the server runs on POSIX systems
    fcntl: Any = None
else:
    import fcntl


class Address(click.ParamType[tuple[str, int]]):
    """`HOST:PORT`; an IPv6 address stands in brackets."""

    name = "HOST:PORT"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return host and port."""
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or int(port) > 0xFFFF:  # noqa: PLR2004 - the largest port
            self.fail(f"{value!r} is not HOST:PORT", param, ctx)
        return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `serve` was told."""

    data: Path
    database: str | None
    passphrase_file: Path | None
    listen: tuple[str, int]
    pki_listen: tuple[str, int] | None
    url: str | None
    pki_url: str | None
    name: str
    country: str
    root_key: str
    issuing_key: str
    tls: bool
    tls_certificate: Path | None
    tls_key: Path | None
    trusted_proxies: tuple[str, ...]
    processes: int
    rate_limit: float
    access_log: bool

    @property
    def pki_address(self) -> tuple[str, int]:
        """Where the plain listener listens."""
        return self.pki_listen or (self.listen[0], _DEFAULT_PKI_PORT)

    @property
    def desk_url(self) -> str:
        """Under which URL devices reach the desk."""
        return (self.url or _url("https" if self.tls else "http", self.listen)).rstrip("/")

    @property
    def validation_url(self) -> str:
        """Under which URL relying parties find CRLs and OCSP."""
        return (self.pki_url or _url("http", self.pki_address)).rstrip("/")

    def founding(self) -> Founding:
        """Return what a first start needs to know."""
        return Founding(
            self.name,
            self.country.upper(),
            self.desk_url,
            self.validation_url,
            KeyAlgorithm(self.root_key),
            KeyAlgorithm(self.issuing_key),
        )

    def check(self) -> None:
        """Raise `INVALID_FIELD` for what does not go together."""
        if self.processes > 1 and not self.database:
            raise _wrong("processes", N_("SQLite serves one process: several need --database postgresql://…"))
        if bool(self.tls_certificate) is not bool(self.tls_key):
            raise _wrong("tls-certificate", N_("--tls-certificate and --tls-key go together"))
        if self.database and not self.database.startswith(("postgresql://", "postgres://")):
            raise _wrong("database", N_("a database URL begins with postgresql://"))
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise _wrong("trusted-proxy", N_("this is not an address or network, such as 10.0.0.0/8")) from None


def _wrong(option: str, message: str) -> CertdeskError:
    return CertdeskError(ErrorKind.INVALID_FIELD, message, field=f"--{option}")


def _url(scheme: str, address: tuple[str, int]) -> str:
    host, port = address
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - nothing is bound here
        host = socket.getfqdn()
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


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
@click.option("--access-log", is_flag=True, help=N_("log every request"))
def serve(**arguments: Any) -> int:  # noqa: ANN401 - what the options say
    """Serve the desk."""
    options = Options(**arguments)
    options.check()
    _log_as_json()
    is_new = not (options.data / "keys").exists()
    passphrase = read_passphrase(options.passphrase_file, is_new=is_new)
    options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_server(options):
        sockets = bind(*options.listen), bind(*options.pki_address)
        memory = shared_memory(options.processes)

        async def work(process: Process) -> None:
            await _serve(options, passphrase, sockets, memory, process)

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


async def _serve(
    options: Options,
    passphrase: bytes,
    sockets: tuple[socket.socket, socket.socket],
    memory: mmap,
    process: Process,
) -> None:
    desk = await open_desk(options.data, passphrase, options.database, options.founding())
    try:
        with contextlib.suppress(CertdeskError):  # the job tries again, and logs why
            await desk.ra.resume(0 if not options.database else 30_000)
        tls, jobs = await _tls(options, desk, passphrase)
        jobs += jobs_of(desk)
        settings = _settings(options, desk, jobs, RequestMetrics(memory, process.number))
        main, plain = _applications(options, desk, settings)
        async with _jobs(jobs):
            await serve_endpoints(
                [Endpoint(sockets[0], main, tls), Endpoint(sockets[1], plain)],
                process,
                lambda: _announce(options) if process.number == 0 else None,
            )
    finally:
        await desk.close()


def _applications(options: Options, desk: Desk, settings: HTTPSettings) -> tuple[Any, Any]:
    validation = validation_app(desk.va)
    api = api_app(desk.ra, chain_pem=desk.ca.chain_pem, settings=settings, ready=desk.ready)
    console = console_app(desk.ra, chain_pem=desk.ca.chain_pem, desk_url=options.desk_url, settings=settings)
    doors = dict.fromkeys(API_PREFIXES, api) | dict.fromkeys(PREFIXES, validation)
    return (
        listener_app(console, doors, settings),
        listener_app(validation, {}, settings),
    )


def _settings(options: Options, desk: Desk, jobs: list[Job], metrics: RequestMetrics) -> HTTPSettings:
    async def figures() -> Iterable[Figure]:
        waiting = await desk.store.requests.waiting()
        issued = await desk.store.certificates.issued()
        return [
            Figure("certdesk_requests_waiting", "Requests that wait for a decision", waiting),
            Figure("certdesk_certificates_issued", "Certificates ever issued", issued, counts=True),
            *(_job_figure(job) for job in jobs),
        ]

    return HTTPSettings(
        log=structlog.get_logger(),
        log_requests=options.access_log,
        trusted_proxies=options.trusted_proxies,
        public_calls_per_minute=options.rate_limit,
        metrics=metrics,
        figures=figures,
    )


def _job_figure(job: Job) -> Figure:
    """Return how often one of this process's jobs has failed."""
    return Figure(
        "certdesk_job_failures", "Turns of a job that failed", job.failures, counts=True, labels={"job": job.name}
    )


async def _tls(options: Options, desk: Desk, passphrase: bytes) -> tuple[ssl.SSLContext | None, list[Job]]:
    """Return the main listener's TLS context and the job that keeps its certificate fresh."""
    if not options.tls:
        return None, []
    if options.tls_certificate and options.tls_key:
        return server_tls(options.tls_certificate, options.tls_key, None, desk.ca.chain_pem), []
    certificate, names = DeskCertificate(desk.ca, desk.keys, desk.clock), _names_of(options)
    await certificate.renew_if_due(names)
    context = server_tls(certificate.path, certificate.path, passphrase, desk.ca.chain_pem)

    async def renew() -> None:
        await certificate.renew_if_due(names)
        context.load_cert_chain(certificate.path, certificate.path, passphrase)

    return context, [Job("renew the TLS certificate", _RENEWAL_SECONDS, renew)]


def _names_of(options: Options) -> Names:
    """Return the names at which the desk is called: the URL's host, and the address that it listens on."""
    dns: dict[str, None] = {}
    ip: dict[str, None] = {}
    for host in (urlsplit(options.desk_url).hostname or "", options.listen[0]):
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            dns[host] = None
        else:
            if not address.is_unspecified:
                ip[address.compressed] = None
    return Names(tuple(dns), tuple(ip))


@contextlib.asynccontextmanager
async def _jobs(jobs: Iterable[Job]) -> AsyncIterator[None]:
    """Run the jobs beside the server."""
    tasks = [asyncio.create_task(run_job(job)) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _announce(options: Options) -> None:
    say(N_("the desk is open at {url}"), url=options.desk_url)
    say(N_("revocation lists and OCSP at {url}"), url=options.validation_url)
    say(N_("settings of an organisation at {url}/settings/CODE.xml"), url=options.desk_url)
