"""Real Chromium, headless, as people's computers have it: with certificates in NSS, and with nothing but the desk.

    async with chromium(home, roots=[server.root]) as browser:
        async with visitor(browser, server.url, phone=True) as page:
            await page.goto("/sign-in")

A visit fails at its end if the page asked any other host for anything, or if the browser complained: about the
content security policy, a script, a file that is missing.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

WEB = Path(__file__).parents[1] / "web" / "node_modules"
"""Where the programs are that look at pages."""
DESKTOP = (1440, 900)
PHONE = (390, 844)

_PROGRAM = shutil.which("chromium") or "chromium"
_OPTIONS = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
)
_MILLISECONDS = 15_000
"""What a page may take on a machine that is busy with other tests; a defect is what takes as long."""


def make_home(home: Path, roots: Iterable[Path], pkcs12: Iterable[tuple[Path, str]] = ()) -> Path:
    """Make a home directory whose NSS database trusts these roots and has these certificates with their keys."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    where = ("-d", f"sql:{database}")
    _run("certutil", "-N", *where, "--empty-password")
    for number, root in enumerate(roots):
        _run("certutil", "-A", *where, "-n", f"root {number}", "-t", "C,,", "-i", str(root))
    for path, password in pkcs12:
        _run("pk12util", "-i", str(path), *where, "-W", password)
    return home


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@asynccontextmanager
async def chromium(home: Path, roots: Iterable[Path], debugging_port: int = 0) -> AsyncIterator[Browser]:
    """Start a browser that trusts these roots and has no certificate of its own.

    Another program may use it too, at the debugging port, if there is one.
    """
    make_home(home, roots)
    options = [*_OPTIONS, f"--remote-debugging-port={debugging_port}"] if debugging_port else [*_OPTIONS]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_PROGRAM, args=options, env=_environment(home), chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def chromium_with_certificate(
    home: Path, url: str, root: Path, pkcs12: tuple[Path, str], **options: Any
) -> AsyncIterator[BrowserContext]:
    """Start a browser whose owner has installed a certificate, and chooses it when a desk asks.

    Headless there is nobody to click in the dialog, so the browser is told as an administrator's policy
    (AutoSelectCertificateForUrls) would: at this desk, the only one that there is.
    """
    make_home(home, [root], [pkcs12])
    profile = home / "profile"
    (profile / "Default").mkdir(parents=True)
    chosen = json.dumps({"pattern": url, "filter": {}})
    preferences = {"profile": {"managed_auto_select_certificate_for_urls": [chosen]}}
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=_PROGRAM,
            args=[*_OPTIONS],
            env=_environment(home),
            chromium_sandbox=False,
            base_url=url,
            locale="en-GB",
            **options,
        )
        try:
            yield context
        finally:
            await context.close()


def _environment(home: Path) -> dict[str, str | float | bool]:
    return {**os.environ, "HOME": str(home)}


@dataclass
class Watch:
    """What a context's pages asked for, and what the browser said about them."""

    url: str
    expected: Collection[int] = ()
    """Statuses of refusals that the test provokes, of which the browser complains."""
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch a context."""
        context.on("request", self._asked)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.requests.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not self._is_expected(message.text):
            self.complaints.append(f"{message.text} ({message.page.url if message.page else 'no page'})")

    def _is_expected(self, text: str) -> bool:
        return any(f"status of {status}" in text for status in self.expected)

    def check(self) -> None:
        """Fail if any other host was asked for anything, or the browser complained."""
        desk = urlsplit(self.url).netloc
        elsewhere = [url for url in self.requests if urlsplit(url).netloc != desk]
        assert not elsewhere, elsewhere
        assert not self.complaints, self.complaints


@asynccontextmanager
async def visitor(
    browser: Browser,
    url: str,
    *,
    session: str = "",
    phone: bool = False,
    size: tuple[int, int] | None = None,
    language: str = "en-GB",
    expected: Collection[int] = (),
    **options: Any,
) -> AsyncIterator[Page]:
    """Open a page in a context of its own: a computer's window or a phone, perhaps signed in already."""
    width, height = size or (PHONE if phone else DESKTOP)
    context = await browser.new_context(
        base_url=url,
        locale=language,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",  # a colour half-way between two is not what anybody looks at
        has_touch=phone,
        is_mobile=phone,
        **options,
    )
    watch = Watch(url, expected)
    try:
        if session:
            await remember(context, url, session)
        async with watched(context, watch) as page:
            yield page
    finally:
        await context.close()
    watch.check()


@asynccontextmanager
async def watched(context: BrowserContext, watch: Watch) -> AsyncIterator[Page]:
    """Open a page whose every request and complaint is written down."""
    context.set_default_timeout(_MILLISECONDS)
    watch.over(context)
    yield await context.new_page()


async def remember(context: BrowserContext, url: str, session: str) -> None:
    """Give a context a session's cookie."""
    await context.add_cookies(
        [{"name": "__Host-certdesk", "value": session, "url": url, "secure": True, "httpOnly": True}]
    )


async def axe(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is shown now, a line for each rule with where it is broken."""
    source = (WEB / "axe-core" / "axe.min.js").read_text()
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(source)
    found: Sequence[dict[str, Any]] = await page.evaluate(
        "async () => (await axe.run({resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})).violations"
    )
    return [f"{one['id']}: {node['target']}: {node['failureSummary']}" for one in found for node in one["nodes"]]


async def read_qr_code(page: Page, selector: str) -> str:
    """Return what another phone reads with its camera from this page's screen."""
    picture = base64.b64encode(await page.locator(selector).screenshot()).decode()
    source = (WEB / "jsqr" / "dist" / "jsQR.js").read_text()
    found = await page.evaluate(f"async (png) => {{ {source}; {_READ_QR_CODE} }}", picture)
    return str(found)


_READ_QR_CODE = """
  const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (one) => one.charCodeAt(0))]));
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  const {data, width, height} = canvas.getImageData(0, 0, picture.width, picture.height);
  return (globalThis.jsQR ?? jsQR)(data, width, height)?.data;
"""
