"""Hostile requests at the EST door: RFC 7030's statuses with little or no text, a line in the log, no stack trace."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.domain.enrollment import DAY, DoorRule, Kind
from certdesk.domain.states import RevocationReason
from tests.desks import FRENCH_MANAGER, GERMAN_MANAGER, TestDesk, make_csr, new_key
from tests.integration.est_calls import EST, certificates_in, open_est
from tests.integration.protocol_devices import allow, registered_manager, spoiled_codes
from tests.integration.protocol_doors import check_text
from tests.unit.wire.csr_maker import NULL, oid, sequence
from tests.unit.wire.csr_maker import make_csr as make_crooked_csr

ENROLLMENTS = ("simpleenroll", "simplereenroll", "serverkeygen")


@pytest.fixture
async def est(desk: TestDesk) -> AsyncIterator[EST]:
    """Return the desk's EST door, which must not have logged a stack trace in the end."""
    async with open_est(desk) as est:
        yield est
        est.check_journal()


def check_refusal(answer: httpx.Response, *statuses: int) -> None:
    """Check that an answer is one line of text that says little, or a challenge without a body."""
    if answer.status_code != 401:
        check_text(answer, *statuses)
        return
    assert 401 in statuses
    assert (answer.content, answer.headers["www-authenticate"].partition(" ")[0]) == (b"", "Basic")


async def issue_to(est: EST, key: ec.EllipticCurvePrivateKey, place: str = "FRA1") -> x509.Certificate:
    """Enroll a device with a key, approve it, and return its certificate."""
    assert (await est.call("simpleenroll", make_csr(key), place=place)).status_code == 202
    return await est.approve()


async def test_requests_that_were_cut_or_altered(est: EST) -> None:
    """Cut anywhere or with a bit turned, in base64 or in DER: 400 or 422, each on record, and nothing is enrolled."""
    csr, refusals = make_csr(None, "a.poste.example"), 0
    text = base64.b64encode(csr)
    for body in (
        *(text[:end] for end in range(0, len(text), 29)),
        *(csr[:end] for end in range(0, len(csr), 29)),
        *(csr[:at] + bytes([csr[at] ^ 1 << at % 8]) + csr[at + 1 :] for at in range(0, len(csr), 11)),
        text.replace(b"M", b"*", 1),
        text + b"!",
        text[:40] + b"====" + text[40:],
        b"-----BEGIN CERTIFICATE REQUEST-----\n" + text,
        text + b"\n" + text,
    ):
        check_refusal(await est.call("simpleenroll", raw=body), 400, 422)
        refusals += 1
    assert (len(await est.events()), await est.request_count()) == (refusals, 0)


async def test_bombs(est: EST) -> None:
    """Nested, endless and packed bodies are refused by what they are, and nothing is unpacked."""
    packed = gzip.compress(base64.b64encode(make_csr()))
    for body, headers in (
        (b"\x30\x80" * 10_000, {}),
        (base64.b64encode(b"\x30\x80" * 10_000), {}),
        (b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff", {}),
        (base64.b64encode(b"\x30\x84\xff\xff\xff\xff"), {}),
        (packed, {"content-encoding": "gzip"}),
        (gzip.compress(bytes(20_000_000)), {"content-encoding": "gzip"}),
        (base64.b64encode(packed), {"content-transfer-encoding": "base64"}),
        (b"A" * 60_000, {}),
        (b"-----BEGIN " * 5000, {}),
    ):
        check_refusal(await est.call("simpleenroll", raw=body, headers=headers), 400, 422)
    for size in (65_537, 1_000_000):
        check_refusal(await est.call("simpleenroll", raw=b"A" * size), 413)
    assert (len(await est.events()), await est.request_count()) == (11, 0)


async def test_methods_and_media_types_that_are_wrong(est: EST) -> None:
    """Each resource has one way to be used, and says which; nothing of the others is on record."""
    csr = make_csr()
    for operation in ENROLLMENTS:
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answer = await est.call(operation, csr, method=method)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = await est.call(operation, csr, headers={"content-type": "application/pkcs10; charset=x"})
        assert answer.status_code in {202, 401}
    for operation in ("cacerts", "csrattrs"):
        for method in ("POST", "PUT", "DELETE"):
            answer = await est.call(operation, method=method)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    before = len(await est.events())
    for media_type in ("application/json", "application/pkcs7-mime", "application/pkcs10x", "*/*", ";"):
        check_refusal(await est.call("simpleenroll", csr, headers={"content-type": media_type}), 400)
    assert (len(await est.events()) - before, await est.request_count()) == (5, 1)


async def test_addresses_that_lead_nowhere(est: EST) -> None:
    """Nothing is looked up or written down under what cannot be an organisation; one that could be is on record."""
    csr = make_csr()
    for place in ("%00", "FRA1%00", "%ff%fe", "A" * 5000, "FRA1/manager", "FRA1/%00", "'--", "FRA1/server/mobile"):
        check_refusal(await est.call("simpleenroll", csr, place=place), 404)
    assert await est.events() == []
    check_refusal(await est.call("simpleenroll", csr, place="XXX1"), 404, 422)
    assert (len(await est.events()), await est.request_count()) == (1, 0)


async def test_weak_algorithms(est: EST) -> None:
    """Small and unusual keys, and hashes that collide: 422 with what is wrong, whatever the organisation allows."""
    await allow(est.desk, DoorRule.LEGACY_SCEP)
    weak_curve = ec.generate_private_key(ec.SECP224R1())
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    by_small = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(small, hashes.SHA256())
    for csr, sentence in (
        (by_small.public_bytes(Encoding.DER), "at least 2048 bits"),
        (make_csr(weak_curve), "secp224r1"),
        (make_crooked_csr(algorithm=sequence(oid("1.2.840.113549.1.1.4"), NULL)), "md5"),
        (make_crooked_csr(sign=lambda _: b"\0" * 70), "does not verify"),
    ):
        answer = await est.call("simpleenroll", csr)
        check_refusal(answer, 422)
        assert sentence in answer.text
    assert (len(await est.events()), await est.request_count()) == (4, 0)


async def test_codes_that_are_not_good_here(est: EST) -> None:
    """Wrong, withdrawn, expired, another organisation's and another kind's: an empty 401, and why only on record."""
    await allow(est.desk, DoorRule.APPROVE_VOUCHED)
    secrets = ("7GQ4-2KXM-9VTB-QQ3N-ZD0R", "\0", "x" * 20_000, "é" * 20, *await spoiled_codes(est.desk))
    for secret in secrets:
        for operation in ("simpleenroll", "serverkeygen"):
            check_refusal(await est.call(operation, make_csr(), code=secret), 401)
    events = await est.events()
    details = [event["detail"] for event in events]
    assert len(details) == 2 * len(secrets)
    assert {"this enrollment code was withdrawn", "this enrollment code has expired"} < set(details)
    assert not any(secret in str(events) for secret in secrets[0:1] + secrets[4:])
    assert await est.request_count() == 0


@pytest.mark.parametrize("rules", [(), (DoorRule.APPROVE_VOUCHED,)], ids=["marked", "approved"])
async def test_a_code_in_parallel(est: EST, rules: tuple[DoorRule, ...]) -> None:
    """Of twelve devices that send twice at once with a code for four, exactly four get in, whatever it may do."""
    await allow(est.desk, *rules)
    _, code = await est.desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(est.desk), count=4)
    requests = [make_csr() for _ in range(12)]
    answers = await asyncio.gather(*(est.call("simpleenroll", csr, code=code) for csr in requests * 2))
    good = {at % 12 for at, answer in enumerate(answers) if answer.status_code == (200 if rules else 202)}
    assert len(good) == 4
    assert {answers[at].status_code for at in range(24) if at % 12 not in good} == {401}
    assert [each.used for each in (await est.desk.ra.codes(FRENCH_MANAGER)).items] == [4]
    assert await est.request_count() == 4


async def test_certificates_that_renew_nothing(est: EST) -> None:
    """None, a CA's, a foreign organisation's, an invented, a revoked, an expired and a superseded one."""
    key, german_key = new_key(), new_key()
    issued, foreign = await issue_to(est, key), await issue_to(est, german_key, "DEU1")
    name = x509.Name([])
    ours = est.desk.ca.issuing_certificate.subject
    builder = x509.CertificateBuilder(
        ours, name, key.public_key(), issued.serial_number, issued.not_valid_before_utc, issued.not_valid_after_utc
    )
    invented = builder.sign(key, hashes.SHA256())
    for certificate in (None, est.desk.ca.hierarchy.root.certificate, foreign, invented):
        der = certificate.public_bytes(Encoding.DER) if certificate else None
        check_refusal(await est.call("simplereenroll", make_csr(key), certificate=der), 401)
        check_refusal(await est.call("serverkeygen", make_csr(key), certificate=der), 401)
    mine = issued.public_bytes(Encoding.DER)
    statuses = [(await est.call("simplereenroll", make_csr(), certificate=mine)).status_code for _ in range(4)]
    assert statuses == [200, 409, 409, 409]
    await est.desk.ra.revoke(
        foreign.serial_number.to_bytes(16), GERMAN_MANAGER, RevocationReason.CESSATION_OF_OPERATION
    )
    theirs = foreign.public_bytes(Encoding.DER)
    check_refusal(await est.call("simplereenroll", make_csr(german_key), place="DEU1", certificate=theirs), 403)
    est.desk.time.now += 400 * DAY
    check_refusal(await est.call("simplereenroll", make_csr(key), certificate=mine), 403)
    assert len(await est.events()) == 8 + 3 + 2


async def test_somebody_else_s_request_is_not_told_of(est: EST) -> None:
    """A key at another organisation or kind makes a request of its own, and learns nothing of the first."""
    key = new_key()
    issued = await issue_to(est, key)
    for place in ("DEU1", "FRA1/mobile"):
        answer = await est.call("simpleenroll", make_csr(key), place=place)
        assert answer.status_code in {202, 409}
        assert issued.serial_number.to_bytes(16) not in answer.content
    assert certificates_in(await est.call("simpleenroll", make_csr(key))) == [issued]
