"""Enrollment codes in the console: made, shown once, listed, withdrawn, within everybody's own scope."""

import re

import httpx
import pytest
import structlog

from certdesk.domain.enrollment import DAY, DoorRule, Kind
from certdesk.domain.errors import CertdeskError
from tests.desks import FRENCH_MANAGER, OPERATOR, TestDesk
from tests.integration.console_calls import Browser, browser, certificate_of, make_console, signed_in, words
from tests.integration.protocol_devices import ProtocolDevice, allow, registered_manager
from tests.integration.test_console_requests import HOSTILE

_SHOWN = re.compile(r'id="code" class="code" value="([^"]+)"')
_WITHDRAW = re.compile(r'href="(/codes/\w{8}/withdraw)"')
ORDER = {"kind": "workstation", "count": "3", "days": "30", "note": "Printers of Lyon"}


async def make(browser: Browser, **changes: str) -> tuple[httpx.Response, str]:
    """Fill in the form; return the answer and the code that it shows."""
    await browser.get("/codes/add")
    response = await browser.post("/codes/add", **{**ORDER, **changes})
    found = _SHOWN.search(response.text)
    return response, found[1] if found else ""


async def test_a_code_is_made_shown_once_used_and_withdrawn(desk: TestDesk) -> None:
    """A manager's day with it: the form, the code, a device that comes with it, the list, the end."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    async with signed_in(desk, "claire") as claire:
        made, secret = await make(claire)
        assert made.status_code == 200
        assert made.headers["cache-control"] == "no-store"
        assert "It is shown now and never again" in words(made)
        assert "It is good for 3 devices until" in words(made)
        assert "https://desk.example/.well-known/est/FRA1/workstation" in words(made)
        request = (await ProtocolDevice().ask(desk, code=secret)).request
        listed = await claire.get("/codes")
        for expected in ("Printers of Lyon", "open", "2 of 3", "claire@poste.example", "workstation"):
            assert expected in words(listed)
        page = words(await claire.get(f"/requests/{request.id}"))
        assert f"Vouched for by claire@poste.example, with code no. {request.code_id}" in page
        assert "Through EST" in page
        assert "through EST" in words(await claire.get("/requests"))
        question = await claire.get(_WITHDRAW.findall(listed.text)[0])
        assert "Withdraw this code?" in words(question)
        done = await claire.post(f"/codes/{request.code_id}/withdraw")
        assert (done.status_code, done.headers["location"]) == (303, "/codes?notice=code-withdrawn")
        after = await claire.get("/codes?notice=code-withdrawn")
        assert "No further device gets in with this code." in words(after)
        assert not _WITHDRAW.findall(after.text)
        again = await claire.post(f"/codes/{request.code_id}/withdraw")
        assert again.status_code == 409
        assert "this enrollment code was withdrawn already" in words(again)


async def test_a_code_is_in_one_page_only(desk: TestDesk) -> None:
    """Not in the address of any page, not in the list, the confirmation, the audit log or the desk's own log."""
    app = make_console(desk, log_requests=True)
    with structlog.testing.capture_logs() as logged:
        async with browser(app, await certificate_of(desk, "ada")) as ada:
            await ada.sign_in()
            made, secret = await make(ada, organisation="FRA1")
            pages = [made.request.url.raw_path.decode(), repr(made.headers)]
            listed = await ada.get("/codes?organisation=FRA1")
            others = ("/audit", "/audit/export.csv", "/codes", *_WITHDRAW.findall(listed.text))
            pages += [(await ada.get(address)).text for address in others]
    told = "".join([listed.text, *pages, repr(logged)])
    assert secret
    assert "/codes/add" in repr(logged)
    assert "enrollment code made" in told
    assert secret.replace("-", "") not in told.replace("-", "")


async def test_the_list_says_why_a_code_is_not_good_any_more(desk: TestDesk) -> None:
    """Used up and expired ones stay in the list, and need no withdrawing."""
    claire = await registered_manager(desk)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    await ProtocolDevice().ask(desk, code=secret)
    await desk.ra.add_code("FRA1", Kind.MOBILE, claire, days=1)
    desk.time.now += DAY
    async with signed_in(desk, "odile") as odile:
        listed = await odile.get("/codes")
    assert "used up 0 of 1" in words(listed)
    assert "expired 1 of 1" in words(listed)


async def test_everybody_sees_the_codes_of_their_organisation(desk: TestDesk) -> None:
    """A neighbour sees none, and asking for one by its number answers as if there were none."""
    code, _ = await desk.ra.add_code("FRA1", Kind.MOBILE, FRENCH_MANAGER, note="Scanners")
    app = make_console(desk)
    async with signed_in(desk, "jonas", app) as jonas:
        assert "There are no enrollment codes here yet." in words(await jonas.get("/codes?organisation=FRA1"))
        real = await jonas.get(f"/codes/{code.id}/withdraw")
        none = await jonas.get("/codes/7GQ42KXM/withdraw")
        assert (real.status_code, words(real)) == (none.status_code, words(none)) == (404, words(none))
        assert (await jonas.post(f"/codes/{code.id}/withdraw")).status_code == 404
        refused, secret = await make(jonas, organisation="FRA1")
        assert (refused.status_code, secret) == (422, "")
    async with signed_in(desk, "odile", app) as odile:
        listed = await odile.get("/codes")
        assert "Scanners" in words(listed)
        assert "/codes/add" not in listed.text
        assert not _WITHDRAW.findall(listed.text)
    async with signed_in(desk, "otto", app) as otto:
        assert "Scanners" in words(await otto.get("/codes"))
        assert "Scanners" not in words(await otto.get("/codes?organisation=DEU1"))


async def test_servers_codes_are_the_administrators(desk: TestDesk) -> None:
    """A registration manager is not offered the kind, and gets it neither by hand nor withdrawn."""
    app = make_console(desk)
    async with signed_in(desk, "ada", app) as ada:
        made, secret = await make(ada, organisation="FRA1", kind="server")
        assert (made.status_code, len(secret)) == (200, 24)
        code_id = _WITHDRAW.findall((await ada.get("/codes")).text)[0].split("/")[2]
    async with signed_in(desk, "claire", app) as claire:
        assert 'value="server"' not in (await claire.get("/codes/add")).text
        refused, _ = await make(claire, kind="server")
        assert refused.status_code == 403
        assert "requests of kind server are decided by administrators" in words(refused)
        assert not _WITHDRAW.findall((await claire.get("/codes")).text)
        assert (await claire.post(f"/codes/{code_id}/withdraw")).status_code == 403


async def test_the_form_says_what_is_wrong(desk: TestDesk) -> None:
    """At the field, with what was typed still there, and no code is made."""
    cases = {
        ("kind", "router"): "choose one of these",
        ("kind", "manager"): "choose one of these",
        ("count", "0"): "0 is not between 1 and 10000",
        ("count", "-1"): "this is not a whole number that is possible here",
        ("count", "\N{ARABIC-INDIC DIGIT ONE}"): "this is not a whole number that is possible here",
        ("days", "366"): "366 is not between 1 and 365",
        ("days", "9" * 40): "this is not a whole number that is possible here",
        ("note", "n" * 201): "at most 200 characters fit here, these are 201",
        ("note", "a\N{RIGHT-TO-LEFT OVERRIDE}b"): "this holds the character U+202E",
    }
    async with signed_in(desk, "claire") as claire:
        for (field, value), sentence in cases.items():
            response, secret = await make(claire, **{field: value})
            assert (response.status_code, secret) == (422, ""), field
            assert sentence in words(response)
            assert 'value="3"' in response.text or field == "count"
    assert (await desk.ra.codes(OPERATOR)).items == ()


async def test_notes_are_text(desk: TestDesk) -> None:
    """Whatever is typed there, the list, the question and the page of the code show it and obey none of it."""
    async with signed_in(desk, "claire") as claire:
        for text in HOSTILE:
            desk.time.now += 1
            made, secret = await make(claire, note=text)
            assert secret
            listed = await claire.get("/codes")
            for page in (made, listed, await claire.get(_WITHDRAW.findall(listed.text)[0])):
                assert text in words(page)
                assert "<script>" not in page.text
                assert "<img src=x" not in page.text


async def test_codes_come_in_pages(desk: TestDesk) -> None:
    """Fifty at a time, each once."""
    for _ in range(51):
        desk.time.now += 1
        await desk.ra.add_code("FRA1", Kind.MOBILE, FRENCH_MANAGER)
    async with signed_in(desk, "claire") as claire:
        first = await claire.get("/codes")
        following = re.search(r'href="([^"]*after=[^"]*)"', first.text)
        assert following
        second = await claire.get(following[1])
        listed = [set(_WITHDRAW.findall(page.text)) for page in (first, second)]
        assert [len(each) for each in listed] == [50, 1]
        assert not listed[0] & listed[1]
        assert (await claire.get("/codes?after=nonsense")).status_code == 400


async def test_a_withdrawn_code_lets_nobody_in(desk: TestDesk) -> None:
    """From the click on, whatever number of devices it was for."""
    async with signed_in(desk, "claire") as claire:
        _, secret = await make(claire)
        await claire.post(_WITHDRAW.findall((await claire.get("/codes")).text)[0])
    with pytest.raises(CertdeskError, match="this enrollment code was withdrawn"):
        await ProtocolDevice().ask(desk, code=secret)
