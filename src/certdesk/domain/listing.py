"""Lists of requests, certificates and managers: what is asked for, and one page of the answer."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from certdesk.domain.enrollment import Kind, Role
from certdesk.domain.states import CertificateStatus, RequestState

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests; an empty field does not limit."""

    organisation: str = ""
    state: RequestState | None = None
    kind: Kind | None = None
    text: str = ""
    """An ID, a certificate's serial number, or beginnings of words (`certdesk.domain.searching`)."""
    created_from: int | None = None
    created_before: int | None = None
    """Milliseconds; the moment itself is not included."""
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class CertificateFilter:
    """Which certificates; an empty field does not limit."""

    organisation: str = ""
    status: CertificateStatus | None = None
    kind: Kind | None = None
    text: str = ""
    """As for requests, or a SHA-256 fingerprint, or SHA-256 of the key, in hexadecimal."""
    expires_from: int | None = None
    expires_before: int | None = None
    """Milliseconds; the moment itself is not included."""


@dataclass(frozen=True, slots=True)
class ManagerFilter:
    """Which managers; an empty field does not limit."""

    text: str = ""
    """The beginning of an e-mail address, or a part of a name."""
    role: Role | None = None
    organisation: str = ""
    disabled: bool = False
    """Whether to list only those who are disabled."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page, in the order of the list."""

    items: tuple[Item, ...]
    next: str | None
    """Where the next page begins; None on the last page. Opaque to callers."""
