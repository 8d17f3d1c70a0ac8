"""My account: sessions, language and look, notices, and what a certificate or a link lets one do there."""

import re

from certdesk.console.session import SESSION_COOKIE
from tests.desks import OPERATOR, TestDesk, make_csr, new_key
from tests.integration.console_calls import MANAGERS, URL, browser, certificate_of, make_console, signed_in, words

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
PIXEL = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36"


async def test_a_manager_sees_and_ends_their_own_sessions(desk: TestDesk) -> None:
    """Each with browser, address and time; one can be ended, or all others."""
    app = make_console(desk)
    certificate = await certificate_of(desk, "claire")
    async with (
        browser(app, certificate) as here,
        browser(app, certificate) as phone,
        browser(app, certificate) as office,
        signed_in(desk, "jonas", app) as jonas,
    ):
        phone.client.headers["user-agent"] = PIXEL
        office.client.headers["user-agent"] = FIREFOX
        for it in (phone, office, here):
            desk.time.now += 1000
            await it.sign_in()
        page = await here.get("/account")
        assert "Chrome, Android" in words(page)
        assert "Firefox, Windows" in words(page)
        assert words(page).count("this one") == 1
        sessions = re.findall(r'name="session" value="([^"]+)"', page.text)
        assert len(sessions) == 2
        await here.post("/account/sessions/end", session=sessions[1])
        assert (await phone.get("/account")).status_code == 303
        assert (await office.get("/account")).status_code == 200
        await here.post("/account/sessions/end-others")
        assert (await office.get("/account")).status_code == 303
        assert (await here.get("/account")).status_code == 200
        assert (await jonas.get("/account")).status_code == 200
    actions = [sealed.event.action for sealed in await desk.store.events.of_subject("claire@poste.example")]
    assert actions[-2:] == ["session.closed", "session.all-closed"]


async def test_nobody_ends_a_session_of_somebody_else(desk: TestDesk) -> None:
    """A session's number is no key to it."""
    app = make_console(desk)
    async with signed_in(desk, "claire", app) as claire, signed_in(desk, "ada", app) as ada:
        listed = re.search(r'name="session" value="([^"]+)"', (await ada.get("/managers/claire@poste.example")).text)
        assert listed
        await ada.get("/account")
        assert (await ada.post("/account/sessions/end", session=listed[1])).status_code == 303
        assert (await claire.get("/account")).status_code == 200


async def test_language_and_look_are_kept_with_the_manager(desk: TestDesk) -> None:
    """Another browser of theirs has them too; empty follows the browser again."""
    app = make_console(desk)
    certificate = await certificate_of(desk, "claire")
    async with browser(app, certificate) as one, browser(app, certificate) as two:
        await one.sign_in()
        await one.get("/account")
        saved = await one.post("/look", language="fr", theme="dark", next="/account?notice=saved")
        assert saved.headers["location"] == "/account?notice=saved"
        await two.sign_in()
        page = (await two.get("/account")).text
        assert '<html lang="fr"' in page
        assert 'data-theme="dark"' in page
        assert 'value="fr" lang="fr" selected' in page
        await two.post("/look", language="", theme="", next="/account")
        two.client.cookies.delete("__Host-certdesk-look")
        assert '<html lang="en"' in (await two.get("/account")).text


async def test_notices_are_chosen_and_recorded(desk: TestDesk) -> None:
    """At once unless chosen otherwise; language and look stay as they are."""
    async with signed_in(desk, "claire") as claire:
        page = await claire.get("/account")
        assert 'value="at-once" checked' in page.text
        await claire.post("/look", language="", theme="dark", next="/")
        assert (await claire.post("/account/notices", notify="daily")).status_code == 303
        page = await claire.get("/account")
        assert 'value="daily" checked' in page.text
        assert 'data-theme="dark"' in page.text
        assert (await claire.post("/account/notices", notify="hourly")).status_code == 422
    event = (await desk.store.events.of_subject("claire@poste.example"))[-1].event
    assert (event.action, event.facts) == ("manager.notices-chosen", {"notify": "daily"})


async def test_an_auditor_is_not_asked_about_notices(desk: TestDesk) -> None:
    """Nobody waits for an auditor's decision."""
    async with signed_in(desk, "odile") as odile:
        assert "E-mail about requests" not in words(await odile.get("/account"))


async def test_by_certificate_nobody_issues_one_to_themself(desk: TestDesk) -> None:
    """The page has no form for it, and the address refuses, by file or by key."""
    async with signed_in(desk, "ada") as ada:
        page = await ada.get("/account")
        assert "nobody vouches for themself" in words(page)
        assert "/account/certificate" not in page.text
        assert (await ada.post("/account/certificate", once="0" * 64)).status_code == 403
        parts = {"csrf": (None, ada.token), "once": (None, "0" * 64), "csr": (None, make_csr().hex())}
        refused = await ada.client.post("/account/csr", files=parts, headers={"origin": URL})
        assert refused.status_code == 403
    assert len(await desk.store.managers.certificates("ada@operator.example", 9)) == 1


async def test_by_a_link_the_own_key_gets_a_certificate(desk: TestDesk) -> None:
    """A registration manager is shown the own certificate, and nobody else's."""
    link = await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    app = make_console(desk)
    key = new_key()
    async with browser(app) as claire:
        await claire.get(link.url(""))
        await claire.post("/link", token=link.url("").partition("token=")[2])
        page = await claire.get("/account")
        once = re.search(r'name="once" value="(\w+)"', page.text)
        assert once
        parts = {
            "csrf": (None, claire.token),
            "once": (None, once[1]),
            "file": ("claire.csr", make_csr(key)),
        }
        made = await claire.client.post("/account/csr", files=parts, headers={"origin": URL})
        assert made.status_code == 200
        assert "The certificate is issued" in words(made)
        assert SESSION_COOKIE in claire.client.cookies
        assert "valid until" in words(await claire.get("/account"))
    certificate = (await desk.store.managers.certificates("claire@poste.example", 9))[0]
    async with browser(app, certificate.der) as claire:
        await claire.sign_in()
        assert certificate.serial_number.hex()[:16] in (await claire.get("/account")).text
