"""Deciding many requests at once in the console."""

from certdesk.domain.enrollment import Device, Kind
from certdesk.domain.identifiers import verification_code
from certdesk.domain.states import RequestState
from tests.desks import FRENCH_MANAGER, TestDesk, make_csr
from tests.integration.console_calls import MANAGERS, signed_in, words
from tests.integration.test_console_requests import state_of, submit


async def test_the_confirmation_lists_every_one(desk: TestDesk) -> None:
    """Each request with its code, person and device; nothing is decided yet."""
    requests = [await submit(desk, device=Device(f"SN-{number}")) for number in range(3)]
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        page = await claire.post("/requests/confirm", id=[each.id for each in requests], action="approve")
    text = words(page)
    assert "Approve 3 requests?" in text
    for number, request in enumerate(requests):
        code = verification_code(request.spki_sha256)
        for expected in (request.id, f"{code[:3]} {code[3:]}", f"SN-{number}"):
            assert expected in text
        assert await state_of(desk, request) is RequestState.REQUESTED


async def test_all_are_approved_with_a_line_for_each(desk: TestDesk) -> None:
    """The answer counts as it goes, and says in the end how many were done."""
    requests = [await submit(desk) for _ in range(3)]
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        page = await claire.post(
            "/requests/decide", id=[each.id for each in requests], action="approve", back="/requests"
        )
    text = words(page)
    for number, request in enumerate(requests, 1):
        assert f"{number}/3 {request.id} issued" in text
        assert await state_of(desk, request) is RequestState.ISSUED
    assert "Done: 3 of 3." in text
    assert page.text.rstrip().endswith("</html>")


async def test_all_are_rejected_for_one_reason(desk: TestDesk) -> None:
    """The reason is asked for first."""
    requests = [await submit(desk) for _ in range(2)]
    ids = [each.id for each in requests]
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        asked = await claire.post("/requests/decide", id=ids, action="reject", reason=" ")
        assert asked.status_code == 422
        assert "this is required" in words(asked)
        await claire.post("/requests/decide", id=ids, action="reject", reason="Unknown devices")
    for request in requests:
        assert (await desk.ra.request(request.id, FRENCH_MANAGER)).request.reason == "Unknown devices"


async def test_one_that_was_decided_meanwhile_does_not_stop_the_others(desk: TestDesk) -> None:
    """Its line says who was faster; the others are approved; sending the form again does no harm."""
    requests = [await submit(desk) for _ in range(3)]
    ids = [each.id for each in requests]
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        await desk.ra.reject(ids[1], FRENCH_MANAGER, "No")
        text = words(await claire.post("/requests/decide", id=ids, action="approve"))
        assert "Done: 2 of 3." in text
        assert f"request {ids[1]} is rejected already: {FRENCH_MANAGER.name}" in text
        assert "Done: 0 of 3." in words(await claire.post("/requests/decide", id=ids, action="approve"))


async def test_what_is_not_ours_to_decide_is_left_out(desk: TestDesk) -> None:
    """Decided ones, servers' and one's own are listed apart, and not sent on."""
    mine = await submit(desk, email=MANAGERS["claire"].email)
    server = await submit(desk, kind=Kind.SERVER, csr=make_csr(None, "api.poste.example"))
    good = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        page = await claire.post("/requests/confirm", id=[mine.id, server.id, good.id], action="approve")
    assert "2 are left out" in words(page)
    assert page.text.count('name="id"') == 1
    assert f'name="id" value="{good.id}"' in page.text


async def test_ticking_nothing_or_too_much_is_said(desk: TestDesk) -> None:
    """Neither is a defect."""
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        nothing = await claire.post("/requests/confirm", action="approve")
        assert (nothing.status_code, "Tick at least one request" in words(nothing)) == (422, True)
        ids = [f"FRA1-0000-{number:04d}" for number in range(300)]
        assert (await claire.post("/requests/confirm", id=ids, action="approve")).status_code in {400, 422}


async def test_the_way_back_stays_at_the_desk(desk: TestDesk) -> None:
    """The list that one came from, or the list; never another site."""
    request = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get("/requests")
        good = await claire.post("/requests/confirm", id=request.id, action="approve", back="/requests?kind=mobile")
        assert 'href="/requests?kind=mobile"' in good.text
        bad = await claire.post("/requests/confirm", id=request.id, action="approve", back="https://evil.example/")
        assert "evil" not in bad.text
