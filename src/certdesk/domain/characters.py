"""The characters that no text for people may hold, because they are not seen or change how others are read."""

import unicodedata

_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats (all bidirectional and zero-width ones are), surrogates, line and paragraph separators."""
_NONCHARACTERS = frozenset(
    [*range(0xFDD0, 0xFDF0), *(plane | last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF))]
)
"""The 66 code points that never will be characters (Unicode §23.7)."""


def refused_character(text: str) -> str | None:
    """Return the first such character of a text as `U+202E`, or None.

    Code points that are not assigned yet are let through: a phone may know a newer Unicode than the desk.
    """
    if text.isprintable():
        return None
    for character in text:
        if unicodedata.category(character) in _CATEGORIES or ord(character) in _NONCHARACTERS:
            return f"U+{ord(character):04X}"
    return None
