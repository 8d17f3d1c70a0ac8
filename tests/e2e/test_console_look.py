"""Every page of the console, looked at by programs: axe, the Nu HTML checker, Lighthouse, a keyboard and scales."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Response

from certdesk.console.statics import FOLDER
from tests.e2e.browser import PHONE, WEB, axe, visitor
from tests.e2e.console_pages import PAGES, SESSION_COOKIE, ConsoleDesk, ConsolePage
from tests.integration.test_console_access import ALLOWED

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST_VISIT = 150_000
"""Octets on the wire, headers included."""
NO_PAGES = re.compile(r"/static/|\.csv$|/\{file\}$|/files/\{name\}$|^GET /requests/list$|^GET /audit/state$")
"""Addresses of files, and of parts of pages."""

every_page = pytest.mark.parametrize("there", PAGES, ids=lambda page: page.name)


async def test_no_page_is_forgotten() -> None:
    """Whatever address the route table has for looking at, something here looks at it."""
    wanted = {route for route in ALLOWED if route.startswith("GET ") and not NO_PAGES.search(route)}
    assert wanted - {page.route for page in PAGES} == set()
    assert {page.route for page in PAGES} - ALLOWED.keys() == {""}


@every_page
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_page_is_for_everyone(
    chromium: Browser, console: ConsoleDesk, there: ConsolePage, language: str
) -> None:
    """Axe finds nothing, wide and light as narrow and dark; a phone shows it whole; a first visit weighs little."""
    session = console.session(there.who)
    async with visitor(chromium, console.url, session=session, language=language, expected=[there.refusal]) as page:
        scales = await Scales.under(page)
        await there.open(page, console)
        assert await page.get_attribute("html", "lang") == language
        assert scales.octets < FIRST_VISIT
        assert await axe(page) == []
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert await axe(page) == []
        assert await page.evaluate(_TOO_WIDE) == []


class Scales:
    """Weigh what comes to a page from the network."""

    octets = 0.0

    @classmethod
    async def under(cls, page: Page) -> "Scales":
        """Put scales under a page that nothing has come to yet."""
        scales = cls()
        devtools = await page.context.new_cdp_session(page)
        devtools.on("Network.loadingFinished", scales._weigh)
        await devtools.send("Network.enable")
        return scales

    def _weigh(self, event: dict[str, Any]) -> None:
        self.octets += event["encodedDataLength"]


_TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.outerHTML.slice(0, 120))"""


@every_page
async def test_the_keyboard_reaches_everything(chromium: Browser, console: ConsoleDesk, there: ConsolePage) -> None:
    """Tab goes to each thing that can be used, in the page's order; it shows where it is, and nothing hides it."""
    async with visitor(chromium, console.url, session=console.session(there.who), expected=[there.refusal]) as page:
        await there.open(page, console)
        wanted: int = await page.evaluate(_WATCH_FOCUS)
        assert wanted > 0
        for _ in range(4 * wanted + 10):
            await page.keyboard.press("Tab")
            if await page.evaluate("focused.length > 1 && focused.at(-1) === focused[0]"):
                break
        found: dict[str, list[str]] = await page.evaluate(_FOCUS_FAULTS)
        assert found == {"unreached": [], "disordered": [], "unseen": [], "covered": []}


_WATCH_FOCUS = """() => {
  const look = (one) => { const is = getComputedStyle(one);
    return [is.outlineStyle !== "none" && is.outlineWidth + is.outlineColor, is.boxShadow, is.borderColor].join() };
  const radios = (one) => one.type !== "radio" || one.checked || (
    !document.querySelector(`input[name="${one.name}"]:checked`) &&
    one === [...document.querySelectorAll(`input[name="${one.name}"]`)].find((other) => !other.disabled));
  document.activeElement.blur();
  window.wanted = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(
    (one) => one.tabIndex >= 0 && !one.disabled && radios(one) && one.checkVisibility({visibilityProperty: true}));
  const before = new Map(wanted.map((one) => [one, look(one)]));
  window.focused = []; window.unseen = []; window.covered = [];
  document.addEventListener("focusin", ({target}) => {
    focused.push(target);
    if (!before.has(target)) return;
    if (look(target) === before.get(target)) unseen.push(target);
    const box = target.getClientRects()[0];
    const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
    const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;  // only its caret may be in view
    const top = document.elementFromPoint(x, y);
    const own = top && [target, ...(target.labels ?? [])].some((one) => one.contains(top) || top.contains(one));
    if (!own) covered.push(target);
  });
  return wanted.length;
}"""
_FOCUS_FAULTS = """() => {
  const name = (one) => one.outerHTML.slice(0, 160);
  const places = focused.slice(0, -1).map((one) => wanted.indexOf(one)).filter((place) => place >= 0);
  return {
    unreached: wanted.filter((one) => !focused.includes(one)).map(name),
    disordered: places.filter((place, at) => at && place < places[at - 1]).map((place) => name(wanted[place])),
    unseen: unseen.map(name),
    covered: covered.map(name),
  };
}"""


async def test_the_html_and_css_are_valid(chromium: Browser, console: ConsoleDesk, tmp_path: Path) -> None:
    """The Nu HTML checker finds nothing in any page, in both languages, nor in our style sheets and drawings."""
    for language in ("en", "fr"):
        for who in {page.who for page in PAGES}:
            for name, html in await sources(chromium, console, who, language):
                (tmp_path / f"{name}.{language}.html").write_bytes(html)
    ours = [path for path in FOLDER.glob("*") if path.suffix in {".css", ".svg"}]
    checker = str(WEB / "vnu-jar" / "build" / "dist" / "vnu.jar")
    java = await asyncio.create_subprocess_exec(
        *("java", "-jar", checker, "--format", "json", "--also-check-css", "--also-check-svg"),
        *map(str, [*sorted(tmp_path.iterdir()), *ours]),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await java.communicate()
    messages: Sequence[dict[str, Any]] = json.loads(said)["messages"]
    faults = [f"{one['url'].rpartition('/')[2]}: {one['message']} {one.get('extract', '')!r}" for one in messages]
    assert not faults, "\n".join(faults)


async def sources(chromium: Browser, console: ConsoleDesk, who: str, language: str) -> list[tuple[str, bytes]]:
    """Return somebody's pages as the desk has sent them, before any script."""
    wanted = [page for page in PAGES if page.who == who]
    expected = {page.refusal for page in wanted}
    session = console.session(who)
    found = []
    async with visitor(chromium, console.url, session=session, language=language, expected=expected) as page:
        documents: list[Response] = []
        page.on("response", lambda it: documents.append(it) if it.request.is_navigation_request() else None)
        for there in wanted:
            await there.open(page, console)
            found.append((there.name, await documents[-1].body()))
    return found


async def test_lighthouse_gives_full_marks(chromium: Browser, debugging_port: int, console: ConsoleDesk) -> None:
    """Accessibility and best practices are at 100 on the main pages."""
    main = [page for page in PAGES if page.is_main]
    wanted = [
        {
            "url": console.url + console.address(page.address),
            "cookie": f"{SESSION_COOKIE}={console.session(page.who)}" if page.who else "",
        }
        for page in main
    ]
    node = await asyncio.create_subprocess_exec(
        *("node", WEB.parent / "lighthouse.mjs", str(debugging_port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await node.communicate(json.dumps(wanted).encode())
    found = [json.loads(line) for line in said.splitlines()]
    assert [one["url"] for one in found] == [one["url"] for one in wanted]
    assert [one for one in found if one["faults"] or one["error"]] == []
    assert {tuple(one["scores"].items()) for one in found} == {(("accessibility", 1), ("best-practices", 1))}


async def test_the_instruments_work(chromium: Browser, console: ConsoleDesk) -> None:
    """Axe, the focus and the watch over requests find what is planted for them."""
    found = []

    async def visit() -> None:
        async with visitor(chromium, console.url) as page:
            await page.goto("/sign-in")
            await page.evaluate(_PLANT)
            found.extend([fault.partition(":")[0] for fault in await axe(page)])
            await page.evaluate(_WATCH_FOCUS)
            await page.keyboard.press("Tab")
            await page.keyboard.press("Tab")
            found.extend([name for name, faults in (await page.evaluate(_FOCUS_FAULTS)).items() if faults])

    with pytest.raises(AssertionError, match=r"elsewhere\.example"):
        await visit()
    assert found == ["image-alt", "unreached", "unseen", "covered"]


_PLANT = """() => {
  document.querySelector("h1").append(Object.assign(new Image(), {src: "https://elsewhere.example/x"}));
  const brand = document.querySelector(".brand");
  brand.style.setProperty("outline", "none", "important");
  brand.style.setProperty("box-shadow", "none", "important");
  const cover = Object.assign(document.createElement("div"), {className: "cover"});
  Object.assign(cover.style, {position: "fixed", inset: "0 0 auto 0", height: "40px"});
  document.querySelector("main").append(cover);
}"""
