"""Passkeys and one-time links in real Chromium, with an authenticator that DevTools plays (WebAuthn Level 3 §11)."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from playwright.async_api import Browser, expect

from tests.e2e.browser import visitor
from tests.e2e.console_acts import (
    AUTHENTICATOR,
    authenticator,
    become_administrator,
    first_link,
    is_link,
    make_certificate,
    make_passkey,
    sign_out,
    url_of,
)
from tests.e2e.server import DeskServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_first_administrator_comes_by_the_link_and_returns_by_a_passkey(
    new_desk: DeskServer, newcomers: Browser
) -> None:
    """From the printed link to a passkey, out, in again by it, and to the page that was wanted."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk)) as page:
        await authenticator(page)
        await become_administrator(page, link)
        await expect(page.get_by_text("You came by a link that does not work again")).to_be_visible()
        await make_passkey(page, "Work laptop")
        await expect(page.get_by_text("You came by a link")).to_have_count(0)
        await sign_out(page)
        await page.goto("/managers")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.wait_for_url("**/managers")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Managers")
        await page.goto("/account")
        await expect(page.locator("#passkeys")).to_contain_text("last used")


async def test_a_link_works_once(new_desk: DeskServer, newcomers: Browser) -> None:
    """Opening it twice does no harm, following it does: then it is dead, and so is every other first link."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk), expected=[404]) as page:
        await page.goto(link)
        await page.goto(link)
        await become_administrator(page, link)
        answer = await page.goto(link)
        assert answer is not None
        assert answer.status == 404
        await expect(page.get_by_text("This link does not work any more")).to_be_visible()
    new_desk.stop()
    new_desk.start()
    assert "/link?token=" not in new_desk.log


async def test_the_operator_lets_an_administrator_in_again(new_desk: DeskServer, newcomers: Browser) -> None:
    """Whoever has lost everything gets a link from the command line, which prints it and nothing else."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk)) as page:
        await become_administrator(page, link)
    said = new_desk.certdesk("manager", "link", "ada@operator.example").stdout
    assert is_link(said.strip())
    async with visitor(newcomers, url_of(new_desk)) as page:
        await page.goto(said.strip())
        await page.get_by_role("button", name="That is me").click()
        await page.wait_for_url("**/account")
    new_desk.certdesk("manager", "link", "nobody@operator.example", status=1)


async def test_a_copied_passkey_is_refused(new_desk: DeskServer, newcomers: Browser) -> None:
    """When an authenticator's counter goes back, somebody has its key twice."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk), expected=[401]) as page:
        devtools, number = await authenticator(page)
        await become_administrator(page, link)
        await make_passkey(page, "Key")
        stored = await devtools.send("WebAuthn.getCredentials", {"authenticatorId": number})
        await sign_out(page)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.wait_for_url(f"{url_of(new_desk)}/")
        await sign_out(page)
        await devtools.send("WebAuthn.clearCredentials", {"authenticatorId": number})
        await devtools.send(
            "WebAuthn.addCredential", {"authenticatorId": number, "credential": stored["credentials"][0]}
        )
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("alert")).to_contain_text("may have been copied")


async def test_without_the_user_verified_there_is_no_sign_in(new_desk: DeskServer, newcomers: Browser) -> None:
    """A passkey that somebody else holds, and whose PIN they do not know, opens nothing; the page says so."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk)) as page:
        devtools, number = await authenticator(page)
        await become_administrator(page, link)
        await make_passkey(page, "Key")
        await sign_out(page)
        await devtools.send("WebAuthn.setUserVerified", {"authenticatorId": number, "isUserVerified": False})
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")


async def test_a_second_passkey_in_the_same_device_is_refused_in_words(
    new_desk: DeskServer, newcomers: Browser
) -> None:
    """The authenticator knows that it has one; another one can be made elsewhere, renamed and removed."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk)) as page:
        devtools, number = await authenticator(page)
        await become_administrator(page, link)
        await make_passkey(page, "One")
        await page.get_by_role("button", name="Make a passkey").click()
        await expect(page.get_by_role("alert")).to_contain_text("has a passkey of yours already")
        await devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": number})
        await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        await make_passkey(page, "Two <b>bold</b>")
        await expect(page.locator("#passkeys")).to_contain_text("Two <b>bold</b>")
        await page.locator("#passkeys summary", has_text="Remove One").click()
        await page.get_by_role("button", name="Remove it").click()
        await expect(page.get_by_text("The passkey is removed")).to_be_visible()
        await expect(page.locator("#passkeys .things > li")).to_have_count(1)


async def test_the_link_gives_a_certificate_without_scripts(
    new_desk: DeskServer, newcomers: Browser, tmp_path: Path
) -> None:
    """The file that the page holds opens with the password that stands beside it, and signs in."""
    link = first_link(new_desk)
    async with visitor(newcomers, url_of(new_desk), java_script_enabled=False) as page:
        await become_administrator(page, link)
        pkcs12, password = await make_certificate(page, tmp_path)
    identity = load_pkcs12(pkcs12.read_bytes(), password.encode())
    assert identity.cert is not None
    assert "Ada Operator" in identity.cert.certificate.subject.rfc4514_string()
