"""Roles: who sees and who decides what."""

import pytest

from certdesk.domain.enrollment import Kind, Names, Principal, Role


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        (Role.REGISTRATION_MANAGER, {Kind.MOBILE, Kind.WORKSTATION}),
        (Role.ADMINISTRATOR, set(Kind)),
        (Role.AUDITOR, set()),
    ],
)
def test_roles_decide_their_kinds(role: Role, kinds: set[Kind]) -> None:
    """Managers decide devices of people, administrators everything, auditors nothing."""
    assert {kind for kind in Kind if Principal("marie@example.org", role, "FRA1").decides(kind)} == kinds


def test_scope_is_one_organisation_or_all() -> None:
    """Who is limited to an organisation sees that one; who is not sees every one."""
    manager = Principal("marie@example.org", Role.REGISTRATION_MANAGER, "FRA1")
    assert (manager.sees("FRA1"), manager.sees("FRA2"), manager.sees("")) == (True, False, False)
    assert Principal("root@example.org", Role.ADMINISTRATOR).sees("FRA2")


@pytest.mark.parametrize(("names", "some"), [(Names(), False), (Names(("a",)), True), (Names(ip=("::1",)), True)])
def test_names_are_true_when_there_are_any(names: Names, some: bool) -> None:
    """No names are false, whichever list is empty."""
    assert bool(names) is some
