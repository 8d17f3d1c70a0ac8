"""What the desk signs for itself is on record first, and a revocation that found no list is published later."""

from pathlib import Path

from cryptography import x509

from certdesk.app import Founding, open_desk
from certdesk.ca.desk_certificate import DeskCertificate
from certdesk.domain.enrollment import DAY, Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RevocationReason
from tests.desks import FRENCH_MANAGER, SOURCE, TestDesk, Time, make_submission


async def test_the_desk_s_own_certificates_are_on_record(tmp_path: Path) -> None:
    """The TLS certificate's and the OCSP responder's serial numbers are among the recorded intents."""
    founding = Founding("Universal Post", "CH", "https://desk.example", "http://pki.example")
    desk = await open_desk(tmp_path / "data", b"correct horse", None, founding)
    certificate = DeskCertificate(desk.ca, desk.keys, desk.clock)
    await certificate.renew_if_due(Names(("desk.example",)))
    await desk.va.presign(1)
    rows = await desk.store.database.rows("SELECT serial_number, request_id FROM issuances ORDER BY request_id", {})
    await desk.close()
    served, *_ = x509.load_pem_x509_certificates(certificate.path.read_bytes())
    recorded = {row[1]: row[0] for row in rows}
    assert recorded.keys() == {"desk/OCSP responder", "desk/desk.example"}
    assert int.from_bytes(recorded["desk/desk.example"]) == served.serial_number


async def test_a_revocation_without_its_list_is_published_by_the_job(desk: TestDesk) -> None:
    """When no list can be made right after a revocation it stands all the same, and the job lists it next."""
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    await desk.crl.renew_if_due()

    async def out_of_order() -> None:
        raise CertdeskError(ErrorKind.UNAVAILABLE, "the HSM does not answer")

    desk.ra._publish_crl = out_of_order
    desk.time.now += 1
    await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.SUPERSEDED)
    before = await desk.store.validation.latest_crl(desk.ca.issuer)
    desk.time.now += 1
    await desk.crl.renew_if_due()
    after = await desk.store.validation.latest_crl(desk.ca.issuer)
    assert before is not None
    assert after is not None
    assert after.number == before.number + 1
    serial_number = int.from_bytes(certificate.serial_number)
    assert x509.load_der_x509_crl(after.der).get_revoked_certificate_by_serial_number(serial_number) is not None
    await desk.crl.renew_if_due()
    assert await desk.store.validation.latest_crl(desk.ca.issuer) == after


async def test_nothing_is_ordered_beyond_the_issuer_s_end(desk: TestDesk) -> None:
    """In the issuing CA's last year, certificates end with it."""
    assert isinstance(desk.time, Time)
    desk.time.now = desk.ca.not_after - 30 * DAY
    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    assert certificate.not_after == desk.ca.not_after
