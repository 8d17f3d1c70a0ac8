"""An administrator publishes settings and the real app; somebody with a phone follows the publication page."""

import hashlib
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

import pytest
from playwright.async_api import Browser, Page, expect

from certdesk.domain.text import translator
from certdesk.wire.settings import Settings, parse_settings
from tests.e2e.browser import axe, read_qr_code, visitor
from tests.e2e.console_pages import ConsoleDesk

pytestmark = pytest.mark.asyncio(loop_scope="session")

APK = Path(__file__).parents[2] / "android" / "build" / "Enroll.apk"
SMALL_PHONE = (360, 740)


@pytest.fixture(scope="module")
def belgium(console: ConsoleDesk) -> ConsoleDesk:
    """Return the desk with an organisation that has published nothing yet."""
    console.server.here("organisation", "add", "BEL1", "--name=bpost", "--country=BE")
    return console


def settings(desk: ConsoleDesk) -> Settings:
    """Return the settings as a device gets them."""
    with desk.server.device() as device:
        return parse_settings(device.get("/settings/BEL1.xml").raise_for_status().content)


def root_fingerprint(desk: ConsoleDesk) -> str:
    """Return the SHA-256 of the trust anchor, as an operator reads it to somebody."""
    return hashlib.sha256(PEM_cert_to_DER_cert(desk.server.root.read_text())).hexdigest()


async def test_an_administrator_publishes_settings(chromium: Browser, belgium: ConsoleDesk) -> None:
    """The preview shows what devices would get while one types; nothing is published before it is saved."""
    async with visitor(chromium, belgium.url, session=belgium.session("ada")) as ada:
        await ada.goto("/organisations")
        await ada.get_by_role("link", name="BEL1").first.click()
        await ada.get_by_role("button", name="Edit").click()
        await ada.get_by_label("Help for requesters").fill("Help desk, +32 2 276 22 11")
        await ada.get_by_label("Key type").select_option("RSA 3072")
        await expect(ada.locator("pre.xml")).to_contain_text("<support-contact>Help desk, +32 2 276 22 11<")
        await expect(ada.locator("pre.xml")).to_contain_text("<key-type>RSA 3072<")
        assert settings(belgium).support_contact == ""
        await ada.get_by_role("button", name="Save and publish").click()
        await expect(ada.get_by_role("status")).to_be_visible()
    published = settings(belgium)
    assert (published.support_contact, published.key_type.value) == ("Help desk, +32 2 276 22 11", "RSA 3072")


async def test_an_administrator_publishes_the_app(chromium: Browser, belgium: ConsoleDesk) -> None:
    """The APK that is built goes up with its version; its checksum stands beside it, for colleagues to compare."""
    async with visitor(chromium, belgium.url, session=belgium.session("ada")) as ada:
        await ada.goto("/organisations/BEL1")
        await ada.get_by_role("button", name="Publication").click()
        await ada.get_by_label("Version").fill("1.0.0")
        await ada.get_by_label("File", exact=True).set_input_files(APK)
        await ada.get_by_role("button", name="Publish", exact=True).click()
        await expect(ada.get_by_role("status")).to_be_visible()
        line = ada.locator("li", has_text="uploaded").first
        await expect(line).to_contain_text("Enroll.apk 1.0.0")
        await expect(line).to_contain_text(hashlib.sha256(APK.read_bytes()).hexdigest())


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_phone_follows_the_publication_page(
    chromium: Browser, belgium: ConsoleDesk, tmp_path: Path, language: str
) -> None:
    """What is downloaded is the file with the checksum beside it; button, link and QR code lead to the settings."""
    said = translator(language)
    address = f"{belgium.url}/settings/BEL1.xml#sha256={root_fingerprint(belgium)}"
    publish(belgium)
    async with visitor(
        chromium,
        belgium.url,
        phone=True,
        size=SMALL_PHONE,
        language=language,
        permissions=["clipboard-read", "clipboard-write"],
    ) as page:
        await page.goto("/publish/BEL1")
        await expect(page.get_by_role("heading", level=1)).to_have_text(said("Get your certificate"))
        assert await axe(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == SMALL_PHONE[0]
        await page.locator("a[href='#phone']").tap()
        downloaded = await save(page, said("Download {name}"), tmp_path)
        assert downloaded == APK.read_bytes()
        await page.locator("a[href='#check']").tap()
        checksum = page.locator(".sums li", has_text="Enroll.apk").locator(".code")
        await expect(checksum).to_have_text(hashlib.sha256(downloaded).hexdigest())
        await page.locator("summary", has_text="Android 13").tap()
        await expect(page.locator("details[open] .path")).to_have_count(1)

        await expect(page.get_by_role("button", name=said("Open the settings in the app"))).to_have_attribute(
            "href", f"certdesk{address[5:]}"
        )
        await page.get_by_role("button", name=said("Copy")).tap()
        await expect(page.get_by_role("button", name=said("Copied"))).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == address
        assert await read_qr_code(page, ".qr") == address
    assert hashlib.sha256(settings(belgium).trust_anchors[0]).hexdigest() == root_fingerprint(belgium)


def publish(desk: ConsoleDesk) -> None:
    """Publish the app, in case this test runs alone."""
    desk.publish("BEL1", "Enroll.apk", APK.read_bytes(), "1.0.0")


async def save(page: Page, button: str, folder: Path) -> bytes:
    """Touch the button that downloads the app, and return what has come."""
    async with page.expect_download() as started:
        await page.get_by_role("button", name=button.format(name="Enroll.apk")).tap()
    arrived = await started.value
    assert arrived.suggested_filename == "Enroll.apk"
    await arrived.save_as(folder / "Enroll.apk")
    return (folder / "Enroll.apk").read_bytes()
