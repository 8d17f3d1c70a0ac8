"""From the link that a new desk prints to an organisation with a manager who decides, all of it in Chromium."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser import Watch, chromium_with_certificate, visitor, watched
from tests.e2e.console_acts import (
    Requester,
    approve,
    become_administrator,
    first_link,
    is_link,
    make_certificate,
    url_of,
)
from tests.e2e.server import DeskServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


async def add_organisation(page: Page) -> None:
    """Enter La Poste, from the menu on."""
    await page.get_by_role("link", name="Organisations").click()
    await page.get_by_role("button", name="Add an organisation").click()
    await page.get_by_label("Code", exact=True).fill("FRA1")
    await page.get_by_label("Name", exact=True).fill("La Poste")
    await page.get_by_label("Country").select_option(label="France")
    for kind in ("mobile", "workstation"):
        await page.get_by_label(kind).check()
    await page.get_by_role("button", name="Save and publish").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("La Poste")


async def invite(page: Page, name: str, email: str) -> str:
    """Invite a registration manager of La Poste, and return the link, which the page shows this once."""
    await page.get_by_role("link", name="Managers").first.click()
    await page.get_by_role("button", name="Invite a manager").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("registration manager").check()
    await page.get_by_label("Organisation", exact=True).select_option("FRA1")
    await page.get_by_role("button", name="Invite").click()
    await expect(page.locator("main")).to_contain_text("It is shown now and never again.")
    link = await page.get_by_label("One-time link").input_value()
    assert is_link(link)
    await page.get_by_role("button", name="Done").click()
    await expect(page.locator("main")).to_contain_text("a link that was not followed yet")
    assert link not in await page.content()
    return link


@with_and_without_scripts
async def test_from_the_printed_link_to_an_organisation_with_a_manager(
    new_desk: DeskServer, newcomers: Browser, tmp_path: Path, *, scripts: bool
) -> None:
    """The administrator enters and invites; the manager follows the link once, gets a certificate once, and decides."""
    url = url_of(new_desk)
    async with visitor(newcomers, url, java_script_enabled=scripts) as ada:
        await become_administrator(ada, first_link(new_desk))
        await add_organisation(ada)
        link = await invite(ada, "Eve Durand", "eve@poste.example")

        async with visitor(newcomers, url, java_script_enabled=scripts, expected=[404]) as eve:
            await eve.goto(link)
            await expect(eve.locator("main")).to_contain_text("eve@poste.example")
            await eve.get_by_role("button", name="That is me: sign in").click()
            await expect(eve.locator("main")).to_contain_text("You came by a link that does not work again.")
            pkcs12 = await make_certificate(eve, tmp_path)
            await eve.goto("/account")
            assert pkcs12[1] not in await eve.content()
            await eve.goto(link)
            await expect(eve.locator("main")).to_contain_text("This link does not work any more")

        await ada.reload()
        await expect(ada.locator("main")).not_to_contain_text("a link that was not followed yet")

    requester = Requester.of(new_desk, "counter-3")
    async with chromium_with_certificate(
        tmp_path / "home", url, new_desk.root, pkcs12, java_script_enabled=scripts
    ) as context:
        watch = Watch(url)
        async with watched(context, watch) as eve:
            await eve.goto("/")
            await expect(eve.locator("main")).to_contain_text("eve@poste.example")
            await eve.get_by_role("button", name="Sign in with this certificate").click()
            await eve.get_by_role("link", name=requester.id).first.click()
            await approve(eve, requester)
            await expect(eve.get_by_role("link", name="Managers")).to_have_count(0)
        watch.check()
