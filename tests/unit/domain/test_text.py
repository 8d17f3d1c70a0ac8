"""Translators: a language that is not there falls back to English."""

import pytest

from certdesk.domain.characters import refused_character
from certdesk.domain.text import translator


@pytest.mark.parametrize("language", ["", "en", "en-GB", "xx", "fr-CA", "../../etc", "*", "a" * 300])
def test_unknown_message_is_its_own_translation(language: str) -> None:
    """Whatever language a caller names, a message without a translation is shown in English."""
    assert translator(language)("no such message {name}") == "no such message {name}"


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\0", "U+0000"),
        ("\n", "U+000A"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("\u00ad", "U+00AD"),
        ("\u061c", "U+061C"),
        ("\u200b", "U+200B"),
        ("\u200d", "U+200D"),
        ("\u200e", "U+200E"),
        ("\u2028", "U+2028"),
        ("\u2029", "U+2029"),
        ("\u202a", "U+202A"),
        ("\u202e", "U+202E"),
        ("\u2060", "U+2060"),
        ("\u2066", "U+2066"),
        ("\u2069", "U+2069"),
        ("\ud800", "U+D800"),
        ("\ufdd0", "U+FDD0"),
        ("\ufeff", "U+FEFF"),
        ("\ufffe", "U+FFFE"),
        ("\U000e0041", "U+E0041"),
        ("\U0010ffff", "U+10FFFF"),
    ],
)
def test_refused_characters(character: str, name: str) -> None:
    """Controls, bidirectional and zero-width characters, surrogates and noncharacters are found and named."""
    assert refused_character(f"a{character}b") == name


@pytest.mark.parametrize(
    "text", ["", "plain", "Île-de-France", "東京都", "دمشق", "\u00a0", "🏤", "\U0001fae8", "e\u0301"]
)
def test_accepted_characters(text: str) -> None:
    """Every script is welcome, and so are characters that are newer than this Python's tables."""
    assert refused_character(text) is None
