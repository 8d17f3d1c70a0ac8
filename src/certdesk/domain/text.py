"""Sentences for people: every one of them is a message of the gettext domain `certdesk`.

Code marks a sentence with `N_` where it is written and translates it with a `Translator` where it
is shown, so an error raised deep inside is shown in the language of whoever reads it.
"""

import gettext
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

LOCALE = Path(__file__).parent.parent / "locale"
LANGUAGES = ("en", "fr")

Translator = Callable[[str], str]


def N_(message: str) -> str:  # noqa: N802 - the marker's name is gettext's convention
    """Mark a message for extraction and return it unchanged."""
    return message


@lru_cache(32)
def translator(language: str) -> Translator:
    """Return the function that translates messages into a language (`"fr"`, `"fr-CA"`); English if unknown."""
    languages = [language.replace("-", "_"), language.partition("-")[0].partition("_")[0]]
    return gettext.translation("certdesk", LOCALE, languages, fallback=True).gettext
