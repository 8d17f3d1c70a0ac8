"""The page about the authorities: their certificates, lists, answers and renewals."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.domain.clock import HOUR, MINUTE
from certdesk.domain.enrollment import DAY, Kind
from certdesk.domain.states import CertificateStatus, RevocationReason
from certdesk.domain.validation import StoredAnswer
from tests.desks import ADMINISTRATOR, FRENCH_MANAGER, SOURCE, TestDesk, make_submission
from tests.integration.console_calls import make_console, signed_in, words


async def issue(desk: TestDesk) -> bytes:
    """Issue a certificate and return its serial number."""
    request, _ = await desk.ra.submit(make_submission(kind=Kind.MOBILE), source=SOURCE)
    certificate = (await desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate
    return certificate.serial_number


async def keep_answer(desk: TestDesk, serial_number: bytes, next_update: int) -> None:
    """Keep an answer about a certificate until a time."""
    answer = StoredAnswer(serial_number, CertificateStatus.VALID, b"", desk.time.now, next_update)
    await desk.store.validation.keep_answers([answer])


async def test_the_chain_is_shown_and_can_be_taken_away(desk: TestDesk) -> None:
    """Both certificates stand there with their fingerprints, and every download is the certificate that it says."""
    issuing, root = x509.load_pem_x509_certificates(desk.ca.chain_pem.encode())
    async with signed_in(desk, "otto") as otto:
        page = words(await otto.get("/authority"))
        for name, certificate in (("issuing", issuing), ("root", root)):
            der = await otto.get(f"/authority/{name}.cer")
            pem = await otto.get(f"/authority/{name}.pem")
            assert der.content == certificate.public_bytes(Encoding.DER)
            assert pem.content == certificate.public_bytes(Encoding.PEM)
            assert der.headers["content-disposition"] == f'attachment; filename="{name}.cer"'
            assert f"{certificate.serial_number:032x}" in page
        assert (await otto.get("/authority/chain.pem")).text == desk.ca.chain_pem
        assert (await otto.get("/authority/audit.key")).status_code == 404
    assert "Test Federation Root CA" in page


async def test_lists_are_shown_with_number_and_end(desk: TestDesk) -> None:
    """A revocation shows in the list's number and entries; without a list, that is said."""
    async with signed_in(desk, "ada") as ada:
        assert words(await ada.get("/authority")).count("there is none") == 2
        await desk.crl.renew_if_due()
        assert "No. 1, made" in words(await ada.get("/authority"))
        await desk.ra.revoke(await issue(desk), FRENCH_MANAGER, RevocationReason.SUPERSEDED)
        page = words(await ada.get("/authority"))
        assert "Issuing authority up to date No. 2" in page
        assert "one certificate on it" in page
        desk.time.now += 8 * DAY
        async with signed_in(desk, "otto") as otto:
            page = words(await otto.get("/authority"))
    assert "Issuing authority expired No. 2" in page
    assert "Root up to date No. 1" in page
    assert "Revocation list of the issuing authority" in page
    assert "due · by itself" in page


async def test_answers_are_counted_by_their_age(desk: TestDesk) -> None:
    """Kept, due, outdated and missing answers are told apart; counting is done once a minute."""
    fresh, due, stale, _missing = [await issue(desk) for _ in range(4)]
    await keep_answer(desk, fresh, desk.time.now + 20 * HOUR)
    await keep_answer(desk, due, desk.time.now + 5 * HOUR)
    await keep_answer(desk, stale, desk.time.now - HOUR)
    state = await desk.ra.authority_state(ADMINISTRATOR)
    counts = state.answers
    assert (counts.current, counts.due, counts.stale, counts.missing) == (2, 1, 1, 1)
    await keep_answer(desk, stale, desk.time.now + 20 * HOUR)
    assert (await desk.ra.authority_state(ADMINISTRATOR)).answers == counts
    desk.time.now += MINUTE
    counts = (await desk.ra.authority_state(ADMINISTRATOR)).answers
    assert (counts.current, counts.stale) == (3, 0)


async def test_outdated_answers_are_a_warning(desk: TestDesk) -> None:
    """When signing beforehand stands still, overseers see it."""
    await keep_answer(desk, await issue(desk), desk.time.now - HOUR)
    async with signed_in(desk, "ada", make_console(desk)) as ada:
        assert "Outdated answers mean" in words(await ada.get("/authority"))


async def test_the_next_renewals_are_listed_in_order(desk: TestDesk) -> None:
    """What the desk renews by itself comes with its day, and what the operator has to see to as well."""
    await desk.crl.renew_if_due()
    await desk.store.certificates.record_own(b"\x01" * 16, "OCSP responder", desk.ca.issuer, desk.time.now)
    async with signed_in(desk, "ada") as ada:
        page = words(await ada.get("/authority"))
    expected = (
        "Revocation list of the issuing authority",
        "Certificate of the OCSP responder",
        "Revocation list of the root",
        "Certificate of the issuing authority: half of its life",
        "Certificate of the root",
    )
    positions = [page.index(what) for what in expected]
    assert positions == sorted(positions)
    assert page.count("by the operator") == 2


async def test_the_page_is_for_those_who_see_all(desk: TestDesk) -> None:
    """Neither a manager nor an organisation's auditor looks at the operator's authorities."""
    for who in ("claire", "odile"):
        async with signed_in(desk, who) as it:
            for address in ("/authority", "/authority/chain.pem"):
                assert (await it.get(address)).status_code == 403
