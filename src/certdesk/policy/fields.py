"""Text that people typed: how long it may be, and which characters it may not hold."""

import re
import unicodedata

from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_

REQUIRED = N_("this is required")

LONGEST_QUOTE = 80
"""Characters of unverified text that an error repeats."""

_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats (all bidirectional and zero-width ones are), surrogates, line and paragraph separators."""
_NONCHARACTERS = frozenset(
    [*range(0xFDD0, 0xFDF0), *(plane | last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF))]
)
"""The 66 code points that never will be characters (Unicode §23.7)."""
_LINE_ENDS = re.compile(r"[\t\r\n]+")


def normal_text(text: str) -> str:
    """Return text in NFC, without spaces at its ends, and with U+0020 for every kind of space within."""
    if text.isascii():
        return text.strip(" ")
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(each) == "Zs" else each for each in text)
    return unicodedata.normalize("NFC", text).strip(" ")


def normal_lines(text: str) -> str:
    """Return `normal_text` of a text that may have been typed in several lines, as one line."""
    return normal_text(_LINE_ENDS.sub(" ", text))


def shown(text: str) -> str:
    """Return unverified text as an error may quote it: cut, and without characters that a terminal would obey."""
    cut = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in cut)


def judge_text(field: str, text: str, most: int, *, required: bool = True) -> list[Problem]:
    """Return what speaks against a text of at most `most` characters."""
    if not text:
        return [Problem(ErrorKind.INVALID_FIELD, REQUIRED, field)] if required else []
    problems = []
    if len(text) > most:
        values: dict[str, object] = {"most": most, "length": len(text)}
        message = N_("at most {most} characters fit here, these are {length}")
        problems.append(Problem(ErrorKind.INVALID_FIELD, message, field, values))
    if not text.isprintable() and (refused := next(filter(_is_refused, text), None)):
        message = N_("this holds the character {character}, which is invisible or changes how the text reads")
        problems.append(Problem(ErrorKind.INVALID_FIELD, message, field, {"character": f"U+{ord(refused):04X}"}))
    return problems


def _is_refused(character: str) -> bool:
    """Tell whether a character is a control, bidirectional, zero-width, separator, surrogate or noncharacter."""
    return unicodedata.category(character) in _REFUSED_CATEGORIES or ord(character) in _NONCHARACTERS
