"""The subject of an order as text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.ca.profiles import subject_text
from certdesk.domain.enrollment import Kind, Names
from certdesk.policy.fields import judge_text
from tests.unit.ca.authorities import authority_of, issue, order_for

words = st.text(min_size=1, max_size=64).filter(lambda text: not judge_text("x", text, 64))
tricky = st.text(' #+",;<>\\=a', min_size=1, max_size=8).filter(lambda text: not judge_text("x", text, 64))


# RFC 5280 counts characters, cryptography octets; it warns and reads on.
@pytest.mark.filterwarnings("ignore:Attribute's length must be")
@given(organisation=words | tricky, common_name=words | tricky, state=words | tricky)
@example(organisation="# 1, rue \\", common_name=" a ", state="a = b + c ")
def test_it_is_what_cryptography_reads(organisation: str, common_name: str, state: str) -> None:
    """It is written as cryptography writes the subject of the certificate that is issued."""
    ca = authority_of()
    order = order_for(ca, organisation_name=organisation, common_name=common_name, state_or_province=state)
    assert subject_text(order) == issue(ca, order).subject.rfc4514_string()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_one(kind: Kind) -> None:
    """It follows the kind's profile."""
    ca = authority_of()
    order = order_for(ca, kind)
    assert subject_text(order) == issue(ca, order).subject.rfc4514_string()


def test_a_server_known_by_addresses_has_no_common_name() -> None:
    """What the certificate leaves out is left out."""
    ca = authority_of()
    order = order_for(ca, Kind.SERVER, names=Names(ip=("192.0.2.7",)), country="")
    assert subject_text(order) == issue(ca, order).subject.rfc4514_string()
