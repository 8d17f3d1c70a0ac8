"""Templates show whatever they are given as text, in the visitor's language."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from certdesk.console import rendering
from certdesk.console.rendering import Renderer, visible
from certdesk.console.statics import Statics
from certdesk.console.words import WORDS
from certdesk.domain.enrollment import DoorRule, Kind, Role
from certdesk.domain.sessions import SignInMethod
from certdesk.domain.states import Action, CertificateStatus, RequestState, RevocationReason
from tests.unit.console.visits import NOW, make_visit

MINUTE = 60_000


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Show":
    """Return what renders a template from its source."""
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    return Show(tmp_path)


class Show:
    """Renders sources of templates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._renderer = Renderer(Statics(), lambda: NOW)
        self._count = 0

    def __call__(self, source: str, language: str = "en", **values: object) -> str:
        """Return what a template's source becomes."""
        self._count += 1
        name = f"{self._count}.html"
        (self._folder / name).write_text(source)
        return self._renderer.text(make_visit(language=language), name, **values)


def test_markup_is_text(show: Show) -> None:
    """In output, in sentences and in attributes."""
    evil = "<script>&\"'"
    assert show("{{ evil }}", evil=evil) == "&lt;script&gt;&amp;&#34;&#39;"
    assert "<script>" not in show('{{ _("by {who}", who=evil) }}', evil=evil)
    assert "<script>" not in show("{{ word(evil) }}", evil=evil)


def test_braces_in_values_are_values(show: Show) -> None:
    """What somebody typed is not formatted again."""
    assert show('{{ _("by {who}", who=evil) }}', evil="{0.__class__} {who}") == "by {0.__class__} {who}"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\u202e", "[U+202E]"),
        ("\u2066", "[U+2066]"),
        ("\u200b", "[U+200B]"),
        ("\x00", "[U+0000]"),
        ("\x1b", "[U+001B]"),
        ("\ufdd0", "[U+FDD0]"),
        ("\n", "\n"),
        ("\N{POSTAL HORN}", "\N{POSTAL HORN}"),
        ("\u05d0", "\u05d0"),
        ("\u00a0", "\u00a0"),
    ],
)
def test_what_cannot_be_seen_is_written_out(show: Show, character: str, shown: str) -> None:
    """Wherever a template puts out text, also within sentences."""
    assert visible(f"a{character}b") == f"a{shown}b"
    assert show("{{ text }}", text=f"a{character}b") == f"a{shown}b"
    assert show('{{ _("by {who}", who=text) }}', text=character) == f"by {shown}"


def test_a_missing_value_is_a_defect_and_none_is_nothing(show: Show) -> None:
    """A typing error in a template does not pass for an empty field."""
    assert show("[{{ nothing }}]", nothing=None) == "[]"
    with pytest.raises(UndefinedError):
        show("{{ misspelt }}")


def test_numbers_dates_and_ages_follow_the_language(show: Show) -> None:
    """English and French write them differently; machines read one form."""
    source = "{{ 1234567 | number }}; {{ at | day }}; {{ at | age }}; {{ at | iso }}; {{ 'FR' | country }}"
    at = NOW - 5 * MINUTE
    assert show(source, at=at) == "1,234,567; 21 Sep 2026; 5 minutes; 2026-09-21T14:08:20Z; France"
    assert show("{{ at | moment }}", at=at) == "21 Sep 2026 14:08 UTC"
    french = show(source, "fr", at=at)
    assert "sept. 2026" in french
    assert "1\u202f234\u202f567" in french


def test_plurals_follow_the_language(show: Show) -> None:
    """In French, none is singular."""
    source = '{{ ngettext("{number} request", "{number} requests", count) }}'
    assert [show(source, count=count) for count in (0, 1, 2)] == ["0 requests", "1 request", "2 requests"]
    assert [show(source, "fr", count=count) for count in (0, 1, 2)] == ["0 demande", "1 demande", "2 demandes"]


@pytest.mark.parametrize(
    "value",
    [
        *Kind,
        *RequestState,
        *CertificateStatus,
        *Role,
        *SignInMethod,
        *Action,
        *DoorRule,
        *(f"reason.{r}" for r in RevocationReason),
    ],
)
def test_everything_that_is_stored_has_a_word(value: str) -> None:
    """No state, kind, role, action or reason is shown as the code that it is stored as."""
    assert WORDS[value]


def test_every_template_can_be_compiled_in_every_language() -> None:
    """A syntax error is found here, not by a manager."""
    renderer = Renderer(Statics(), lambda: NOW)
    templates = [path.relative_to(rendering.TEMPLATES).as_posix() for path in rendering.TEMPLATES.rglob("*.html")]
    assert len(templates) > 10
    for environment in renderer._environments.values():
        for template in templates:
            environment.get_template(template)
