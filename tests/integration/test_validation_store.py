"""The OCSP answers that the store keeps, and which of them it says are due."""

from certdesk.domain.clock import HOUR
from certdesk.domain.enrollment import DAY, Certificate
from certdesk.domain.states import CertificateStatus, RevocationReason
from certdesk.domain.validation import StoredAnswer
from tests.desks import FRENCH_MANAGER, SOURCE, TestDesk, make_submission


async def issued(desk: TestDesk) -> Certificate:
    """Return a new certificate."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    return certificate


async def due(desk: TestDesk) -> list[bytes]:
    """Return whose answers are due."""
    stale = await desk.store.validation.stale_answers(desk.time.now, desk.time.now + HOUR, 10)
    return [status.serial_number for status in stale]


def answer(
    desk: TestDesk, certificate: Certificate, status: CertificateStatus = CertificateStatus.VALID
) -> StoredAnswer:
    """Return an answer that is good for a day."""
    return StoredAnswer(certificate.serial_number, status, b"signed", desk.time.now, desk.time.now + DAY)


async def test_a_new_certificate_is_due(desk: TestDesk) -> None:
    """Its first answer is to be signed at once, and until then there is none."""
    certificate = await issued(desk)
    assert certificate.serial_number in await due(desk)
    status = await desk.store.validation.status(certificate.serial_number)
    assert status is not None
    assert status.answer is None


async def test_a_kept_answer_is_not_due(desk: TestDesk) -> None:
    """An answer that is kept is given out, and due again shortly before its end."""
    certificate = await issued(desk)
    await desk.store.validation.keep_answers([answer(desk, certificate)])
    assert certificate.serial_number not in await due(desk)
    status = await desk.store.validation.status(certificate.serial_number)
    assert status is not None
    assert status.answer == answer(desk, certificate)
    desk.time.now += DAY - HOUR + 1
    assert certificate.serial_number in await due(desk)


async def test_a_revocation_makes_it_due(desk: TestDesk) -> None:
    """The earlier answer is gone with the revocation, and the new one is due at once."""
    certificate = await issued(desk)
    await desk.store.validation.keep_answers([answer(desk, certificate)])
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.KEY_COMPROMISE)
    assert certificate.serial_number in await due(desk)
    status = await desk.store.validation.status(certificate.serial_number)
    assert status is not None
    assert status.answer is None


async def test_a_late_answer_does_not_undo_a_revocation(desk: TestDesk) -> None:
    """Who signed before the revocation and keeps the answer after it keeps nothing."""
    certificate = await issued(desk)
    late = answer(desk, certificate)
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.SUPERSEDED)
    await desk.store.validation.keep_answers([late])
    assert certificate.serial_number in await due(desk)
    revoked = answer(desk, certificate, CertificateStatus.REVOKED)
    await desk.store.validation.keep_answers([revoked])
    assert certificate.serial_number not in await due(desk)


async def test_expired_certificates_are_forgotten(desk: TestDesk) -> None:
    """Answers about expired certificates are never due, and removed once they have ended."""
    certificate = await issued(desk)
    await desk.store.validation.keep_answers([answer(desk, certificate)])
    await desk.store.validation.forget_expired(desk.time.now)
    desk.time.now = certificate.not_after + 1
    assert certificate.serial_number not in await due(desk)
    count = "SELECT count(*) FROM ocsp_answers WHERE serial_number = :serial_number"
    kept = await desk.store.database.row(count, {"serial_number": certificate.serial_number})
    await desk.store.validation.forget_expired(desk.time.now)
    left = await desk.store.database.row(count, {"serial_number": certificate.serial_number})
    assert (kept and kept[0], left and left[0]) == (1, 0)
