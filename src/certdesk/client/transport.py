"""One HTTP exchange that cannot hang, cannot swell and does not give up at the first broken connection.

Every call of the client may be repeated: reading is harmless, and what is submitted carries a claim by
which the desk recognises it. So a lost connection and the answers 429, 502, 503 and 504 are tried again,
with a growing and slightly random pause, or the one that `Retry-After` names.
"""

import ipaddress
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from certdesk import __version__
from certdesk.client.failures import ClientError, unusable_answer
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_

LARGEST_ANSWER = 256 * 1024
"""Bytes of a body."""
LONGEST_EXCHANGE = 60.0
"""Seconds from sending to the last byte, so that a dripping answer ends too."""
LONGEST_RETRY_AFTER = 30.0
"""Seconds; a desk that asks for more patience than this is reported as unreachable."""

_HOST = re.compile(rb"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f:.]+")
_AGAIN = frozenset({429, 502, 503, 504})


def _say_nothing(message: str) -> None:
    """Keep a message to oneself."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try, how long to pause in between; with the clock and chance of a test in their place."""

    tries: int = 5
    first_pause: float = 0.5
    """Seconds; doubled at every further try."""
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    notice: Callable[[str], None] = _say_nothing
    """Told the message id of what is being waited for."""

    def pauses(self) -> Iterator[float]:
        """Yield the pause after each failed try but the last, shortened by up to half so that crowds disperse."""
        for attempt in range(self.tries - 1):
            yield self.first_pause * 2**attempt * (1 - self.chance() / 2)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    octets: bytes = field(repr=False)

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait (RFC 9110 §10.2.3), or None when it does not say; the desk never sends a date."""
        value = self.headers.get("Retry-After", "")
        return float(value[:9]) if value.isascii() and value.isdigit() else None


def is_loopback(host: str) -> bool:
    """Tell whether a URL's host is this machine, so that plain HTTP to it crosses no network."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_url(unverified_url: str) -> httpx.URL:
    """Return the URL if it is https, or http to this machine; else raise `INVALID_FIELD`."""
    try:
        url = httpx.URL(unverified_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host):
        raise ClientError(
            ErrorKind.INVALID_FIELD, N_("this is not an https address: {url}"), field="url", url=unverified_url
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("plain http is accepted for this machine only, and {url} is another"),
            hint=N_("use https; --trust or --fingerprint accept a desk with a certificate of its own"),
            field="url",
            url=unverified_url,
        )
    if url.userinfo:
        raise ClientError(ErrorKind.INVALID_FIELD, N_("the address must not hold a user name or password"), field="url")
    return url


def tls_context(anchors: tuple[bytes, ...], *, system: bool, pem: str = "") -> ssl.SSLContext:
    """Return a TLS context that trusts the given certificates (DER, and PEM) and, if wanted, the system's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an anchor need not be self-signed
    if system:
        context.load_default_certs()
    try:
        if anchors:
            context.load_verify_locations(cadata=b"".join(anchors))
        if pem:
            context.load_verify_locations(cadata=pem)
    except ssl.SSLError as error:
        raise ClientError(ErrorKind.INVALID_FIELD, N_("the certificates to trust cannot be read as PEM")) from error
    return context


def unverified_tls_context() -> ssl.SSLContext:
    """Return a TLS context that believes anybody: only to learn which certificate to compare with a fingerprint."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Transport:
    """HTTP to one desk. Use as a context manager; `exchange` raises `UNAVAILABLE` when there is no answer."""

    def __init__(self, tls: ssl.SSLContext, *, language: str = "en", patience: Patience | None = None) -> None:
        self._tls = tls
        self._patience = patience or Patience()
        self._headers = {
            "User-Agent": f"certdesk-client/{__version__}",
            "Accept-Language": language,
            "Accept-Encoding": "identity",  # so that a small body cannot become a large one
        }
        self._clients: dict[bool, httpx.Client] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()

    def exchange(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Reply:
        """Return the desk's answer, whatever its status but those that mean *try again*."""
        pauses = self._patience.pauses()
        tell = self._patience.notice
        while True:
            answer = self._attempt(method, url, headers or {}, content)
            if isinstance(answer, Reply) and answer.status not in _AGAIN:
                return answer
            failure = _busy(url, answer) if isinstance(answer, Reply) else answer
            wished = answer.retry_after if isinstance(answer, Reply) else None
            pause = next(pauses, None)
            if pause is None or (wished or 0) > LONGEST_RETRY_AFTER:
                raise failure
            tell(N_("the desk does not answer yet, trying again"))
            tell = _say_nothing
            self._patience.sleep(pause if wished is None else wished)

    def _client(self, url: httpx.URL) -> httpx.Client:
        """Return the connection pool; proxies of the environment are left out on the way to this machine."""
        direct = is_loopback(url.host)
        if direct not in self._clients:
            timeout = httpx.Timeout(30, connect=10)
            self._clients[direct] = httpx.Client(verify=self._tls, timeout=timeout, trust_env=not direct)
        return self._clients[direct]

    def _attempt(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None
    ) -> Reply | ClientError:
        """Return the answer, or the reason why there is none; raise when trying again is useless."""
        deadline = self._patience.monotonic() + LONGEST_EXCHANGE
        try:
            with self._client(url).stream(
                method, url, headers={**self._headers, **headers}, content=content
            ) as response:
                return Reply(response.status_code, response.headers, self._body(response, deadline))
        except httpx.RemoteProtocolError:
            return _unreachable(url, N_("the desk at {address} broke off its answer"))
        except httpx.TimeoutException:
            return _unreachable(url, N_("the desk at {address} did not answer in time"))
        except httpx.TransportError as error:
            if distrusted := _certificate_error(error):
                raise _untrusted(url, distrusted) from error
            return _unreachable(url, N_("the desk at {address} cannot be reached: {reason}"), _reason(error))

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise unusable_answer(N_("the desk's answer is larger than {limit} bytes"), limit=LARGEST_ANSWER)
            if self._patience.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer drips")
        return bytes(body)


def _unreachable(url: httpx.URL, message: str, reason: str = "") -> ClientError:
    return ClientError(
        ErrorKind.UNAVAILABLE,
        message,
        hint=N_("nothing is lost; run the same command again later"),
        address=f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}",
        reason=reason,
    )


def _busy(url: httpx.URL, reply: Reply) -> ClientError:
    return ClientError(
        ErrorKind.UNAVAILABLE,
        N_("the desk at {address} is busy or out of service (HTTP {status})"),
        hint=N_("nothing is lost; run the same command again later"),
        address=url.host,
        status=reply.status,
    )


def _untrusted(url: httpx.URL, error: ssl.SSLCertVerificationError) -> ClientError:
    return ClientError(
        ErrorKind.UNAUTHENTICATED,
        N_("{address} does not prove that it is the desk: {reason}"),
        hint=N_("certdesk-client configure with --trust or --fingerprint accepts a desk with a certificate of its own"),
        address=url.host,
        reason=error.verify_message,
    )


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the failed verification among an error's causes."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: BaseException) -> str:
    """Return the operating system's words, lower case, without its numbers."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return str(error).lower()
