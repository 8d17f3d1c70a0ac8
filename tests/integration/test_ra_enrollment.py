"""The use cases of an enrollment on both databases: submit, decide, collect, renew, revoke."""

import asyncio
from dataclasses import replace

import pytest
from cryptography import x509

from certdesk.ca.order import CertificateOrder
from certdesk.domain.enrollment import DAY, Kind, Manager, Organisation, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import parse_request_id
from certdesk.domain.listing import CertificateFilter, RequestFilter
from certdesk.domain.states import CertificateStatus, RequestState, RevocationReason
from certdesk.store.database import Change, must
from certdesk.store.requests import Requests
from certdesk.wire.renewal import sign_renewal
from tests.desks import (
    ADMINISTRATOR,
    FRENCH_AUDITOR,
    FRENCH_MANAGER,
    GERMAN_MANAGER,
    OPERATOR,
    SOURCE,
    TestDesk,
    make_csr,
    make_submission,
    new_key,
)


async def _refused(kind: ErrorKind, call: object) -> CertdeskError:
    with pytest.raises(CertdeskError) as caught:
        await call  # type: ignore[misc]
    assert caught.value.kind is kind, caught.value
    return caught.value


async def test_an_approved_request_is_issued_and_collected_under_its_claim(desk: TestDesk) -> None:
    """Submit, approve, collect: the certificate is for the submitted key, in the organisation's name."""
    key = new_key()
    submission = make_submission(csr=make_csr(key))
    request, is_new = await desk.ra.submit(submission, source=SOURCE)
    assert is_new
    assert request.state is RequestState.REQUESTED
    assert parse_request_id(request.id) == request.id
    approved = await desk.ra.approve(request.id, FRENCH_MANAGER, "I know her")
    collected = await desk.ra.collect(request.id, submission.claim_sha256)
    assert collected == approved
    assert collected.request.decided_by == FRENCH_MANAGER.name
    assert collected.certificate is not None
    certificate = x509.load_der_x509_certificate(collected.certificate.der)
    assert certificate.public_key() == key.public_key()
    subject = certificate.subject.rfc4514_string()
    assert subject == f"CN={request.id},O=La Poste,L=Lyon,ST=Rhône,C=FR"
    assert collected.certificate.subject == subject


async def test_a_csr_that_was_altered_in_the_database_is_not_certified(desk: TestDesk) -> None:
    """Approval verifies the signature of what it finds, also when what was submitted verified a moment ago."""
    submission = make_submission()
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    octets = bytearray(submission.csr)
    octets[-1] ^= 1
    altered = Change(must("UPDATE requests SET csr = :csr WHERE id = :id"))
    assert await desk.store.database.apply(altered, {"id": request.id, "csr": bytes(octets)})
    await _refused(ErrorKind.BAD_CSR, desk.ra.approve(request.id, FRENCH_MANAGER))


async def test_the_same_claim_and_csr_give_the_same_request(desk: TestDesk) -> None:
    """Ten submissions at once, and one more after the approval, are one request."""
    submission = make_submission()
    results = await asyncio.gather(*(desk.ra.submit(submission, source=SOURCE) for _ in range(10)))
    assert len({request.id for request, _ in results}) == 1
    assert [is_new for _, is_new in results].count(True) == 1
    await desk.ra.approve(results[0][0].id, FRENCH_MANAGER)
    again, is_new = await desk.ra.submit(submission, source=SOURCE)
    assert (again.id, again.state, is_new) == (results[0][0].id, RequestState.ISSUED, False)


async def test_a_claim_opens_one_request_only(desk: TestDesk) -> None:
    """Another CSR under the same claim is a conflict, and a wrong claim finds nothing."""
    submission = make_submission()
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    error = await _refused(ErrorKind.CONFLICT, desk.ra.submit(replace(submission, csr=make_csr()), source=SOURCE))
    assert error.problem.field == "claim"
    await _refused(ErrorKind.NOT_FOUND, desk.ra.collect(request.id, bytes(32)))
    await _refused(ErrorKind.NOT_FOUND, desk.ra.collect("FRA1-0000-0000", submission.claim_sha256))


async def test_a_newer_request_of_a_device_cancels_the_older(desk: TestDesk) -> None:
    """Both are linked, and a decided request is left as it is."""
    key = new_key()
    first = make_submission(csr=make_csr(key))
    older, _ = await desk.ra.submit(first, source=SOURCE)
    newer, _ = await desk.ra.submit(make_submission(csr=make_csr(key), device=first.device), source=SOURCE)
    older_now = (await desk.ra.collect(older.id, first.claim_sha256)).request
    assert (older_now.state, older_now.superseded_by) == (RequestState.CANCELLED, newer.id)
    assert newer.supersedes == older.id
    await desk.ra.approve(newer.id, FRENCH_MANAGER)
    third, _ = await desk.ra.submit(make_submission(csr=make_csr(key), device=first.device), source=SOURCE)
    assert third.supersedes == ""
    await _refused(ErrorKind.CONFLICT, desk.ra.approve(older.id, FRENCH_MANAGER))


async def test_requests_of_one_device_at_once_leave_one_undecided(desk: TestDesk) -> None:
    """Five different submissions of a device race: four end cancelled in one chain."""
    device = make_submission().device
    results = await asyncio.gather(*(desk.ra.submit(make_submission(device=device), source=SOURCE) for _ in range(5)))
    page = await desk.ra.requests(FRENCH_MANAGER, RequestFilter())
    assert len(results) == len(page.items) == 5
    states = [request.state for request in page.items]
    assert states.count(RequestState.REQUESTED) == 1
    assert states.count(RequestState.CANCELLED) == 4
    assert sum(not request.supersedes for request in page.items) == 1


async def test_two_managers_who_decide_at_once_make_one_decision(desk: TestDesk) -> None:
    """In 200 rounds, one of approve and reject wins and the other is told who decided."""
    colleague = replace(FRENCH_MANAGER, name="colleague@poste.example")
    for _ in range(200):
        request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
        outcomes = await asyncio.gather(
            desk.ra.approve(request.id, FRENCH_MANAGER),
            desk.ra.reject(request.id, colleague, "not known here"),
            return_exceptions=True,
        )
        [error] = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert isinstance(error, CertdeskError)
        assert error.kind is ErrorKind.CONFLICT
        enrollment = await desk.ra.request(request.id, FRENCH_MANAGER)
        assert enrollment.request.decided_by in str(error)
        assert (enrollment.certificate is not None) is (enrollment.request.state is RequestState.ISSUED)


async def test_another_organisations_request_is_like_none_at_all(desk: TestDesk) -> None:
    """Every use case answers a manager of another organisation as for an ID that does not exist."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    issued, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(issued.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    ra, stranger = desk.ra, GERMAN_MANAGER
    for request_id in (request.id, "FRA1-0000-0000"):
        errors = [
            await _refused(ErrorKind.NOT_FOUND, ra.request(request_id, stranger)),
            await _refused(ErrorKind.NOT_FOUND, ra.approve(request_id, stranger)),
            await _refused(ErrorKind.NOT_FOUND, ra.reject(request_id, stranger, "no")),
        ]
        assert {str(error) for error in errors} == {"there is no such request"}
    for serial_number in (certificate.serial_number, bytes(16)):
        await _refused(ErrorKind.NOT_FOUND, ra.certificate(serial_number, stranger))
        await _refused(ErrorKind.NOT_FOUND, ra.revoke(serial_number, stranger, RevocationReason.SUPERSEDED))
    assert (await ra.requests(stranger, RequestFilter())).items == ()
    assert (await ra.requests(stranger, RequestFilter(organisation="FRA1"))).items == ()
    assert (await ra.certificates(stranger, CertificateFilter(organisation="FRA1"))).items == ()


async def test_servers_are_the_administrators_to_decide(desk: TestDesk) -> None:
    """A registration manager sees its organisation's server request and is refused the decision."""
    submission = make_submission(kind=Kind.SERVER, csr=make_csr(None, "api.poste.example"))
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    await _refused(ErrorKind.FORBIDDEN, desk.ra.approve(request.id, FRENCH_MANAGER))
    await _refused(ErrorKind.FORBIDDEN, desk.ra.approve(request.id, FRENCH_AUDITOR))
    enrollment = await desk.ra.approve(request.id, ADMINISTRATOR)
    assert enrollment.certificate is not None
    certificate = x509.load_der_x509_certificate(enrollment.certificate.der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["api.poste.example"]


@pytest.mark.parametrize("decider", [FRENCH_MANAGER, ADMINISTRATOR])
async def test_nobody_decides_their_own_request(desk: TestDesk, decider: Principal) -> None:
    """A request with the decider's own e-mail address is somebody else's to decide."""
    request, _ = await desk.ra.submit(make_submission(email=decider.name.title()), source=SOURCE)
    await _refused(ErrorKind.FORBIDDEN, desk.ra.approve(request.id, decider))
    await _refused(ErrorKind.FORBIDDEN, desk.ra.reject(request.id, decider, "mine"))


async def test_strangers_cannot_ask_for_a_managers_certificate(desk: TestDesk) -> None:
    """Managers are enrolled by administrators; their requests are hidden from organisations."""
    submission = make_submission(kind=Kind.MANAGER, common_name="Eve")
    await _refused(ErrorKind.KIND_NOT_ALLOWED, desk.ra.submit(submission, source=SOURCE))
    manager = Manager("claire@poste.example", "Claire Petit", Role.REGISTRATION_MANAGER, "FRA1")
    identity = await desk.ra.add_manager(manager, OPERATOR)
    principal = await desk.ra.principal_of_certificate(identity.certificate.der, SOURCE)
    assert principal == Principal("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1", SOURCE)
    assert (await desk.ra.requests(principal, RequestFilter())).items == ()
    await _refused(ErrorKind.NOT_FOUND, desk.ra.request(identity.certificate.request_id, principal))
    await desk.ra.revoke(identity.certificate.serial_number, ADMINISTRATOR, RevocationReason.CESSATION_OF_OPERATION)
    await _refused(ErrorKind.UNAUTHENTICATED, desk.ra.principal_of_certificate(identity.certificate.der, SOURCE))


async def test_a_devices_certificate_is_no_managers(desk: TestDesk) -> None:
    """Having a certificate of the desk is not enough to call as a manager."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    await _refused(ErrorKind.UNAUTHENTICATED, desk.ra.principal_of_certificate(certificate.der, SOURCE))


async def test_a_token_is_kept_as_its_hash_and_expires(desk: TestDesk) -> None:
    """An automation calls with its token until it expires."""
    token = await desk.ra.add_token("inventory", Role.AUDITOR, "FRA1", 30, OPERATOR)
    principal = await desk.ra.principal_of_token(token, SOURCE)
    assert principal == Principal("token:inventory", Role.AUDITOR, "FRA1", SOURCE)
    await _refused(ErrorKind.CONFLICT, desk.ra.add_token("inventory", Role.AUDITOR, "", 30, OPERATOR))
    desk.time.now += 31 * DAY
    await _refused(ErrorKind.UNAUTHENTICATED, desk.ra.principal_of_token(token, SOURCE))


async def test_a_key_belongs_to_one_device(desk: TestDesk) -> None:
    """A key of another device, or of the CA, is refused at submission."""
    key = new_key()
    await desk.ra.submit(make_submission(csr=make_csr(key)), source=SOURCE)
    error = await _refused(
        ErrorKind.KEY_IN_USE, desk.ra.submit(make_submission(csr=make_csr(key), organisation="DEU1"), source=SOURCE)
    )
    assert "FRA1" not in str(error)
    issuing = desk.ca.hierarchy.issuing_signer.private_key
    await _refused(ErrorKind.KEY_IN_USE, desk.ra.submit(make_submission(csr=make_csr(issuing)), source=SOURCE))


async def test_one_key_of_two_devices_at_once_is_taken_once(desk: TestDesk) -> None:
    """When two devices submit the same key in the same moment, one of them is refused."""
    for _ in range(20):
        key = new_key()
        outcomes = await asyncio.gather(
            *(desk.ra.submit(make_submission(csr=make_csr(key)), source=SOURCE) for _ in range(2)),
            return_exceptions=True,
        )
        [error] = [outcome for outcome in outcomes if isinstance(outcome, CertdeskError)]
        assert error.kind is ErrorKind.KEY_IN_USE


async def test_a_compromised_key_is_never_accepted_again(desk: TestDesk) -> None:
    """Revocation for keyCompromise bars the key from new requests and from a pending one at approval."""
    key = new_key()
    submission = make_submission(csr=make_csr(key))
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    pending, _ = await desk.ra.submit(make_submission(csr=make_csr(key), device=submission.device), source=SOURCE)
    revoked = await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.KEY_COMPROMISE, "stolen")
    assert revoked.status is CertificateStatus.REVOKED
    again = make_submission(csr=make_csr(key), device=submission.device)
    await _refused(ErrorKind.KEY_COMPROMISED, desk.ra.submit(again, source=SOURCE))
    await _refused(ErrorKind.KEY_COMPROMISED, desk.ra.approve(pending.id, FRENCH_MANAGER))
    await _refused(
        ErrorKind.CONFLICT, desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.SUPERSEDED)
    )
    crl = await desk.store.validation.latest_crl(desk.ca.issuer)
    assert crl is not None
    listed = x509.load_der_x509_crl(crl.der).get_revoked_certificate_by_serial_number(
        int.from_bytes(certificate.serial_number)
    )
    assert listed is not None


async def test_a_request_that_nobody_decides_lapses(desk: TestDesk) -> None:
    """After the organisation's lifetime it is lapsed and can no longer be approved."""
    submission = make_submission()
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    assert await desk.ra.lapse() == 0
    desk.time.now = request.lapses_at
    assert await desk.ra.lapse() == 1
    await _refused(ErrorKind.CONFLICT, desk.ra.approve(request.id, FRENCH_MANAGER))
    assert (await desk.ra.collect(request.id, submission.claim_sha256)).request.state is RequestState.LAPSED


async def test_a_rejection_shows_its_reason_word_for_word(desk: TestDesk) -> None:
    """The requester reads what the manager wrote; a reason is required."""
    submission = make_submission()
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    await _refused(ErrorKind.INVALID_FIELD, desk.ra.reject(request.id, FRENCH_MANAGER, "  "))
    await desk.ra.reject(request.id, FRENCH_MANAGER, "Appelez-moi d\u2019abord: <b>04 72\u2026</b>")
    collected = await desk.ra.collect(request.id, submission.claim_sha256)
    assert collected.request.reason == "Appelez-moi d\u2019abord: <b>04 72\u2026</b>"
    assert collected.certificate is None


class _BrokenCA:
    """A CA whose signing is out of order for a while, and which refuses a device for good."""

    def __init__(self, ca: object, refused: str = "") -> None:
        self._ca = ca
        self._refused = refused
        self.broken = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._ca, name)

    async def issue(self, order: CertificateOrder) -> bytes:
        """Sign, or say that it cannot."""
        if self.broken:
            raise CertdeskError(ErrorKind.UNAVAILABLE, "the HSM does not answer")
        if order.common_name == self._refused:
            raise CertdeskError(ErrorKind.WEAK_KEY, "not this key")
        der: bytes = await self._ca.issue(order)  # type: ignore[attr-defined]
        return der


async def test_an_approved_request_survives_a_ca_that_cannot_sign(desk: TestDesk) -> None:
    """It stays approved, every intent to sign is on record, and it is issued when the CA is back."""
    submission = make_submission()
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    ca = _BrokenCA(desk.ca)
    desk.ra._ca = ca  # type: ignore[assignment]
    enrollment = await desk.ra.approve(request.id, FRENCH_MANAGER)
    assert (enrollment.request.state, enrollment.certificate) == (RequestState.APPROVED, None)
    desk.time.now += 60_000
    await _refused(ErrorKind.UNAVAILABLE, desk.ra.resume())
    ca.broken = False
    issued = await asyncio.gather(desk.ra.resume(), desk.ra.resume())
    assert sum(issued) == 1
    collected = await desk.ra.collect(request.id, submission.claim_sha256)
    assert collected.request.state is RequestState.ISSUED
    rows = await desk.store.database.rows(
        "SELECT serial_number FROM issuances WHERE request_id = :id", {"id": request.id}
    )
    assert collected.certificate is not None
    assert collected.certificate.serial_number in {row[0] for row in rows}
    assert len(rows) >= 3


async def test_what_cannot_be_issued_keeps_nobody_waiting(desk: TestDesk) -> None:
    """The CA refuses one of two approved requests for good: the other is issued, and then the refusal is raised."""
    older, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    newer, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    ca = _BrokenCA(desk.ca, refused=older.id)
    desk.ra._ca = ca  # type: ignore[assignment]
    for request in (older, newer):
        await desk.ra.approve(request.id, FRENCH_MANAGER)
        desk.time.now += 60_000
    ca.broken = False
    await _refused(ErrorKind.WEAK_KEY, desk.ra.resume())
    assert (await desk.ra.request(newer.id, FRENCH_MANAGER)).request.state is RequestState.ISSUED


class _FullRequests(Requests):
    """Requests on a disk that runs full after the approval."""

    async def issue(self, *_: object) -> bool:
        """Find no room."""
        raise CertdeskError(ErrorKind.UNAVAILABLE, "the disk is full")


async def test_a_certificate_that_cannot_be_stored_leaves_its_request_approved(desk: TestDesk) -> None:
    """When the disk runs full between the approval and the certificate, the approval counts and is resumed."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    requests, desk.store.requests = desk.store.requests, _FullRequests(desk.store.database)
    enrollment = await desk.ra.approve(request.id, FRENCH_MANAGER)
    assert (enrollment.request.state, enrollment.certificate) == (RequestState.APPROVED, None)
    desk.store.requests = requests
    desk.time.now += 60_000
    assert await desk.ra.resume() == 1


async def test_a_renewal_is_issued_to_whoever_holds_the_old_key(desk: TestDesk) -> None:
    """A new key gets the same subject at once; the old certificate is superseded, and a repeat changes nothing."""
    old_key, new = new_key(), new_key()
    submission = make_submission(csr=make_csr(old_key))
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    old = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert old is not None
    csr, claim = make_csr(new), bytes(range(32))
    proof = sign_renewal(old_key, csr)
    renewal, is_new = await desk.ra.renew(old.serial_number, csr, claim, proof=proof, peer=None, source=SOURCE)
    assert is_new
    assert renewal.certificate is not None
    assert renewal.certificate.subject == old.subject
    superseded = await desk.ra.certificate(old.serial_number, FRENCH_MANAGER)
    assert superseded.status is CertificateStatus.SUPERSEDED
    assert superseded.superseded_by == renewal.certificate.serial_number
    again, is_new = await desk.ra.renew(old.serial_number, csr, claim, proof=proof, peer=None, source=SOURCE)
    assert (again, is_new) == (renewal, False)
    other = bytes(reversed(range(32)))
    await _refused(
        ErrorKind.CONFLICT, desk.ra.renew(old.serial_number, csr, other, proof=proof, peer=None, source=SOURCE)
    )


async def test_of_renewals_at_once_one_is_issued(desk: TestDesk) -> None:
    """Whoever renews one certificate with several keys at once gets one successor; nothing stays in the queue."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    old = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert old is not None
    csrs = [make_csr() for _ in range(5)]
    renewals = await asyncio.gather(
        *(
            desk.ra.renew(old.serial_number, csr, bytes([number]) * 32, proof=None, peer=old.der, source=SOURCE)
            for number, csr in enumerate(csrs)
        ),
        return_exceptions=True,
    )
    [renewed] = [renewal for renewal in renewals if not isinstance(renewal, BaseException)]
    refused = [error for error in renewals if isinstance(error, CertdeskError)]
    assert [error.kind for error in refused] == [ErrorKind.CONFLICT] * 4
    superseded = await desk.store.certificates.get(old.serial_number)
    assert superseded is not None
    assert renewed[0].certificate is not None
    assert superseded.superseded_by == renewed[0].certificate.serial_number
    waiting = await desk.ra.requests(FRENCH_MANAGER, RequestFilter(state=RequestState.REQUESTED))
    assert waiting.items == ()


async def test_a_renewal_needs_the_proof_and_a_certificate_in_good_standing(desk: TestDesk) -> None:
    """A wrong proof, an unknown serial number and a revoked certificate are refused."""
    old_key = new_key()
    request, _ = await desk.ra.submit(make_submission(csr=make_csr(old_key)), source=SOURCE)
    old = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert old is not None
    csr, claim = make_csr(), bytes(32)
    proof = sign_renewal(old_key, csr)
    renew = desk.ra.renew
    for serial_number, bad_proof, peer in (
        (old.serial_number, sign_renewal(new_key(), csr), None),
        (old.serial_number, None, None),
        (old.serial_number, None, b"another certificate"),
        (bytes(16), proof, None),
    ):
        await _refused(
            ErrorKind.UNAUTHENTICATED, renew(serial_number, csr, claim, proof=bad_proof, peer=peer, source=SOURCE)
        )
    await desk.ra.revoke(old.serial_number, FRENCH_MANAGER, RevocationReason.SUPERSEDED)
    await _refused(ErrorKind.FORBIDDEN, renew(old.serial_number, csr, claim, proof=proof, peer=None, source=SOURCE))


async def test_a_renewal_adds_no_names(desk: TestDesk) -> None:
    """A server's renewal may leave its names out, and may not ask for others."""
    key = new_key()
    submission = make_submission(kind=Kind.SERVER, csr=make_csr(key, "api.poste.example"))
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    old = (await desk.ra.approve(request.id, ADMINISTRATOR)).certificate
    assert old is not None
    greedy = make_csr(None, "api.poste.example", "www.bank.example")
    call = desk.ra.renew(old.serial_number, greedy, bytes(32), proof=None, peer=old.der, source=SOURCE)
    await _refused(ErrorKind.NAME_NOT_ALLOWED, call)
    renewal, _ = await desk.ra.renew(old.serial_number, make_csr(), bytes(32), proof=None, peer=old.der, source=SOURCE)
    assert renewal.certificate is not None
    assert renewal.request.submission.names.dns == ("api.poste.example",)


async def test_installation_is_noted_once(desk: TestDesk) -> None:
    """A device reports its installation as often as it likes; the first time counts."""
    submission = make_submission()
    request, _ = await desk.ra.submit(submission, source=SOURCE)
    claim = submission.claim_sha256
    await _refused(ErrorKind.CONFLICT, desk.ra.installed(request.id, claim, source=SOURCE))
    await desk.ra.approve(request.id, FRENCH_MANAGER)
    first = await desk.ra.installed(request.id, claim, source=SOURCE)
    desk.time.now += 1000
    second = await desk.ra.installed(request.id, claim, source=SOURCE)
    assert first.request.installed_at == second.request.installed_at == desk.time.now - 1000
    events = await desk.store.events.of_subject(request.id)
    assert [sealed.event.action for sealed in events] == [
        "request.submitted",
        "request.approved",
        "request.issued",
        "request.installed",
    ]


async def test_lists_are_paged_and_searched(desk: TestDesk) -> None:
    """Pages follow each other without gap or repetition, newest first; text is found at the beginning of a field."""
    ids = []
    for number in range(7):
        desk.time.now += number % 2  # several in the same millisecond
        request, _ = await desk.ra.submit(make_submission(email=f"p{number}@poste.example"), source=SOURCE)
        ids.append(request.id)
        await desk.ra.approve(request.id, FRENCH_MANAGER)
    issued = RequestFilter(state=RequestState.ISSUED, kind=Kind.WORKSTATION)
    valid = CertificateFilter(status=CertificateStatus.VALID)

    async def requests(after: str | None) -> tuple[list[str], str | None]:
        page = await desk.ra.requests(FRENCH_MANAGER, issued, after=after, limit=3)
        return [request.id for request in page.items], page.next

    async def certificates(after: str | None) -> tuple[list[str], str | None]:
        page = await desk.ra.certificates(FRENCH_MANAGER, valid, after=after, limit=3)
        return [certificate.request_id for certificate in page.items], page.next

    for page_after in (requests, certificates):
        seen, after = await page_after(None)
        while after:
            more, after = await page_after(after)
            seen += more
        assert sorted(seen) == sorted(ids)
    for text in ("p3@", ids[3].lower(), ids[3]):
        found = await desk.ra.requests(FRENCH_MANAGER, RequestFilter(text=text))
        assert [request.id for request in found.items] == [ids[3]]
    assert (await desk.ra.requests(FRENCH_MANAGER, RequestFilter(text="%"))).items == ()
    for bad in ("x", "1", "9" * 100 + ".x", ".", "\u00b2."):
        await _refused(ErrorKind.MALFORMED, desk.ra.requests(FRENCH_MANAGER, RequestFilter(), after=bad))


async def test_an_organisations_code_is_taken_once(desk: TestDesk) -> None:
    """Adding it again is a conflict; only administrators add."""
    organisation = Organisation("FRA1", "Une autre", "FR")
    await _refused(ErrorKind.CONFLICT, desk.ra.add_organisation(organisation, OPERATOR))
    await _refused(ErrorKind.FORBIDDEN, desk.ra.add_organisation(organisation, FRENCH_MANAGER))
    bad = Organisation("no code", "", "XX")
    error = await _refused(ErrorKind.INVALID_FIELD, desk.ra.add_organisation(bad, OPERATOR))
    assert [problem.field for problem in error.problems] == ["organisation", "name", "country"]
