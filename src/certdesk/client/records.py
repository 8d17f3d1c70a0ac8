"""What is remembered of an enrollment between two runs: one value, written as one JSON file.

An enrollment has three places, each empty or filled:

    prepared    key, CSR and claim exist here; the desk may or may not have heard of them
    requested   the desk has acknowledged them, and this is what it last said
    issued      the certificate in force

Key, CSR and claim move from `prepared` to `requested` to `issued`; a correction or a renewal fills
`prepared` again while the older places keep what they have. Every step is one new value, saved in
one write, so a kill at any moment leaves one of the values and never something between.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from certdesk.client.failures import ClientError
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_

VERSION = 1


@dataclass(frozen=True, slots=True)
class Form:
    """What the requester filled in; kept so that a correction need not repeat it."""

    kind: Kind
    email: str = ""
    phone: str = ""
    description: str = ""
    state_or_province: str = ""
    locality: str = ""
    device_id: str = ""
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A key and what is needed to ask for its certificate, as often as it takes."""

    csr: str
    """PEM."""
    claim: str
    """43 base64url characters; who knows them may collect."""
    key: str = ""
    """Encrypted PKCS#8 PEM; empty when the key lives elsewhere."""
    renews: str = ""
    """Serial number, hexadecimal, of the certificate to renew; empty for a first request."""
    proof: str = ""
    """The old key's signature over the renewal, base64."""


@dataclass(frozen=True, slots=True)
class Requested:
    """An order that the desk has acknowledged, and what it last said of it."""

    order: Order
    id: str
    status: str
    """A `RequestState`."""
    verification_code: str
    reason: str = ""
    lapses_at: str = ""
    superseded_by: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A verified certificate with its key."""

    id: str
    """The request's ID."""
    claim: str
    key: str
    certificate: str
    """PEM."""
    chain: str
    """PEM of the issuing certificates, end entity's issuer first."""
    installed_at: int = 0
    """Milliseconds since 1970 UTC; 0 when it was not installed."""
    reported: bool = False
    """Whether the desk knows that it is installed."""
    retired: tuple[str, ...] = ()
    """The last predecessors that were installed, PEM; an installation removes their keys."""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """Everything known of one enrollment."""

    name: str
    organisation: str
    form: Form
    prepared: Order | None = None
    requested: Requested | None = None
    issued: Issued | None = None

    @property
    def status(self) -> str:
        """Return where it stands: `new`, `prepared`, a request state, or `installed`."""
        if self.prepared:
            return "prepared"
        if self.requested:
            return self.requested.status
        if self.issued:
            return "installed" if self.issued.installed_at else "issued"
        return "new"

    def prepare(self, form: Form, order: Order) -> "Enrollment":
        """Return it with an order that is about to be submitted."""
        return replace(self, form=form, prepared=order)

    def acknowledge(self, requested: Requested) -> "Enrollment":
        """Return it with what the desk has said; the order is no longer merely prepared."""
        prepared = None if requested.order == self.prepared else self.prepared
        return replace(self, prepared=prepared, requested=requested)

    def refuse(self) -> "Enrollment":
        """Return it without the prepared order, which the desk will never accept."""
        return replace(self, prepared=None)

    def collect(self, issued: Issued) -> "Enrollment":
        """Return it with a certificate that has been verified; what was asked for is done."""
        return replace(self, requested=None, issued=issued)


def write_enrollment(enrollment: Enrollment) -> bytes:
    """Return the JSON text, UTF-8."""
    return json.dumps({"version": VERSION, **asdict(enrollment)}, indent=1).encode()


def read_enrollment(stored: bytes) -> Enrollment:
    """Return the enrollment in a stored JSON text, or raise `INCOMPATIBLE` when it was not written by this version."""
    try:
        document = json.loads(stored)
        if document["version"] > VERSION:
            raise ClientError(
                ErrorKind.INCOMPATIBLE,
                N_("this enrollment was written by a newer certdesk-client"),
                hint=N_("update certdesk-client"),
            )
        return _enrollment(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ClientError(ErrorKind.INCOMPATIBLE, N_("the stored enrollment is damaged")) from error


def _enrollment(document: dict[str, Any]) -> Enrollment:
    form, requested, issued = document["form"], document["requested"], document["issued"]
    return Enrollment(
        name=document["name"],
        organisation=document["organisation"],
        form=Form(**{**form, "kind": Kind(form["kind"]), "dns": tuple(form["dns"]), "ip": tuple(form["ip"])}),
        prepared=Order(**document["prepared"]) if document["prepared"] else None,
        requested=Requested(**{**requested, "order": Order(**requested["order"])}) if requested else None,
        issued=Issued(**{**issued, "retired": tuple(issued["retired"])}) if issued else None,
    )
