"""The transition tables are the design's, and have no way around."""

from cryptography import x509

from certdesk.domain.states import (
    CERTIFICATE_TRANSITIONS,
    PENDING,
    REQUEST_TRANSITIONS,
    Action,
    CertificateStatus,
    RequestState,
    RevocationReason,
)


def test_request_moves_only_as_the_design_says() -> None:
    """From requested to a decision, a newer request or a lapse; from approved to issued; and no further."""
    moves = {(before, after) for before, after in REQUEST_TRANSITIONS.values() if before is not after}
    assert moves == {
        (None, "requested"),
        ("requested", "approved"),
        ("approved", "issued"),
        ("requested", "rejected"),
        ("requested", "cancelled"),
        ("requested", "lapsed"),
    }


def test_installing_changes_no_state() -> None:
    """That a device reports its certificate installed is an event of an issued request, not a state."""
    assert REQUEST_TRANSITIONS[Action.INSTALL] == (RequestState.ISSUED, RequestState.ISSUED)


def test_every_request_state_can_be_reached() -> None:
    """No state stands in the enumeration that nothing leads to."""
    assert {after for _before, after in REQUEST_TRANSITIONS.values()} == set(RequestState)


def test_decided_requests_stay_decided() -> None:
    """Rejected, cancelled and lapsed requests are final."""
    starts = {before for before, _after in REQUEST_TRANSITIONS.values()}
    assert not starts & {RequestState.REJECTED, RequestState.CANCELLED, RequestState.LAPSED}


def test_pending_is_where_something_still_comes() -> None:
    """A requester waits exactly in the states that a decision or issuance leads out of."""
    moving = {before for before, after in REQUEST_TRANSITIONS.values() if before is not after}
    assert moving - {None} == PENDING


def test_revoked_is_final() -> None:
    """Valid and superseded certificates can be revoked; nothing leads out of revoked."""
    standing = frozenset({CertificateStatus.VALID, CertificateStatus.SUPERSEDED})
    assert CERTIFICATE_TRANSITIONS[Action.REVOKE] == (standing, CertificateStatus.REVOKED)
    assert not any(CertificateStatus.REVOKED in before for before, _after in CERTIFICATE_TRANSITIONS.values())


def test_only_valid_certificates_are_superseded() -> None:
    """A renewal cannot turn a revoked certificate into one that is merely superseded."""
    assert CERTIFICATE_TRANSITIONS[Action.SUPERSEDE] == (
        frozenset({CertificateStatus.VALID}),
        CertificateStatus.SUPERSEDED,
    )


def test_every_action_stands_in_exactly_one_table() -> None:
    """An action is about requests or about certificates, and none is without its rule."""
    assert {*REQUEST_TRANSITIONS} | {*CERTIFICATE_TRANSITIONS} == set(Action)
    assert not {*REQUEST_TRANSITIONS} & {*CERTIFICATE_TRANSITIONS}


def test_actions_are_named_after_what_they_change() -> None:
    """The audit log's event names tell requests from certificates."""
    assert all(action.value.startswith("request.") for action in REQUEST_TRANSITIONS)
    assert all(action.value.startswith("certificate.") for action in CERTIFICATE_TRANSITIONS)


def test_revocation_reasons_are_those_of_x509() -> None:
    """Each reason's name is a CRLReason of RFC 5280, and neither hold nor its removal can be given."""
    names = {reason.value for reason in RevocationReason}
    assert names < {flag.value for flag in x509.ReasonFlags}
    assert not names & {"certificateHold", "removeFromCRL"}
