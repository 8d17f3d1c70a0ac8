"""The desk as a server in one process: its doors on the sockets, and its jobs beside them."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from mmap import mmap
from typing import Any
from urllib.parse import urlsplit

import structlog

from certdesk.app import FOUNDER, Desk, jobs_of, open_desk
from certdesk.ca.desk_certificate import DeskCertificate
from certdesk.cli.context import say
from certdesk.cli.options import Options
from certdesk.console.app import console_app
from certdesk.domain.enrollment import Names
from certdesk.domain.errors import CertdeskError
from certdesk.domain.text import N_
from certdesk.doors.api.app import PREFIXES as API_PREFIXES
from certdesk.doors.api.app import api_app
from certdesk.doors.est import PREFIXES as EST_PREFIXES
from certdesk.doors.est import est_app
from certdesk.doors.http import listener_app
from certdesk.doors.metrics import Figure, RequestMetrics
from certdesk.doors.scep import PREFIX as SCEP_PREFIX
from certdesk.doors.scep import scep_app
from certdesk.doors.settings import HTTPSettings
from certdesk.doors.validation.app import PREFIXES, validation_app
from certdesk.jobs import Job, Load, run_job
from certdesk.mail.planning import Planner
from certdesk.mail.sending import Sender
from certdesk.ra.links import NewLink
from certdesk.serving import Endpoint, Process, server_tls
from certdesk.serving import serve as serve_endpoints
from certdesk.store.mails import Mail

_RENEWAL_SECONDS = 3600


async def serve_desk(
    options: Options,
    passphrase: bytes,
    sockets: tuple[socket.socket, socket.socket],
    memory: mmap,
    process: Process,
) -> None:
    """Open the desk and serve it until told to stop."""
    desk = await open_desk(options.data, passphrase, options.database, options.founding())
    try:
        with contextlib.suppress(CertdeskError):  # the job tries again, and logs why
            await desk.ra.resume(0 if not options.database else 30_000)
        tls, jobs = await _tls(options, desk, passphrase)
        jobs += jobs_of(desk) + _mail_jobs(options, desk)
        metrics = RequestMetrics(memory, process.number)
        settings = _settings(options, desk, jobs, metrics)
        main, plain = _applications(options, desk, settings)
        link = await desk.ra.first_link(FOUNDER) if process.number == 0 else None
        async with _jobs(jobs, Load(lambda: metrics.answered)):
            await serve_endpoints(
                [Endpoint(sockets[0], main, tls), Endpoint(sockets[1], plain)],
                process,
                lambda: _announce(options, link) if process.number == 0 else None,
            )
    finally:
        await desk.close()


def _applications(options: Options, desk: Desk, settings: HTTPSettings) -> tuple[Any, Any]:
    validation = validation_app(desk.va)
    api = api_app(desk.ra, chain_pem=desk.ca.chain_pem, settings=settings, ready=desk.ready)
    console = console_app(
        desk.ra,
        chain_pem=desk.ca.chain_pem,
        desk_url=options.desk_url,
        settings=settings,
        is_own_tls=options.tls and options.tls_certificate is None,
    )
    ca_certificates = (desk.ca.hierarchy.issuing.der, desk.ca.hierarchy.root.der)
    est = est_app(desk.ra, ca_certificates=ca_certificates, settings=settings)
    scep = scep_app(
        desk.ra,
        desk.va,
        desk.scep,
        ca=desk.ca.hierarchy,
        desk_url=options.desk_url,
        settings=settings,
        next_ca=desk.next_ca(),
    )
    doors = dict.fromkeys(API_PREFIXES, api) | dict.fromkeys(PREFIXES, validation)
    doors |= dict.fromkeys(EST_PREFIXES, est) | {SCEP_PREFIX: scep}
    return (
        listener_app(console, doors, settings),
        # Most devices that know nothing but SCEP speak it without TLS; its messages protect themselves.
        listener_app(validation, {SCEP_PREFIX: scep}, settings),
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


def _mail_jobs(options: Options, desk: Desk) -> list[Job]:
    """Return the jobs that write to people, if there is a mail server."""
    server = options.mail_server()
    if server is None:
        return []

    async def complete(mail: Mail) -> Mapping[str, str]:
        """Make an invitation's link when it is sent: until then its secret would lie in the outbox."""
        if mail.template != "invited":
            return mail.facts
        link = await desk.ra.link_by_mail(mail.recipient)
        return {**mail.facts, "url": link.url(options.desk_url)}

    planner = Planner(desk.store, options.desk_url, desk.clock)
    sender = Sender(server, desk.store.mails, complete, desk.clock)
    return [
        Job("plan mails", 2, planner.plan),
        Job("plan digests", 600, planner.digest),
        Job("plan reminders", 3600, planner.remind),
        Job("send mails", 2, sender.send),
    ]


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
async def _jobs(jobs: Iterable[Job], load: Load) -> AsyncIterator[None]:
    """Run the jobs beside the server."""
    tasks = [asyncio.create_task(run_job(job, load)) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _announce(options: Options, link: NewLink | None) -> None:
    say(N_("the desk is open at {url}"), url=options.desk_url)
    say(N_("revocation lists and OCSP at {url}"), url=options.validation_url)
    say(N_("settings of an organisation at {url}/settings/CODE.xml"), url=options.desk_url)
    if link:
        say(
            N_("there is no administrator yet; whoever follows this link first becomes it (until {moment}):"),
            moment=link.until,
        )
        say("  {url}", url=link.url(options.desk_url))
