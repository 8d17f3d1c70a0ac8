"""How a device that only has its key is recognised, on both databases: asking, waiting, asking again."""

import asyncio

import pytest

from certdesk.domain.enrollment import DAY, Device, DoorRule, Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState, RevocationReason
from certdesk.ra.protocols import protocol_claim, refusal_of
from tests.desks import (
    ADMINISTRATOR,
    FRENCH_MANAGER,
    GERMAN_MANAGER,
    SOURCE,
    TestDesk,
    make_csr,
    make_submission,
    new_key,
)
from tests.integration.protocol_devices import ProtocolDevice, allow


async def test_asking_again_is_the_same_request_until_there_is_an_answer(desk: TestDesk) -> None:
    """The same key gets its one request while it waits, its certificate once issued, and every signature will do."""
    device = ProtocolDevice()
    first = await device.ask(desk)
    assert first.request.state is RequestState.REQUESTED
    assert first.request.door == "est"
    assert (await device.ask(desk)).request == first.request
    await desk.ra.approve(first.request.id, FRENCH_MANAGER)
    issued = await device.ask(desk)
    assert issued.request.id == first.request.id
    assert issued.certificate is not None


async def test_asking_many_times_at_once_is_one_request(desk: TestDesk) -> None:
    """Twenty first messages at the same time make one request."""
    device = ProtocolDevice()
    answers = await asyncio.gather(*(device.ask(desk) for _ in range(20)))
    assert len({answer.request.id for answer in answers}) == 1


async def test_a_rejection_is_told_until_the_request_would_have_lapsed(desk: TestDesk) -> None:
    """A device that keeps asking hears the reason and bothers nobody; a month later it may try again."""
    device = ProtocolDevice()
    request = (await device.ask(desk)).request
    await desk.ra.reject(request.id, FRENCH_MANAGER, "I do not know this printer")
    again = (await device.ask(desk)).request
    assert (again.id, again.state) == (request.id, RequestState.REJECTED)
    assert str(refusal_of(again)) == f"request {request.id} was rejected: I do not know this printer"
    desk.time.now += 31 * DAY
    anew = (await device.ask(desk)).request
    assert (anew.state, anew.id != request.id) == (RequestState.REQUESTED, True)


async def test_asking_for_something_else_supersedes(desk: TestDesk) -> None:
    """The same key with other names is a new request that cancels the waiting one; the latest counts from then on."""
    device = ProtocolDevice("www.poste.example", kind=Kind.SERVER)
    wrong = (await device.ask(desk, "www.poste.exampel")).request
    right = (await device.ask(desk, "www.poste.example")).request
    assert right.supersedes == wrong.id
    assert (await device.ask(desk, "www.poste.example")).request == right
    assert (await desk.ra.follow(device.submission().claim_sha256)).request == right
    third = (await device.ask(desk, "www.poste.exampel")).request
    assert third.supersedes == right.id
    await desk.ra.approve(third.id, ADMINISTRATOR)
    assert (await device.ask(desk, "www.poste.exampel")).certificate is not None


async def test_two_keys_of_one_device_do_not_take_turns(desk: TestDesk) -> None:
    """When another key supersedes a device's request, the old key is told so, and does not cancel in its turn."""
    old, new = ProtocolDevice(), ProtocolDevice()
    first = (await old.ask(desk)).request
    second = (await new.ask(desk)).request
    assert second.supersedes == first.id
    told = (await old.ask(desk)).request
    assert (told.id, told.state) == (first.id, RequestState.CANCELLED)
    assert second.id in str(refusal_of(told))
    assert (await new.ask(desk)).request.state is RequestState.REQUESTED


async def test_after_lapse_revocation_or_expiry_asking_makes_a_new_request(desk: TestDesk) -> None:
    """What does not stand any more is no answer; a key that was revoked as compromised stays refused."""
    device = ProtocolDevice()
    lapsed = (await device.ask(desk)).request
    desk.time.now += 31 * DAY
    await desk.ra.lapse()
    waiting = (await device.ask(desk)).request
    assert waiting.id != lapsed.id
    certificate = (await desk.ra.approve(waiting.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.CESSATION_OF_OPERATION)
    anew = (await device.ask(desk)).request
    assert anew.state is RequestState.REQUESTED
    certificate = (await desk.ra.approve(anew.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    desk.time.now = certificate.not_after + 1
    last = (await device.ask(desk)).request
    certificate = (await desk.ra.approve(last.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    assert len({lapsed.id, waiting.id, anew.id, last.id}) == 4
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.KEY_COMPROMISE)
    with pytest.raises(CertdeskError) as caught:
        await device.ask(desk)
    assert caught.value.kind is ErrorKind.KEY_COMPROMISED


async def test_organisations_kinds_and_doors_are_kept_apart(desk: TestDesk) -> None:
    """The same key elsewhere is another device's, and a claim of one door is not one of another."""
    device = ProtocolDevice()
    await device.ask(desk)
    device.organisation = "DEU1"
    with pytest.raises(CertdeskError) as caught:
        await device.ask(desk)
    assert caught.value.kind is ErrorKind.KEY_IN_USE
    claims = {
        protocol_claim(*parts)
        for parts in (
            ("est", "FRA1", "server", b"k"),
            ("scep", "FRA1", "server", b"k"),
            ("est", "FRA1server", "", b"k"),
        )
    }
    assert len(claims) == 3


async def test_a_request_without_a_form_needs_no_contact_and_one_with_a_form_does(desk: TestDesk) -> None:
    """Only what came by a protocol door may lack what a form asks for, at approval and at renewal too."""
    with pytest.raises(CertdeskError):
        await desk.ra.submit(make_submission(email="", phone=""), source=SOURCE)
    device = ProtocolDevice()
    request = (await device.ask(desk)).request
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    assert (certificate.email, certificate.subject) == ("", f"CN={request.id},O=La Poste,C=FR")
    renewed = await desk.ra.renew_as(
        certificate.der, make_csr(device.key), organisation="FRA1", door="est", source=SOURCE
    )
    assert renewed.certificate is not None


async def test_a_code_s_claim_cannot_be_used_at_the_native_door(desk: TestDesk) -> None:
    """A submission under a device's own claim, were somebody to send one, does not open the device's request."""
    device = ProtocolDevice()
    submission = device.submission()
    await device.ask(desk)
    with pytest.raises(CertdeskError) as caught:
        await desk.ra.submit(make_submission(claim_sha256=submission.claim_sha256), source=SOURCE)
    assert caught.value.kind is ErrorKind.CONFLICT


async def test_renewal_by_certificate_repeats_and_stays_in_its_organisation(desk: TestDesk) -> None:
    """The same CSR gives the same successor; another organisation's door does not know the certificate."""
    device, key = ProtocolDevice(), new_key()
    request = (await device.ask(desk)).request
    old = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert old is not None
    csr = make_csr(key)
    first = await desk.ra.renew_as(old.der, csr, organisation="FRA1", door="est", source=SOURCE)
    again = await desk.ra.renew_as(old.der, make_csr(key), organisation="FRA1", door="est", source=SOURCE)
    assert first.certificate == again.certificate is not None
    for organisation, peer in (("DEU1", old.der), ("FRA1", old.der[:-1] + b"\0"), ("FRA1", b"junk")):
        with pytest.raises(CertdeskError) as caught:
            await desk.ra.renew_as(peer, csr, organisation=organisation, door="est", source=SOURCE)
        assert caught.value.kind is ErrorKind.UNAUTHENTICATED


async def test_an_organisation_may_want_a_new_key_at_every_renewal(desk: TestDesk) -> None:
    """Under that rule the old key is refused and a new one taken, at every door."""
    await allow(desk, DoorRule.NEW_KEYS)
    device = ProtocolDevice()
    request = (await device.ask(desk)).request
    old = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert old is not None
    with pytest.raises(CertdeskError) as caught:
        await desk.ra.renew_as(old.der, make_csr(device.key), organisation="FRA1", door="est", source=SOURCE)
    assert str(caught.value) == "this organisation renews with new keys only"
    renewed = await desk.ra.renew_as(old.der, make_csr(), organisation="FRA1", door="est", source=SOURCE)
    assert renewed.certificate is not None


async def test_one_key_does_not_make_requests_without_end(desk: TestDesk) -> None:
    """After fifty different wishes a key has to be replaced."""
    device = ProtocolDevice("www.poste.example", kind=Kind.SERVER)
    for number in range(50):
        await device.ask(desk, f"www{number}.poste.example")
    with pytest.raises(CertdeskError, match="make a new key"):
        await device.ask(desk, "www.poste.example")


async def test_a_refusal_is_written_down(desk: TestDesk) -> None:
    """What a door turned away is an event of the organisation, with who, why and from where."""
    error = CertdeskError(ErrorKind.BAD_CSR, "the CSR is damaged")
    await desk.ra.note_refusal("est", "FRA1", SOURCE, error)
    [event] = [sealed.event for sealed in await desk.store.events.of_subject("door:est")]
    assert (event.action, event.organisation, event.source) == ("request.refused", "FRA1", SOURCE)
    assert event.facts == {"error": "bad-csr", "detail": "the CSR is damaged"}


async def test_a_request_of_another_organisation_is_not_seen(desk: TestDesk) -> None:
    """A manager of another organisation finds neither the request nor its device."""
    request = (await ProtocolDevice().ask(desk, device=Device("printer-7"))).request
    with pytest.raises(CertdeskError) as caught:
        await desk.ra.request(request.id, GERMAN_MANAGER)
    assert caught.value.kind is ErrorKind.NOT_FOUND
