"""Judge organisations and managers that are to be registered."""

from certdesk.domain.enrollment import Manager, Organisation, Role
from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.identifiers import check_organisation_code
from certdesk.domain.text import N_
from certdesk.policy.contact import judge_email
from certdesk.policy.countries import COUNTRIES
from certdesk.policy.fields import (
    LONGEST_COMMON_NAME,
    LONGEST_ORGANISATION_NAME,
    LONGEST_SUPPORT_CONTACT,
    judge_text,
)

VALIDITY_DAYS = range(1, 1826)
"""Up to five years: an issuing authority that lives for ten is then replaced at half its life without a gap."""
REQUEST_LIFETIME_DAYS = range(1, 366)
"""Up to a year: whoever waited longer has a new device, and the description no longer helps anybody."""
POLL_SECONDS = range(1, 86_401)
"""A second suits a demonstration, a day is the longest that anybody waits; settings.xsd has the same bounds."""


def judge_organisation(organisation: Organisation) -> list[Problem]:
    """Return all that speaks against an organisation's record."""
    return [
        *_judge_code(organisation.code),
        *judge_text("name", organisation.name, LONGEST_ORGANISATION_NAME),
        *_judge_country(organisation.country),
        *_judge_number("validity_days", organisation.validity_days, VALIDITY_DAYS),
        *_judge_number("request_lifetime_days", organisation.request_lifetime_days, REQUEST_LIFETIME_DAYS),
        *_judge_number("poll_seconds", organisation.poll_seconds, POLL_SECONDS),
        *judge_text("support_contact", organisation.support_contact, LONGEST_SUPPORT_CONTACT, required=False),
    ]


def judge_manager(manager: Manager) -> list[Problem]:
    """Return all that speaks against a manager's record; the name becomes the common name of its certificate."""
    return [
        *judge_email("email", manager.email),
        *judge_text("name", manager.name, LONGEST_COMMON_NAME),
        *_judge_scope(manager),
    ]


def _judge_code(code: str) -> list[Problem]:
    try:
        check_organisation_code(code)
    except CertdeskError as error:
        return [error.problem]
    return []


def _judge_country(country: str) -> list[Problem]:
    if country in COUNTRIES:
        return []
    message = N_("a country is one of the two-letter codes of ISO 3166-1, such as FR")
    return [Problem(ErrorKind.INVALID_FIELD, message, "country")]


def _judge_number(field: str, number: int, allowed: range) -> list[Problem]:
    if number in allowed:
        return []
    values: dict[str, object] = {"least": allowed[0], "most": allowed[-1], "number": number}
    message = N_("{number} is not between {least} and {most}")
    return [Problem(ErrorKind.INVALID_FIELD, message, field, values)]


def _judge_scope(manager: Manager) -> list[Problem]:
    """Hold registration managers to one organisation, administrators to none; auditors may be either."""
    if manager.organisation:
        if manager.role is Role.ADMINISTRATOR:
            message = N_("an administrator acts for the whole federation, not for one organisation")
            return [Problem(ErrorKind.INVALID_FIELD, message, "organisation")]
        return _judge_code(manager.organisation)
    if manager.role is Role.REGISTRATION_MANAGER:
        message = N_("a registration manager needs an organisation")
        return [Problem(ErrorKind.INVALID_FIELD, message, "organisation")]
    return []
