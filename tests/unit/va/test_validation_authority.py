"""What the validation authority answers."""

import hashlib
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.crl import CRLPublisher
from certdesk.domain.clock import HOUR, MINUTE, SECOND
from certdesk.domain.enrollment import DAY
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RevocationReason
from certdesk.keys.signer import KeyAlgorithm
from certdesk.va.answers import INTERNAL_ERROR, MALFORMED_REQUEST, TRY_LATER, UNAUTHORIZED
from certdesk.va.authority import OCSPAnswer, ValidationAuthority
from certdesk.va.responder import Responder
from certdesk.wire import der
from tests.unit.ca.authorities import NOW, Time, authority_of, finish, hierarchy_of, issue, order_for
from tests.unit.ca.builder import moment
from tests.unit.ca.memory import MemoryValidationStore
from tests.unit.va.questions import SHA1, SHA256, cert_id, nonce_extension, question, usual_question

CERTIFICATE = issue(authority_of(), order_for(authority_of()))
SERIAL = CERTIFICATE.serial_number.to_bytes(16)
OTHER = bytes([7] * 16)


@dataclass
class Desk:
    """A validation authority over a store in memory that holds one valid certificate."""

    ca: CertificateAuthority = field(default_factory=authority_of)
    store: MemoryValidationStore = field(default_factory=MemoryValidationStore)
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.responder = Responder(self.ca, self.time)
        self.va = ValidationAuthority(self.ca, self.responder, self.store, self.time)
        self.store.add(SERIAL)

    async def ask(self, request: bytes) -> ocsp.OCSPResponse:
        """Return the parsed answer."""
        return ocsp.load_der_ocsp_response((await self.va.ocsp(request)).der)

    async def ask_usually(self) -> OCSPAnswer:
        """Return the answer to the usual question about the certificate."""
        return await self.va.ocsp(usual_question(CERTIFICATE))


@pytest.fixture
def desk() -> Desk:
    """Return a desk with one valid certificate."""
    return Desk()


def verify(answer: ocsp.OCSPResponse, ca: CertificateAuthority) -> x509.Certificate:
    """Check an answer's signature and its responder's certificate as a relying party does; return the certificate."""
    [certificate] = answer.certificates
    certificate.verify_directly_issued_by(ca.issuing_certificate)
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert x509.OCSPNoCheck() in [extension.value for extension in certificate.extensions]
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert answer.responder_key_hash == hashlib.sha1(point, usedforsecurity=False).digest()
    return certificate


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
async def test_a_valid_certificate_is_good(algorithm: KeyAlgorithm) -> None:
    """Whatever the issuing CA signs with, the answer is good, fresh for 24 hours and verifies."""
    desk = Desk(authority_of(algorithm))
    answer = await desk.ask(question(cert_id(SERIAL, desk.ca.hierarchy.issuing)))
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert answer.this_update_utc == moment(NOW)
    assert answer.next_update_utc == moment(NOW // SECOND * SECOND + DAY)
    assert answer.produced_at_utc == moment(NOW)
    verify(answer, desk.ca)


@pytest.mark.parametrize(
    ("reason", "flag"),
    [
        (RevocationReason.KEY_COMPROMISE, x509.ReasonFlags.key_compromise),
        (RevocationReason.AFFILIATION_CHANGED, x509.ReasonFlags.affiliation_changed),
        (RevocationReason.SUPERSEDED, x509.ReasonFlags.superseded),
        (RevocationReason.CESSATION_OF_OPERATION, x509.ReasonFlags.cessation_of_operation),
        (RevocationReason.PRIVILEGE_WITHDRAWN, x509.ReasonFlags.privilege_withdrawn),
        (RevocationReason.UNSPECIFIED, None),
    ],
)
async def test_a_revoked_certificate_has_its_time_and_reason(
    desk: Desk, reason: RevocationReason, flag: x509.ReasonFlags | None
) -> None:
    """A revocation is told with its time, and its reason unless that is unspecified."""
    desk.store.revoke(SERIAL, reason, NOW - HOUR)
    answer = await desk.ask(usual_question(CERTIFICATE))
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert answer.revocation_time_utc == moment(NOW - HOUR)
    assert answer.revocation_reason is flag
    verify(answer, desk.ca)


async def test_a_superseded_certificate_is_good(desk: Desk) -> None:
    """A certificate that was renewed stays good until it expires or is revoked."""
    desk.store.supersede(SERIAL)
    assert (await desk.ask(usual_question(CERTIFICATE))).certificate_status is ocsp.OCSPCertStatus.GOOD


@pytest.mark.parametrize("serial_number", [OTHER, b"\x05", b"\x00" + b"\xff" * 16, b"\x01" * 20])
async def test_a_serial_number_never_issued_is_unknown(desk: Desk, serial_number: bytes) -> None:
    """A certificate that the desk did not issue is unknown, briefly, and the answer is not for caches."""
    request = question(cert_id(serial_number))
    answer = await desk.va.ocsp(request)
    parsed = ocsp.load_der_ocsp_response(answer.der)
    assert parsed.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    assert parsed.serial_number == int.from_bytes(serial_number)
    assert answer.cacheable is False
    assert answer.next_update - answer.this_update == 5 * MINUTE
    verify(parsed, desk.ca)


async def test_only_our_serial_numbers_cost_a_read(desk: Desk) -> None:
    """A serial number of another length than ours is unknown without asking the store."""
    await desk.va.ocsp(question(cert_id(b"\x05")))
    assert desk.store.reads == 0


@pytest.mark.parametrize("parameters", [der.NULL, b""])
@pytest.mark.parametrize("oid", [SHA1, SHA256])
async def test_the_answer_repeats_the_question_s_identifier(desk: Desk, oid: str, parameters: bytes) -> None:
    """A certificate asked for by SHA-1 or SHA-256, with or without NULL, is named in the answer likewise."""
    asked = cert_id(SERIAL, oid=oid, parameters=parameters)
    answer = await desk.va.ocsp(question(asked))
    assert asked in answer.der
    assert ocsp.load_der_ocsp_response(answer.der).certificate_status is ocsp.OCSPCertStatus.GOOD


async def test_several_certificates_get_one_answer(desk: Desk) -> None:
    """A request about several certificates is answered for each, in order, under one signature."""
    desk.store.revoke(desk.store.add(OTHER))
    answer = await desk.va.ocsp(
        question(cert_id(SERIAL), cert_id(OTHER), cert_id(b"\x05"), cert_id(SERIAL, oid=SHA256))
    )
    parsed = ocsp.load_der_ocsp_response(answer.der)
    assert [(each.serial_number.to_bytes(16), each.certificate_status) for each in parsed.responses] == [
        (SERIAL, ocsp.OCSPCertStatus.GOOD),
        (OTHER, ocsp.OCSPCertStatus.REVOKED),
        (bytes(15) + b"\x05", ocsp.OCSPCertStatus.UNKNOWN),
        (SERIAL, ocsp.OCSPCertStatus.GOOD),
    ]
    assert answer.cacheable is False


@pytest.mark.parametrize("nonce", [b"n", b"n" * 32, b"n" * 128])
async def test_a_nonce_is_repeated(desk: Desk, nonce: bytes) -> None:
    """An answer to a request with a nonce carries it, and is for that client only."""
    answer = await desk.va.ocsp(usual_question(CERTIFICATE, nonce))
    parsed = ocsp.load_der_ocsp_response(answer.der)
    extension = parsed.extensions.get_extension_for_class(x509.OCSPNonce)
    assert (extension.value.nonce, extension.critical) == (nonce, False)
    assert answer.cacheable is False
    verify(parsed, desk.ca)


@pytest.mark.parametrize("nonce", [b"", b"n" * 129])
async def test_another_nonce_is_malformed(desk: Desk, nonce: bytes) -> None:
    """A nonce of no or more than 128 octets makes a request malformed (RFC 9654)."""
    answer = await desk.va.ocsp(question(cert_id(SERIAL), extensions=nonce_extension(nonce)))
    assert answer.der == MALFORMED_REQUEST


async def test_nonsense_is_malformed(desk: Desk) -> None:
    """What is no request gets the protocol's refusal, unsigned and not for caches."""
    answer = await desk.va.ocsp(b"nonsense")
    assert ocsp.load_der_ocsp_response(answer.der).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert (answer.cacheable, answer.this_update) == (False, answer.next_update)


@pytest.mark.parametrize(
    "asked",
    [
        [cert_id(SERIAL, hierarchy_of().root)],
        [cert_id(SERIAL, hierarchy_of(KeyAlgorithm.RSA_3072).issuing)],
        [cert_id(SERIAL, oid="2.16.840.1.101.3.4.2.2")],
        [cert_id(SERIAL), cert_id(SERIAL, hierarchy_of().root)],
    ],
    ids=["root", "another desk", "SHA-384", "one of two"],
)
async def test_another_issuer_is_unauthorized(desk: Desk, asked: list[bytes]) -> None:
    """The desk answers for its issuing CA only; about any other it is not the one to ask."""
    answer = await desk.va.ocsp(question(*asked))
    assert answer.der == UNAUTHORIZED
    assert ocsp.load_der_ocsp_response(answer.der).response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    assert desk.store.reads == 0


def test_refusals_have_the_protocol_s_numbers() -> None:
    """The unsigned refusals say what their names say."""
    statuses = [ocsp.load_der_ocsp_response(each).response_status for each in (INTERNAL_ERROR, TRY_LATER)]
    assert statuses == [ocsp.OCSPResponseStatus.INTERNAL_ERROR, ocsp.OCSPResponseStatus.TRY_LATER]


async def test_a_kept_answer_is_served_as_it_is(desk: Desk) -> None:
    """After pre-signing, the usual question costs one read and no signature, and the answer may be cached."""
    assert await desk.va.presign(100) == 1
    kept = desk.store.answers[SERIAL]
    desk.time.now += HOUR
    answers = [await desk.ask_usually() for _ in range(2)]
    assert answers == [OCSPAnswer(kept.der, kept.this_update, kept.next_update, cacheable=True)] * 2
    assert desk.store.reads == 2
    parsed = ocsp.load_der_ocsp_response(kept.der)
    assert parsed.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert parsed.next_update_utc == moment(kept.next_update)
    verify(parsed, desk.ca)


async def test_without_a_kept_answer_one_is_signed(desk: Desk) -> None:
    """A certificate just issued is answered for before its answer was kept, and caches may hold it."""
    answer = await desk.ask_usually()
    assert answer.cacheable is True
    assert desk.store.answers == {}


async def test_kept_answers_serve_only_the_usual_question(desk: Desk) -> None:
    """With a nonce, with SHA-256 or about several certificates, the answer is made to order."""
    await desk.va.presign(100)
    kept = desk.store.answers[SERIAL].der
    for request in (
        usual_question(CERTIFICATE, b"n"),
        usual_question(CERTIFICATE, sha256=True),
        question(cert_id(SERIAL), cert_id(SERIAL)),
    ):
        assert (await desk.va.ocsp(request)).der != kept


async def test_a_revocation_takes_effect_with_the_next_question(desk: Desk) -> None:
    """A kept answer of another status is never served."""
    await desk.va.presign(100)
    desk.store.revoke(SERIAL)
    assert (await desk.ask(usual_question(CERTIFICATE))).certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert await desk.va.presign(100) == 1
    assert (await desk.ask_usually()).der == desk.store.answers[SERIAL].der


async def test_a_superseded_certificate_keeps_its_answer(desk: Desk) -> None:
    """Good stays good: the answer kept while the certificate was current is served after its renewal."""
    await desk.va.presign(100)
    desk.store.supersede(SERIAL)
    assert (await desk.ask_usually()).der == desk.store.answers[SERIAL].der


async def test_an_outdated_answer_is_not_served(desk: Desk) -> None:
    """Should the job have failed for a day, answers are signed on demand."""
    await desk.va.presign(100)
    desk.time.now = desk.store.answers[SERIAL].next_update
    answer = await desk.ask_usually()
    assert answer.der != desk.store.answers[SERIAL].der
    assert answer.this_update == desk.time.now


@pytest.mark.parametrize(("later", "signed"), [(0, 0), (12 * HOUR - SECOND, 0), (12 * HOUR + SECOND, 1)])
async def test_answers_are_renewed_at_half_of_their_life(desk: Desk, later: int, signed: int) -> None:
    """An answer is signed anew when less than 12 of its 24 hours remain, and not before."""
    await desk.va.presign(100)
    desk.time.now += later
    assert await desk.va.presign(100) == signed


async def test_signing_ahead_stops_at_the_limit(desk: Desk) -> None:
    """A run signs at most `limit` answers and says how many, so the job knows to come again."""
    for number in range(2, 60):
        desk.store.add(bytes([number] * 16))
    counts = [await desk.va.presign(50) for _ in range(3)]
    assert counts == [50, 9, 0]
    assert len(desk.store.answers) == 59


async def test_the_responder_renews_itself(desk: Desk) -> None:
    """At half of the responder certificate's 7 days there is a new key and certificate; before, the same."""
    first = await desk.responder.credential()
    desk.time.now += 7 * DAY // 2 - SECOND
    assert (await desk.responder.credential()) is first
    desk.time.now += SECOND
    second = await desk.responder.credential()
    assert second.key_hash != first.key_hash
    certificate = verify(await desk.ask(usual_question(CERTIFICATE)), desk.ca)
    assert certificate.public_bytes(Encoding.DER) == second.certificate


async def test_every_answer_ends_before_its_responder_s_certificate(desk: Desk) -> None:
    """An answer made just before the responder is renewed still verifies until its own end."""
    certificate = x509.load_der_x509_certificate((await desk.responder.credential()).certificate)
    desk.time.now += 7 * DAY // 2 - SECOND
    answer = await desk.ask_usually()
    assert moment(answer.next_update) < certificate.not_valid_after_utc


async def test_processes_have_responders_of_their_own(desk: Desk) -> None:
    """Another process serves what this one has signed, and signs with a key of its own."""
    await desk.va.presign(100)
    other = Desk(desk.ca, desk.store, desk.time)
    assert (await other.ask_usually()).der == (await desk.ask_usually()).der
    assert (await other.responder.credential()).key_hash != (await desk.responder.credential()).key_hash


def test_a_responder_s_key_is_no_subject_s(desk: Desk) -> None:
    """Nobody gets a certificate for the key that signs answers."""
    key = finish(desk.responder.credential()).signer.public_key
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(CertdeskError) as caught:
        finish(desk.ca.issue(order_for(desk.ca, spki=spki)))
    assert caught.value.kind is ErrorKind.KEY_IN_USE


async def test_lists_are_found_by_the_authority_s_name(desk: Desk) -> None:
    """The latest list of the root and of the issuing CA are served."""
    publisher = CRLPublisher(desk.ca, desk.store, desk.time)
    await publisher.renew_if_due()
    latest = await publisher.publish()
    assert await desk.va.crl("issuing") == latest
    assert (await desk.va.crl("root")).issuer == desk.ca.hierarchy.root.issuer


def test_authority_certificates_are_found_by_name(desk: Desk) -> None:
    """The certificates that caIssuers points to are served in DER."""
    assert desk.va.ca_certificate("issuing") == desk.ca.hierarchy.issuing.der
    assert desk.va.ca_certificate("root") == desk.ca.root_der


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    """An unknown authority, and a list before the first was published, are not found."""
    for action in (desk.va.crl("issuing"), desk.va.crl("other")):
        with pytest.raises(CertdeskError) as caught:
            await action
        assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(CertdeskError, match="no such certificate authority"):
        desk.va.ca_certificate("../root")
