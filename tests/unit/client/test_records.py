"""What is remembered comes back as it was, and moves one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certdesk.client.failures import DONE, EXIT_CODES, PENDING_DECISION, REJECTED, exit_code_of
from certdesk.client.records import Enrollment, Form, Issued, Order, Requested, read_enrollment, write_enrollment
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState

ORDER = Order("csr", "claim", "key")
REQUESTED = Requested(ORDER, "FRA1-0000-0000", RequestState.REQUESTED, "123456")
ISSUED = Issued("FRA1-0000-0000", "claim", "key", "certificate", "chain")
BLANK = Enrollment("workstation", "FRA1", Form(Kind.WORKSTATION))

orders = st.builds(Order)
enrollments = st.builds(
    Enrollment,
    form=st.builds(Form, kind=st.sampled_from(Kind)),
    prepared=st.none() | orders,
    requested=st.none() | st.builds(Requested, order=orders, status=st.sampled_from(RequestState)),
    issued=st.none() | st.builds(Issued),
)


@given(enrollments)
def test_what_is_written_is_read(enrollment: Enrollment) -> None:
    """Every enrollment survives the file, lone surrogates of a bad command line included."""
    assert read_enrollment(write_enrollment(enrollment)) == enrollment


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_an_error(stored: bytes) -> None:
    """No content of the file raises anything but our error."""
    with pytest.raises(CertdeskError) as raised:
        read_enrollment(stored)
    assert raised.value.kind is ErrorKind.INCOMPATIBLE


def test_an_order_is_prepared_requested_and_issued() -> None:
    """Key, CSR and claim are in one place at a time, and the status follows."""
    prepared = BLANK.prepare(BLANK.form, ORDER)
    requested = prepared.acknowledge(REQUESTED)
    issued = requested.collect(ISSUED)
    assert [each.status for each in (BLANK, prepared, requested, issued)] == ["new", "prepared", "requested", "issued"]
    assert (requested.prepared, issued.requested) == (None, None)


def test_a_renewal_leaves_the_certificate() -> None:
    """While a new order is under way or refused, what is issued stays."""
    renewing = BLANK.collect(ISSUED).prepare(BLANK.form, Order("csr2", "claim2"))
    assert renewing.issued == ISSUED
    assert renewing.refuse() == BLANK.collect(ISSUED)


def test_an_answer_about_an_older_order_leaves_the_prepared_one() -> None:
    """Looking at the waiting request does not lose the correction that is about to be sent."""
    correcting = BLANK.acknowledge(REQUESTED).prepare(BLANK.form, Order("csr2", "claim2"))
    assert correcting.acknowledge(REQUESTED).prepared == Order("csr2", "claim2")


def test_every_kind_of_error_has_an_exit_code() -> None:
    """The table is total."""
    assert set(EXIT_CODES) == set(ErrorKind)


def test_every_status_has_an_exit_code() -> None:
    """Scripts can tell done, pending and rejected apart."""
    codes = {status: exit_code_of(status) for status in (*RequestState, "prepared", "installed")}
    assert codes == {
        "prepared": PENDING_DECISION,
        "requested": PENDING_DECISION,
        "approved": PENDING_DECISION,
        "issued": DONE,
        "installed": DONE,
        "rejected": REJECTED,
        "cancelled": REJECTED,
        "lapsed": REJECTED,
    }
