"""How a requester is reached: e-mail addresses and telephone numbers."""

import re
from functools import lru_cache

from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.policy.fields import LONGEST_EMAIL, REQUIRED, shown
from certdesk.policy.names import normal_dns, why_not_host

# An atom's characters and dots between atoms (RFC 5322 §3.2.3). Quoted local parts are left out: no mailbox has one.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
LONGEST_LOCAL_PART = 64
"""RFC 5321 §4.5.3.1.1."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164 §6: at most 15 digits with the country code. Seven are the fewest in use (Niue, Saint Helena)."""
_PHONE_PUNCTUATION = re.compile(r"[\s.()/\u2010-\u2015-]+")
_TRUNK_ZERO = re.compile(r"\(0\)")  # as in +33 (0)1: dialled inside the country only


def normal_email(address: str) -> str:
    """Return an e-mail address with its domain in lower case ASCII; the local part is its host's business."""
    local_part, at, domain = address.strip().rpartition("@")
    return local_part + at + normal_dns(domain)


def normal_phone(number: str) -> str:
    """Return a telephone number without punctuation and with + for a leading 00."""
    digits = _PHONE_PUNCTUATION.sub("", _TRUNK_ZERO.sub("", number))
    return "+" + digits[2:] if digits.startswith("00") else digits


def judge_email(field: str, address: str, *, required: bool = True) -> list[Problem]:
    """Return what speaks against a normalised e-mail address; it becomes an rfc822Name (RFC 5280 §4.2.1.6)."""
    if not address:
        return [Problem(ErrorKind.INVALID_FIELD, REQUIRED, field)] if required else []
    local_part, _at, domain = address.rpartition("@")
    if (
        _LOCAL_PART.fullmatch(local_part)
        and len(local_part) <= LONGEST_LOCAL_PART
        and len(address) <= LONGEST_EMAIL
        and _is_mail_domain(domain)
    ):
        return []
    values: dict[str, object] = {"address": shown(address)}
    return [Problem(ErrorKind.INVALID_FIELD, N_("{address} is not an e-mail address"), field, values)]


@lru_cache(1024)  # most addresses of an organisation are in one domain
def _is_mail_domain(domain: str) -> bool:
    return "." in domain and not why_not_host(domain)


def judge_phone(field: str, number: str, *, required: bool = True) -> list[Problem]:
    """Return what speaks against a normalised telephone number (E.164)."""
    if _PHONE.fullmatch(number) or not (number or required):
        return []
    if not number:
        return [Problem(ErrorKind.INVALID_FIELD, REQUIRED, field)]
    return [
        Problem(
            ErrorKind.INVALID_FIELD,
            N_("a telephone number begins with + and the country code, and has 7 to 15 digits: +33 1 23 45 67 89"),
            field,
        )
    ]
