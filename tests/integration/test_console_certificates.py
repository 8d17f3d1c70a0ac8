"""Certificates in the console: the list, one certificate, its files, and revoking it."""

import csv
import io
from itertools import pairwise

import pytest
from cryptography import x509

from certdesk.domain.enrollment import Certificate, Device, Kind
from certdesk.domain.states import CertificateStatus, RevocationReason
from tests.desks import ADMINISTRATOR, FRENCH_MANAGER, TestDesk, make_submission
from tests.integration.console_calls import signed_in, words

DAY = 86_400_000


async def issue(desk: TestDesk, **changes: object) -> Certificate:
    """Enroll a device."""
    request, _ = await desk.ra.submit(make_submission(**changes), source="198.51.100.4")
    enrollment = await desk.ra.approve(request.id, ADMINISTRATOR)
    assert enrollment.certificate is not None
    return enrollment.certificate


def address_of(certificate: Certificate) -> str:
    """Return where a certificate's page is."""
    return f"/certificates/{certificate.serial_number.hex()}"


async def test_a_certificate_shows_what_a_browser_would_show(desk: TestDesk) -> None:
    """Subject, issuer, validity, usages, addresses, fingerprints and chain."""
    certificate = await issue(desk, device=Device("SN-1"))
    parsed = x509.load_der_x509_certificate(certificate.der)
    async with signed_in(desk, "claire") as claire:
        text = words(await claire.get(address_of(certificate)))
    for expected in (
        "SN-1",
        certificate.serial_number.hex(),
        certificate.request_id,
        "La Poste",
        "Lyon",
        "jeanne@poste.example",
        certificate.fingerprint.hex(":"),
        certificate.spki_sha256.hex(":"),
        "digital signature",
        "sign in to servers (TLS client)",
        "EC P-256",
        "ECDSA SHA-256",
        "http://pki.example/crl/issuing.crl",
        "http://pki.example/ocsp",
        parsed.issuer.rfc4514_string(),
        "Test Federation Root",
        "OCSP answers: good.",
        "certificate issued by the desk itself",
    ):
        assert expected in text, expected


async def test_the_files_are_the_certificate(desk: TestDesk) -> None:
    """PEM, DER and the chain hold this very certificate, and are saved under the request's ID."""
    certificate = await issue(desk)
    async with signed_in(desk, "claire") as claire:
        pem = await claire.get(f"{address_of(certificate)}/certificate.pem")
        der = await claire.get(f"{address_of(certificate)}/certificate.cer")
        chain = await claire.get(f"{address_of(certificate)}/chain.pem")
        assert (await claire.get(f"{address_of(certificate)}/nothing")).status_code == 404
    assert der.content == certificate.der
    assert x509.load_pem_x509_certificate(pem.content) == x509.load_der_x509_certificate(certificate.der)
    certificates = x509.load_pem_x509_certificates(chain.content)
    assert len(certificates) == 3
    for issued, issuer in pairwise(certificates):
        issued.verify_directly_issued_by(issuer)
    assert der.headers["content-disposition"] == f'attachment; filename="{certificate.request_id}.cer"'


async def test_revoking_asks_first_and_names_the_device(desk: TestDesk) -> None:
    """The question names device, holder and organisation; asking changes nothing."""
    certificate = await issue(desk, device=Device("SCANNER-9", "TC58"))
    async with signed_in(desk, "claire") as claire:
        text = words(await claire.get(f"{address_of(certificate)}/revoke"))
    for expected in ("Revoke this certificate?", "SCANNER-9", "TC58", "jeanne@poste.example", "keyCompromise"):
        assert expected in text
    assert (await desk.ra.certificate(certificate.serial_number, ADMINISTRATOR)).status is CertificateStatus.VALID


async def test_what_follows_from_a_revocation_is_visible_at_once(desk: TestDesk) -> None:
    """OCSP, the list's number, who, why and when stand on the page that follows."""
    certificate = await issue(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"{address_of(certificate)}/revoke")
        done = await claire.post(
            f"{address_of(certificate)}/revoke", reason="keyCompromise", comment="Lost on the tram"
        )
        assert done.headers["location"] == f"{address_of(certificate)}?notice=revoked"
        text = words(await claire.get(done.headers["location"]))
    crl = await desk.store.validation.latest_crl(desk.ca.issuer)
    assert crl is not None
    for expected in (
        "OCSP answers: revoked",
        f"On the revocation list no. {crl.number}.",
        "the key may be in other hands",
        "Lost on the tram",
        "claire@poste.example",
    ):
        assert expected in text
    assert x509.load_der_x509_crl(crl.der).get_revoked_certificate_by_serial_number(
        int.from_bytes(certificate.serial_number)
    )


async def test_revoking_needs_one_of_the_reasons(desk: TestDesk) -> None:
    """None, or one that RFC 5280 does not have, asks again and keeps the comment."""
    certificate = await issue(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"{address_of(certificate)}/revoke")
        for reason in ("", "certificateHold", "nonsense"):
            asked = await claire.post(f"{address_of(certificate)}/revoke", reason=reason, comment="Lost <b>it</b>")
            assert asked.status_code == 422
            assert "choose a reason" in words(asked)
            assert "Lost &lt;b&gt;it&lt;/b&gt;" in asked.text
    assert (await desk.ra.certificate(certificate.serial_number, ADMINISTRATOR)).status is CertificateStatus.VALID


async def test_who_revokes_too_late_is_told_who_did(desk: TestDesk) -> None:
    """Revoked once is revoked for good."""
    certificate = await issue(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"{address_of(certificate)}/revoke")
        await desk.ra.revoke(certificate.serial_number, FRENCH_MANAGER, RevocationReason.UNSPECIFIED)
        late = await claire.post(f"{address_of(certificate)}/revoke", reason="keyCompromise")
    assert late.status_code == 409
    assert f"{FRENCH_MANAGER.name} did so at" in words(late)


@pytest.mark.parametrize("action", ["", "/revoke", "/certificate.pem", "/chain.pem"])
async def test_another_organisations_certificate_does_not_exist(desk: TestDesk, action: str) -> None:
    """Probing it answers exactly as a certificate that does not exist."""
    certificate = await issue(desk)
    async with signed_in(desk, "jonas") as jonas:
        there = await jonas.get(f"{address_of(certificate)}{action}")
        nowhere = await jonas.get(f"/certificates/{'7f' * 16}{action}")
        assert (there.status_code, nowhere.status_code) == (404, 404)
        assert words(there) == words(nowhere).replace("7f" * 16, certificate.serial_number.hex())
        refused = await jonas.post(f"{address_of(certificate)}/revoke", reason="keyCompromise")
        assert refused.status_code == 404
        assert certificate.request_id not in (await jonas.get("/certificates")).text


async def test_an_auditor_sees_no_way_to_revoke(desk: TestDesk) -> None:
    """Reading is all."""
    certificate = await issue(desk)
    async with signed_in(desk, "odile") as odile:
        page = await odile.get(address_of(certificate))
        assert "/revoke" not in page.text
        assert (await odile.get(f"{address_of(certificate)}/revoke")).status_code == 403


async def test_filters_and_search(desk: TestDesk) -> None:
    """Status, kind, organisation, expiry, and every way in which people name a certificate."""
    old = await issue(desk, device=Device("SN-OLD"), kind=Kind.MOBILE)
    desk.time.now += 340 * DAY
    new = await issue(desk, device=Device("SN-NEW"), email="paul@poste.example")
    german = await issue(desk, organisation="DEU1")
    await desk.ra.revoke(german.serial_number, ADMINISTRATOR, RevocationReason.SUPERSEDED)
    expected = {
        "": {old, new, german},
        "status=revoked": {german},
        "kind=mobile": {old},
        "organisation=FRA1": {old, new},
        "expiry=30": {old},
        "expiry=7": set(),
        "q=SN-N": {new},
        "q=Paul@": {new},
        f"q={old.request_id}": {old},
        f"q={new.serial_number.hex().upper()}": {new},
        f"q={new.fingerprint.hex(':')}": {new},
        f"q={new.spki_sha256.hex()}": {new},
    }
    async with signed_in(desk, "ada") as ada:
        for query, wanted in expected.items():
            html = (await ada.get(f"/certificates?{query}")).text
            found = {each for each in (old, new, german) if f'href="{address_of(each)}"' in html}
            assert found == wanted, query
        desk.time.now += 30 * DAY
    async with signed_in(desk, "claire") as claire:
        html = (await claire.get("/certificates?expiry=expired")).text
        assert address_of(old) in html
        assert "expired" in html
        assert address_of(new) not in html


async def test_the_export_has_the_filtered_certificates(desk: TestDesk) -> None:
    """CSV with serial number, status and fingerprint, safe for spreadsheets."""
    certificate = await issue(desk, device=Device("=1+1"))
    await issue(desk, organisation="DEU1")
    async with signed_in(desk, "claire") as claire:
        response = await claire.get("/certificates/export.csv?kind=workstation")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [(row["serial_number"], row["status"], row["device_id"]) for row in rows] == [
        (certificate.serial_number.hex(), "valid", "'=1+1")
    ]
