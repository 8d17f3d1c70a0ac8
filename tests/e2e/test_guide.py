"""The console's guide can be walked, its pictures show the pages as they are, and what it quotes stands on them."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.browser import chromium
from tests.e2e.guide import LANGUAGES, NAMES, PICTURES, mark, path_of, read, walk

DOCS = PICTURES.parents[1]
GUIDES = {"en": DOCS / "console.md", "fr": DOCS / "console.fr.md"}
LARGEST = 3_000_000
"""Octets, all pictures together."""

_PICTURE = re.compile(r"!\[[^\]]+\]\(images/console/([\w-]+)\.(\w+)\.png\)")
_NAME = re.compile(r"\*\*([^*]+)\*\*")

in_each_language = pytest.mark.parametrize("language", LANGUAGES)


def sections(language: str) -> list[str]:
    """Return a guide's sections, the introduction first."""
    return re.split(r"^##+ ", GUIDES[language].read_text(), flags=re.MULTILINE)


def pictures(text: str) -> list[tuple[str, str]]:
    """Return name and language of every picture in a text."""
    return _PICTURE.findall(text)


def told(language: str, section: str) -> str:
    """Return what the pages say whose pictures a section has."""
    views = read(language)
    return "\n".join(views[name][0] for name, _ in pictures(section)).replace('\\"', '"')


@in_each_language
async def test_the_pictures_are_up_to_date(tmp_path: Path, language: str) -> None:
    """Each page says and looks what it did when its picture was taken; `make screenshots` takes what is not."""
    async with chromium(tmp_path / "home", []) as browser:
        seen = {view.name: view.words async for view in walk(browser, language, tmp_path)}
    assert seen == {name: told for name, (told, _) in read(language).items()}


@in_each_language
def test_every_picture_is_shown(language: str) -> None:
    """A guide has each picture in its language, the one that was taken of the page, and the folder has no others."""
    shown = pictures(GUIDES[language].read_text())
    assert sorted(shown) == sorted((name, language) for name in NAMES)
    assert sorted(path.name for path in PICTURES.glob(f"*.{language}.png")) == sorted(
        f"{name}.{language}.png" for name in NAMES
    )
    assert {name: picture for name, (_, picture) in read(language).items()} == {
        name: mark(path_of(name, language)) for name in NAMES
    }


@in_each_language
def test_what_is_quoted_stands_on_the_page(language: str) -> None:
    """Every name in bold letters is the name of something on a page that this section shows, or the one before."""
    strange = [
        name
        for before, section in pairwise(sections(language))
        for name in _NAME.findall(section)
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told(language, before + section))
    ]
    assert strange == []
    assert sum(len(_NAME.findall(section)) for section in sections(language)[1:]) > 40


def test_the_guides_tell_the_same() -> None:
    """Section by section the languages show the same pictures, and quote as many names."""
    by_language = [
        [([name for name, _ in pictures(section)], len(_NAME.findall(section))) for section in sections(language)]
        for language in LANGUAGES
    ]
    assert by_language[0] == by_language[1]


def test_the_pictures_are_small() -> None:
    """Whoever clones the repository does not wait for them."""
    assert sum(path.stat().st_size for path in PICTURES.glob("*.png")) < LARGEST


def test_the_folder_has_nothing_else() -> None:
    """What no guide shows is not kept."""
    known = {f"{name}.{language}.png" for name in NAMES for language in LANGUAGES}
    assert {path.name for path in PICTURES.iterdir()} == known | {f"{language}.yaml" for language in LANGUAGES}
