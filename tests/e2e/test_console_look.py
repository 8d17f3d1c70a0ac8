"""Every page of the console, looked at by programs: axe, the Nu HTML checker, a keyboard, scales."""

import pytest
from playwright.async_api import Browser

from tests.e2e.browser import PHONE, axe, visitor
from tests.e2e.console_pages import PAGES, ConsoleDesk, ConsolePage

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("there", PAGES, ids=lambda page: page.name)
async def test_axe_finds_nothing(chromium: Browser, console: ConsoleDesk, there: ConsolePage, language: str) -> None:
    """Wide and light, narrow and dark, in both languages."""
    expected = [there.refusal] if there.refusal else []
    session = console.session(there.who)
    async with visitor(chromium, console.url, session=session, language=language, expected=expected) as page:
        await there.open(page, console)
        assert await page.get_attribute("html", "lang") == language
        assert await axe(page) == []
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert await axe(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
