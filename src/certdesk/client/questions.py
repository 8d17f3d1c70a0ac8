"""Everything a request needs: from the options, from the last time, from the settings, or by asking."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

import idna

from certdesk.client.device import device_id
from certdesk.client.failures import ClientError
from certdesk.client.records import Form
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.wire.settings import Settings

Ask = Callable[[str, str], str]
"""Asks the person a question (a message id) with a proposal, and returns what was typed."""


@dataclass(frozen=True, slots=True)
class Given:
    """What stood on the command line; None where nothing did."""

    kind: Kind | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    state_or_province: str | None = None
    locality: str | None = None
    device_id: str | None = None
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()

    def differs_from(self, form: Form) -> bool:
        """Tell whether something stood there that is not what was requested."""
        return any(
            value not in (None, ()) and value != getattr(form, name)
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        )


_QUESTIONS = {
    "state_or_province": (N_("State or province"), "--state", "location.state_or_province"),
    "locality": (N_("Locality or city"), "--locality", "location.locality"),
    "email": (N_("E-mail"), "--email", "contact.email"),
    "phone": (N_("Phone, with country code"), "--phone", "contact.phone"),
    "description": (N_("Description (what helps the manager recognise you)"), "--description", "description"),
}
"""For each field that everybody fills in: the question, the option and the API's name."""


def normalised(given: Given) -> Given:
    """Return what was given with names and addresses in their one written form; raise with all that cannot be one."""
    problems: list[Problem] = []
    for name, (_, _, field) in _QUESTIONS.items():
        value = getattr(given, name)
        if value is not None and not value.strip():
            problems.append(Problem(ErrorKind.INVALID_FIELD, N_("this must not be empty"), field))
    dns = tuple(_dns_name(name, problems) for name in given.dns)
    addresses = tuple(_address(address, problems) for address in given.ip)
    if problems:
        raise CertdeskError.of(problems)
    fields = {name: value and value.strip() for name, value in ((name, getattr(given, name)) for name in _QUESTIONS)}
    return Given(kind=given.kind, device_id=given.device_id, dns=dns, ip=addresses, **fields)


def _dns_name(unverified_name: str, problems: list[Problem]) -> str:
    """Return a DNS name in A-labels, lower case (RFC 5890 §2.3.2.1); a leading `*.` stays."""
    wildcard = unverified_name.startswith("*.")
    try:
        name = idna.encode(unverified_name.removeprefix("*.").rstrip("."), uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        problem = N_("{value} is not a DNS name")
        problems.append(Problem(ErrorKind.INVALID_FIELD, problem, "names.dns", {"value": unverified_name}))
        return ""
    return f"*.{name}" if wildcard else name


def _address(unverified_address: str, problems: list[Problem]) -> str:
    try:
        return str(ip_address(unverified_address))
    except ValueError:
        problem = N_("{value} is not an IP address")
        problems.append(Problem(ErrorKind.INVALID_FIELD, problem, "names.ip", {"value": unverified_address}))
        return ""


def check_names(kind: Kind, names: tuple[str, ...], *, foreign_csr: bool) -> None:
    """Raise unless names and a foreign CSR are a server's, and a server has at least one name."""
    if kind is not Kind.SERVER and (names or foreign_csr):
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("names and a CSR are for a server's certificate"),
            hint=N_("add --kind server, or leave out --dns, --ip and --csr"),
            field="kind",
        )
    if kind is Kind.SERVER and not names:
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("a server's certificate needs a name"),
            hint=N_("add --dns NAME or --ip ADDRESS"),
            field="names.dns",
        )


def enrollment_name(kind: Kind, names: tuple[str, ...]) -> str:
    """Return the usual name of an enrollment: its kind or, since one person may have many servers, the server's."""
    return names[0].removeprefix("*.").replace(":", "-") if names else kind.value


def complete(given: Given, before: Form, settings: Settings, ask: Ask | None, *, everything: bool) -> Form:
    """Return the filled-in form: what is missing is asked for or, without `ask`, named in the error.

    With `everything`, all that was not given is asked for, with what is known as the proposal.
    """
    fields = {name: getattr(given, name) or getattr(before, name) for name in _QUESTIONS}
    for name in ("state_or_province", "locality"):
        fields[name] = fields[name] or getattr(settings, name)
    open_questions = [
        name for name in _QUESTIONS if not fields[name] or (ask and everything and getattr(given, name) is None)
    ]
    if ask:
        for name in open_questions:
            fields[name] = ask(_QUESTIONS[name][0], fields[name])
    elif open_questions:
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("missing: {options}"),
            hint=N_("give them as options, or run the command on a terminal to be asked"),
            options=", ".join(_QUESTIONS[name][1] for name in open_questions),
        )
    device = given.device_id or before.device_id or device_id(settings.organisation)
    return Form(before.kind, device_id=device, dns=given.dns or before.dns, ip=given.ip or before.ip, **fields)
