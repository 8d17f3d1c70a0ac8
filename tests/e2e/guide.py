"""The walk through the console that its guide describes, and the pictures that are taken on the way.

    make screenshots

A picture cannot be compared with a page: fonts differ from one machine to the next. So what each picture shows stands
beside it in words, `docs/images/console/LANGUAGE.yaml`: the page as a screen reader tells it, and a mark of the
style rules and drawings that it uses. `test_guide` goes the same way and compares. Where the two differ, the picture is
out of date, and only then is it taken anew.
"""

import asyncio
import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.e2e.browser import chromium
from tests.e2e.guide_desk import PHONE, REASONS, WIDE, GuideDesk

PICTURES = Path(__file__).parents[2] / "docs" / "images" / "console"
LANGUAGES = ("en", "fr")
Steps = Callable[[Page, GuideDesk], Awaitable[object]]


@dataclass(frozen=True)
class Stop:
    """A page on the walk."""

    name: str
    who: str
    """A login; with a question mark behind it if this manager has a certificate and is not signed in."""
    address: str
    steps: Steps | None = None
    """What is done there before it is looked at."""
    size: tuple[int, int] = WIDE
    tallest: int = 1000
    """Where the picture ends at the latest, in pixels of the page."""
    is_dark: bool = False


@dataclass(frozen=True)
class View:
    """What is seen at a stop."""

    name: str
    words: str
    """The page as a screen reader tells it, and the mark of its look."""
    page: Page
    stop: Stop

    async def picture(self, path: Path) -> None:
        """Take a picture."""
        width, _ = self.stop.size
        height = min(await self.page.evaluate("document.documentElement.scrollHeight"), self.stop.tallest)
        clip = {"x": 0, "y": 0, "width": width, "height": height}
        await self.page.screenshot(path=path, full_page=True, clip=clip)  # type: ignore[arg-type] # it is a FloatRect


def click(selector: str) -> Steps:
    """Return the step of pressing a button, and waiting for the next page."""

    async def step(page: Page, _desk: GuideDesk) -> None:
        async with page.expect_navigation():
            await page.locator(selector).click()

    return step


def after(*steps: Steps) -> Steps:
    """Return several steps as one."""

    async def all_of_them(page: Page, desk: GuideDesk) -> None:
        for step in steps:
            await step(page, desk)

    return all_of_them


def fill(selector: str, text: str = "") -> Steps:
    """Return the step of filling in a field, by default with a reason."""

    async def step(page: Page, desk: GuideDesk) -> None:
        await page.locator(selector).fill(text or REASONS[desk.language][1])

    return step


def choose(selector: str) -> Steps:
    """Return the step of choosing one of several."""

    async def step(page: Page, _desk: GuideDesk) -> None:
        await page.locator(selector).check()

    return step


async def tick_two(page: Page, _desk: GuideDesk) -> None:
    """Tick the first two requests that wait."""
    for box in (await page.locator("input[name=id]").all())[:2]:
        await box.check()


_REQUEST = "/requests/{waiting}"
_CERTIFICATE = "/certificates/{certificate}"

BEFORE = (Stop("first-link", "", "/link?token={first_link}"),)
"""While nobody administers the desk."""
WALK = (
    Stop("sign-in", "claire?", "/sign-in"),
    Stop("home", "claire", "/"),
    Stop("home-dark", "claire", "/", is_dark=True),
    Stop("requests", "claire", "/requests"),
    Stop("request", "claire", _REQUEST),
    Stop("request-phone", "claire", _REQUEST, size=PHONE),
    Stop("approved", "claire", _REQUEST, click("form[action$='/approve'] button")),
    Stop("reject", "claire", "/requests/{phone}", after(fill("#reason"), click("button[name=preview]")), tallest=1300),
    Stop("approve-many", "claire", "/requests", after(tick_two, click("button[name=action][value=approve]"))),
    Stop("certificates", "claire", "/certificates"),
    Stop("certificate", "claire", _CERTIFICATE),
    Stop("revoke", "claire", f"{_CERTIFICATE}/revoke"),
    Stop(
        "revoked",
        "claire",
        f"{_CERTIFICATE}/revoke",
        after(choose("input[value=keyCompromise]"), click("main form button")),
    ),
    Stop(
        "code-made",
        "claire",
        "/codes/add",
        after(choose("input[value=workstation]"), fill("#count", "12"), fill("#days", "30"), click("main form button")),
    ),
    Stop("codes", "claire", "/codes"),
    Stop("account", "claire", "/account"),
    Stop("organisations", "ada", "/organisations"),
    Stop("organisation", "ada", "/organisations/FRA1", tallest=1040),
    Stop("organisation-edit", "ada", "/organisations/FRA1/edit"),
    Stop("managers", "ada", "/managers"),
    Stop(
        "invitation",
        "ada",
        "/managers/invite",
        after(
            fill("#name", "Léa Fontaine"),
            fill("#email", "lea.fontaine@poste.example"),
            lambda page, _: page.locator("#organisation").select_option("FRA1"),
            click("main form button"),
        ),
    ),
    Stop("manager", "ada", "/managers/paul@poste.example"),
    Stop("request-server", "ada", "/requests/{server}"),
    Stop("publication", "ada", "/organisations/FRA1/publication"),
    Stop("publish-phone", "", "/publish/FRA1", size=PHONE),
    Stop("authority", "ada", "/authority"),
    Stop("audit", "ada", "/audit"),
)
NAMES = [stop.name for stop in (*BEFORE, *WALK)]


async def walk(browser: Browser, language: str, folder: Path) -> AsyncIterator[View]:
    """Go through the console in one language, and yield what is seen; each page is open until the next one."""
    desk = await GuideDesk.make(folder, language)
    try:
        for stop in BEFORE:
            yield await _look(browser, desk, stop)
        await desk.fill()
        for stop in WALK:
            yield await _look(browser, desk, stop)
    finally:
        await desk.close()


async def _look(browser: Browser, desk: GuideDesk, stop: Stop) -> View:
    page = await desk.window(browser, stop.who, stop.size, is_dark=stop.is_dark)
    answer = await page.goto(stop.address.format(**desk.things))
    assert answer is not None
    assert answer.ok, await page.inner_text("main")
    if stop.steps is not None:
        await stop.steps(page, desk)
    return View(stop.name, await words(page), page, stop)


async def words(page: Page) -> str:
    """Return what a page says and looks like, without what differs each time: keys, and what is made with them."""
    told = re.sub(_CHOICE, "", await page.locator("body").aria_snapshot())
    for pattern, instead in _EACH_TIME.items():
        told = re.sub(pattern, instead, told)
    look = hashlib.sha256((await page.evaluate(_LOOK)).encode()).hexdigest()[:16]
    return f"{told}\n- look: {look}"


_CHOICE = re.compile(r"^ *- option .*\n(?<!\[selected\]\n)", re.MULTILINE)
"""What one may choose from a list, such as every country; what is chosen stays."""
_EACH_TIME = {
    r"\b[0-9a-f]{16,}(?=\b|…)": "(hexadecimal)",
    r"\b(?:[0-9A-Fa-f]{2}:){7,}[0-9A-Fa-f]{2}\b": "(hexadecimal)",
    r"\bMI[IGHE][\w+/]+": "(base64)",
    r"token=[\w-]{43}": "token=(random)",
    r"(?:\b[0-9A-Z]{4,5}-){3,}[0-9A-Z]{4,5}\b": "(secret)",
    r"/static/[\w/.-]+\?\w+": "(static)",
}
_LOOK = r"""() => {
  const used = (rule) => {
    if (rule instanceof CSSMediaRule && !matchMedia(rule.conditionText).matches) return [];
    if (!rule.selectorText) return rule.cssRules ? [...rule.cssRules].flatMap(used) : [rule.cssText];
    const selector = rule.selectorText.replace(/::?(before|after|placeholder|marker)\b/g, "");
    try { return document.querySelector(selector) ? [rule.cssText] : []; } catch { return [rule.cssText]; }
  };
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].flatMap(used));
  const drawings = [...document.querySelectorAll("svg use, img, svg.icon")].map(
    (one) => one.getAttribute("href") ?? one.getAttribute("src") ?? one.innerHTML);
  return [...rules, ...drawings].join("\n");
}"""
"""Tells the style rules that apply to anything on the page, and its drawings; neither depends on a machine's fonts."""


def write(language: str, views: dict[str, str]) -> None:
    """Keep what the pictures of a language show, each with the mark of its picture."""
    sections = (f"# {name}\n{told}\n- picture: {mark(path_of(name, language))}\n" for name, told in views.items())
    (PICTURES / f"{language}.yaml").write_text("\n".join(sections))


def read(language: str) -> dict[str, tuple[str, str]]:
    """Return what the pictures of a language show, and their marks, by name."""
    path = PICTURES / f"{language}.yaml"
    found = _SECTION.findall(path.read_text()) if path.exists() else []
    return {name: (told, picture) for name, told, picture in found}


_SECTION = re.compile(r"^# (\S+)\n(.*?)\n- picture: (\w+)$", re.MULTILINE | re.DOTALL)


def path_of(name: str, language: str) -> Path:
    """Return where a picture is."""
    return PICTURES / f"{name}.{language}.png"


def mark(path: Path) -> str:
    """Return what tells a picture from every other."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


async def take(names: set[str]) -> None:
    """Take the pictures that are out of date, or named."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as folder:
            async with chromium(Path(folder) / "home", []) as browser:
                await _take(browser, language, Path(folder), names)


async def _take(browser: Browser, language: str, folder: Path, names: set[str]) -> None:
    present = read(language)
    views = {}
    async for view in walk(browser, language, folder):
        views[view.name] = view.words
        path = path_of(view.name, language)
        known = path.exists() and present.get(view.name) == (view.words, mark(path))
        if view.name in names or not known:
            await view.picture(path)
            quantise(path)
            print(path.relative_to(Path.cwd()))  # noqa: T201 - a command's answer
    for path in PICTURES.glob(f"*.{language}.png"):
        if path.name.partition(".")[0] not in views:
            path.unlink()
    write(language, views)


def quantise(path: Path) -> None:
    """Make do with as many colours as the console's pages need, at a third of the size."""
    subprocess.run(["pngquant", "--force", "--ext=.png", "--strip", "--speed=1", "96", path], check=True)


if __name__ == "__main__":
    asyncio.run(take(set(sys.argv[1:])))
