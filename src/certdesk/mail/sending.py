"""Handing mails to the mail server (RFC 5321), each at most once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from urllib.parse import unquote, urlsplit

import aiosmtplib

from certdesk.domain.clock import HOUR, MINUTE, Clock
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.mail.writing import write
from certdesk.policy.contact import judge_email
from certdesk.store.mails import Mail, Mails

_PAUSES = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR)
_SLICE = 20
_TIMEOUT = 30.0
_PERMANENT = range(500, 600)

Completion = Callable[[Mail], Awaitable[Mapping[str, str]]]
"""Returns a mail's facts, with what is only made when it is sent, such as a one-time link."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over, and in whose name."""

    host: str
    port: int
    sender: Address
    is_tls: bool = False
    """TLS from the beginning (`smtps`); otherwise STARTTLS, required unless the server is on this machine."""
    username: str | None = None
    password: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether no network is in between."""
        return self.host in {"localhost", "127.0.0.1", "::1"}


def mail_server(url: str, sender: str, password: str | None) -> MailServer:
    """Return the server of `smtp://user@host:587` or `smtps://user@host`; raise `INVALID_FIELD`."""
    if problems := judge_email("--mail-from", sender):
        raise CertdeskError.of(problems)
    try:
        parts = urlsplit(url)
        port = parts.port or (465 if parts.scheme == "smtps" else 587)
    except ValueError:
        raise _no_mail_server() from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.password is not None:
        raise _no_mail_server()
    address = Address(display_name="Certdesk", addr_spec=sender)
    username = unquote(parts.username) if parts.username else None
    return MailServer(parts.hostname, port, address, parts.scheme == "smtps", username, password)


def _no_mail_server() -> CertdeskError:
    return CertdeskError(
        ErrorKind.INVALID_FIELD,
        N_("a mail server is smtp://user@host:587 or smtps://user@host, and its password stands in a file"),
        field="--smtp",
    )


class Sender:
    """Empties the outbox."""

    def __init__(self, server: MailServer, mails: Mails, complete: Completion, clock: Clock) -> None:
        self._server = server
        self._mails = mails
        self._complete = complete
        self._clock = clock

    async def send(self) -> int:
        """Send what is due; return how many mails were begun."""
        begun = 0
        for mail in await self._mails.due(self._clock(), _SLICE):
            if await self._mails.begin(mail.id, self._clock()):
                begun += 1
                await self._send(mail)
        return begun

    async def _send(self, mail: Mail) -> None:
        """Send one mail. Only a definite no puts it back: when the answer got lost it may have been accepted."""
        try:
            message = write(mail, self._server.sender, self._server.sender.domain, await self._complete(mail))
            await self._hand_over(message)
        except aiosmtplib.SMTPServerDisconnected:
            return
        except aiosmtplib.SMTPReadTimeoutError:
            return
        except aiosmtplib.SMTPResponseException as error:
            await self._put_back(mail, f"{error.code} {error.message}", is_final=error.code in _PERMANENT)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refusal.code for refusal in error.recipients]
            await self._put_back(mail, str(error), is_final=all(code in _PERMANENT for code in codes))
        except (aiosmtplib.SMTPException, OSError) as error:  # nothing was handed over yet
            await self._put_back(mail, type(error).__name__, is_final=False)
        else:
            await self._mails.sent(mail.id, self._clock())

    async def _hand_over(self, message: object) -> None:
        server = self._server
        await aiosmtplib.send(
            message,  # type: ignore[arg-type]
            hostname=server.host,
            port=server.port,
            use_tls=server.is_tls,
            start_tls=None if server.is_local else not server.is_tls,
            username=server.username,
            password=server.password,
            timeout=_TIMEOUT,
        )

    async def _put_back(self, mail: Mail, why: str, *, is_final: bool) -> None:
        attempts = mail.attempts + 1
        is_final = is_final or attempts > len(_PAUSES)
        due_at = self._clock() + _PAUSES[min(attempts, len(_PAUSES)) - 1]
        await self._mails.failed(mail.id, due_at, why[:500] if is_final else "")
