"""The mobile app's guides speak of what its users see: its own words, and pictures that are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from defusedxml.ElementTree import parse

ROOT = Path(__file__).parents[2]
RESOURCES = ROOT / "android" / "app" / "src" / "main" / "res"
GUIDES = {"docs/mobile.md": "values", "docs/mobile.fr.md": "values-fr"}
SCREENS = 16

each_guide = pytest.mark.parametrize(("guide", "values"), GUIDES.items(), ids=GUIDES)


def words_of_the_app(values: str) -> str:
    """Return all sentences of the app in a language, a line each."""
    roots = [parse(RESOURCES / values / name).getroot() for name in ("strings.xml", "failures.xml")]
    words = "\n".join("".join(each.itertext()) for root in roots if root is not None for each in root)
    return words.replace("\xa0", " ")


def quoted(guide: str) -> Iterator[str]:
    """Yield the messages and buttons that a guide's table names."""
    table = (ROOT / guide).read_text().partition("| message |")[2].partition("\n\n")[0]
    yield from re.findall(r"\*([^*]+)\*", table)


@each_guide
def test_messages(guide: str, values: str) -> None:
    """Every message that a guide explains, and every button that it then names, is the app's, word for word."""
    words, count = words_of_the_app(values), 0
    for quotation in quoted(guide):
        count += 1
        parts = [re.escape(part.strip()) for part in quotation.split("…")]
        assert re.search(".*".join(parts), words), quotation
    assert count >= 30


@each_guide
def test_pictures(guide: str, values: str) -> None:
    """A guide shows pictures in its own language, and together they refer to every picture that there is."""
    language = "fr" if ".fr." in guide else "en"
    shown = re.findall(r"!\[[^]]*\]\(images/mobile/([^)]*)\)", (ROOT / guide).read_text())
    assert len(shown) > 10
    assert {name.rpartition("-")[2] for name in shown} == {f"{language}.png"}


def test_every_picture() -> None:
    """The list of screens has them all: on a phone in both languages, and otherwise."""
    listed = set(re.findall(r"\(images/mobile/([^)]*)\)", (ROOT / "docs/mobile.md").read_text()))
    kept = {picture.name for picture in (ROOT / "docs/images/mobile").iterdir()}
    assert listed == kept
    assert len(kept) == 3 * SCREENS


def test_errors_that_sibling_apps_get() -> None:
    """What their authors are told of is what Enroll answers."""
    table = (ROOT / "docs/apps.md").read_text().partition("| `error` |")[2].partition("\n\n")[0]
    provider = (ROOT / "android/app/src/main/java/org/certdesk/enroll/share/CredentialProvider.java").read_text()
    assert sorted(re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE)) == sorted(
        re.findall(r'"error", "([\w-]+)"', provider)
    )
