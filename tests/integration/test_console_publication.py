"""What an organisation publishes: administrators' forms, and the page that anybody may open."""

import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from html import unescape

import httpx
import pytest
import structlog

from certdesk.console.app import console_app
from certdesk.domain.enrollment import Kind, Organisation
from certdesk.domain.publication import CHUNK, LARGEST_FILE, SHARED, PublicationText
from certdesk.doors.http import listener_app
from certdesk.doors.settings import HTTPSettings
from tests.desks import ADMINISTRATOR, OPERATOR, TestDesk
from tests.integration.console_calls import URL, Browser, browser, make_console, signed_in, words

APK = b"PK\x03\x04" + b"AndroidManifest.xml" + os.urandom(2 * CHUNK + 1000)
Fields = list[tuple[str, tuple[str | None, bytes]]]
HERE = "/organisations/FRA1/publication"
PAGE = "/publish/FRA1"
HOSTILE = "<script>alert(1)</script> \u202e =cmd|x 🦄"


async def publish(
    desk: TestDesk, name: str = "Enroll.apk", octets: bytes = APK, code: str = "FRA1", version: str = "1.0"
) -> None:
    """Publish a file without a browser."""
    upload = await desk.ra.begin_upload(code, name, version, ADMINISTRATOR)
    await upload.write(octets)
    await upload.finish()


async def upload(
    ada: Browser, name: str = "Enroll.apk", octets: bytes = APK, version: str = "1.0", token: str | None = None
) -> httpx.Response:
    """Send the form with a file, its fields in the order of the page."""
    fields: Fields = [
        ("csrf", (None, (ada.token if token is None else token).encode())),
        ("version", (None, version.encode())),
        ("file", (name, octets)),
    ]
    return await ada.client.post(f"{HERE}/files", files=fields, headers={"origin": URL})


@pytest.fixture
async def ada(desk: TestDesk) -> AsyncIterator[Browser]:
    """Return an administrator's browser with the publication's page open."""
    async with signed_in(desk, "ada") as it:
        await it.get(HERE)
        yield it


async def test_an_uploaded_file_is_published(desk: TestDesk, ada: Browser) -> None:
    """A file that comes in by the form is on the public page, with its size, version and checksum, and downloads."""
    response = await upload(ada, version=" 1.2.3 ")
    assert (response.status_code, response.headers["location"]) == (303, f"{HERE}?notice=file-published")
    shown = words(await ada.get(HERE))
    async with browser(make_console(desk)) as visitor:
        page = await visitor.get(PAGE)
        file = await visitor.get(f"{PAGE}/files/Enroll.apk")
    for text in ("Version 1.2.3", "0.5 MB", sha256(APK).hexdigest()):
        assert text in words(page)
    assert sha256(APK).hexdigest() in shown
    assert f'href="{PAGE}/files/Enroll.apk"' in page.text
    assert file.content == APK


async def test_a_download_is_saved_and_never_opened(desk: TestDesk) -> None:
    """A file comes with its type, as an attachment, with what browsers need to check and to keep it."""
    await publish(desk)
    async with browser(make_console(desk)) as visitor:
        response = await visitor.get(f"{PAGE}/files/Enroll.apk")
    headers = response.headers
    assert headers["content-type"] == "application/vnd.android.package-archive"
    assert headers["content-disposition"] == 'attachment; filename="Enroll.apk"'
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-length"] == str(len(APK))
    assert headers["etag"] == f'"{sha256(APK).hexdigest()}"'
    assert headers["repr-digest"] == f"sha-256=:{b64encode(sha256(APK).digest()).decode()}:"
    assert headers["accept-ranges"] == "bytes"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "strict-transport-security" in headers


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, len(APK)),
        (f"bytes={CHUNK - 1}-{CHUNK}", CHUNK - 1, CHUNK + 1),
        (f"bytes={CHUNK}-{2 * CHUNK + 5}", CHUNK, 2 * CHUNK + 6),
        ("bytes=-7", len(APK) - 7, len(APK)),
        ("bytes=-99999999", 0, len(APK)),
        ("bytes=10-99999999", 10, len(APK)),
    ],
)
async def test_a_download_that_broke_off_goes_on(desk: TestDesk, asked: str, first: int, end: int) -> None:
    """A range gives exactly those octets, wherever the chunks' borders are (RFC 9110 §14)."""
    await publish(desk)
    async with browser(make_console(desk)) as visitor:
        response = await visitor.get(f"{PAGE}/files/Enroll.apk", {"range": asked})
    assert response.status_code == 206
    assert response.content == APK[first:end]
    assert response.headers["content-range"] == f"bytes {first}-{end - 1}/{len(APK)}"


async def test_ranges_that_cannot_be_served(desk: TestDesk) -> None:
    """Beyond the end is 416; several ranges, other units and nonsense give the whole file, as RFC 9110 lets us."""
    await publish(desk)
    async with browser(make_console(desk)) as visitor:
        for asked in (f"bytes={len(APK)}-", "bytes=9-3", "bytes=-0"):
            response = await visitor.get(f"{PAGE}/files/Enroll.apk", {"range": asked})
            assert (response.status_code, response.content) == (416, b"")
            assert response.headers["content-range"] == f"bytes */{len(APK)}"
        for asked in ("bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=x-y", "bytes=" + "9" * 99 + "-"):
            response = await visitor.get(f"{PAGE}/files/Enroll.apk", {"range": asked})
            assert (response.status_code, len(response.content)) == (200, len(APK))


async def test_what_a_browser_has_is_not_sent_again(desk: TestDesk) -> None:
    """The same file is 304; a range of another version is the whole new one; HEAD has no body."""
    await publish(desk)
    async with browser(make_console(desk)) as visitor:
        address = f"{PAGE}/files/Enroll.apk"
        tag = (await visitor.get(address)).headers["etag"]
        assert (await visitor.get(address, {"if-none-match": f'"x", {tag}'})).status_code == 304
        assert (await visitor.get(address, {"range": "bytes=0-1", "if-range": tag})).status_code == 206
        assert (await visitor.get(address, {"range": "bytes=0-1", "if-range": '"old"'})).status_code == 200
        head = await visitor.client.head(address)
        assert (head.headers["content-length"], head.content) == (str(len(APK)), b"")


@pytest.mark.parametrize(
    ("name", "octets", "said"),
    [
        ("../../etc/passwd.apk", APK, "a file's name may hold"),
        ('<img src=x onerror="alert(1)">.apk', APK, "a file's name may hold"),
        ("a\u202eexe.apk", APK, "a file's name may hold"),
        ("x" * 120 + ".apk", APK, "a file's name may hold"),
        (".apk", APK, "a file's name may hold"),
        ("page.html", b"<script>", "is no installation file"),
        ("Enroll.apk", b"MZ", "does not contain what its name says"),
        ("", b"", "choose a file"),
    ],
)
async def test_what_is_no_installation_file_is_refused(
    desk: TestDesk, ada: Browser, name: str, octets: bytes, said: str
) -> None:
    """Names and contents are checked, the reason stands at the field, and hostile names are text."""
    response = await upload(ada, name, octets, version="7.7")
    assert response.status_code == 422
    assert said in words(response)
    assert 'id="file-wrong"' in response.text
    assert 'value="7.7"' in response.text
    assert "<img src=x" not in response.text
    assert "\u202e" not in response.text
    assert await desk.store.publications.files("FRA1") == []


async def test_a_version_is_needed_and_short(desk: TestDesk, ada: Browser) -> None:
    """A file without a version, or with one that nobody can read, is refused."""
    for version in ("", "v" * 41, "v" * 1000, "1.0\u200b"):
        response = await upload(ada, version=version)
        assert response.status_code == 422
        assert 'id="version-wrong"' in response.text
    assert await desk.store.publications.files("FRA1") == []


async def test_a_form_that_is_too_large_is_refused_at_once(ada: Browser) -> None:
    """What announces more than the limit is not read; what does not announce it is not read to its end."""
    headers = {"origin": URL, "content-type": "multipart/form-data; boundary=x"}

    async def nothing() -> AsyncIterator[bytes]:
        yield b"--x\r\n"

    announced = {**headers, "content-length": str(LARGEST_FILE * 2)}
    response = await ada.client.post(f"{HERE}/files", content=nothing(), headers=announced)
    assert response.status_code == 413
    assert "a file may have" in words(response)


async def test_an_upload_needs_the_forms_token(desk: TestDesk, ada: Browser) -> None:
    """A form of another site uploads nothing, whatever it sends first."""
    assert (await upload(ada, token="wrong")).status_code == 403
    first: Fields = [("version", (None, b"1.0")), ("csrf", (None, ada.token.encode())), ("file", ("Enroll.apk", APK))]
    response = await ada.client.post(f"{HERE}/files", files=first, headers={"origin": URL})
    assert response.status_code == 403
    fields: Fields = [("csrf", (None, ada.token.encode())), ("file", ("Enroll.apk", APK))]
    response = await ada.client.post(f"{HERE}/files", files=fields, headers={"origin": "https://evil.example"})
    assert response.status_code == 403
    assert await desk.store.publications.files("FRA1") == []


async def test_a_file_is_replaced_and_removed(desk: TestDesk, ada: Browser) -> None:
    """The newer file of a name takes the older one's place; a removed one is nowhere."""
    await upload(ada)
    await upload(ada, octets=APK + b"new", version="1.1")
    page = words(await ada.get(HERE))
    assert "Enroll.apk 1.1" in page
    assert "Enroll.apk 1.0" not in page
    response = await ada.post(f"{HERE}/files/Enroll.apk/remove")
    assert response.headers["location"] == f"{HERE}?notice=file-removed"
    assert (await ada.post(f"{HERE}/files/Enroll.apk/remove")).status_code == 404
    async with browser(make_console(desk)) as visitor:
        assert (await visitor.get(f"{PAGE}/files/Enroll.apk")).status_code == 404
        assert "The app is not published here yet" in words(await visitor.get(PAGE))


async def test_files_for_all_have_a_page_of_their_own(desk: TestDesk) -> None:
    """What is uploaded for all is offered by every organisation."""
    here = "/organisations/all/publication"
    async with signed_in(desk, "ada") as ada:
        await ada.get(here)
        fields: Fields = [
            ("csrf", (None, ada.token.encode())),
            ("version", (None, b"1.0")),
            ("file", ("Enroll.apk", APK)),
        ]
        response = await ada.client.post(f"{here}/files", files=fields, headers={"origin": URL})
        assert response.headers["location"] == f"{here}?notice=file-published"
        assert "Enroll.apk 1.0" in words(await ada.get(here))
        assert "For all organisations Enroll.apk" in words(await ada.get(HERE))
        for code in ("FRA1", "DEU1"):
            assert (await ada.get(f"/publish/{code}/files/Enroll.apk")).content == APK
        assert (await ada.post(f"{here}/words", language="en", introduction="x", seen="0")).status_code == 404


async def test_words_are_written_by_language(desk: TestDesk, ada: Browser) -> None:
    """Each language's words are shown to those who read it, paragraph by paragraph."""
    french = {"language": "fr", "introduction": "Bonjour\r\nà tous", "instructions": "Le kiosque", "contact": "04 72"}
    response = await ada.post(f"{HERE}/words", **french, seen="0")
    assert response.headers["location"] == f"{HERE}?notice=saved"
    async with browser(make_console(desk), language="fr") as visitor:
        page = await visitor.get(PAGE)
        assert "<p><bdi>Bonjour</bdi></p>\n<p><bdi>à tous</bdi></p>" in page.text
        assert "Le kiosque" in page.text
        assert "Bonjour" not in (await visitor.get(f"{PAGE}?language=en")).text


async def test_of_two_writers_the_second_sees_the_first_ones_words(ada: Browser) -> None:
    """Nobody overwrites words unseen, and nothing of what was typed is lost."""
    await ada.post(f"{HERE}/words", language="en", introduction="first", seen="0")
    refused = await ada.post(f"{HERE}/words", language="en", introduction="second", seen="0")
    assert refused.status_code == 409
    assert "Now is kept: first" in words(refused)
    assert "second</textarea>" in refused.text
    seen = re.search(r'name="seen" value="(\d+)"', refused.text)
    assert seen
    again = await ada.post(f"{HERE}/words", language="en", introduction="second", seen=seen[1])
    assert again.status_code == 303
    for wrong in ({"seen": "x"}, {"language": "de"}, {"introduction": "x" * 5000, "seen": "0"}):
        response = await ada.post(f"{HERE}/words", **{"language": "en", **wrong})
        assert response.status_code in {409, 422}


async def test_hostile_words_are_text(desk: TestDesk, ada: Browser) -> None:
    """Markup, bidi marks and emoji in words, names and contacts are shown, never obeyed."""
    fields = {"introduction": HOSTILE.replace("\u202e ", ""), "contact": "<b>Lyon</b>"}
    assert (await ada.post(f"{HERE}/words", language="en", **fields, seen="0")).status_code == 303
    refused = await ada.post(f"{HERE}/words", language="en", introduction=HOSTILE, seen="0")
    assert refused.status_code == 422
    assert "U+202E" in words(refused)
    assert "\u202e" not in refused.text
    file = await desk.ra.organisation_file("FRA1", ADMINISTRATOR)
    named = replace(file.organisation, name="<i>Poste</i>", support_contact='"><script>')
    await desk.ra.change_organisation(replace(file, organisation=named), file.mark, ADMINISTRATOR)
    async with browser(make_console(desk)) as visitor:
        page = await visitor.get(PAGE)
    for text in ("<script>alert", "<i>Poste", "<b>Lyon", '"><script>'):
        assert text not in page.text
        assert text in unescape(page.text) or text == '"><script>'


async def test_the_page_has_everything_that_a_device_needs(desk: TestDesk) -> None:
    """Settings' address with QR code and the app's own link, steps per Android version, password rule, client."""
    await publish(desk)
    await publish(desk, "certdesk-client_1.0_all.deb", b"!<arch>\ndebian-binary", SHARED)
    async with browser(make_console(desk)) as visitor:
        page = await visitor.get(PAGE)
    text = words(page)
    assert page.status_code == 200
    assert f"{URL}/settings/FRA1.xml" in text
    assert 'href="certdesk://desk.example/settings/FRA1.xml"' in page.text
    assert '<svg role="img"' in page.text
    for expected in (
        "Android 8 \N{EN DASH} 9",
        "Android 10 \N{EN DASH} 12",
        "Android 13 \N{EN DASH} 15",
        "Install unknown apps",
        "Turn the permission off again",
        "at least 8 characters with a letter, a digit and a special character",
        "certdesk-client configure https://desk.example/settings/FRA1.xml",
        "certdesk-client_1.0_all.deb Linux",
        "Get-FileHash FILE",
    ):
        assert expected in text, expected
    assert "sign-in" not in page.text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", page.text)


async def test_the_page_speaks_the_visitors_language(desk: TestDesk) -> None:
    """The browser's language is spoken until another one is chosen, by a link that works without scripts."""
    async with browser(make_console(desk), language="fr-CH,fr;q=0.9") as visitor:
        page = await visitor.get(PAGE)
        assert '<html lang="fr"' in page.text
        assert 'href="?language=en"' in page.text
        assert '<html lang="en"' in (await visitor.get(f"{PAGE}?language=en")).text
        assert '<html lang="fr"' in (await visitor.get(f"{PAGE}?language=xx")).text


async def test_a_page_has_what_its_organisation_enrolls(desk: TestDesk) -> None:
    """Whoever enrolls no phones is not told about phones, nor about computers or servers."""
    for code, kinds in (("AA1", {Kind.MOBILE}), ("BB1", {Kind.WORKSTATION}), ("CC1", {Kind.SERVER})):
        await desk.ra.add_organisation(Organisation(code, code, "FR", frozenset(kinds)), OPERATOR)
    async with browser(make_console(desk)) as visitor:
        phones, computers, servers = [(await visitor.get(f"/publish/{code}")).text for code in ("AA1", "BB1", "CC1")]
    assert ('id="phone"' in phones, 'id="computer"' in phones) == (True, False)
    assert ('id="phone"' in computers, 'id="computer"' in computers) == (False, True)
    assert ("--kind server" in computers, "--kind server" in servers) == (False, True)
    assert f"{URL}/settings/BB1.xml" in computers


async def test_a_desk_with_its_own_tls_passes_on_its_fingerprint(desk: TestDesk) -> None:
    """Where no system vouches for the desk, every address and command carries the root's SHA-256."""
    settings = HTTPSettings(log=structlog.get_logger(), public_calls_per_minute=0)
    app = console_app(
        desk.ra, chain_pem=desk.ca.chain_pem, desk_url=URL, settings=settings, clock=desk.time, is_own_tls=True
    )
    fingerprint = sha256(desk.ca.root_der).hexdigest()
    async with browser(listener_app(app, {}, settings)) as visitor:
        page = await visitor.get(PAGE)
    assert f"certdesk://desk.example/settings/FRA1.xml#sha256={fingerprint}" in page.text
    assert f"{URL}/settings/FRA1.xml#sha256={fingerprint}" in words(page)
    assert f"configure {URL}/settings/FRA1.xml --fingerprint {fingerprint}" in words(page)


async def test_nothing_tells_which_organisations_there_are(desk: TestDesk) -> None:
    """An organisation that does not exist, or publishes nothing, answers as an address that leads nowhere."""
    await desk.ra.add_organisation(Organisation("NIX1", "Nix", "FR", frozenset()), OPERATOR)

    def compared(response: httpx.Response) -> tuple[int, str, dict[str, str]]:
        path = response.request.url.raw_path.decode()
        kept = {name: value for name, value in response.headers.items() if name != "content-length"}
        return response.status_code, response.text.replace(path, "ADDRESS"), kept

    async with browser(make_console(desk)) as visitor:
        nowhere = compared(await visitor.get("/nowhere/at/all"))
        assert nowhere[0] == 404
        for code in ("XX9", "NIX1", "OPERATOR", "nix1", "all", "x" * 300):
            assert compared(await visitor.get(f"/publish/{code}")) == nowhere, code
            assert compared(await visitor.get(f"/publish/{code}/files/Enroll.apk")) == nowhere, code
        assert compared(await visitor.get(f"{PAGE}/files/nothing.apk")) == nowhere
        page = words(await visitor.get(PAGE))
    for other in ("DEU1", "Deutsche Post", "OPERATOR", "Test Federation", "Sign in"):
        assert other not in page


async def test_a_code_in_lower_case_is_understood(desk: TestDesk) -> None:
    """What people type on a phone leads to the page."""
    async with browser(make_console(desk)) as visitor:
        response = await visitor.get("/publish/fra1")
    assert (response.status_code, response.headers["location"]) == (303, PAGE)


async def test_strangers_are_limited(desk: TestDesk) -> None:
    """One address that asks without end is told to wait."""
    app = make_console(desk, public_calls_per_minute=1, public_calls_at_once=2)
    async with browser(app) as visitor:
        statuses = [(await visitor.get(PAGE)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_auditors_see_what_is_published(desk: TestDesk) -> None:
    """An auditor reads what administrators edit, and has no forms to do so."""
    await desk.ra.write_publication(PublicationText("FRA1", "en", "Welcome"), ADMINISTRATOR)
    await publish(desk)
    async with signed_in(desk, "otto") as otto:
        page = await otto.get(HERE)
        assert page.status_code == 200
        assert "Welcome" in page.text
        assert f'action="{HERE}' not in page.text
        assert (await otto.post(f"{HERE}/files/Enroll.apk/remove")).status_code == 403


async def test_an_iphone_finds_its_profile(desk: TestDesk) -> None:
    """The page has the form for it, in the visitor's language; a code travels in its body, never in an address."""
    async with browser(make_console(desk)) as visitor:
        page = await visitor.get(PAGE)
        french = await visitor.get(f"{PAGE}?language=fr")
        form = re.search(r'<form class="profile" method="post" action="([^"]+)">(.*?)</form>', page.text, re.DOTALL)
        assert form
        assert form[1] == "/scep/FRA1/enroll.mobileconfig"
        assert 'name="code"' in form[2]
        assert "iPhone, iPad or Mac" in words(page)
        assert "Profile Downloaded" in words(page)
        assert "iPhone, iPad ou Mac" in words(french)
        assert "Profil téléchargé" in words(french)
        servers = Organisation("SRV1", "Serveurs", "FR", kinds=frozenset({Kind.SERVER}))
        await desk.ra.add_organisation(servers, OPERATOR)
        assert "mobileconfig" not in (await visitor.get("/publish/SRV1")).text


async def test_a_desk_that_vouches_for_itself_has_its_root_trusted_first(desk: TestDesk) -> None:
    """An iPhone would not ask it for anything before."""
    http = HTTPSettings(log=structlog.get_logger(), public_calls_per_minute=0)
    app = console_app(
        desk.ra, chain_pem=desk.ca.chain_pem, desk_url=URL, settings=http, clock=desk.time, is_own_tls=True
    )
    async with browser(listener_app(app, {}, http)) as visitor:
        page = (await visitor.get(PAGE)).text
    apple = page[page.index('id="apple"') :]
    assert apple.index('href="/ca/root.cer"') < apple.index(sha256(desk.ca.root_der).hexdigest()) < apple.index("<form")


async def test_a_crowd_of_phones_does_not_keep_the_managers_out(desk: TestDesk) -> None:
    """Visitors of publication pages have a limit of their own, though all of them come from one address."""
    app = make_console(desk, public_calls_per_minute=1, public_calls_at_once=2)
    async with signed_in(desk, "ada", app) as ada:
        statuses = [(await ada.get(PAGE)).status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert (await ada.post("/sign-in/certificate", next="/")).status_code == 303
