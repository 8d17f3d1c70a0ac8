"""What all use cases share: the store, the CA, the audit log, and the few questions asked everywhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from certdesk.audit import AuditLog
from certdesk.ca.order import CertificateOrder
from certdesk.domain.clock import Clock
from certdesk.domain.enrollment import CertificationRequest, Kind, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import Randomness
from certdesk.domain.text import N_
from certdesk.policy.fields import judge_text, normal_lines
from certdesk.ra.proofs import Proofs
from certdesk.store import Store


class CertificateAuthority(Protocol):
    """What the RA needs of a CA, which may be in this process or far away."""

    @property
    def issuer(self) -> str:
        """The issuing authority's key identifier, hexadecimal."""
        ...

    @property
    def not_after(self) -> int:
        """When the issuing certificate ends; nothing is ordered beyond."""
        ...

    @property
    def root_der(self) -> bytes:
        """The trust anchor's certificate."""
        ...

    def new_serial_number(self) -> bytes:
        """Return 16 fresh random bytes, a positive integer."""
        ...

    async def issue(self, order: CertificateOrder) -> bytes:
        """Return a signed DER certificate; raise `UNAVAILABLE` when it cannot sign now."""
        ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody without a role whom the audit log names: the requester, or the desk itself."""

    name: str
    source: str = ""


DESK = Actor("desk")

LONGEST_REASON = 1000
"""Characters of a reason or comment."""


class Office:
    """The desk's people, books and stamp, shared by the use cases."""

    def __init__(
        self,
        store: Store,
        ca: CertificateAuthority,
        log: AuditLog,
        *,
        publish_crl: Callable[[], Awaitable[object]],
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._ca = ca
        self._log = log
        self._publish_crl = publish_crl
        self._clock = clock
        self._randomness = randomness
        self._proofs = Proofs()


def no_such_request() -> CertdeskError:
    """Say that there is no such request, or none that the caller may know of."""
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such request"))


def no_such_certificate() -> CertdeskError:
    """Say that there is no such certificate, or none that the caller may know of."""
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such certificate"))


def hidden_from(by: Principal) -> Kind | None:
    """Return the kind that a caller is not shown: what the operator does with managers is the operator's."""
    return Kind.MANAGER if by.organisation else None


def shown_kinds(by: Principal, wanted: Kind | None = None) -> tuple[Kind, ...]:
    """Return the kinds of a list for a caller who may want one only."""
    hidden = hidden_from(by)
    return tuple(kind for kind in Kind if kind is not hidden and (wanted is None or kind is wanted))


def no_such_organisation() -> CertdeskError:
    """Say that there is no such organisation, or none that the caller may know of."""
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such organisation at this desk"))


def unknown_organisation() -> CertdeskError:
    """Say the same of an organisation that stands in a field of what was sent."""
    return CertdeskError(
        ErrorKind.INVALID_FIELD, N_("there is no such organisation at this desk"), field="organisation"
    )


def check_no_auditor(by: Principal) -> None:
    """Raise `FORBIDDEN` for an auditor, whose scope is no permission to change anything."""
    if by.role is Role.AUDITOR:
        raise CertdeskError(ErrorKind.FORBIDDEN, N_("an auditor reads and exports, and decides nothing"))


def check_decides(kind: Kind, by: Principal) -> None:
    """Raise `FORBIDDEN` unless requests of a kind are this caller's role's to decide."""
    check_no_auditor(by)
    if not by.decides(kind):
        raise CertdeskError(
            ErrorKind.FORBIDDEN, N_("requests of kind {kind} are decided by administrators"), kind=kind.value
        )


def check_may_decide(request: CertificationRequest, by: Principal) -> None:
    """Raise `FORBIDDEN` unless the request is this caller's to decide."""
    check_decides(request.submission.kind, by)
    if request.submission.email.casefold() == by.name.casefold():
        raise CertdeskError(ErrorKind.FORBIDDEN, N_("nobody decides their own request: ask a colleague"))


def check_administrator(by: Principal) -> None:
    """Raise `FORBIDDEN` unless the caller is an administrator of the whole federation."""
    if by.role is not Role.ADMINISTRATOR or by.organisation:
        raise CertdeskError(ErrorKind.FORBIDDEN, N_("only an administrator may do this"))


def checked_text(field: str, unverified_text: str, *, required: bool = True) -> str:
    """Return a reason or comment in one line, or raise `INVALID_FIELD`."""
    text = normal_lines(unverified_text)
    problems = judge_text(field, text, LONGEST_REASON, required=required)
    if problems:
        raise CertdeskError.of(problems)
    return text
