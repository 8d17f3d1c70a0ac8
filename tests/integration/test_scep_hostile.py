"""Hostile messages at the SCEP door: the protocol's own error, a line in the audit log, and no stack trace."""

import asyncio
import base64
import datetime as dt
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import NameOID

from certdesk.domain.enrollment import DoorRule, Kind
from certdesk.wire import der
from certdesk.wire.cms import STRONG_DIGESTS, Certificate, Cipher, Digest, enveloped, parse_certificate, parse_signed
from certdesk.wire.scep import FailInfo, MessageType, PKIStatus
from tests.desks import FRENCH_MANAGER, TestDesk, make_csr, new_key
from tests.integration.est_calls import open_est
from tests.integration.protocol_devices import allow, registered_manager, spoiled_codes
from tests.integration.protocol_doors import check_text
from tests.integration.scep_calls import (
    ARC,
    SCEP,
    Answer,
    Message,
    SCEPDevice,
    open_scep,
    printable,
    quick_keys,
    rsa_key,
    serial_number_of,
    text,
)
from tests.unit.wire.cms.message_maker import (
    CONTENT_KEY,
    MD5,
    RSA_ENCRYPTION,
    Party,
    attribute,
    encrypted,
    in_ber,
    make_enveloped,
    make_recipient,
    make_signed,
    make_signer,
    usual_members,
)
from tests.unit.wire.csr_maker import NULL, integer, oid, sequence, tlv
from tests.unit.wire.csr_maker import make_csr as make_crooked_csr

UNREADABLE = "the message's content cannot be read"
TYPE, TRANSACTION, NONCE = (oid(f"{ARC}.{number}") for number in (2, 7, 5))


@pytest.fixture
async def scep(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SCEP]:
    """Return the desk's SCEP door, which must not have logged a stack trace in the end."""
    quick_keys(monkeypatch)
    async with open_scep(desk, tmp_path) as scep:
        yield scep
        scep.check_journal()


@pytest.fixture
def device() -> SCEPDevice:
    """Return a device."""
    return SCEPDevice(key=rsa_key(1))


async def written(scep: SCEP, device: SCEPDevice, message: Message | None = None) -> bytes:
    """Return a device's message, a PKCSReq unless told otherwise."""
    return device.write(message or Message(device.csr()), (await scep.identities.current()).certificate)


async def answered(scep: SCEP, device: SCEPDevice, octets: bytes, place: str = "FRA1") -> Answer:
    """Send octets as they are, and return the CertRep that they were answered."""
    identity = (await scep.identities.current()).certificate
    answer = await scep.call(body=octets, place=place)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-pki-message"), answer.text
    return device.read(answer.content, Message(b""), identity.der)


def is_refused(answer: Answer, fail_info: FailInfo, text: str = "") -> bool:
    """Tell whether an answer is a failure of this kind."""
    return (answer.status, answer.fail_info) == (PKIStatus.FAILURE, fail_info) and text in answer.text


async def test_messages_that_were_cut_or_altered(scep: SCEP, device: SCEPDevice) -> None:
    """A cut message is 400, an altered one 400 or a failure; each is on record, and nothing but the CSR is enrolled."""
    octets, refusals = await written(scep, device), 0
    for end in range(0, len(octets), 131):
        check_text(await scep.call(body=octets[:end]), 400)
        refusals += 1
    seen = set()
    for at in range(0, len(octets), 37):
        changed = bytearray(octets)
        changed[at] ^= 1 << at % 8
        answer = await scep.call(body=bytes(changed))
        refusal = verdict(answer)
        seen.add(refusal)
        refusals += refusal is not None
    assert {"400", FailInfo.BAD_MESSAGE_CHECK} <= seen <= {"400", *FailInfo, None}
    assert len(await scep.events()) == refusals
    assert await scep.request_count() == 1


def verdict(answer: httpx.Response) -> str | None:
    """Return HTTP's status, the failInfo, or None for a message that only wants to be asked again."""
    if answer.status_code != 200:
        check_text(answer, 400)
        return str(answer.status_code)
    told = parse_signed(answer.content)
    told.verify(STRONG_DIGESTS)
    status, fail_info = (told.attributes.get(oid(f"{ARC}.{number}")) for number in (3, 4))
    assert status == printable(PKIStatus.FAILURE if fail_info else PKIStatus.PENDING)
    return FailInfo(text(fail_info)) if fail_info else None


async def test_a_message_in_ber_is_as_good(scep: SCEP, device: SCEPDevice) -> None:
    """Indefinite lengths and pieces are no reason to refuse; ten thousand levels of them are."""
    assert (await answered(scep, device, in_ber(await written(scep, device)))).status is PKIStatus.PENDING
    for bomb in (b"\x30\x80" * 10_000, b"\x24\x80" * 10_000 + b"\0\0" * 10_000, b"\x30\x84\xff\xff\xff\xff"):
        check_text(await scep.call(body=bomb), 400)
    assert len(await scep.events()) == 3


async def test_messages_for_somebody_else(scep: SCEP, device: SCEPDevice) -> None:
    """Another recipient, none, our name over another's key, and no envelope at all."""
    identity = (await scep.identities.current()).certificate
    stranger = SCEPDevice("stranger", rsa_key(2)).certificate
    elsewhere = device.write(Message(device.csr()), stranger)
    assert is_refused(await answered(scep, device, elsewhere), FailInfo.BAD_CERT_ID, "ask for it by GetCACert")
    for content, fail_info in (
        (enveloped(device.csr(), rsa_key(2).public_key(), identity, Cipher.AES_128), FailInfo.BAD_REQUEST),
        (make_enveloped(tlv(0xA1, NULL)), FailInfo.BAD_CERT_ID),
        (make_enveloped(*[make_recipient()] * 200), FailInfo.BAD_CERT_ID),
        (b"", FailInfo.BAD_REQUEST),
        (device.csr(), FailInfo.BAD_REQUEST),
    ):
        assert is_refused(await answered(scep, device, signed_by(device, content)), fail_info)
    assert (len(await scep.events()), await scep.request_count()) == (6, 0)


def signed_by(device: SCEPDevice, content: bytes, *members: bytes, **changes: object) -> bytes:
    """Return a pkiMessage around any content; `members` are its attributes in place of the usual three."""
    party = Party(device.key, x509.load_der_x509_certificate(device.certificate.der))
    attributes = members or (
        attribute(TYPE, printable(MessageType.PKCS_REQ)),
        attribute(TRANSACTION, printable("t1")),
        attribute(NONCE, der.octet_string(Message(b"").nonce)),
    )
    signer = make_signer(party, members=[*usual_members(content), *attributes], **changes)  # type: ignore[arg-type]
    return make_signed(content, signers=[signer], certificates=[party.der])


async def test_content_that_decrypts_to_nonsense_is_told_like_content_that_does_not(
    scep: SCEP, device: SCEPDevice
) -> None:
    """A padding oracle would need to see the difference; only the audit log does."""
    identity = (await scep.identities.current()).certificate
    key = identity.public_key().encrypt(CONTENT_KEY, padding.PKCS1v15())  # type: ignore[union-attr]
    named = sequence(identity.issuer, tlv(der.INTEGER, identity.serial_number))
    recipient = make_recipient(key=key, named=named)
    texts = set()
    for ciphertext in (encrypted(b"nonsense"), encrypted(device.csr()[:-3]), encrypted(device.csr())[:-16], b"x"):
        envelope = make_enveloped(recipient, ciphertext=tlv(0x80, ciphertext))
        answer = await answered(scep, device, signed_by(device, envelope))
        assert is_refused(answer, FailInfo.BAD_REQUEST)
        texts.add(answer.text)
    assert texts == {UNREADABLE}
    assert len({event["detail"] for event in await scep.events()}) > 1


async def test_attributes_that_are_wrong_absent_or_there_twice(scep: SCEP, device: SCEPDevice) -> None:
    """What cannot be answered is 400; a type that is not known, or is an answer's, is a failure."""
    kind, transaction = attribute(TYPE, printable("19")), attribute(TRANSACTION, printable("t1"))
    nonce = attribute(NONCE, der.octet_string(bytes(16)))
    for members in (
        (transaction, nonce),
        (kind, nonce),
        (kind, transaction),
        (kind, transaction, nonce, attribute(TRANSACTION, printable("t2"))),
        (kind, transaction, nonce, transaction),
        (kind, attribute(TRANSACTION, printable("t1"), printable("t2")), nonce),
        (kind, attribute(TRANSACTION, printable("")), nonce),
        (kind, attribute(TRANSACTION, printable("a\nb")), nonce),
        (kind, attribute(TRANSACTION, printable("x" * 300)), nonce),
        (kind, transaction, attribute(NONCE, der.octet_string(b""))),
        (kind, transaction, nonce, nonce),
    ):
        check_text(await scep.call(body=signed_by(device, b"", *members)), 400)
    for message_type in ("99", MessageType.CERT_REP, "", "PKCSReq", "١٩"):
        answer = await scep.enroll(device, type=message_type) if message_type.isascii() else None
        assert answer is None or is_refused(answer, FailInfo.BAD_REQUEST, "no SCEP message of this type")
    assert (len(await scep.events()), await scep.request_count()) == (15, 0)


async def test_a_replayed_message_makes_nothing_new(scep: SCEP, device: SCEPDevice) -> None:
    """The same octets, from elsewhere and after approval too, are the same request; only the key's holder can read."""
    octets = await written(scep, device)
    first, second = await answered(scep, device, octets), await answered(scep, device, octets)
    assert {first.status, second.status} == {PKIStatus.PENDING}
    assert first.signed.attributes[NONCE] != second.signed.attributes[NONCE]
    assert await scep.request_count() == 1
    await scep.desk.ra.approve(await scep.waiting_id(), FRENCH_MANAGER)
    [certificate] = (await answered(scep, device, octets)).certificates
    other_nonce = replace(Message(device.csr()), nonce=bytes(16))
    assert (await scep.say(device, other_nonce)).certificates == [certificate]
    assert (await answered(scep, device, octets, place="FRA1/mobile")).status is PKIStatus.PENDING
    assert await scep.events() == []


async def test_many_replays_at_once_are_one_request(scep: SCEP, device: SCEPDevice) -> None:
    """Twelve copies at the same time."""
    octets = await written(scep, device)
    answers = await asyncio.gather(*(answered(scep, device, octets) for _ in range(12)))
    assert {answer.status for answer in answers} == {PKIStatus.PENDING}
    assert await scep.request_count() == 1


async def test_a_transaction_keeps_its_keys(scep: SCEP, device: SCEPDevice) -> None:
    """Neither another signer nor another key in the CSR gets into somebody's transaction, before and after approval."""
    assert (await scep.enroll(device)).status is PKIStatus.PENDING
    other_key = Message(device.csr(key=rsa_key(2)))
    sentence = "this transaction is another key's: begin a new one"
    assert is_refused(await scep.say(device, other_key), FailInfo.BAD_REQUEST, sentence)
    await scep.desk.ra.approve(await scep.waiting_id(), FRENCH_MANAGER)
    assert is_refused(await scep.say(device, other_key), FailInfo.BAD_REQUEST, sentence)
    stranger = SCEPDevice(key=rsa_key(2))
    assert is_refused(await scep.poll(stranger), FailInfo.BAD_CERT_ID)
    stolen = Message(device.csr())
    assert (await scep.say(stranger, stolen)).status is not PKIStatus.SUCCESS
    assert (await scep.poll(device)).status is PKIStatus.SUCCESS


async def test_a_renewal_s_transaction_keeps_its_keys(scep: SCEP, device: SCEPDevice) -> None:
    """The same transaction with another new key does not get the certificate of the first."""
    await scep.issue(device)
    renewal = replace(Message(device.csr(key=rsa_key(3))), type=MessageType.RENEWAL_REQ, transaction_id="renewal")
    assert (await scep.say(device, renewal)).status is PKIStatus.SUCCESS
    other = replace(renewal, content=device.csr(key=rsa_key(4)))
    assert is_refused(await scep.say(device, other), FailInfo.BAD_REQUEST)
    assert len(await scep.events()) == 1


def crooked(device: SCEPDevice, issuer: bytes, serial_number: bytes, version: int) -> Certificate:
    """Return a certificate of a device's own that says somebody else has issued it."""
    name = sequence()
    dates = sequence(tlv(0x17, b"250101000000Z"), tlv(0x17, b"350101000000Z"))
    algorithm = sequence(RSA_ENCRYPTION, NULL)
    body = sequence(tlv(0xA0, integer(version)), serial_number, algorithm, issuer, dates, name, device.certificate.spki)
    return parse_certificate(sequence(body, algorithm, tlv(0x03, b"\0" * 20)))


async def test_invented_certificates_renew_and_fetch_nothing(scep: SCEP, device: SCEPDevice) -> None:
    """Whatever version and serial number they have, and whoever they say has issued them."""
    ours = scep.desk.ca.hierarchy.issuing.subject
    issued = await scep.issue(SCEPDevice("victim", rsa_key(2)))
    real = tlv(der.INTEGER, serial_number_of(issued))
    for version in (0, 2, 77, -1):
        for serial in (real, integer(0), integer(-5), integer(1 << 800), tlv(der.INTEGER)):
            device.certificate = crooked(device, ours, serial, version)
            octets = await written(scep, device, Message(device.csr(), MessageType.RENEWAL_REQ))
            answer = await scep.call(body=octets)
            told = device.read(answer.content, Message(b""), (await scep.identities.current()).certificate.der)
            assert is_refused(told, FailInfo.BAD_REQUEST, "")
    asked = Message(sequence(ours, real), MessageType.GET_CERT)
    assert is_refused(await scep.say(device, asked), FailInfo.BAD_CERT_ID)
    assert len(await scep.events()) == 21


async def test_others_items_are_as_unknown_as_what_does_not_exist(scep: SCEP, device: SCEPDevice) -> None:
    """A certificate of another organisation, a transaction there, and another CA's list: word for word the same."""
    german = SCEPDevice("scanner-1", rsa_key(2))
    foreign = await scep.issue(german, "DEU1")
    await scep.issue(device)
    issuer = scep.desk.ca.hierarchy.issuing.subject

    async def asked(kind: MessageType, name: bytes, serial: bytes) -> tuple[FailInfo | None, str]:
        content = sequence(name, tlv(der.INTEGER, serial))
        answer = await scep.say(device, Message(content, kind, "t2"))
        return answer.fail_info, answer.text

    unknown = await asked(MessageType.GET_CERT, issuer, bytes([1, *range(15)]))
    assert await asked(MessageType.GET_CERT, issuer, serial_number_of(foreign)) == unknown
    assert await asked(MessageType.GET_CERT, device.certificate.issuer[:-1] + b"X", b"\1" * 16) == unknown
    assert unknown == (FailInfo.BAD_CERT_ID, "there is no such certificate")
    assert (await asked(MessageType.GET_CRL, sequence(), b"\1"))[0] is FailInfo.BAD_CERT_ID
    nothing = await scep.poll(SCEPDevice(key=rsa_key(3)), "never")
    elsewhere = await scep.poll(german)
    assert (elsewhere.fail_info, elsewhere.text) == (nothing.fail_info, nothing.text)
    for kind in (MessageType.GET_CERT, MessageType.GET_CRL):
        answer = await scep.say(device, Message(b"nonsense", kind))
        assert is_refused(answer, FailInfo.BAD_REQUEST, UNREADABLE)


@pytest.mark.parametrize("rules", [(), (DoorRule.LEGACY_SCEP,)], ids=["strict", "legacy"])
async def test_algorithms_that_no_switch_allows(scep: SCEP, device: SCEPDevice, rules: tuple[DoorRule, ...]) -> None:
    """MD5, DES, small keys, elliptic curves as signers, and CSRs signed with MD5 are badAlg in any case."""
    await allow(scep.desk, *rules)
    identity = (await scep.identities.current()).certificate
    envelope = enveloped(device.csr(), identity.public_key(), identity, Cipher.AES_128)  # type: ignore[arg-type]
    named = sequence(identity.issuer, tlv(der.INTEGER, identity.serial_number))
    for octets in (
        signed_by(device, envelope, digest=MD5),
        signed_by(device, envelope, algorithm=oid("1.2.840.113549.1.1.4")),
        signed_by(device, make_enveloped(make_recipient(named=named), cipher=oid("1.3.14.3.2.7"))),
        signed_by(device, make_enveloped(make_recipient(named=named, algorithm=oid("1.2.840.113549.1.1.7")))),
        curved_message(envelope),
    ):
        answer = await scep.call(body=octets)
        assert answer.status_code == 200
        assert answer.content.find(tlv(0x31, printable(FailInfo.BAD_ALG))) > 0
    small = SCEPDevice("small", rsa_key(0, 1024))
    assert is_refused(await scep.say(small, Message(device.csr())), FailInfo.BAD_ALG, "too weak")
    assert is_refused(await scep.say(device, Message(device.csr(key=rsa_key(0, 1024)))), FailInfo.BAD_ALG, "1024")
    weak_hash = make_crooked_csr(algorithm=sequence(oid("1.2.840.113549.1.1.4"), NULL))
    assert is_refused(await scep.say(device, Message(weak_hash)), FailInfo.BAD_ALG, "md5")
    assert (len(await scep.events()), await scep.request_count()) == (8, 0)


def curved_message(envelope: bytes) -> bytes:
    """Return a message that an elliptic curve's key has signed, to which nobody could answer."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "curved")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + dt.timedelta(1))
    party = Party(key, builder.sign(key, hashes.SHA256()))
    members = [
        *usual_members(envelope),
        attribute(TYPE, printable("19")),
        attribute(TRANSACTION, printable("t1")),
        attribute(NONCE, der.octet_string(bytes(16))),
    ]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signer = make_signer(party, members=members, algorithm=oid("1.2.840.10045.4.3.2"))
    return make_signed(envelope, signers=[signer], certificates=[party.der])


async def test_codes_that_are_not_good_here(scep: SCEP, device: SCEPDevice) -> None:
    """Wrong, withdrawn, expired, another organisation's and another kind's: a failure, on record, and no request."""
    await allow(scep.desk, DoorRule.APPROVE_VOUCHED)
    withdrawn, expired, mobile, german = await spoiled_codes(scep.desk)
    unknown = "this enrollment code is not known here"
    for secret, sentence in (
        ("7GQ4-2KXM-9VTB-QQ3N-ZD0R", unknown),
        ("' OR 1=1 --", unknown),
        ("x" * 20_000, unknown),
        (withdrawn, "this enrollment code was withdrawn"),
        (expired, "this enrollment code has expired"),
        (mobile, unknown),
        (german, unknown),
    ):
        answer = await scep.enroll(device, secret)
        assert is_refused(answer, FailInfo.BAD_REQUEST, sentence), answer.text
    assert {event["error"] for event in await scep.events()} == {"unauthenticated"}
    assert (len(await scep.events()), await scep.request_count()) == (7, 0)


async def test_a_code_is_not_used_more_often_by_coming_to_two_doors(scep: SCEP) -> None:
    """Six devices by SCEP and six by EST at the same time, with a code for three: exactly three certificates."""
    await allow(scep.desk, DoorRule.APPROVE_VOUCHED)
    code, secret = await scep.desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(scep.desk), count=3)
    routers = [SCEPDevice(f"router-{number}", rsa_key(number)) for number in range(6)]
    async with open_est(scep.desk) as est:

        async def by_est() -> bool:
            return (await est.call("simpleenroll", make_csr(), code=secret)).status_code == 200

        async def by_scep(router: SCEPDevice) -> bool:
            return (await scep.enroll(router, secret)).status is PKIStatus.SUCCESS

        good = await asyncio.gather(*map(by_scep, routers), *(by_est() for _ in routers))
        assert sum(good) == 3
        assert len(await est.events()) + len(await scep.events()) == 9
    [listed] = (await scep.desk.ra.codes(FRENCH_MANAGER)).items
    assert (listed.id, listed.used) == (code.id, 3)
    [row] = await scep.desk.store.database.rows(
        "SELECT count(*) FROM certificates WHERE kind = 'workstation' AND organisation = 'FRA1'", {}
    )
    assert row[0] == 3


async def test_http_that_no_client_speaks(scep: SCEP, device: SCEPDevice) -> None:
    """Other methods, too much, nothing, packed or misaddressed: HTTP's own errors, and records where somebody asked."""
    octets = await written(scep, device)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        answer = await scep.call(body=octets, method=method)
        check_text(answer, 405)
        assert answer.headers["allow"] == "GET, HEAD, POST"
    assert await scep.events() == []
    check_text(await scep.call(body=bytes(70_000)), 413)
    check_text(await scep.call(body=b""), 400)
    check_text(await scep.call(), 400)
    for message in ("!", "A", base64.b64encode(octets).decode()[:-8], "A" * 60_000):
        check_text(await scep.call(query={"message": message}), 400)
    check_text(await scep.call(body=gzip.compress(octets)), 400)
    check_text(await scep.call(body=gzip.compress(bytes(10_000_000))), 400)
    check_text(await scep.call(body=octets, place="XXX1"), 404)
    assert len(await scep.events()) == 10
    for place in ("%00", "FRA1%00", "FRA1/%00", "%ff%fe", "A" * 5000, "..%2fFRA1", "FRA1/manager"):
        check_text(await scep.call(body=octets, place=place), 404)
    check_text(await scep.call(query={f"p{number}": "1" for number in range(12)}), 400)
    check_text(await scep.call("GetCACaps%00"), 400)
    assert len(await scep.events()) == 10
    assert await scep.request_count() == 0


async def test_the_label_on_the_body_does_not_count(scep: SCEP, device: SCEPDevice) -> None:
    """Clients send octet streams, forms and nothing as the media type of what protects itself."""
    octets = await written(scep, device)
    transport = httpx.ASGITransport(scep.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
        for media_type in ("application/octet-stream", "application/x-www-form-urlencoded", "text/html", ""):
            answer = await client.post(
                "/scep/FRA1?operation=PKIOperation", content=octets, headers={"content-type": media_type}
            )
            assert answer.headers["content-type"] == "application/x-pki-message"
        packed = await client.post(
            "/scep/FRA1?operation=PKIOperation",
            content=gzip.compress(octets),
            headers={"content-encoding": "gzip"},
        )
        check_text(packed, 400)
    assert await scep.request_count() == 1


async def test_a_digest_that_was_allowed_is_refused_when_the_switch_is_off_again(
    scep: SCEP, device: SCEPDevice
) -> None:
    """The rule counts at each message, for polling too."""
    await allow(scep.desk, DoorRule.LEGACY_SCEP)
    assert (await scep.enroll(device, digest=Digest.SHA1)).status is PKIStatus.PENDING
    await allow(scep.desk)
    assert is_refused(await scep.enroll(device, digest=Digest.SHA1), FailInfo.BAD_ALG)
    assert (await scep.poll(device)).status is PKIStatus.PENDING
