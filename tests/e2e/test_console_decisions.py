"""A registration manager's day in real Chromium, with scripts and without: sign in, approve, reject, revoke.

The certificate is a real one, in the browser's NSS database, the passkey one in an authenticator that DevTools play;
what the decisions did is asked of the API as the device would, and of OCSP and the revocation list as anybody would.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.desks import make_csr
from tests.e2e.browser import Watch, chromium_with_certificate, visitor, watched
from tests.e2e.console_acts import (
    Requester,
    approve,
    authenticator,
    come_by_est,
    make_passkey,
    reject,
    revoke,
    sign_out,
)
from tests.e2e.console_pages import ConsoleDesk
from tests.e2e.server import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")

with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


@pytest_asyncio.fixture(loop_scope="session")
async def claires(console: ConsoleDesk, tmp_path: Path, scripts: bool) -> AsyncIterator[Page]:
    """Return a page in the browser of claire, who has installed her certificate."""
    pkcs12 = console.server.folder / "claire.p12", PASSWORD
    async with chromium_with_certificate(
        tmp_path / "home", console.url, console.server.root, pkcs12, java_script_enabled=scripts
    ) as context:
        watch = Watch(console.url)
        async with watched(context, watch) as page:
            yield page
        watch.check()


@with_and_without_scripts
async def test_a_manager_signs_in_with_the_certificate_and_decides(console: ConsoleDesk, claires: Page) -> None:
    """From a link in a mail through the sign-in to approving, rejecting with a reason, revoking and signing out."""
    lyon, nice = Requester.of(console, "lyon-1"), Requester.of(console, "nice-1")

    await claires.goto(f"/requests/{lyon.id}")
    await expect(claires.get_by_role("heading", name="Your browser shows this certificate")).to_be_visible()
    await expect(claires.locator("main")).to_contain_text("claire@managers.example")
    await claires.get_by_role("button", name="Sign in with this certificate").click()
    await expect(claires.get_by_role("heading", name=lyon.id)).to_be_visible()

    serial_number = await approve(claires, lyon)
    await reject(claires, nice, "The phone number is <not> ours, «sorry» 🙂")
    await revoke(claires, console.server, serial_number, "lyon-1")

    await sign_out(claires)
    await expect(claires.get_by_role("status")).to_contain_text("You are signed out.")
    await claires.goto("/requests")
    await expect(claires.get_by_role("heading", name="Sign in to the desk")).to_be_visible()


async def test_a_manager_signs_in_with_a_passkey_and_decides(chromium: Browser, console: ConsoleDesk) -> None:
    """Whoever was invited makes a passkey, comes back by it to the page of a mail's link, and does the same."""
    lyon, nice = Requester.of(console, "lyon-2"), Requester.of(console, "nice-2")
    async with visitor(chromium, console.url) as page:
        await authenticator(page)
        await page.goto(f"/link?token={console.invite('Pia Kern', 'pia.kern@poste.example', 'FRA1')}")
        await page.get_by_role("button", name="That is me").click()
        await make_passkey(page, "Security key")
        await sign_out(page)

        await page.goto(f"/requests/{lyon.id}")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("heading", name=lyon.id)).to_be_visible()

        serial_number = await approve(page, lyon)
        await expect(page.locator(".history")).to_contain_text("pia.kern@poste.example")
        await reject(page, nice, "Please write down the inventory number.")
        await revoke(page, console.server, serial_number, "lyon-2")


@with_and_without_scripts
async def test_many_are_approved_at_once(chromium: Browser, console: ConsoleDesk, *, scripts: bool) -> None:
    """The confirmation lists every one of them; one that somebody has decided meanwhile is told apart."""
    requesters = [Requester.of(console, f"bulk-{number}") for number in range(3)]
    async with visitor(chromium, console.url, session=console.session("claire"), java_script_enabled=scripts) as page:
        await page.goto("/requests?q=bulk-&state=requested")
        for requester in requesters:
            await page.get_by_label(f"Tick {requester.id}").check()
        await page.get_by_role("button", name="Approve the ticked ones").click()
        await expect(page.get_by_role("heading", name="Approve 3 requests?")).to_be_visible()
        for requester in requesters:
            code = f"{requester.code[:3]} {requester.code[3:]}"
            await expect(page.locator("tr", has_text=requester.id)).to_contain_text(code)
        console.decide("paul", requesters[1].id, "reject", reason="Too late")
        await page.get_by_role("button", name="Yes, approve all 3").click()
        await expect(page.get_by_role("status")).to_contain_text("Done: 2 of 3.")
        line = page.locator(".decided li", has_text=requesters[1].id)
        await expect(line).to_contain_text("rejected")
    assert [requester.look()["status"] for requester in requesters] == ["issued", "rejected", "issued"]


@with_and_without_scripts
async def test_many_are_rejected_at_once(chromium: Browser, console: ConsoleDesk, *, scripts: bool) -> None:
    """Each requester reads the one reason; without one nothing is decided."""
    requesters = [Requester.of(console, f"refused-{number}") for number in range(2)]
    async with visitor(
        chromium, console.url, session=console.session("claire"), java_script_enabled=scripts, expected=[422]
    ) as page:
        await page.goto("/requests?q=refused-&state=requested")
        if scripts:
            await page.get_by_role("button", name="Tick all that wait").click()
        else:
            await expect(page.get_by_role("button", name="Tick all that wait")).to_be_hidden()
            for requester in requesters:
                await page.get_by_label(f"Tick {requester.id}").check()
        await page.get_by_role("button", name="Reject the ticked ones").click()
        await page.get_by_role("button", name="Yes, reject all 2").click()
        await expect(page.locator("#reason-wrong")).to_be_visible()
        assert {requester.look()["status"] for requester in requesters} == {"requested"}
        await page.get_by_label("Reason, shown to the requester").fill("The delivery was cancelled.")
        await page.get_by_role("button", name="Yes, reject all 2").click()
        await expect(page.get_by_role("status")).to_contain_text("Done: 2 of 2.")
    assert {requester.look()["reason"] for requester in requesters} == {"The delivery was cancelled."}


async def test_a_manager_vouches_for_devices_without_scripts(chromium: Browser, console: ConsoleDesk) -> None:
    """A code is made, read, counted and withdrawn by plain forms; devices get in with it in between, and then not."""
    async with visitor(chromium, console.url, session=console.session("claire"), java_script_enabled=False) as page:
        await page.goto("/codes")
        await page.get_by_role("button", name="Make a code").click()
        await page.get_by_label("workstation").check()
        await page.get_by_label("For how many devices").fill("2")
        await page.get_by_label("What it is for").fill("Printers of the sorting centre")
        await page.get_by_role("button", name="Make the code").click()
        code = await page.get_by_label("Enrollment code").input_value()
        await expect(page.locator("[data-copies]")).to_be_hidden()
        assert come_by_est(console, code, make_csr()).status_code == httpx.codes.ACCEPTED

        await page.get_by_role("button", name="Done").click()
        line = page.locator("tr", has_text="Printers of the sorting centre")
        await expect(line).to_contain_text("1 of 2")
        await line.get_by_role("link", name="Withdraw").click()
        await page.get_by_role("button", name="Withdraw for good").click()
        await expect(page.get_by_role("status")).to_contain_text("No further device gets in with this code.")
        await expect(line).to_contain_text("withdrawn")
        await expect(line.get_by_role("link", name="Withdraw")).to_have_count(0)
    assert come_by_est(console, code, make_csr()).status_code == httpx.codes.UNAUTHORIZED


async def test_of_two_managers_the_slower_one_is_told(chromium: Browser, console: ConsoleDesk) -> None:
    """The page says who decided what and when, and nothing of the second decision is carried out."""
    requester = Requester.of(console, "contested")
    async with (
        visitor(chromium, console.url, session=console.session("claire")) as claire,
        visitor(chromium, console.url, session=console.session("paul"), expected=[409]) as paul,
    ):
        await claire.goto(f"/requests/{requester.id}")
        await paul.goto(f"/requests/{requester.id}")
        await claire.get_by_role("button", name="Approve and issue").click()
        await expect(claire.get_by_role("status")).to_contain_text("Approved.")
        await paul.get_by_label("Reason, shown to the requester").fill("Unknown to me")
        await paul.get_by_role("button", name="Reject", exact=True).click()
        await expect(paul.get_by_role("alert")).to_contain_text("Somebody was faster: claire@managers.example")
        await expect(paul.locator(".outcome")).to_contain_text("issued")
    assert requester.look()["status"] == "issued"


async def test_a_reason_is_kept_for_the_next_time(chromium: Browser, console: ConsoleDesk) -> None:
    """Chosen from the list it fills the field, and the preview shows it as the requester will read it."""
    first, second = Requester.of(console, "reasons-1"), Requester.of(console, "reasons-2")
    async with visitor(chromium, console.url, session=console.session("claire")) as page:
        await page.goto(f"/requests/{first.id}")
        await page.get_by_label("Reason, shown to the requester").fill("Ask the help desk for a device.")
        await page.get_by_label("Keep this reason").check()
        await page.get_by_role("button", name="Reject", exact=True).click()
        await page.goto(f"/requests/{second.id}")
        await expect(page.locator("#preview")).to_be_hidden()
        await page.get_by_label("A reason given before").select_option("Ask the help desk for a device.")
        await expect(page.locator("#preview-text")).to_have_text("Ask the help desk for a device.")
        await page.get_by_role("button", name="Reject", exact=True).click()
        await expect(page.get_by_role("status")).to_contain_text("Rejected.")
    assert second.look()["reason"] == "Ask the help desk for a device."


async def test_new_requests_appear_by_themselves(chromium: Browser, console: ConsoleDesk) -> None:
    """What was ticked stays ticked when the list comes anew."""
    first = Requester.of(console, "fresh-1")
    async with visitor(chromium, console.url, session=console.session("claire")) as page:
        await page.clock.install()
        await page.goto("/requests?q=fresh-")
        await page.get_by_label(f"Tick {first.id}").check()
        second = Requester.of(console, "fresh-2")
        await page.clock.run_for(16_000)
        await expect(page.get_by_label(f"Tick {second.id}")).not_to_be_checked()
        await expect(page.get_by_label(f"Tick {first.id}")).to_be_checked()


async def test_a_manager_without_a_certificate_is_told_what_to_do(chromium: Browser, console: ConsoleDesk) -> None:
    """The page explains which certificate to choose, and trying without one says that there was none."""
    async with visitor(chromium, console.url, expected=[401]) as page:
        await page.goto("/")
        await expect(page.locator("main")).to_contain_text("Choose the one with your own name")
        await page.get_by_role("button", name="Try again with a certificate").click()
        await expect(page.get_by_role("alert")).to_contain_text("Your browser has shown no certificate")


async def test_a_revoked_manager_loses_the_running_session(chromium: Browser, console: ConsoleDesk) -> None:
    """The next click leads to the sign-in page, and the certificate opens no other session."""
    console.server.add_manager("gone", "Gaston Gone", "registration-manager", "FRA1")
    with console.server.manager("ada") as ada:
        found = ada.get("/api/v1/certificates", params={"q": "gone@managers.example"}).raise_for_status().json()
    async with visitor(chromium, console.url, session=console.session("gone")) as page:
        await page.goto("/requests")
        console.revoke("ada", found["items"][0]["serial_number"], "privilegeWithdrawn")
        await page.get_by_role("link", name="Certificates").click()
        await expect(page.get_by_role("heading", name="Sign in to the desk")).to_be_visible()
    with console.server.manager("gone") as gone:
        answer = gone.post("/sign-in/certificate", data={"next": "/"}, headers={"origin": console.url})
    assert answer.status_code == httpx.codes.UNAUTHORIZED
