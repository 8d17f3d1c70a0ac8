"""Turns templates into pages: Jinja2 with autoescape, one environment for each language.

In templates `_("request {id} is new", id=...)` translates and fills in, `ngettext` does so with a number; both
escape what they fill in. Characters that cannot be seen, or that change how others are read, are shown as
their code points wherever a template puts out text, so no text can pretend to be another one.
"""

import gettext
import gzip
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from certdesk.console.csrf import TOKEN_FIELD
from certdesk.console.navigation import ITEMS, Item, items_for
from certdesk.console.routing import Visit
from certdesk.console.security import PAGE_HEADERS
from certdesk.console.statics import FOLDER, Statics, read_icons
from certdesk.console.words import ICONS, WORDS
from certdesk.domain.characters import refused_character
from certdesk.domain.clock import MINUTE, SECOND, Clock
from certdesk.domain.errors import CertdeskError
from certdesk.domain.text import LANGUAGES, LOCALE
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.asgi import Header
from certdesk.doors.problems import detail_of, note_failure

TEMPLATES = FOLDER.parent / "templates"
_WORTH_COMPRESSING = 1000  # octets; below, a packet is a packet
_LINE_ENDS = "\n\r\t"
_EXACTNESS = ((120, 1), (3 * 3600, 60), (inf, 3600))
"""To how many seconds a span of up to so many seconds is told; what is told alike is written once."""


class Renderer:
    """Makes answers of templates."""

    def __init__(self, statics: Statics, clock: Clock) -> None:
        self._navigation: tuple[Item, ...] = ()
        icons = read_icons()
        self._environments = {language: _environment(language, statics, icons, clock) for language in LANGUAGES}

    def open(self, paths: Iterable[str]) -> None:
        """Take the items of these addresses into the menu."""
        existing = set(paths)
        self._navigation = tuple(item for item in ITEMS if item.path in existing)

    def answer(self, visit: Visit, template: str, /, *headers: Header, status: int = 200, **values: object) -> Answer:
        """Return a page, or a part of one, in the visitor's language."""
        body = self.text(visit, template, **values).encode()
        sent = [*PAGE_HEADERS, NO_STORE, (b"content-type", b"text/html; charset=utf-8"), *headers]
        if len(body) > _WORTH_COMPRESSING and _may_compress(visit):
            body = gzip.compress(body, 1, mtime=0)
            sent.append((b"content-encoding", b"gzip"))
        return Answer(status, body, sent)

    def text(self, visit: Visit, template: str, /, **values: object) -> str:
        """Return a template's text."""
        environment = self._environments[visit.language]
        return environment.get_template(template).render(
            visit=visit,
            session=visit.session,
            navigation=items_for(self._navigation, visit.session),
            csrf_field=_csrf_field(visit),
            **values,
        )

    def sentence(self, visit: Visit) -> Callable[[str], str]:
        """Return the translator of a visitor's language."""
        translate: Callable[[str], str] = _catalogue(visit.language).gettext
        return translate

    def refusal(self, visit: Visit, error: CertdeskError) -> str:
        """Return what a visitor is told of an error; if that is not its own sentence, the error goes to the log."""
        note_failure(visit.scope, error)
        return detail_of(error.problem, self.sentence(visit))


def _may_compress(visit: Visit) -> bool:
    """Tell whether to compress: not for what another site made the browser fetch, whose size would tell (BREACH)."""
    return "gzip" in visit.header(b"accept-encoding") and visit.header(b"sec-fetch-site") in {"same-origin", "none", ""}


def _csrf_field(visit: Visit) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(TOKEN_FIELD, visit.csrf_token)


def _environment(language: str, statics: Statics, icons: Mapping[str, Markup], clock: Clock) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=visible,
    )
    locale, catalogue = Locale(language), _catalogue(language)
    words = Words(locale, catalogue, clock)
    badges = {value: words.labelled(value, icons[icon], f"badge {value}") for value, icon in ICONS.items()}
    kinds = {value: words.labelled(value, icons[icon], "kind") for value, icon in ICONS.items()}
    environment.globals |= {
        "_": words.translate,
        "ngettext": words.count,
        "icon": icons.__getitem__,
        "static": statics.address,
        "language": language,
        "languages": LANGUAGES,
        "now": clock,
        "word": words.word,
        "words_of": words.words_of,
        "status_badge": badges.__getitem__,
        "kind_badge": kinds.__getitem__,
    }
    environment.filters |= {
        "moment": words.moment,
        "day": words.day,
        "age": words.age,
        "until": words.until,
        "time": words.time,
        "iso": iso,
        "number": words.number,
        "country": words.country,
        "pairs": pairs,
        "language_name": language_name,
    }
    return environment


@lru_cache(len(LANGUAGES))
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("certdesk", LOCALE, [language], fallback=True)


def visible(value: Any) -> Any:  # noqa: ANN401 - Jinja2's `finalize` sees whatever a template puts out
    """Return text with its invisible characters written out, `[U+202E]`; anything else as it is."""
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(_visible_character(character) for character in value)


def _visible_character(character: str) -> str:
    if character.isprintable() or character in _LINE_ENDS or not refused_character(character):
        return character
    return f"[U+{ord(character):04X}]"


def iso(milliseconds: int) -> str:
    """Return a moment as RFC 3339 has it, for machines."""
    return datetime.fromtimestamp(milliseconds // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pairs(octets: bytes) -> str:
    """Return octets as people compare them: hexadecimal pairs with colons."""
    return octets.hex(":")


def language_name(language: str) -> str:
    """Return what a language calls itself."""
    return (Locale(language).display_name or language).capitalize()


class Words:
    """Sentences, numbers and moments of one language."""

    def __init__(self, locale: Locale, catalogue: gettext.NullTranslations, clock: Clock) -> None:
        self._locale = locale
        self._catalogue = catalogue
        self._clock = clock

    def translate(self, message: str, **values: object) -> Markup:
        """Return a sentence with its values, escaped."""
        sentence = escape(self._catalogue.gettext(message))
        return sentence.format(**{name: visible(value) for name, value in values.items()}) if values else sentence

    def count(self, one: str, many: str, number: int, **values: object) -> Markup:
        """Return a sentence about a number of things, which is `{number}` in it."""
        sentence = escape(self._catalogue.ngettext(one, many, number))
        return sentence.format(number=self.number(number), **{name: visible(value) for name, value in values.items()})

    def word(self, value: str) -> Markup:
        """Return the word for a state, kind, role or action; what has none is shown as it is."""
        return self.translate(WORDS[value]) if value in WORDS else escape(visible(value))

    def words_of(self, values: Iterable[str]) -> Markup:
        """Return the words for several values, a comma between."""
        return Markup(", ").join(map(self.word, values))

    def labelled(self, value: str, icon: Markup, classes: str) -> Markup:
        """Return the word for a value beside its icon."""
        return Markup('<span class="{}">{}{}</span>').format(classes, icon, self.word(value))

    def number(self, number: int) -> str:
        """Return a number with its thousands apart."""
        return str(format_decimal(number, locale=self._locale))

    def moment(self, milliseconds: int) -> str:
        """Return date and time, which is UTC's."""
        return _moment(milliseconds // MINUTE, self._locale.language)

    def day(self, milliseconds: int) -> str:
        """Return a date."""
        return str(format_date(_datetime(milliseconds), "d MMM y", locale=self._locale))

    def age(self, milliseconds: int) -> str:
        """Return how long ago a moment was, without saying `ago`."""
        return self._span(self._clock() - milliseconds)

    def until(self, milliseconds: int) -> str:
        """Return how far ahead a moment is."""
        return self._span(milliseconds - self._clock())

    def _span(self, milliseconds: int) -> str:
        seconds = max(milliseconds // SECOND, 0)
        exactness = next(exactness for limit, exactness in _EXACTNESS if seconds < limit)
        return _span(seconds // exactness * exactness, self._locale.language)

    def time(self, milliseconds: int) -> Markup:
        """Return a moment for people and machines."""
        return Markup('<time datetime="{}">{}</time>').format(iso(milliseconds), self.moment(milliseconds))

    def country(self, code: str) -> str:
        """Return a country's name."""
        return str(self._locale.territories.get(code, code))


@lru_cache(4096)
def _moment(minutes: int, language: str) -> str:
    return str(format_datetime(_datetime(minutes * MINUTE), "d MMM y HH:mm", locale=language)) + " UTC"


@lru_cache(4096)
def _span(seconds: int, language: str) -> str:
    return str(format_timedelta(seconds, threshold=1.5, locale=language))


def _datetime(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // SECOND, UTC)
