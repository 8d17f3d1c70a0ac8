"""Text that people typed: how long it may be, and which characters it may not hold."""

import re
import unicodedata

from certdesk.domain.characters import refused_character
from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_

REQUIRED = N_("this is required")

# Characters after normalising. RFC 5280 appendix A.1: ub-state-name, ub-locality-name, ub-organization-name,
# ub-common-name; all count characters, not octets.
LONGEST_STATE = 128
LONGEST_LOCALITY = 128
LONGEST_ORGANISATION_NAME = 64
LONGEST_COMMON_NAME = 64
LONGEST_EMAIL = 254
"""RFC 5321 §4.5.3.1.3: a path of 256 octets less its angle brackets; RFC 5280's ub-emailaddress-length is 255."""
LONGEST_DESCRIPTION = 1000
"""Half a page: enough to recognise somebody by, short enough to be read."""
LONGEST_DEVICE_TEXT = 128
"""An IMEI has 15 characters, a UUID 36, a host name mostly below 64, a marketing name below 100."""
LONGEST_SUPPORT_CONTACT = 254
"""Room for an e-mail address or a web address with a few words."""
LONGEST_QUOTE = 80
"""Characters of unverified text that an error repeats."""

_WHITESPACE = " \t\r\n"
_LINE_ENDS = re.compile(r"[\t\r\n]+")


def normal_text(text: str) -> str:
    """Return text in NFC, without white space at its ends, and with U+0020 for every kind of space within."""
    if text.isascii():
        return text.strip(_WHITESPACE)
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(each) == "Zs" else each for each in text)
    return unicodedata.normalize("NFC", text).strip(_WHITESPACE)


def normal_lines(text: str) -> str:
    """Return `normal_text` of a text that may have been typed in several lines, as one line."""
    return normal_text(_LINE_ENDS.sub(" ", text))


def shown(text: str) -> str:
    """Return unverified text as an error may quote it: cut, and without characters that a terminal would obey."""
    cut = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in cut)


def judge_text(field: str, text: str, most: int, *, required: bool = True) -> list[Problem]:
    """Return what speaks against a text of at most `most` characters."""
    if not text.strip(" "):
        return [Problem(ErrorKind.INVALID_FIELD, REQUIRED, field)] if required else []
    problems = []
    if len(text) > most:
        values: dict[str, object] = {"most": most, "length": len(text)}
        message = N_("at most {most} characters fit here, these are {length}")
        problems.append(Problem(ErrorKind.INVALID_FIELD, message, field, values))
    if refused := refused_character(text):
        message = N_("this holds the character {character}, which is invisible or changes how the text reads")
        problems.append(Problem(ErrorKind.INVALID_FIELD, message, field, {"character": refused}))
    return problems
