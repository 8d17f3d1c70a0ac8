"""The states of requests and certificates, and the one table of the transitions between them."""

from enum import StrEnum


class RequestState(StrEnum):
    """Where a certification request stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    ISSUED = "issued"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"


class CertificateStatus(StrEnum):
    """Where a certificate stands. *Expired* is derived from `not_after`, never stored."""

    VALID = "valid"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class Action(StrEnum):
    """What happens to a request or a certificate; also the name of its audit event."""

    SUBMIT = "request.submitted"
    APPROVE = "request.approved"
    ISSUE = "request.issued"
    REJECT = "request.rejected"
    CANCEL = "request.cancelled"
    LAPSE = "request.lapsed"
    INSTALL = "request.installed"
    REVOKE = "certificate.revoked"
    SUPERSEDE = "certificate.superseded"


REQUEST_TRANSITIONS: dict[Action, tuple[RequestState | None, RequestState]] = {
    Action.SUBMIT: (None, RequestState.REQUESTED),
    Action.APPROVE: (RequestState.REQUESTED, RequestState.APPROVED),
    Action.ISSUE: (RequestState.APPROVED, RequestState.ISSUED),
    Action.REJECT: (RequestState.REQUESTED, RequestState.REJECTED),
    Action.CANCEL: (RequestState.REQUESTED, RequestState.CANCELLED),
    Action.LAPSE: (RequestState.REQUESTED, RequestState.LAPSED),
    Action.INSTALL: (RequestState.ISSUED, RequestState.ISSUED),
}
"""Each action's only starting state and its result. Storage compares and sets by it."""

CERTIFICATE_TRANSITIONS: dict[Action, tuple[frozenset[CertificateStatus], CertificateStatus]] = {
    Action.SUPERSEDE: (frozenset({CertificateStatus.VALID}), CertificateStatus.SUPERSEDED),
    # A superseded certificate is still valid to those who were shown it, so it can be revoked.
    Action.REVOKE: (frozenset({CertificateStatus.VALID, CertificateStatus.SUPERSEDED}), CertificateStatus.REVOKED),
}

PENDING = frozenset({RequestState.REQUESTED, RequestState.APPROVED})
"""States in which the requester is told to come back later."""


class RevocationReason(StrEnum):
    """The CRLReason names of RFC 5280 §5.3.1 that a person may give.

    `certificateHold` and `removeFromCRL` are left out: a certificate once revoked stays so.
    """

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
