"""The picture of validities, the addresses to pass on, and what events lead to."""

from dataclasses import replace

import pytest

from certdesk.console.describing import describe
from certdesk.console.pages.audit import subject_address
from certdesk.console.pages.authority import Authority, picture_of
from certdesk.console.publishing import Addresses, qr_code
from certdesk.domain.enrollment import Event
from tests.unit.ca.authorities import authority_of


def _authority(name: str, not_before: int, not_after: int) -> Authority:
    description = replace(describe(authority_of().root_der), not_before=not_before, not_after=not_after)
    return Authority(name, description, b"", "")


def test_validities_stand_on_one_scale() -> None:
    """The longest one fills the picture, the others stand in their place, and so does the present."""
    picture = picture_of([_authority("issuing", 50, 100), _authority("root", 0, 200)], 60)
    root, issuing = picture.spans
    assert (root.name, root.x, root.width) == ("root", 0, 1000)
    assert (issuing.name, issuing.x, issuing.width) == ("issuing", 250, 250)
    assert picture.now == 300


@pytest.mark.parametrize(("now", "place"), [(-50, 0), (500, 1000)])
def test_the_present_stays_in_the_picture(now: int, place: float) -> None:
    """A present before or after everything is drawn at its edge."""
    assert picture_of([_authority("root", 0, 200)], now).now == place


def test_addresses_of_a_desk_that_systems_know() -> None:
    """A desk with a certificate of a public authority needs no fingerprint."""
    it = Addresses("https://desk.example:8443", b"root", is_own_tls=False).of("FRA1")
    assert it.page == "https://desk.example:8443/publish/FRA1"
    assert it.settings == it.plain_settings == "https://desk.example:8443/settings/FRA1.xml"
    assert it.app == "certdesk://desk.example:8443/settings/FRA1.xml"


def test_addresses_of_a_desk_without_tls() -> None:
    """The app calls no desk without TLS, so it gets no link."""
    assert Addresses("http://127.0.0.1:8000", b"root", is_own_tls=False).of("FRA1").app == ""


def test_a_qr_code_is_a_drawing_with_a_name() -> None:
    """It needs no style of its own, and its name is text."""
    svg = qr_code("https://desk.example/settings/FRA1.xml", "<b>")
    assert svg.startswith('<svg role="img"')
    assert "<title>&lt;b&gt;</title>" in svg
    assert "style=" not in svg


@pytest.mark.parametrize(
    ("action", "organisation", "subject", "overseer", "address"),
    [
        ("request.approved", "FRA1", "FRA1-7GQ4-2KXM", False, "/requests/FRA1-7GQ4-2KXM"),
        ("certificate.revoked", "FRA1", "7f" * 16, False, "/certificates/" + "7f" * 16),
        ("organisation.changed", "FRA1", "FRA1", True, "/organisations/FRA1"),
        ("organisation.changed", "FRA1", "FRA1", False, ""),
        ("file.published", "FRA1", "Enroll.apk", True, "/organisations/FRA1/publication"),
        ("file.published", "", "Enroll.apk", True, "/organisations/all/publication"),
        ("session.opened", "", "ada@operator.example", True, "/managers/ada@operator.example"),
        ("session.opened", "FRA1", "odile@poste.example", False, ""),
        ("audit.verified", "", "audit", True, ""),
        ("request.approved", "FRA1", "//evil.example/?x", False, "/requests///evil.example/%3Fx"),
    ],
)
def test_events_lead_to_what_they_are_about(
    action: str, organisation: str, subject: str, *, overseer: bool, address: str
) -> None:
    """A subject is a link where its reader has a page for it, and always to this desk."""
    event = Event("", 0, action, "", "", organisation, subject)
    assert subject_address(event, overseer=overseer) == address
