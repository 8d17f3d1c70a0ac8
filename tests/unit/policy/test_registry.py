"""What policy has against organisations and managers."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from certdesk.domain.enrollment import Manager, Organisation, Role
from certdesk.domain.errors import ErrorKind
from certdesk.policy.countries import COUNTRIES
from certdesk.policy.registry import judge_manager, judge_organisation
from tests.unit.policy.examples import MANAGER, ORGANISATION

CODE = "an organisation code is 2 to 12 of the characters A-Z and 0-9"
COUNTRY = "a country is one of the two-letter codes of ISO 3166-1, such as FR"
REQUIRED = "this is required"


@dataclass(frozen=True)
class Bad:
    """A record that is refused, and how."""

    name: str
    record: Organisation | Manager
    field: str
    sentence: str


def organisation(name: str, field: str, sentence: str, /, **changes: object) -> Bad:
    """Return an organisation with something changed for the worse."""
    return Bad(name, replace(ORGANISATION, **changes), field, sentence)  # type: ignore[arg-type] # each names its field


def country(code: str) -> Bad:
    """Return an organisation of a country that is none."""
    return organisation(f"country {code!a}", "country", COUNTRY, country=code)


def manager(name: str, field: str, sentence: str, /, **changes: object) -> Bad:
    """Return a manager with something changed for the worse."""
    return Bad(name, replace(MANAGER, **changes), field, sentence)  # type: ignore[arg-type] # each names its field


BAD = [
    organisation("no code", "organisation", CODE, code=""),
    organisation("code in lower case", "organisation", CODE, code="fra1"),
    organisation("code with a hyphen", "organisation", CODE, code="FRA-1"),
    organisation("no name", "name", REQUIRED, name=""),
    organisation("name of a space", "name", REQUIRED, name=" "),
    organisation("name too long", "name", "at most 64 characters fit here, these are 65", name="x" * 65),
    organisation(
        "name that reverses",
        "name",
        "this holds the character U+202E, which is invisible or changes how the text reads",
        name="La \u202eetsoP",
    ),
    country(""),
    country("fr"),
    country("FRA"),
    country("XK"),
    country("EU"),
    country("UK"),
    country("ZZ"),
    country("F\u0420"),
    organisation("no validity", "validity_days", "0 is not between 1 and 1825", validity_days=0),
    organisation("validity of ten years", "validity_days", "3650 is not between 1 and 1825", validity_days=3650),
    organisation("negative lifetime", "request_lifetime_days", "-1 is not between 1 and 365", request_lifetime_days=-1),
    organisation(
        "lifetime of two years", "request_lifetime_days", "730 is not between 1 and 365", request_lifetime_days=730
    ),
    organisation("no poll interval", "poll_seconds", "0 is not between 1 and 86400", poll_seconds=0),
    organisation("poll interval of days", "poll_seconds", "86401 is not between 1 and 86400", poll_seconds=86_401),
    organisation(
        "support contact too long",
        "support_contact",
        "at most 254 characters fit here, these are 255",
        support_contact="x" * 255,
    ),
    manager("no e-mail", "email", REQUIRED, email=""),
    manager("e-mail of spaces", "email", "   is not an e-mail address", email="  "),
    manager("no e-mail address", "email", "marie is not an e-mail address", email="marie"),
    manager("no name", "name", REQUIRED, name=""),
    manager("name too long", "name", "at most 64 characters fit here, these are 65", name="x" * 65),
    manager("nobody's manager", "organisation", "a registration manager needs an organisation", organisation=""),
    manager("manager of a bad code", "organisation", CODE, organisation="fra 1"),
    manager(
        "administrator of one organisation",
        "organisation",
        "an administrator acts for the whole federation, not for one organisation",
        role=Role.ADMINISTRATOR,
    ),
    manager("auditor of a bad code", "organisation", CODE, role=Role.AUDITOR, organisation="fra1"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_each_bad_record_has_its_problem(bad: Bad) -> None:
    """A record with one thing wrong has one problem, of the precise field and sentence."""
    problems = judge_manager(bad.record) if isinstance(bad.record, Manager) else judge_organisation(bad.record)
    assert [(each.kind, each.field, each.text()) for each in problems] == [
        (ErrorKind.INVALID_FIELD, bad.field, bad.sentence)
    ]


def test_good_organisation() -> None:
    """Policy has nothing against an organisation with its defaults."""
    assert judge_organisation(ORGANISATION) == []


@pytest.mark.parametrize(
    ("role", "code"),
    [(Role.REGISTRATION_MANAGER, "FRA1"), (Role.ADMINISTRATOR, ""), (Role.AUDITOR, ""), (Role.AUDITOR, "FRA1")],
)
def test_good_managers(role: Role, code: str) -> None:
    """Registration managers belong to one organisation, administrators to none, auditors to either."""
    assert judge_manager(replace(MANAGER, role=role, organisation=code)) == []


def test_countries_are_those_of_the_time_zone_database() -> None:
    """The list agrees with the one that the system's time zone database carries, where there is one."""
    table = Path("/usr/share/zoneinfo/iso3166.tab")
    if not table.exists():
        pytest.skip("no time zone database here")
    lines = table.read_text(encoding="utf-8").splitlines()
    assert {line[:2] for line in lines if not line.startswith("#")} == COUNTRIES


def test_number_of_countries() -> None:
    """ISO 3166-1 has assigned 249 codes."""
    assert len(COUNTRIES) == 249
