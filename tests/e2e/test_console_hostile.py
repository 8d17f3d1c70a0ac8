"""What people type is text, on every page and in every file, however it tries to be something else."""

import base64
import csv
import io
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from playwright.async_api import Browser, Dialog, Route, expect

from certdesk.domain.identifiers import sha256
from tests.desks import new_key
from tests.e2e.browser import Watch, chromium, remember, visitor, watched
from tests.e2e.console_acts import come_by_est
from tests.e2e.console_pages import PAGES, SESSION_COOKIE, ConsoleDesk, fill, make_apk
from tests.e2e.server import DeskServer
from tests.integration.api_calls import make_body, pem_of_csr
from tests.integration.authenticators import Authenticator

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "=1+1<img src=x onerror=alert(1)>\"'</title></textarea><script>alert(1)</script>{{7*7}}&lt;b>𝄞💣"
"""A formula, elements, ends of attributes and elements, a template, a character reference, and four-byte characters."""
SHORT = "=1<script>alert(1)</script><img src=x onerror=alert()>'\"&lt;💣"
"""The same for names, which hold 64 characters."""
AGENT = SHORT.encode("ascii", "replace").decode()
"""The same for a browser's name for itself, which is ASCII."""
UNSEEN = "\u202egnp.exe\u2066 a\u200b"
"""Text that reads backwards, and characters that do not show."""


PLANTED = """() => {
  const ours = (address) => /^(\\/(?!\\/)|[?#]|data:|tel:|mailto:|certdesk:)/.test(address);
  const wrong = [];
  for (const one of document.querySelectorAll("*")) {
    const tag = one.localName;
    const isForeign = ["iframe", "object", "embed", "base", "frame", "applet"].includes(tag)
      || (tag === "script" && !(one.getAttribute("src") ?? "").startsWith("/static/"))
      || (tag === "meta" && one.hasAttribute("http-equiv"))
      || (tag === "img" && !(one.getAttribute("src") ?? "").startsWith("/static/"));
    if (isForeign) wrong.push(one.outerHTML.slice(0, 80));
    for (const {name, value} of one.attributes) {
      const leads = ["href", "src", "action", "formaction", "data-hx-get", "data-hx-post"].includes(name);
      if (name.startsWith("on") || name === "style" || name === "srcdoc" || (leads && !ours(value)))
        wrong.push(`${tag} ${name}=${value}`.slice(0, 80));
    }
  }
  return wrong;
}"""
"""What nobody of ours puts into a page: scripts, pictures and addresses from elsewhere, handlers, frames, styles."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hostile(
    founded_on_sqlite: DeskServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConsoleDesk]:
    """Return a running desk where everybody has typed, and every device has sent, the worst that they could."""
    server = DeskServer(shutil.copytree(founded_on_sqlite.folder, tmp_path_factory.mktemp("hostile") / "desk"))
    desk = ConsoleDesk(server, say=lambda words: f"{HOSTILE} {words}"[:128])
    server.options = (f"--url={desk.url}",)
    server.start()
    fill(desk)
    desk.things["crooked"] = desk.submit(csr=_crooked_csr(), description=HOSTILE)
    _, code = desk.vouch("claire", organisation="FRA1", kind="workstation", note=HOSTILE)
    _enroll_by_est(desk, code)
    desk.sessions["claire"] = _sign_in_again(desk)
    _make_passkey(desk)
    yield desk
    server.kill()


def _enroll_by_est(desk: ConsoleDesk, code: str) -> None:
    """Come by a standard protocol with a subject that says anything, and with a program that does."""
    csr = _csr((SHORT, HOSTILE), NameOID.COMMON_NAME, NameOID.STATE_OR_PROVINCE_NAME)
    answer = come_by_est(desk, code, csr, user=HOSTILE, agent=AGENT)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


def _sign_in_again(desk: ConsoleDesk) -> str:
    with desk.server.manager("claire") as claire:
        headers = {"origin": desk.server.url, "user-agent": AGENT}
        return claire.post("/sign-in/certificate", data={"next": "/"}, headers=headers).cookies[SESSION_COOKIE]


def _make_passkey(desk: ConsoleDesk) -> None:
    """Keep a passkey under a name that says anything."""
    device = Authenticator(origin=desk.url, rp_id="localhost")
    options = desk.post("claire", "/account/passkeys/options").raise_for_status().json()
    answer = desk.post("claire", "/account/passkeys", name=SHORT, credential=device.create(options))
    assert answer.is_success, answer.text


def _csr(values: Sequence[str], *types: x509.ObjectIdentifier) -> bytes:
    """Return a CSR (DER) whose subject says anything."""
    subject = x509.Name([x509.NameAttribute(*each, _validate=False) for each in zip(types, values, strict=True)])
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .sign(new_key(), SHA256())
        .public_bytes(Encoding.DER)
    )


def _crooked_csr() -> str:
    """Return a CSR with a subject that no policy has looked at, since nothing of it is taken over."""
    unit = NameOID.ORGANIZATIONAL_UNIT_NAME
    return pem_of_csr(_csr((HOSTILE, UNSEEN), unit, unit))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(hostile: ConsoleDesk, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Return a browser that trusts the hostile desk."""
    async with chromium(tmp_path_factory.mktemp("hostile") / "home", [hostile.server.root]) as started:
        yield started


async def test_administrators_may_type_anything_too(browser: Browser, hostile: ConsoleDesk) -> None:
    """Names, reasons and the publication's words are kept as they were typed, and shown so."""
    async with visitor(browser, hostile.url, session=hostile.session("ada")) as page:
        await page.goto("/organisations/FRA1/edit")
        for field in ("name", "contact_name", "state_or_province", "locality", "support_contact"):
            await page.locator(f"#{field}").fill(SHORT)
        await page.locator("#reasons").fill(f"{HOSTILE}\n{SHORT}")
        await page.get_by_role("button", name="Save and publish").click()
        await expect(page.get_by_role("heading", name=SHORT, level=1)).to_be_visible()
        await page.goto("/managers/paul@managers.example")
        await page.locator("#name").fill(SHORT)
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", name=SHORT, level=1)).to_be_visible()
        await page.goto("/organisations/FRA1/publication")
        for field in ("introduction", "instructions", "contact"):
            await page.locator(f"#{field}-en").fill(f"{HOSTILE}\n{HOSTILE}")
        await page.get_by_role("button", name="Save and publish").first.click()
        await page.goto("/publish/FRA1")
        await expect(page.locator("main")).to_contain_text(HOSTILE)


async def test_the_lookout_sees_what_it_looks_for(browser: Browser, hostile: ConsoleDesk) -> None:
    """On a page that does put text in as HTML: the elements, and the browser that refuses to obey them."""

    async def careless(route: Route) -> None:
        with hostile.client("claire") as claire:
            answer = claire.get(route.request.url)
        policy = {name: answer.headers[name] for name in ("content-type", "content-security-policy")}
        await route.fulfill(headers=policy, body=answer.text.replace("&lt;", "<").replace("&gt;", ">"))

    context = await browser.new_context(base_url=hostile.url)
    await remember(context, hostile.url, hostile.session("claire"))
    watch = Watch(hostile.url)
    async with watched(context, watch) as page:
        await page.route("**/requests/*", careless)
        await page.goto(hostile.address("/requests/{crooked}"))
        found = await page.evaluate(PLANTED)
    await context.close()
    assert {line.partition(" ")[0] for line in found} >= {"<script>alert(1)</script>", "<img", "img"}
    assert any("Content Security Policy" in complaint for complaint in watch.complaints), watch.complaints


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("who", sorted({page.who for page in PAGES}))
async def test_nothing_hostile_is_more_than_text(
    browser: Browser, hostile: ConsoleDesk, who: str, language: str
) -> None:
    """On no page does anything run, load or become an element; Chromium's policy has nothing to refuse."""
    wanted = [page for page in PAGES if page.who == who and (page.steps is None or language == "en-GB")]
    said: list[str] = []
    session, expected = hostile.session(who), {page.refusal for page in wanted}
    async with visitor(browser, hostile.url, session=session, expected=expected, language=language) as page:

        async def heard(dialog: Dialog) -> None:
            said.append(f"a dialog at {page.url}")
            await dialog.dismiss()

        page.on("dialog", heard)
        for there in wanted:
            await there.open(page, hostile)
            assert await page.evaluate(PLANTED) == [], there.name
    assert said == []


SHOWN = {
    "/requests/{waiting}": ("claire", HOSTILE),
    "/requests/{rejected}": ("claire", HOSTILE),
    "/requests?q=amelie": ("claire", HOSTILE),
    "/": ("claire", HOSTILE),
    "/certificates/{certificate}": ("claire", HOSTILE),
    "/certificates/{revoked}": ("claire", HOSTILE),
    "/audit?subject={rejected}": ("ada", HOSTILE),
    "/requests/{crooked}": ("claire", HOSTILE),
    "/requests": ("ada", HOSTILE),
    "/codes": ("claire", HOSTILE),
    "/codes/{code}/withdraw": ("claire", HOSTILE),
    "/audit?action=code.added": ("ada", HOSTILE),
    "/account": ("claire", SHORT),
    "/audit?action=passkey.added": ("ada", SHORT),
}
"""Pages where the longest hostile text that fits is to be read, and who reads it."""


@pytest.mark.parametrize("template", SHOWN)
async def test_text_is_shown_as_it_was_typed(browser: Browser, hostile: ConsoleDesk, template: str) -> None:
    """Managers read the very characters, with or without scripts."""
    who, text = SHOWN[template]
    async with visitor(browser, hostile.url, session=hostile.session(who)) as page:
        await page.goto(hostile.address(template))
        await expect(page.locator("main")).to_contain_text(text)


async def test_what_cannot_be_seen_is_written_out(browser: Browser, hostile: ConsoleDesk) -> None:
    """A subject that would read backwards says so, on the one page that shows a CSR's subject."""
    async with visitor(browser, hostile.url, session=hostile.session("claire")) as page:
        await page.goto(hostile.address("/requests/{crooked}"))
        await expect(page.locator("main")).to_contain_text("[U+202E]gnp.exe[U+2066] a[U+200B]")
        assert not re.search("[\u202e\u2066\u200b]", await page.content())


@pytest.mark.parametrize("field", ["description", "device__model", "device__id", "location__locality"])
async def test_what_cannot_be_seen_is_not_even_taken(hostile: ConsoleDesk, field: str) -> None:
    """The desk refuses such characters where they would be kept."""
    with hostile.server.device() as device:
        body: dict[str, Any] = make_body(**{field: f"a{UNSEEN}"})
        answer = device.post("/api/v1/requests", json=body)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["field"] == field.replace("__", ".")


@pytest.mark.parametrize("area", ["requests", "certificates", "audit"])
async def test_no_cell_of_an_export_is_a_formula(hostile: ConsoleDesk, area: str) -> None:
    """Spreadsheets take every cell for text, and what was typed is all there."""
    with hostile.client("ada") as ada:
        answer = ada.get(f"/{area}/export.csv")
    assert answer.headers["content-disposition"].startswith("attachment;")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell.lstrip().startswith(tuple("=+-@\t\r"))] == []
    assert any("<script>alert(1)</script>" in cell for cell in cells)
    assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.apk",
        "\u202ekpa.exe",
        "../../Enroll.apk",
        "..\\Enroll.apk",
        "Enroll.apk\r\nx: y",
        ".apk",
    ],
)
async def test_no_file_name_is_hostile(hostile: ConsoleDesk, name: str) -> None:
    """A name that is more than a name is refused, in a page that shows it as text."""
    answer = hostile.publish("FRA1", name, make_apk(), "1.0.0")
    assert answer.status_code in {httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.BAD_REQUEST}
    assert "<img src=x" not in answer.text


@pytest.mark.parametrize("octets", [b"<html><script>alert(1)</script>", b"#!/bin/sh\n", b"", b"PK\x03\x04 no manifest"])
async def test_no_upload_is_anything_but_what_its_name_says(hostile: ConsoleDesk, octets: bytes) -> None:
    """Under an app's name nothing but an app is published."""
    answer = hostile.publish("FRA1", "Evil.apk", octets, "1.0.0")
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    with hostile.client() as stranger:
        assert stranger.get("/publish/FRA1/files/Evil.apk").status_code == httpx.codes.NOT_FOUND


async def test_a_published_file_is_saved_and_never_opened(hostile: ConsoleDesk) -> None:
    """Its type is an app's, browsers may not guess another one, and it comes as an attachment within the policy."""
    with hostile.client() as stranger:
        answer = stranger.get("/publish/FRA1/files/Enroll.apk")
    digest = base64.b64encode(sha256(answer.content)).decode()
    assert (answer.content[:4], answer.headers["repr-digest"]) == (b"PK\x03\x04", f"sha-256=:{digest}:")
    assert answer.headers["content-type"] == "application/vnd.android.package-archive"
    assert answer.headers["content-disposition"] == 'attachment; filename="Enroll.apk"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
