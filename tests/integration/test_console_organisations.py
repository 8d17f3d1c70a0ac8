"""Organisations in the console: added, changed, and never overwritten unseen."""

import re
from html import unescape

import pytest

from certdesk.domain.enrollment import DoorRule, Kind, Organisation
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.trail import EventFilter
from tests.desks import ADMINISTRATOR, OPERATOR, SOURCE, TestDesk, make_csr, make_submission
from tests.integration.console_calls import Browser, make_console, signed_in, words

FIELDS: dict[str, str | list[str]] = {
    "name": "La Poste",
    "country": "FR",
    "kinds": ["mobile", "workstation", "server"],
    "key_type": "EC P-256",
    "validity_days": "365",
    "request_lifetime_days": "30",
    "poll_seconds": "60",
    "support_contact": "",
    "contact_name": "",
    "contact_email": "",
    "contact_phone": "",
    "allowed_names": "",
    "state_or_province": "",
    "locality": "",
    "reasons": "",
}
HOSTILE = '<script>alert("1")</script> =cmd|x 🦄'


def seen_in(html: str) -> str:
    """Return the mark of the record that a form was filled with."""
    found = re.search(r'name="seen" value="(\w*)"', html)
    assert found
    return found[1]


async def form_of(ada: Browser, code: str = "FRA1") -> str:
    """Open an organisation's form and return its mark."""
    return seen_in((await ada.get(f"/organisations/{code}/edit")).text)


async def test_an_organisation_is_added(desk: TestDesk) -> None:
    """What stands in the form is kept, in its one spelling, and shown on its page."""
    async with signed_in(desk, "ada") as ada:
        await ada.get("/organisations/add")
        added = {"code": "jpn2", "name": " 日本郵便 ", "country": "JP", "contact_phone": "+81 3-3504-4411"}
        added |= {"door_rules": "require-code"}
        response = await ada.post("/organisations/add", **{**FIELDS, **added, "allowed_names": "*.post.example\r\n"})
        assert (response.status_code, response.headers["location"]) == (303, "/organisations/JPN2?notice=saved")
        page = words(await ada.get("/organisations/JPN2"))
    kept = await desk.store.organisations.get("JPN2")
    assert kept
    assert (kept.name, kept.contact_phone, kept.allowed_names) == ("日本郵便", "+81335044411", ("post.example",))
    assert kept.kinds == {Kind.MOBILE, Kind.WORKSTATION, Kind.SERVER}
    assert kept.door_rules == {DoorRule.REQUIRE_CODE}
    assert "日本郵便" in page
    assert "Japan" in page


async def test_a_code_is_added_once(desk: TestDesk) -> None:
    """A code that is taken is said so at its field, and nothing is lost of what was typed."""
    async with signed_in(desk, "ada") as ada:
        await ada.get("/organisations/add")
        response = await ada.post("/organisations/add", **{**FIELDS, "code": "FRA1", "name": "Une autre"})
    assert response.status_code == 409
    assert "there is an organisation FRA1 already" in words(response)
    assert 'value="Une autre"' in response.text


async def test_every_wrong_field_is_named(desk: TestDesk) -> None:
    """What cannot be right is said at each field, and nothing is saved."""
    wrong = {
        "name": "x" * 65,
        "country": "XX",
        "contact_email": "nobody",
        "contact_phone": "12",
        "allowed_names": "no name\n-a.example",
        "validity_days": "9999",
        "poll_seconds": "0",
    }
    async with signed_in(desk, "ada") as ada:
        seen = await form_of(ada)
        response = await ada.post("/organisations/FRA1/edit", **{**FIELDS, **wrong, "seen": seen})
        assert response.status_code == 422
        for field in wrong:
            assert f'id="{field}-wrong"' in response.text, field
        for field, value in (("validity_days", "many"), ("kinds", "manager"), ("key_type", "DSA")):
            response = await ada.post("/organisations/FRA1/edit", **{**FIELDS, field: value, "seen": seen})
            assert response.status_code == 422
            assert f'id="{field}-wrong"' in response.text
    assert await desk.store.organisations.get("FRA1") == Organisation("FRA1", "La Poste", "FR")


async def test_a_change_is_in_the_log_with_old_and_new_values(desk: TestDesk) -> None:
    """The event of a change holds what each changed field was and is, and nothing about the others."""
    async with signed_in(desk, "ada") as ada:
        changed = {"name": "La Poste SA", "reasons": "Not known.\r\n\r\nNo form.", "allowed_names": "poste.example"}
        response = await ada.post("/organisations/FRA1/edit", **{**FIELDS, **changed, "seen": await form_of(ada)})
        assert response.headers["location"] == "/organisations/FRA1?notice=saved"
        page = words(await ada.get("/organisations/FRA1"))
    [event] = [e.event for e in await desk.store.events.of_subject("FRA1") if e.event.action == "organisation.changed"]
    assert event.facts == {
        "was_name": "La Poste",
        "name": "La Poste SA",
        "reasons": "Not known.\nNo form.",
        "allowed_names": "poste.example",
    }
    assert event.actor == "ada@operator.example"
    assert await desk.store.reasons.of("FRA1") == ["Not known.", "No form."]
    assert "Name before: La Poste → now: La Poste SA" in page


async def test_the_rules_for_standard_doors_are_set(desk: TestDesk) -> None:
    """They hold once they are saved, are on the page and in the log, and are lifted as they were set."""
    async with signed_in(desk, "ada") as ada:
        assert "A renewal, at every door may keep the old key" in words(await ada.get("/organisations/FRA1"))
        rules = ["approve-vouched", "new-keys"]
        saved = await ada.post("/organisations/FRA1/edit", **FIELDS, door_rules=rules, seen=await form_of(ada))
        assert saved.status_code == 303
        kept = await desk.store.organisations.get("FRA1")
        assert kept
        assert kept.door_rules == {DoorRule.APPROVE_VOUCHED, DoorRule.NEW_KEYS}
        page = words(await ada.get("/organisations/FRA1"))
        assert "A request with an enrollment code is approved at once" in page
        assert "A renewal, at every door needs a new key" in page
        assert "Rules for EST and SCEP codes approve, new keys for renewals" in page
        form = (await ada.get("/organisations/FRA1/edit")).text
        assert re.findall(r'name="door_rules" value="([\w-]+)" checked', form) == rules
        await ada.post("/organisations/FRA1/edit", **FIELDS, seen=seen_in(form))
        assert "Rules for EST and SCEP before: codes approve, new keys for renewals" in words(
            await ada.get("/organisations/FRA1")
        )
    assert await desk.store.organisations.get("FRA1") == Organisation("FRA1", "La Poste", "FR")


async def test_a_rule_that_there_is_not_is_refused(desk: TestDesk) -> None:
    """Nothing is saved, and the form says where it is wrong."""
    async with signed_in(desk, "ada") as ada:
        wrong = {**FIELDS, "door_rules": ["new-keys", "approve-all"], "seen": await form_of(ada)}
        response = await ada.post("/organisations/FRA1/edit", **wrong)
    assert (response.status_code, "there is no such rule" in words(response)) == (422, True)
    assert await desk.store.organisations.get("FRA1") == Organisation("FRA1", "La Poste", "FR")


async def test_a_rule_that_was_set_meanwhile_is_not_lifted_unseen(desk: TestDesk) -> None:
    """Whoever has the form open while the rules are set elsewhere is shown them."""
    async with signed_in(desk, "ada") as ada:
        seen = await form_of(ada)
        await desk.ra.set_door_rules("FRA1", frozenset({DoorRule.REQUIRE_CODE}), OPERATOR)
        refused = await ada.post("/organisations/FRA1/edit", **FIELDS, seen=seen)
        assert refused.status_code == 409
        assert "Rules for EST and SCEP: codes are needed" in words(refused)
    kept = await desk.store.organisations.get("FRA1")
    assert kept
    assert kept.door_rules == {DoorRule.REQUIRE_CODE}


async def test_saving_without_a_change_says_nothing_to_the_log(desk: TestDesk) -> None:
    """Whoever saves what is there already leaves no trace of a change that was none."""
    async with signed_in(desk, "ada") as ada:
        response = await ada.post("/organisations/FRA1/edit", **FIELDS, seen=await form_of(ada))
        assert response.status_code == 303
    actions = {sealed.event.action for sealed in await desk.store.events.of_subject("FRA1")}
    assert actions == {"organisation.added"}


async def test_of_two_editors_the_second_is_shown_the_first_ones_change(desk: TestDesk) -> None:
    """Nobody undoes a change unseen; with it before their eyes, the second may save over it."""
    async with signed_in(desk, "ada") as ada:
        seen = await form_of(ada)
        await ada.post("/organisations/FRA1/edit", **{**FIELDS, "validity_days": "200", "seen": seen})
        mine = {**FIELDS, "name": "Die Post", "validity_days": "365"}
        refused = await ada.post("/organisations/FRA1/edit", **mine, seen=seen)
        assert refused.status_code == 409
        assert "Somebody else has changed this organisation" in words(refused)
        assert "Validity in days: 200" in words(refused)
        assert 'value="Die Post"' in refused.text
        assert (await desk.ra.organisation_file("FRA1", ADMINISTRATOR)).organisation.validity_days == 200
        again = await ada.post("/organisations/FRA1/edit", **mine, seen=seen_in(refused.text))
        assert again.status_code == 303
    assert (await desk.ra.organisation_file("FRA1", ADMINISTRATOR)).organisation.name == "Die Post"


async def test_a_reason_that_came_meanwhile_is_not_lost(desk: TestDesk) -> None:
    """A reason that a manager keeps while an administrator edits is a change as any other."""
    async with signed_in(desk, "ada") as ada:
        seen = await form_of(ada)
        await desk.store.reasons.add("FRA1", "Not known.")
        response = await ada.post("/organisations/FRA1/edit", **{**FIELDS, "name": "Autre", "seen": seen})
        assert response.status_code == 409
    assert await desk.store.reasons.of("FRA1") == ["Not known."]


async def test_fewer_reasons_take_the_place_of_more(desk: TestDesk) -> None:
    """Reasons are replaced as a whole, in their order."""
    async with signed_in(desk, "ada") as ada:
        for text in ("a\nb\nc", "c\na", "", "b"):
            response = await ada.post(
                "/organisations/FRA1/edit", **{**FIELDS, "reasons": text, "seen": await form_of(ada)}
            )
            assert response.status_code == 303
            assert await desk.store.reasons.of("FRA1") == text.split()


async def test_settings_are_previewed_before_they_are_published(desk: TestDesk) -> None:
    """The preview is settings.xml with what the form says; what devices get stays until it is saved."""
    before = await desk.ra.settings("FRA1")
    async with signed_in(desk, "ada") as ada:
        seen = await form_of(ada)
        asked = {**FIELDS, "poll_seconds": "77", "locality": "Lyon", "preview": "yes", "seen": seen}
        page = await ada.post("/organisations/FRA1/edit", **asked)
        assert page.status_code == 200
        assert "<poll-seconds>77</poll-seconds>" in unescape(page.text)
        assert "<locality>Lyon</locality>" in unescape(page.text)
        assert seen_in(page.text) == seen
        assert await desk.ra.settings("FRA1") == before
        headers = {"origin": "https://desk.example", "hx-request": "true"}
        part = await ada.client.post("/organisations/FRA1/edit", data={"csrf": ada.token, **asked}, headers=headers)
        assert "<html" not in part.text
        assert "<poll-seconds>77</poll-seconds>" in unescape(part.text)
        wrong = {"csrf": ada.token, **asked, "poll_seconds": "no"}
        assert "Nothing to show yet" in words(
            await ada.client.post("/organisations/FRA1/edit", data=wrong, headers=headers)
        )
        refused = await ada.post("/organisations/FRA1/edit", **{**asked, "poll_seconds": "no"})
        assert (refused.status_code, 'id="poll_seconds-wrong"' in refused.text) == (422, True)
        for code in ("NEW1", "no code"):
            response = await ada.post("/organisations/add", **{**asked, "code": code})
            assert response.status_code == (200 if code == "NEW1" else 422)
        await ada.post(
            "/organisations/FRA1/edit", **{name: value for name, value in asked.items() if name != "preview"}
        )
    assert b"<poll-seconds>77</poll-seconds>" in await desk.ra.settings("FRA1")


async def test_servers_are_held_to_their_organisations_names(desk: TestDesk) -> None:
    """A server may have the names that the organisation may have, from the moment that they are saved."""
    async with signed_in(desk, "ada") as ada:
        saved = await ada.post(
            "/organisations/FRA1/edit", **{**FIELDS, "allowed_names": "poste.example", "seen": await form_of(ada)}
        )
        assert saved.status_code == 303
    own = make_submission(kind=Kind.SERVER, csr=make_csr(None, "www.poste.example"))
    assert (await desk.ra.submit(own, source=SOURCE))[1]
    with pytest.raises(CertdeskError) as refused:
        await desk.ra.submit(make_submission(kind=Kind.SERVER, csr=make_csr(None, "www.post.example")), source=SOURCE)
    assert refused.value.kind is ErrorKind.NAME_NOT_ALLOWED
    assert "www.post.example does not belong" in str(refused.value)


async def test_the_operators_own_organisation_enrolls_managers_only(desk: TestDesk) -> None:
    """Whatever the form says, the operator's organisation gets no kinds, no rules and no publication."""
    async with signed_in(desk, "ada") as ada:
        fields = {
            **FIELDS,
            "name": "Universal Post",
            "country": "CH",
            "door_rules": ["new-keys"],
            "seen": await form_of(ada, "OPERATOR"),
        }
        assert (await ada.post("/organisations/OPERATOR/edit", **fields)).status_code == 303
        assert "managers only" in words(await ada.get("/organisations"))
    kept = await desk.store.organisations.get("OPERATOR")
    assert kept
    assert (kept.name, kept.kinds, kept.door_rules) == ("Universal Post", frozenset(), frozenset())


async def test_hostile_values_are_text(desk: TestDesk) -> None:
    """Markup in names, contacts and reasons is shown as it was typed, on every page about the organisation."""
    hostile = {"name": HOSTILE, "contact_name": HOSTILE, "support_contact": HOSTILE, "reasons": HOSTILE}
    async with signed_in(desk, "ada") as ada:
        saved = await ada.post("/organisations/FRA1/edit", **{**FIELDS, **hostile, "seen": await form_of(ada)})
        assert saved.status_code == 303
        for address in ("", "/FRA1", "/FRA1/edit", "/FRA1/publication"):
            page = await ada.get(f"/organisations{address}")
            assert page.status_code == 200
            assert "<script>alert" not in page.text
            assert "🦄" in page.text


async def test_the_list_is_searched(desk: TestDesk) -> None:
    """A code or a part of a name finds its organisations."""
    async with signed_in(desk, "otto") as otto:
        found = words(await otto.get("/organisations?q=deutsche"))
        assert "DEU1" in found
        assert "FRA1" not in found
        assert "No organisation is like this" in words(await otto.get("/organisations?q=nobody"))


async def test_auditors_read_and_change_nothing(desk: TestDesk) -> None:
    """An auditor of the whole federation sees the pages, without what changes anything."""
    async with signed_in(desk, "otto") as otto:
        page = await otto.get("/organisations/FRA1")
        assert page.status_code == 200
        assert "/edit" not in page.text
        assert (await otto.get("/organisations/FRA1/edit")).status_code == 403
        assert (await otto.post("/organisations/FRA1/edit", **FIELDS)).status_code == 403
        assert (await otto.get("/organisations/XX")).status_code == 404


async def test_the_history_of_an_organisation_leads_to_the_log(desk: TestDesk) -> None:
    """Everything about an organisation is one link away."""
    await desk.ra.add_organisation(Organisation("ITA1", "Poste", "IT"), OPERATOR)
    page = await desk.ra.events(ADMINISTRATOR, EventFilter(subject="ITA1"))
    assert [sealed.event.action for sealed in page.items] == ["organisation.added"]
    async with signed_in(desk, "ada", make_console(desk)) as ada:
        assert 'href="/audit?subject=ITA1"' in (await ada.get("/organisations/ITA1")).text
