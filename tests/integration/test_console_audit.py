"""The audit log in the console: filters, pages, export, and what its verification came to."""

import csv
import io
import json
from html import unescape

import pytest

from certdesk.audit import seal
from certdesk.console.pages.audit import ACTIONS
from certdesk.domain.clock import MINUTE
from certdesk.domain.enrollment import DAY, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RevocationReason
from certdesk.domain.trail import EventFilter, VerificationOrder
from certdesk.ra.office import Actor
from certdesk.store.database import Change, must
from tests.desks import (
    ADMINISTRATOR,
    FRENCH_AUDITOR,
    FRENCH_MANAGER,
    GERMAN_MANAGER,
    SOURCE,
    TestDesk,
    make_submission,
)
from tests.integration.console_calls import signed_in, words

GERMAN_AUDITOR = Principal("auditor@post.example", Role.AUDITOR, "DEU1")


async def some_history(desk: TestDesk) -> tuple[str, str]:
    """Reject, issue and revoke in FRA1, submit in DEU1; return the rejected request's ID and the serial number."""
    rejected, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    await desk.ra.reject(rejected.id, FRENCH_MANAGER, "not known")
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER, "known")).certificate
    assert certificate
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.KEY_COMPROMISE, "stolen")
    await desk.ra.submit(make_submission(organisation="DEU1"), source=SOURCE)
    return rejected.id, certificate.serial_number.hex()


async def actions(desk: TestDesk, by: Principal = ADMINISTRATOR, **wanted: str | int) -> list[str]:
    """Return what was done, newest first, as a filter lets it through."""
    page = await desk.ra.events(by, EventFilter(**wanted))  # type: ignore[arg-type]
    return [sealed.event.action for sealed in page.items]


async def test_every_filter_lets_through_its_own(desk: TestDesk) -> None:
    """Actor, action, subject, organisation and combinations of them limit the log."""
    rejected, serial = await some_history(desk)
    assert await actions(desk, actor="manager@poste.example") == [
        "certificate.revoked",
        "request.approved",
        "request.rejected",
    ]
    assert await actions(desk, actor="requester", organisation="DEU1") == ["request.submitted"]
    assert await actions(desk, action="request.rejected") == ["request.rejected"]
    assert len(await actions(desk, action="request.submitted")) == 3
    assert await actions(desk, subject=rejected) == ["request.rejected", "request.submitted"]
    assert await actions(desk, subject=serial, actor=FRENCH_MANAGER.name) == ["certificate.revoked"]
    assert await actions(desk, organisation="FRA1", action="request.issued", actor="desk") == ["request.issued"]
    assert await actions(desk, actor="nobody") == []


async def test_days_limit_the_log(desk: TestDesk) -> None:
    """Events are found by the day (UTC) on which they happened."""
    first = desk.time.now
    await desk.ra.submit(make_submission(), source=SOURCE)
    desk.time.now += 2 * DAY
    await desk.ra.submit(make_submission(), source=SOURCE)
    assert len(await actions(desk, action="request.submitted", since=first + DAY)) == 1
    assert len(await actions(desk, action="request.submitted", before=first + DAY)) == 1
    assert len(await actions(desk, action="request.submitted", since=first, before=first + 2 * DAY + 1)) == 2
    assert len(await actions(desk, action="request.submitted", since=first, before=first + 2 * DAY)) == 1
    async with signed_in(desk, "otto") as otto:
        day = "2026-09-21"
        page = await otto.get(f"/audit?action=request.submitted&from={day}&to={day}")
        assert page.text.count("<tr>") == 2
        nonsense = await otto.get("/audit?from=x&to=9999-12-31&action=nothing&organisation=%20")
        assert nonsense.status_code == 200


async def test_an_auditor_sees_their_own_organisation_only(desk: TestDesk) -> None:
    """No filter lets an organisation's auditor learn of another organisation, or of the operator."""
    await some_history(desk)
    await desk.ra.ask_for_verification(ADMINISTRATOR)
    french = (await desk.ra.events(FRENCH_AUDITOR, EventFilter(), limit=500)).items
    german = (await desk.ra.events(GERMAN_AUDITOR, EventFilter(), limit=500)).items
    assert {sealed.event.organisation for sealed in french} == {"FRA1"}
    assert {sealed.event.organisation for sealed in german} == {"DEU1"}
    assert await actions(desk, FRENCH_AUDITOR, organisation="DEU1") == []
    assert await actions(desk, FRENCH_AUDITOR, actor="admin@operator.example") == []
    async with signed_in(desk, "odile") as odile:
        for address in ("/audit", "/audit?organisation=DEU1", "/audit/export.csv?organisation=DEU1", "/audit/state"):
            text = words(await odile.get(address))
            assert "DEU1" not in text
            assert "Verify now" not in text
            assert "waits for the next seal" not in text
        assert (await odile.post("/audit/verify")).status_code == 403


async def test_registration_managers_do_not_read_the_log(desk: TestDesk) -> None:
    """The log is for administrators and auditors."""
    for by in (FRENCH_MANAGER, GERMAN_MANAGER):
        with pytest.raises(CertdeskError) as refused:
            await desk.ra.events(by, EventFilter())
        assert refused.value.kind is ErrorKind.FORBIDDEN
    for refusal in (desk.ra.ask_for_verification(FRENCH_AUDITOR), desk.ra.log_state(FRENCH_MANAGER)):
        with pytest.raises(CertdeskError) as refused:
            await refusal
        assert refused.value.kind is ErrorKind.FORBIDDEN


async def test_pages_follow_one_another(desk: TestDesk) -> None:
    """Page by page, everything is there once and in order, whatever is added meanwhile."""
    for number in range(25):
        event = desk.log.event("file.published", Actor("ada"), organisation="FRA1", subject=f"{number}.apk")
        await desk.store.events.add(event)
    seen: list[str] = []
    after = None
    while True:
        page = await desk.ra.events(ADMINISTRATOR, EventFilter(action="file.published"), after=after, limit=10)
        seen += [sealed.event.subject for sealed in page.items]
        await desk.store.events.add(desk.log.event("file.published", Actor("x"), organisation="", subject="new"))
        if page.next is None:
            break
        after = page.next
    assert seen == [f"{number}.apk" for number in reversed(range(25))]
    for wrong in ("x", "%", "0" * 99, "'; DROP TABLE events"):
        with pytest.raises(CertdeskError) as refused:
            await desk.ra.events(ADMINISTRATOR, EventFilter(), after=wrong)
        assert refused.value.kind is ErrorKind.MALFORMED


async def test_the_log_is_read_on_its_page(desk: TestDesk) -> None:
    """An event stands there in words, with links to what it is about, and says whether it is sealed."""
    rejected, serial = await some_history(desk)
    async with signed_in(desk, "otto") as otto:
        page = await otto.get("/audit")
        spelled = await otto.get(f"/audit?subject={rejected.lower().replace('-', '')}")
        by_serial = await otto.get("/audit?subject=" + ":".join(serial[at : at + 2] for at in range(0, 32, 2)).upper())
    text = words(page)
    assert "certificate: revoked" in text
    assert "Reason the key may be in other hands" in text
    assert "Comment stolen" in text
    assert f'href="/requests/{rejected}"' in page.text
    assert f'href="/certificates/{serial}"' in page.text
    assert "Reason not known" in words(spelled)
    assert "certificate: revoked" in words(by_serial)
    assert "open" in text


async def test_every_action_has_its_word(desk: TestDesk) -> None:
    """Nothing that the log can hold is shown by its inner name."""
    async with signed_in(desk, "ada") as ada:
        page = words(await ada.get("/audit"))
    assert [action for action in ACTIONS if action in page] == []


async def test_every_fact_has_its_label(desk: TestDesk) -> None:
    """What an event says is shown under a name for people, be it of a passkey, a link, a code or a refusal."""
    facts = ("passkey", "earlier_name", "purpose", "notify", "used", "error", "detail", "door_rules")
    event = desk.log.event(
        "passkey.renamed", Actor("x", ""), organisation="FRA1", subject="x", **dict.fromkeys(facts, "legacy-scep")
    )
    await desk.store.events.add(event)
    async with signed_in(desk, "ada") as ada:
        page = words(await ada.get("/audit?subject=x"))
    assert [name for name in facts if f"{name} legacy-scep" in page] == []
    assert "Passkey legacy-scep" in page
    assert "Rules for EST and SCEP old algorithms in SCEP" in page


async def test_hostile_facts_are_text(desk: TestDesk) -> None:
    """Whatever somebody wrote into a reason or a name is shown as it is, and short until it is opened."""
    hostile = '<script>alert("1")</script> \u202e 🦄 =1+1 ' + "long " * 60
    event = desk.log.event(
        "file.replaced",
        Actor("<b>x</b>", "<i>"),
        organisation="FRA1",
        subject="a<b>.apk",
        was_version=hostile,
        version="1",
    )
    await desk.store.events.add(event)
    async with signed_in(desk, "ada") as ada:
        page = await ada.get("/audit?action=file.replaced")
        export = await ada.get("/audit/export.csv?action=file.replaced")
    assert "<script>alert" not in page.text
    assert "[U+202E]" in page.text
    assert '<script>alert("1")</script>' in unescape(page.text)
    assert "<b>x</b>" not in page.text
    assert '<details class="long">' in page.text
    [row] = csv.DictReader(io.StringIO(export.text.removeprefix("\ufeff")))
    assert json.loads(row["facts"])["was_version"] == hostile


async def test_the_log_is_exported_without_formulas(desk: TestDesk) -> None:
    """The CSV has what the filters let through, all pages of it, and nothing that a spreadsheet obeys."""
    await desk.store.events.add(desk.log.event("file.removed", Actor("=HYPERLINK(1)"), organisation="", subject="@x"))
    await some_history(desk)
    async with signed_in(desk, "otto") as otto:
        response = await otto.get("/audit/export.csv")
    assert response.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))
    logged = await desk.store.events.after("", 1000)
    assert [row["id"] for row in rows] == [sealed.event.id for sealed in reversed(logged)]
    assert {row["actor"] for row in rows} >= {"'=HYPERLINK(1)", "requester"}
    assert {row["subject"] for row in rows if row["action"] == "file.removed"} == {"'@x"}


async def test_a_whole_log_is_found_whole(desk: TestDesk) -> None:
    """Asked for by a button, done by the job, the result stays with its time, and is in the log itself."""
    await some_history(desk)
    async with signed_in(desk, "otto") as otto:
        assert "Never verified" in words(await otto.get("/audit"))
        response = await otto.post("/audit/verify")
        assert response.headers["location"] == "/audit?notice=verification-asked"
        waiting = await otto.get("/audit")
        assert "Will be verified in a moment" in words(waiting)
        assert 'hx-get="/audit/state"' in waiting.text
        await otto.post("/audit/verify")
        await desk.ra.verify_if_asked()
        found = await otto.get("/audit")
        assert "Found whole" in words(found)
        assert "Verified 21 Sep 2026" in words(found)
        assert "hx-get" not in (await otto.get("/audit/state")).text
    state = await desk.ra.log_state(ADMINISTRATOR)
    assert state.order is None
    assert state.result
    assert (state.result.asked_by, state.result.finding_count) == ("otto@operator.example", 0)
    assert (await actions(desk))[:2] == ["audit.verified", "audit.asked"]
    assert (await actions(desk)).count("audit.asked") == 1


async def test_a_log_that_was_tampered_with_is_said_to_be(desk: TestDesk) -> None:
    """Overseers see what is wrong with it; an organisation's auditor that it is not whole."""
    rejected, _ = await some_history(desk)
    change = Change(must("UPDATE events SET facts = '{}' WHERE subject = :subject AND action = 'request.rejected'"))
    assert await desk.store.database.apply(change, {"subject": rejected})
    await desk.ra.ask_for_verification(ADMINISTRATOR)
    await desk.ra.verify_if_asked()
    async with signed_in(desk, "ada") as ada:
        page = words(await ada.get("/audit"))
    assert "Not whole" in page
    assert "one finding" in page
    assert "invented event" in page
    async with signed_in(desk, "odile") as odile:
        page = words(await odile.get("/audit"))
    assert "Not whole" in page
    assert "finding" not in page


async def test_one_server_verifies_and_another_takes_over(desk: TestDesk) -> None:
    """While one server is at it others leave it alone; if it is not heard of any more, another begins anew."""
    await desk.ra.ask_for_verification(ADMINISTRATOR)
    order, _ = await desk.store.trail.verification()
    assert order
    begun = VerificationOrder(order.asked_at, order.asked_by, desk.time.now, desk.time.now, 17)
    assert await desk.store.trail.take_order(order, begun)
    assert not await desk.store.trail.take_order(order, begun)
    await desk.ra.verify_if_asked()
    state = await desk.ra.log_state(ADMINISTRATOR)
    assert (state.order, state.result) == (begun, None)
    async with signed_in(desk, "ada") as ada:
        assert "Being verified: 17 events read" in words(await ada.get("/audit"))
    desk.time.now += 3 * MINUTE
    await desk.ra.verify_if_asked()
    state = await desk.ra.log_state(ADMINISTRATOR)
    assert state.order is None
    assert state.result
    assert state.result.finding_count == 0


async def test_the_seal_is_shown(desk: TestDesk) -> None:
    """The page says how far the log is sealed, and each event which batch covers it."""
    async with signed_in(desk, "ada") as ada:
        assert "Not sealed yet" in words(await ada.get("/audit"))
        await seal(desk.store.events, desk.log.signer, desk.time)
        page = words(await ada.get("/audit"))
        assert "Sealed up to 21 Sep 2026" in page
        assert "no event waits for the next seal" in page
        assert "no. 1" in page
        await some_history(desk)
        assert "7 events wait for the next seal" in words(await ada.get("/audit"))
