"""Judge organisations and managers that are to be registered."""

from collections.abc import Sequence
from dataclasses import replace

from certdesk.domain.enrollment import Manager, Organisation, Role
from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.identifiers import check_organisation_code
from certdesk.domain.text import N_
from certdesk.policy.contact import judge_email, judge_phone, normal_email, normal_phone
from certdesk.policy.countries import COUNTRIES
from certdesk.policy.fields import (
    LONGEST_COMMON_NAME,
    LONGEST_DESCRIPTION,
    LONGEST_LOCALITY,
    LONGEST_ORGANISATION_NAME,
    LONGEST_STATE,
    LONGEST_SUPPORT_CONTACT,
    judge_text,
    normal_text,
    shown,
)
from certdesk.policy.names import normal_suffix, why_not_host

VALIDITY_DAYS = range(1, 1826)
"""Up to five years: an issuing authority that lives for ten is then replaced at half its life without a gap."""
REQUEST_LIFETIME_DAYS = range(1, 366)
"""Up to a year: whoever waited longer has a new device, and the description no longer helps anybody."""
POLL_SECONDS = range(1, 86_401)
"""A second suits a demonstration, a day is the longest that anybody waits; settings.xsd has the same bounds."""


MOST_SUFFIXES = 50
MOST_REASONS = 50
"""More than anybody reads through in a menu."""


def normalise_organisation(organisation: Organisation) -> Organisation:
    """Return an organisation's record in the one spelling that is judged and kept."""
    return replace(
        organisation,
        name=normal_text(organisation.name),
        country=organisation.country.strip().upper(),
        support_contact=normal_text(organisation.support_contact),
        contact_name=normal_text(organisation.contact_name),
        contact_email=normal_email(organisation.contact_email),
        contact_phone=normal_phone(organisation.contact_phone),
        allowed_names=tuple(dict.fromkeys(map(normal_suffix, organisation.allowed_names))),
        state_or_province=normal_text(organisation.state_or_province),
        locality=normal_text(organisation.locality),
    )


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
        *judge_text("contact_name", organisation.contact_name, LONGEST_COMMON_NAME, required=False),
        *judge_email("contact_email", organisation.contact_email, required=False),
        *judge_phone("contact_phone", organisation.contact_phone, required=False),
        *_judge_suffixes(organisation.allowed_names),
        *judge_text("state_or_province", organisation.state_or_province, LONGEST_STATE, required=False),
        *judge_text("locality", organisation.locality, LONGEST_LOCALITY, required=False),
    ]


def judge_reasons(reasons: Sequence[str]) -> list[Problem]:
    """Return all that speaks against an organisation's reusable reasons for rejections."""
    problems = [problem for reason in reasons for problem in judge_text("reasons", reason, LONGEST_DESCRIPTION)]
    return problems + _judge_count("reasons", len(reasons), MOST_REASONS)


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


def _judge_suffixes(suffixes: Sequence[str]) -> list[Problem]:
    judged = [(suffix, why_not_host(suffix)) for suffix in suffixes]
    return [
        Problem(ErrorKind.INVALID_FIELD, reason, "allowed_names", {"name": shown(suffix)})
        for suffix, reason in judged
        if reason
    ] + _judge_count("allowed_names", len(suffixes), MOST_SUFFIXES)


def _judge_count(field: str, count: int, most: int) -> list[Problem]:
    if count <= most:
        return []
    return [
        Problem(
            ErrorKind.INVALID_FIELD,
            N_("at most {most} lines fit here, these are {count}"),
            field,
            {"most": most, "count": count},
        )
    ]


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
