"""Enrollment codes on both databases: issued, presented, used up, withdrawn."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from certdesk.audit import verify
from certdesk.domain.codes import CodeStanding
from certdesk.domain.enrollment import DAY, DoorRule, Kind, Manager, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState, RevocationReason
from certdesk.store.database import Change, must
from tests.desks import (
    ADMINISTRATOR,
    FRENCH_AUDITOR,
    FRENCH_MANAGER,
    GERMAN_MANAGER,
    OPERATOR,
    SOURCE,
    TestDesk,
)
from tests.integration.protocol_devices import ProtocolDevice, allow, registered_manager

_DISABLE = Change(must("UPDATE managers SET disabled = 1 WHERE email = :email"))


async def refused(kind: ErrorKind, call: Awaitable[Any]) -> str:
    """Return the sentence of a refusal of a kind."""
    with pytest.raises(CertdeskError) as caught:
        await call
    assert caught.value.kind is kind, caught.value
    return str(caught.value)


async def test_a_vouched_request_is_issued_at_once_where_that_is_allowed(desk: TestDesk) -> None:
    """The certificate is there in one call, decided in the name of the manager who issued the code."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    claire = await registered_manager(desk)
    code, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire, note="Printers of Lyon")
    enrollment = await ProtocolDevice().ask(desk, code=secret.lower().replace("-", " "))
    assert enrollment.certificate is not None
    request = enrollment.request
    assert (request.state, request.decided_by, request.vouched_by) == (RequestState.ISSUED, claire.name, claire.name)
    assert (request.code_id, request.comment) == (code.id, f"enrollment code {code.id}")
    events = [sealed.event for sealed in await desk.store.events.of_subject(request.id)]
    assert [(event.action, event.actor, event.source) for event in events] == [
        ("request.submitted", "requester", SOURCE),
        ("request.approved", claire.name, SOURCE),
        ("request.issued", "desk", ""),
    ]
    assert (await verify(desk.store.events, desk.log)).findings == []


async def test_elsewhere_a_vouched_request_is_only_marked(desk: TestDesk) -> None:
    """Without the rule the request waits, and its record says who vouched for it."""
    claire = await registered_manager(desk)
    code, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    request = (await ProtocolDevice().ask(desk, code=secret)).request
    assert (request.state, request.vouched_by, request.code_id) == (RequestState.REQUESTED, claire.name, code.id)
    assert (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate is not None


async def test_the_same_device_may_ask_again_with_its_code(desk: TestDesk) -> None:
    """A lost answer costs nothing: the same key with the same code gets the same certificate, and one use is spent."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(desk))
    device = ProtocolDevice()
    first, second = await device.ask(desk, code=secret), await device.ask(desk, code=secret)
    assert first.certificate == second.certificate is not None
    assert [code.used for code in (await desk.ra.codes(FRENCH_MANAGER)).items] == [1]


@pytest.mark.parametrize("rules", [[], [DoorRule.APPROVE_VOUCHED]], ids=["marked", "approved"])
async def test_devices_at_once_never_use_a_code_more_often_than_allowed(desk: TestDesk, rules: list[DoorRule]) -> None:
    """Of twelve devices that come at once with a code for three, three are served and nine are told why not."""
    await allow(desk, *rules)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(desk), count=3)
    devices = [ProtocolDevice(f"printer-{number}") for number in range(12)]
    answers = await asyncio.gather(*(each.ask(desk, code=secret) for each in devices), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    assert {str(refusal) for refusal in refusals} == {"this enrollment code is used up"}
    assert len(refusals) == 9
    [code] = (await desk.ra.codes(FRENCH_MANAGER)).items
    assert (code.used, code.standing(desk.time.now)) == (3, CodeStanding.USED_UP)
    [row] = await desk.store.database.rows("SELECT count(*) FROM requests WHERE door = 'est'", {})
    assert row[0] == 3


async def test_one_device_many_times_at_once_is_one_request(desk: TestDesk) -> None:
    """A device that sends its request ten times at once with a code for one gets one certificate, ten times."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(desk))
    device = ProtocolDevice()
    answers = await asyncio.gather(*(device.ask(desk, code=secret) for _ in range(10)))
    assert len({answer.request.id for answer in answers}) == 1
    assert (await device.ask(desk, code=secret)).certificate is not None


async def test_a_code_is_good_for_its_organisation_kind_and_time_only(desk: TestDesk) -> None:
    """Elsewhere, for another kind, after its time, after it was withdrawn, or misspelt, it opens nothing."""
    claire = await registered_manager(desk)
    code, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire, days=7, count=9)
    unknown, kind = "this enrollment code is not known here", ErrorKind.UNAUTHENTICATED
    assert await refused(kind, ProtocolDevice(organisation="DEU1").ask(desk, code=secret)) == unknown
    assert await refused(kind, ProtocolDevice(kind=Kind.MOBILE).ask(desk, code=secret)) == unknown
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    for misspelt in (wrong, secret[:-1], secret + "7", "", "é" * 20, "7" * 10_000):
        if misspelt:
            assert await refused(kind, ProtocolDevice().ask(desk, code=misspelt)) == unknown
    desk.time.now += 7 * DAY
    assert await refused(kind, ProtocolDevice().ask(desk, code=secret)) == "this enrollment code has expired"
    desk.time.now -= 7 * DAY
    await desk.ra.withdraw_code(code.id, claire)
    assert await refused(kind, ProtocolDevice().ask(desk, code=secret)) == "this enrollment code was withdrawn"
    await refused(ErrorKind.CONFLICT, desk.ra.withdraw_code(code.id, claire))


async def test_a_manager_who_is_gone_vouches_for_nobody(desk: TestDesk) -> None:
    """A code works as long as whoever issued it may decide: not after they are disabled or have moved on."""
    claire = await registered_manager(desk)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire, count=9)
    gone = "whoever issued this enrollment code may not vouch for devices any more"
    await desk.store.database.apply(_DISABLE, {"email": claire.name})
    assert await refused(ErrorKind.UNAUTHENTICATED, ProtocolDevice().ask(desk, code=secret)) == gone
    await desk.ra.add_manager(Manager(claire.name, "Claire", Role.REGISTRATION_MANAGER, "DEU1"), OPERATOR)
    assert await refused(ErrorKind.UNAUTHENTICATED, ProtocolDevice().ask(desk, code=secret)) == gone
    await desk.ra.add_manager(Manager(claire.name, "Claire", Role.AUDITOR, "FRA1"), OPERATOR)
    assert await refused(ErrorKind.UNAUTHENTICATED, ProtocolDevice().ask(desk, code=secret)) == gone


async def test_an_automation_may_vouch_while_its_token_is_good(desk: TestDesk) -> None:
    """A code that was issued with an API token ends with it."""
    token = await desk.ra.add_token("mdm", Role.REGISTRATION_MANAGER, "FRA1", 2, OPERATOR)
    by = await desk.ra.principal_of_token(token, SOURCE)
    _, secret = await desk.ra.add_code("FRA1", Kind.MOBILE, by, count=9, days=9)
    assert (await ProtocolDevice(kind=Kind.MOBILE).ask(desk, code=secret)).request.vouched_by == "token:mdm"
    desk.time.now += 3 * DAY
    await refused(ErrorKind.UNAUTHENTICATED, ProtocolDevice("other", kind=Kind.MOBILE).ask(desk, code=secret))


async def test_nobody_vouches_for_their_own_device(desk: TestDesk) -> None:
    """A request in the name of the manager who issued the code waits for a colleague."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    claire = await registered_manager(desk)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    request = (await ProtocolDevice().ask(desk, code=secret, email=claire.name)).request
    assert (request.state, request.vouched_by) == (RequestState.REQUESTED, claire.name)


async def test_a_revoked_device_does_not_come_back_with_its_code(desk: TestDesk) -> None:
    """A code vouches for a key once: after a revocation the same key needs a manager again."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(desk), count=5)
    device = ProtocolDevice()
    certificate = (await device.ask(desk, code=secret)).certificate
    assert certificate is not None
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.CESSATION_OF_OPERATION)
    sentence = await refused(ErrorKind.UNAUTHENTICATED, device.ask(desk, code=secret))
    assert sentence == "this key has used this enrollment code already"
    assert (await device.ask(desk)).request.state is RequestState.REQUESTED


async def test_a_waiting_request_can_be_vouched_for_later(desk: TestDesk) -> None:
    """A device that waits and then comes with a code is marked, approved if that is allowed, and stays one request."""
    await allow(desk, DoorRule.APPROVE_VOUCHED)
    claire = await registered_manager(desk)
    device = ProtocolDevice()
    waiting = (await device.ask(desk)).request
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    issued = await device.ask(desk, code=secret)
    assert (issued.request.id, issued.request.vouched_by) == (waiting.id, claire.name)
    assert issued.certificate is not None
    actions = [sealed.event.action for sealed in await desk.store.events.of_subject(waiting.id)]
    assert actions == ["request.submitted", "request.vouched", "request.approved", "request.issued"]


async def test_an_organisation_may_ask_every_device_for_a_code(desk: TestDesk) -> None:
    """Under that rule a stranger is turned away and nothing is recorded; with a code it may ask, and then poll."""
    await allow(desk, DoorRule.REQUIRE_CODE)
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(desk))
    device = ProtocolDevice()
    await refused(ErrorKind.UNAUTHENTICATED, device.ask(desk))
    request = (await device.ask(desk, code=secret)).request
    assert (await device.ask(desk)).request.id == request.id
    [row] = await desk.store.database.rows("SELECT count(*) FROM requests WHERE door = 'est'", {})
    assert row[0] == 1


async def test_codes_are_issued_and_withdrawn_by_those_who_may_decide(desk: TestDesk) -> None:
    """Managers in their organisation for devices, administrators for servers too, auditors and neighbours not."""
    code, _ = await desk.ra.add_code("FRA1", Kind.WORKSTATION, FRENCH_MANAGER)
    await desk.ra.add_code("FRA1", Kind.SERVER, ADMINISTRATOR)
    await refused(ErrorKind.FORBIDDEN, desk.ra.add_code("FRA1", Kind.SERVER, FRENCH_MANAGER))
    await refused(ErrorKind.FORBIDDEN, desk.ra.add_code("FRA1", Kind.WORKSTATION, FRENCH_AUDITOR))
    await refused(ErrorKind.INVALID_FIELD, desk.ra.add_code("FRA1", Kind.WORKSTATION, GERMAN_MANAGER))
    await refused(ErrorKind.INVALID_FIELD, desk.ra.add_code("XXX1", Kind.WORKSTATION, ADMINISTRATOR))
    await refused(ErrorKind.INVALID_FIELD, desk.ra.add_code("OPERATOR", Kind.WORKSTATION, ADMINISTRATOR))
    await refused(ErrorKind.KIND_NOT_ALLOWED, desk.ra.add_code("FRA1", Kind.MANAGER, ADMINISTRATOR))
    for wrong in ({"count": 0}, {"count": 10_001}, {"days": 0}, {"days": 366}, {"note": "\u202e"}):
        await refused(ErrorKind.INVALID_FIELD, desk.ra.add_code("FRA1", Kind.MOBILE, ADMINISTRATOR, **wrong))
    await refused(ErrorKind.NOT_FOUND, desk.ra.withdraw_code(code.id, GERMAN_MANAGER))
    await refused(ErrorKind.FORBIDDEN, desk.ra.withdraw_code(code.id, FRENCH_AUDITOR))


async def test_codes_are_listed_within_the_scope_page_by_page(desk: TestDesk) -> None:
    """Newest first, a page at a time, and nobody sees another organisation's."""
    made = []
    for _ in range(5):
        desk.time.now += 1
        made.append((await desk.ra.add_code("FRA1", Kind.WORKSTATION, FRENCH_MANAGER))[0].id)
    await desk.ra.add_code("DEU1", Kind.WORKSTATION, GERMAN_MANAGER)
    listed: list[str] = []
    after: str | None = None
    while True:
        page = await desk.ra.codes(FRENCH_AUDITOR, after=after, limit=2)
        listed += [code.id for code in page.items]
        after = page.next
        if after is None:
            break
    assert listed == made[::-1]
    assert (await desk.ra.codes(FRENCH_MANAGER, "DEU1")).items == ()
    assert len((await desk.ra.codes(ADMINISTRATOR)).items) == 6
    assert len((await desk.ra.codes(ADMINISTRATOR, "DEU1")).items) == 1


async def test_the_code_itself_is_nowhere_kept(desk: TestDesk) -> None:
    """Neither the table nor the audit log holds a code."""
    _, secret = await desk.ra.add_code("FRA1", Kind.WORKSTATION, FRENCH_MANAGER)
    compact = secret.replace("-", "")
    rows = [*await desk.store.database.rows("SELECT * FROM codes", {})]
    rows += await desk.store.database.rows("SELECT facts, subject FROM events", {})
    written = "".join(str(value) for row in rows for value in row)
    assert compact not in written
    assert secret not in written


async def test_only_an_administrator_sets_the_rules(desk: TestDesk) -> None:
    """A manager does not decide that codes approve, and there is no organisation out of nothing."""
    await refused(ErrorKind.FORBIDDEN, desk.ra.set_door_rules("FRA1", frozenset(), FRENCH_MANAGER))
    await refused(ErrorKind.NOT_FOUND, desk.ra.set_door_rules("XXX1", frozenset(), ADMINISTRATOR))
    await desk.ra.set_door_rules("FRA1", frozenset(DoorRule), ADMINISTRATOR)
    organisations = {each.code: each for each in await desk.ra.organisations(ADMINISTRATOR)}
    assert organisations["FRA1"].door_rules == frozenset(DoorRule)
    assert organisations["DEU1"].door_rules == frozenset()
    await desk.ra.set_door_rules("FRA1", frozenset({DoorRule.NEW_KEYS}), ADMINISTRATOR)
    facts = [each.event.facts for each in await desk.store.events.of_subject("FRA1")]
    every = " ".join(sorted(DoorRule))
    assert facts[-2:] == [{"door_rules": every}, {"was_door_rules": every, "door_rules": "new-keys"}]
