"""Writing mails: plain text, so that nothing in it can pretend to be anything else.

A mail to somebody whose language is not known says everything in every language the desk has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from certdesk.domain.characters import refused_character
from certdesk.domain.text import LANGUAGES, N_, translator
from certdesk.store.mails import Mail


@dataclass(frozen=True, slots=True)
class Text:
    """What a mail says, as message ids with `{facts}`."""

    subject: str
    lines: tuple[str, ...]
    """Paragraphs; one that consists of a fact which is empty is left out."""


_DEVICE = N_("Device: {device}")
_ID = N_("Request ID: {id}")
TEXTS: Mapping[str, Text] = {
    "submitted": Text(
        N_("{id}: a certificate is asked for"),
        (
            N_("A request waits for your decision."),
            _ID,
            N_("Verification code: {code}"),
            N_("From: {email}, {phone}"),
            _DEVICE,
            N_("Description: {description}"),
            N_("See and decide it here: {url}"),
        ),
    ),
    "digest": Text(
        N_("Requests that wait for you: {count}"),
        (
            N_("{count} requests wait for your decision, the oldest since {since}."),
            N_("See and decide them here: {url}"),
        ),
    ),
    "issued": Text(
        N_("{id}: your certificate is issued"),
        (
            N_("Your request was approved and the certificate is issued."),
            _ID,
            _DEVICE,
            N_("The device collects it by itself, or when you tell it to check now."),
        ),
    ),
    "rejected": Text(
        N_("{id}: your request was rejected"),
        (
            N_("Your request for a certificate was rejected."),
            _ID,
            _DEVICE,
            N_("The reason: {reason}"),
            N_("You can make a new request on the device. If something is unclear, ask your registration manager."),
        ),
    ),
    "expiring": Text(
        N_("{id}: your certificate ends on {until}"),
        (
            N_("The certificate of this device ends on {until}."),
            _ID,
            _DEVICE,
            N_("Switch the device on and connect it in time: it renews the certificate by itself."),
        ),
    ),
    "expiring-manager": Text(
        N_("Your user certificate ends on {until}"),
        (
            N_("The user certificate with which you sign in to the certificate desk ends on {until}."),
            N_("Ask an administrator for a new one in time."),
        ),
    ),
    "invited": Text(
        N_("You are invited to the certificate desk"),
        (
            N_("You were registered as a manager of the certificate desk."),
            N_("Follow this link to sign in for the first time. It works once, and not for long: {url}"),
            N_("If you did not expect this mail, ignore it."),
        ),
    ),
}


def write(mail: Mail, sender: Address, domain: str, facts: Mapping[str, str]) -> EmailMessage:
    """Return the message; its Message-ID is made from the mail's ID and so the same at every attempt."""
    text = TEXTS[mail.template]
    languages = (mail.language,) if mail.language in LANGUAGES else LANGUAGES
    shown = {name: visible(value) for name, value in facts.items()}
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = translator(languages[0])(text.subject).format_map(shown)
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.created_at // 1000, UTC))
    message["Message-ID"] = f"<{mail.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation note answers it
    message.set_content("\n\n--\n\n".join(_body(text, language, shown) for language in languages) + "\n")
    message["Content-Language"] = ", ".join(languages)
    return message


def _body(text: Text, language: str, facts: Mapping[str, str]) -> str:
    translate = translator(language)
    return "\n".join(translate(line).format_map(facts) for line in text.lines)


def visible(text: str) -> str:
    """Return text in one line in which characters that cannot be seen, or that reorder others, show themselves."""
    return "".join(f"<U+{ord(each):04X}>" if refused_character(each) else each for each in text)
