"""What the command `serve` is told."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

import click

from certdesk.app import Founding
from certdesk.cli.context import first_line
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.keys.signer import KeyAlgorithm
from certdesk.mail.sending import MailServer, mail_server
from certdesk.policy.countries import COUNTRIES
from certdesk.wire.settings import checked_desk_url

DEFAULT_PKI_PORT = 8080


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
    smtp: str | None
    mail_from: str | None
    smtp_password_file: Path | None

    @property
    def pki_address(self) -> tuple[str, int]:
        """Where the plain listener listens."""
        return self.pki_listen or (self.listen[0], DEFAULT_PKI_PORT)

    @property
    def desk_url(self) -> str:
        """Under which URL devices reach the desk."""
        return (self.url or _url("https" if self.tls else "http", self.listen)).rstrip("/")

    @property
    def validation_url(self) -> str:
        """Under which URL relying parties find CRLs and OCSP."""
        return (self.pki_url or _url("http", self.pki_address)).rstrip("/")

    def mail_server(self) -> MailServer | None:
        """Return where mails are handed over, if they are."""
        if not self.smtp or not self.mail_from:
            return None
        password = first_line(self.smtp_password_file) if self.smtp_password_file else None
        return mail_server(self.smtp, self.mail_from, password)

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
            raise wrong_option("processes", N_("SQLite serves one process: several need --database postgresql://…"))
        if bool(self.tls_certificate) is not bool(self.tls_key):
            raise wrong_option("tls-certificate", N_("--tls-certificate and --tls-key go together"))
        if self.database and not self.database.startswith(("postgresql://", "postgres://")):
            raise wrong_option("database", N_("a database URL begins with postgresql://"))
        if self.country and self.country.upper() not in COUNTRIES:
            raise wrong_option("country", N_("a country is one of the two-letter codes of ISO 3166-1, such as FR"))
        try:
            checked_desk_url(self.desk_url)
        except ValueError:
            raise wrong_option(
                "url", N_("devices need an https URL, such as https://desk.example.org; http is for this machine only")
            ) from None
        if bool(self.smtp) is not bool(self.mail_from):
            raise wrong_option("smtp", N_("--smtp and --mail-from go together"))
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise wrong_option(
                    "trusted-proxy", N_("this is not an address or network, such as 10.0.0.0/8")
                ) from None


def wrong_option(option: str, message: str) -> CertdeskError:
    """Say what is wrong with an option."""
    return CertdeskError(ErrorKind.INVALID_FIELD, message, field=f"--{option}")


def _url(scheme: str, address: tuple[str, int]) -> str:
    host, port = address
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - nothing is bound here
        host = socket.getfqdn()
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
