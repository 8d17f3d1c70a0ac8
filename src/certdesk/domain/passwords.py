"""The rule of the registration password, which protects a device's key and never leaves the device.

The client, the mobile app and the pages that explain it share this one rule.
"""

import unicodedata

from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.text import N_

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
"""Characters. A bound only so that a pasted file is noticed; RFC 8265 sets none."""


def prepare_registration_password(unverified_password: str) -> str:
    """Return the password in the form that keys are derived from, or raise `INVALID_FIELD` with all that it lacks.

    The form is RFC 8265 §4.2 (OpaqueString): NFC, and every kind of space is U+0020, so that the same password
    typed on another keyboard opens the same key.
    """
    password = unicodedata.normalize(
        "NFC", "".join(" " if unicodedata.category(each) == "Zs" else each for each in unverified_password)
    )
    if problems := password_problems(password):
        raise CertdeskError.of(problems)
    return password


def password_problems(password: str) -> list[Problem]:
    """Return what a prepared password lacks: length, a letter, a digit, a special character (a space is one)."""
    categories = {unicodedata.category(each) for each in password}
    rules = (
        (len(password) >= SHORTEST_PASSWORD, N_("the password needs at least {shortest} characters")),
        (len(password) <= LONGEST_PASSWORD, N_("the password may have at most {longest} characters")),
        (any(each[0] == "L" for each in categories), N_("the password needs a letter")),
        ("Nd" in categories, N_("the password needs a digit")),
        (any(each[0] in "PSZ" for each in categories), N_("the password needs a special character, such as ! or -")),
        (not any(each[0] == "C" for each in categories), N_("the password holds a character that cannot be typed")),
    )
    values: dict[str, object] = {"shortest": SHORTEST_PASSWORD, "longest": LONGEST_PASSWORD}
    return [Problem(ErrorKind.INVALID_FIELD, message, "password", values) for held, message in rules if not held]
