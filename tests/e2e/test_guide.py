"""The console's guide can be walked, its pictures show the pages as they are, and what it quotes stands on them."""

import re
from collections.abc import AsyncIterator, Iterator
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.browser import chromium
from tests.e2e.guide import LANGUAGES, NAMES, PICTURES, mark, path_of, read, walk, words

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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Return a browser that has nothing to do with any other desk."""
    async with chromium(tmp_path_factory.mktemp("guide") / "home", []) as started:
        yield started


@in_each_language
@pytest.mark.asyncio(loop_scope="session")
async def test_the_pictures_are_up_to_date(browser: Browser, tmp_path: Path, language: str) -> None:
    """Each page says and looks what it did when its picture was taken; `make screenshots` takes what is not."""
    seen = {view.name: view.words async for view in walk(browser, language, tmp_path)}
    assert list(seen) == NAMES
    assert [line for name in NAMES for line in changes(language, name, seen[name])] == []


def changes(language: str, name: str, now: str) -> Iterator[str]:
    """Yield what a page says otherwise than when its picture was taken."""
    then, _ = read(language).get(name, ("", ""))
    return unified_diff(then.splitlines(), now.splitlines(), f"{name}, its picture", f"{name}, now", n=0, lineterm="")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_change_is_noticed(browser: Browser) -> None:
    """Other words, another style or drawing; not another key, nor a style that nothing on the page has."""
    page = await browser.new_page()

    async def told(words_there: str, *, style: str = "p { color: red }", drawing: str = "a") -> str:
        await page.set_content(
            f"<style>{style}</style><svg class='icon'><use href='#{drawing}'/></svg><p>{words_there}"
        )
        return await words(page)

    first = await told("Key 0123456789abcdef0123")
    assert first == await told("Key fedcba98765432100123", style="p { color: red } table { color: red }")
    assert first != await told("Keys 0123456789abcdef0123")
    assert first != await told("Key 0123456789abcdef0123", style="p { color: blue }")
    assert first != await told("Key 0123456789abcdef0123", drawing="b")
    await page.close()


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
