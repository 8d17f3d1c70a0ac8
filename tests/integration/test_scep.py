"""The SCEP door: enroll, wait, poll, collect, renew, ask for certificates and lists, and every refusal."""

import asyncio
import base64
import plistlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from certdesk.audit import verify
from certdesk.domain.enrollment import DAY, DoorRule, Kind, Organisation
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState, RevocationReason
from certdesk.doors.problems import MEANINGS
from certdesk.doors.scep.refusals import FAIL_INFO, FAIL_INFO_OF_MESSAGE
from certdesk.wire import der
from certdesk.wire.cms import STRONG_DIGESTS, Cipher, Digest, Why, parse_signed
from certdesk.wire.scep import FailInfo, MessageType, PKIStatus
from tests.desks import ADMINISTRATOR, FRENCH_MANAGER, OPERATOR, TestDesk, make_csr, new_key
from tests.integration.protocol_devices import allow, registered_manager
from tests.integration.scep_calls import (
    SCEP,
    Answer,
    Message,
    SCEPDevice,
    open_scep,
    quick_keys,
    rsa_key,
    serial_number_of,
)
from tests.unit.wire.csr_maker import challenge, dns, names, rdn
from tests.unit.wire.csr_maker import make_csr as make_crooked_csr


@pytest.fixture
async def scep(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SCEP]:
    """Return the desk's SCEP door."""
    quick_keys(monkeypatch)
    async with open_scep(desk, tmp_path) as scep:
        yield scep


@pytest.fixture
def device() -> SCEPDevice:
    """Return a device."""
    return SCEPDevice(key=rsa_key(1))


async def test_capabilities(scep: SCEP) -> None:
    """What the door understands stands line by line; what is weak only where an organisation allows it."""
    answer = await scep.call("GetCACaps")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.text == "AES\nPOSTPKIOperation\nRenewal\nSHA-256\nSHA-384\nSHA-512\nSCEPStandard\n"
    await allow(scep.desk, DoorRule.LEGACY_SCEP)
    assert (await scep.call("GetCACaps")).text.endswith("SCEPStandard\nDES3\nSHA-1\n")
    for place in ("fra1", "FRA1/server", "FRA1/pkiclient.exe", "FRA1/mobile/cgi-bin/pkiclient.exe"):
        assert (await scep.call("getcacaps", place=place)).status_code == 200
    for place in ("XXX1", "FRA1/manager", "FRA1/server/x", "OPERATOR", ""):
        assert (await scep.call("GetCACaps", place=place)).status_code == 404
    assert (await scep.call("GetWhatever")).status_code == 400
    assert (await scep.call("")).status_code == 400


async def test_certificates(scep: SCEP) -> None:
    """Devices get an RSA certificate that signs and enciphers keys, with the chain above it."""
    answer = await scep.call("GetCACert", query={"message": "FRA1"})
    assert answer.headers["content-type"] == "application/x-x509-ca-ra-cert"
    every = load_der_pkcs7_certificates(answer.content)
    [agent] = [each for each in every if isinstance(each.public_key(), rsa.RSAPublicKey)]
    assert {scep.desk.ca.issuing_certificate, scep.desk.ca.hierarchy.root.certificate, agent} == set(every)
    usage = agent.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)
    agent.verify_directly_issued_by(scep.desk.ca.issuing_certificate)
    more = load_der_pkcs7_certificates((await scep.call("GetCACert", query={"message": "split"})).content)
    [recipient] = set(more) - set(every)
    assert recipient.public_key() == agent.public_key()
    usage = recipient.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment) == (False, True)
    assert (await scep.call("GetNextCACert")).status_code == 404


async def test_an_unknown_device_waits_and_collects(scep: SCEP, device: SCEPDevice) -> None:
    """PENDING until a manager approves; then its certificate, by CertPoll and by the same message again."""
    first = await scep.enroll(device)
    assert (first.status, first.transaction_id) == (PKIStatus.PENDING, "t1")
    assert (await scep.enroll(device)).status is PKIStatus.PENDING
    assert (await scep.poll(device)).status is PKIStatus.PENDING
    request_id = await scep.waiting_id()
    request = (await scep.desk.ra.request(request_id, FRENCH_MANAGER)).request
    assert (request.door, request.submission.device.id, request.source) == ("scep", "router-7", "192.0.2.7")
    await scep.desk.ra.approve(request_id, FRENCH_MANAGER)
    for answer in (await scep.poll(device), await scep.enroll(device)):
        [certificate] = answer.certificates
        assert certificate.public_key() == device.key.public_key()
    assert (await verify(scep.desk.store.events, scep.desk.log)).findings == []
    assert await scep.events() == []


@pytest.mark.parametrize("cipher", [Cipher.AES_128, Cipher.AES_192, Cipher.AES_256])
@pytest.mark.parametrize("digest", [Digest.SHA256, Digest.SHA384, Digest.SHA512])
async def test_every_strong_algorithm_is_understood_and_answered(
    scep: SCEP, device: SCEPDevice, cipher: Cipher, digest: Digest
) -> None:
    """The answer uses what the device has used."""
    await scep.issue(device)
    device.certificate = SCEPDevice(key=device.key).certificate
    message = replace(Message(device.csr()), cipher=cipher, digest=digest)
    assert (await scep.say(device, message)).status is PKIStatus.SUCCESS


@pytest.mark.parametrize("weak", [{"cipher": Cipher.TRIPLE_DES}, {"digest": Digest.SHA1}], ids=["Triple DES", "SHA-1"])
async def test_weak_algorithms_need_the_legacy_rule(
    scep: SCEP, device: SCEPDevice, weak: dict[str, Cipher | Digest]
) -> None:
    """Without the rule they are badAlg, and nothing is recorded but the refusal."""
    refused = await scep.enroll(device, **weak)
    assert (refused.status, refused.fail_info) == (PKIStatus.FAILURE, FailInfo.BAD_ALG)
    assert len(await scep.events()) == 1
    await allow(scep.desk, DoorRule.LEGACY_SCEP)
    assert (await scep.enroll(device, **weak)).status is PKIStatus.PENDING


async def test_a_rejected_device_is_told_why(scep: SCEP, device: SCEPDevice) -> None:
    """The answer is FAILURE with the manager's reason as text."""
    await scep.enroll(device)
    request_id = await scep.waiting_id()
    await scep.desk.ra.reject(request_id, FRENCH_MANAGER, "Ce routeur est inconnu")
    for answer in (await scep.poll(device), await scep.enroll(device)):
        assert (answer.status, answer.fail_info) == (PKIStatus.FAILURE, FailInfo.BAD_REQUEST)
        assert answer.text == f"request {request_id} was rejected: Ce routeur est inconnu"
    assert await scep.events() == []


async def test_a_challenge_password_is_an_enrollment_code(scep: SCEP, device: SCEPDevice) -> None:
    """It enrolls at once where it may, is spent once, kept nowhere, and a wrong one is a failure."""
    await allow(scep.desk, DoorRule.APPROVE_VOUCHED)
    _, code = await scep.desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(scep.desk))
    wrong = await scep.enroll(device, "7GQ4-2KXM-9VTB-QQ3N-ZD0R")
    assert (wrong.fail_info, wrong.text) == (FailInfo.BAD_REQUEST, "this enrollment code is not known here")
    [certificate] = (await scep.enroll(device, code)).certificates
    assert (await scep.enroll(device, code)).certificates == [certificate]
    assert (await scep.poll(device)).certificates == [certificate]
    other = await scep.enroll(SCEPDevice("router-8", rsa_key(2)), code)
    assert other.text == "this enrollment code is used up"
    assert len(await scep.events()) == 2
    [row] = await scep.desk.store.database.rows("SELECT csr FROM requests WHERE door = 'scep'", {})
    assert code.encode() not in bytes(row[0])


async def test_a_marked_request_with_a_password_is_approved_by_hand(scep: SCEP, device: SCEPDevice) -> None:
    """What is kept without its password can be decided as any other request."""
    _, code = await scep.desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(scep.desk))
    assert (await scep.enroll(device, code)).status is PKIStatus.PENDING
    request_id = await scep.waiting_id()
    file = await scep.desk.ra.request_file(request_id, FRENCH_MANAGER)
    assert (file.findings, file.request.code_id != "") == ((), True)
    await scep.desk.ra.approve(request_id, FRENCH_MANAGER)
    assert (await scep.poll(device)).status is PKIStatus.SUCCESS


async def test_devices_at_once_with_a_code_for_two(scep: SCEP) -> None:
    """Of five devices at the same time exactly two are enrolled."""
    await allow(scep.desk, DoorRule.APPROVE_VOUCHED)
    manager = await registered_manager(scep.desk)
    _, code = await scep.desk.ra.add_code("FRA1", Kind.WORKSTATION, manager, count=2)
    devices = [SCEPDevice(f"router-{number}", rsa_key(number)) for number in range(5)]
    answers = await asyncio.gather(*(scep.enroll(each, code) for each in devices))
    assert sorted(answer.status for answer in answers) == [PKIStatus.SUCCESS] * 2 + [PKIStatus.FAILURE] * 3


@pytest.mark.parametrize("message_type", [MessageType.RENEWAL_REQ, MessageType.PKCS_REQ])
async def test_a_certificate_renews_without_asking(scep: SCEP, device: SCEPDevice, message_type: MessageType) -> None:
    """A message signed by a valid certificate renews it at once, under either name, and again if it is repeated."""
    old = await scep.issue(device)
    message = replace(Message(device.csr(key=rsa_key(3))), type=message_type, transaction_id="renewal")
    [new] = (await scep.say(device, message)).certificates
    assert new.subject == old.subject
    assert new.public_key() == rsa_key(3).public_key()
    assert (await scep.say(device, message)).certificates == [new]
    assert (await scep.poll(device, "renewal")).certificates == [new]
    again = replace(message, transaction_id="another", content=device.csr(key=rsa_key(4)))
    refused = await scep.say(device, again)
    assert refused.text == "this certificate was renewed already: renew its successor"


async def test_a_renewal_needs_a_good_certificate_of_the_organisation(scep: SCEP, device: SCEPDevice) -> None:
    """A self-signed, a foreign, an invented, a revoked and an expired certificate renew nothing; each is noted."""
    renewal = replace(Message(device.csr(key=rsa_key(3))), type=MessageType.RENEWAL_REQ)
    assert (await scep.say(device, renewal)).status is PKIStatus.FAILURE
    certificate = await scep.issue(device)
    assert (await scep.say(device, renewal, place="DEU1")).status is PKIStatus.FAILURE
    invented = SCEPDevice(key=rsa_key(5))
    invented.certificate = replace(invented.certificate, issuer=scep.desk.ca.hierarchy.issuing.subject)
    identity = (await scep.identities.current()).certificate
    answer = await scep.call(body=invented.write(renewal, identity))
    assert invented.read(answer.content, renewal, identity.der).fail_info is FailInfo.BAD_MESSAGE_CHECK
    scep.desk.time.now += 364 * DAY
    await scep.desk.ra.revoke(serial_number_of(certificate), FRENCH_MANAGER, RevocationReason.SUPERSEDED)
    assert (await scep.say(device, renewal)).text == "this certificate was revoked: make a new request"
    other = SCEPDevice("router-8", rsa_key(6))
    await scep.issue(other)
    scep.desk.time.now += 366 * DAY
    expired = await scep.say(other, replace(renewal, content=other.csr()))
    assert expired.text == "this certificate has expired: make a new request"
    assert len(await scep.events()) == 5


async def test_a_transaction_belongs_to_its_key(scep: SCEP, device: SCEPDevice) -> None:
    """Another key under the same transaction ID finds nothing, and asks for itself."""
    await scep.enroll(device)
    stranger = SCEPDevice("router-7", rsa_key(2))
    unknown = await scep.poll(stranger)
    assert (unknown.status, unknown.fail_info) == (PKIStatus.FAILURE, FailInfo.BAD_CERT_ID)
    assert (await scep.poll(device, "t2")).fail_info is FailInfo.BAD_CERT_ID
    assert (await scep.poll(device, place="DEU1")).fail_info is FailInfo.BAD_CERT_ID


async def test_messages_by_get(scep: SCEP, device: SCEPDevice) -> None:
    """The message in the query's base64 does as well, with + as spaces and without padding."""
    assert (await scep.say(device, Message(device.csr()), by_get=True)).status is PKIStatus.PENDING
    octets = device.write(Message(device.csr()), (await scep.identities.current()).certificate)
    text = base64.b64encode(octets).decode()
    for written in (text.rstrip("="), text.replace("+", " "), "\n".join(text)):
        assert (await scep.call(query={"message": written})).status_code == 200


async def test_a_csr_out_of_order_is_enrolled(scep: SCEP, device: SCEPDevice) -> None:
    """Attributes that DER would order otherwise, and a subject that no strict reader takes, get their certificate."""
    csr = make_crooked_csr(
        attributes=names(dns("a.poste.example")) + challenge(""), subject=rdn(("2.5.4.3", 0x13, b"*@router_7"))
    )
    answer = await scep.say(device, Message(csr), place="FRA1/server")
    assert answer.status is PKIStatus.PENDING
    await scep.desk.ra.approve(await scep.waiting_id(), ADMINISTRATOR)
    assert (await scep.say(device, Message(csr), place="FRA1/server")).status is PKIStatus.SUCCESS


async def test_get_cert_is_for_its_holder(scep: SCEP, device: SCEPDevice) -> None:
    """The holder of the key gets it back, as does its device by another certificate; nobody else does."""
    certificate = await scep.issue(device)
    issuer = scep.desk.ca.hierarchy.issuing.subject

    async def asked(by: SCEPDevice, serial: bytes = serial_number_of(certificate), name: bytes = issuer) -> Answer:
        content = der.sequence(name, der.tlv(der.INTEGER, serial))
        return await scep.say(by, Message(content, MessageType.GET_CERT))

    assert (await asked(device)).certificates == [certificate]
    forgetful = SCEPDevice(key=device.key)
    assert (await asked(forgetful)).certificates == [certificate]
    stranger = SCEPDevice("router-8", rsa_key(2))
    assert (await asked(stranger)).fail_info is FailInfo.BAD_CERT_ID
    await scep.issue(stranger)
    assert (await asked(stranger)).fail_info is FailInfo.BAD_CERT_ID
    for serial in (bytes([1, *range(15)]), b"\x01"):
        assert (await asked(device, serial)).fail_info is FailInfo.BAD_CERT_ID
    assert (await asked(device, name=device.certificate.issuer[:-1] + b"X")).fail_info is FailInfo.BAD_CERT_ID


async def test_get_crl(scep: SCEP, device: SCEPDevice) -> None:
    """Anyone gets the list of the CA that is named."""
    await scep.desk.crl.renew_if_due()
    for ca in (scep.desk.ca.hierarchy.issuing, scep.desk.ca.hierarchy.root):
        content = der.sequence(ca.subject, der.integer(7))
        answer = await scep.say(device, Message(content, MessageType.GET_CRL))
        latest = await scep.desk.store.validation.latest_crl(ca.issuer)
        assert latest is not None
        assert latest.der in answer.content
    other = der.sequence(device.certificate.issuer, der.integer(7))
    assert (await scep.say(device, Message(other, MessageType.GET_CRL))).fail_info is FailInfo.BAD_CERT_ID


async def test_the_next_ca_is_announced(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the operator has put it there, the CA that will follow comes in a message signed by the door."""
    quick_keys(monkeypatch)
    following = SCEPDevice("next CA", rsa_key(1)).certificate.der
    async with open_scep(desk, tmp_path, next_ca=(following,)) as scep:
        assert "GetNextCACert\n" in (await scep.call("GetCACaps")).text
        answer = await scep.call("GetNextCACert")
        assert answer.headers["content-type"] == "application/x-x509-next-ca-cert"
        received = parse_signed(answer.content)
        assert received.verify(STRONG_DIGESTS).der == (await scep.identities.current()).certificate.der
        [only] = load_der_pkcs7_certificates(received.content)
        assert only.public_bytes(Encoding.DER) == following


async def test_the_door_s_certificate_renews_itself(scep: SCEP, device: SCEPDevice) -> None:
    """After half of its life there is another; messages for the older one are still opened, until it expires."""
    assert not await scep.identities.renew_if_due()
    first = await scep.identities.current()
    assert not await scep.identities.renew_if_due()
    scep.desk.time.now += 183 * DAY
    assert await scep.identities.renew_if_due()
    second = await scep.identities.current()
    assert second.certificate.serial_number != first.certificate.serial_number
    message = Message(device.csr())
    answer = await scep.call(body=device.write(message, first.certificate))
    assert device.read(answer.content, message, first.certificate.der).status is PKIStatus.PENDING
    scep.desk.time.now += 183 * DAY
    answer = await scep.call(body=device.write(message, first.certificate))
    refused = device.read(answer.content, message, second.certificate.der)
    assert (refused.fail_info, refused.status) == (FailInfo.BAD_CERT_ID, PKIStatus.FAILURE)
    rows = await scep.desk.store.database.rows("SELECT request_id FROM issuances", {})
    assert [row[0] for row in rows].count("desk/SCEP") == 0  # the test's CA records nothing


async def test_two_servers_of_a_desk_share_their_certificates(
    scep: SCEP, device: SCEPDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that is encrypted for what one server gave out is opened by the other."""
    await scep.identities.current()
    async with open_scep(scep.desk, tmp_path) as other:
        other.identities._keys = scep.identities._keys
        theirs = (await other.identities.current()).certificate
        assert theirs == (await scep.identities.current()).certificate
        scep.desk.time.now += 183 * DAY
        await other.identities.renew_if_due()
        newer = (await other.identities.current()).certificate
        assert newer != theirs
        answer = await scep.call(body=device.write(Message(device.csr()), newer))
        assert device.read(answer.content, Message(b""), newer.der).status is PKIStatus.PENDING


@pytest.mark.parametrize("kind", ErrorKind)
async def test_every_error_kind_has_its_answer(scep: SCEP, device: SCEPDevice, kind: ErrorKind) -> None:
    """Each kind gets its failInfo, or an HTTP status that clients come back from; what is ours is not told."""

    async def refuse(*_: object, **__: object) -> None:
        raise CertdeskError(kind, "secret of the desk", seconds=7)

    scep.desk.ra.enroll = refuse  # type: ignore[assignment,method-assign]
    message = Message(device.csr())
    identity = (await scep.identities.current()).certificate
    answer = await scep.call(body=device.write(message, identity))
    is_ours = kind in {ErrorKind.UNAVAILABLE, ErrorKind.INTERNAL, ErrorKind.INCOMPATIBLE}
    if FAIL_INFO[kind] is None:
        assert answer.status_code == MEANINGS[kind].status
        assert ("secret" in answer.text) is not is_ours
    else:
        told = device.read(answer.content, message, identity.der)
        assert told.fail_info is FAIL_INFO[kind]
        assert ("secret" in told.text) is (kind not in {ErrorKind.MALFORMED, ErrorKind.BAD_CSR})
    assert len(await scep.events()) == int(not is_ours)


def test_every_verdict_has_its_fail_info() -> None:
    """The tables are total."""
    assert FAIL_INFO.keys() == set(ErrorKind)
    assert FAIL_INFO_OF_MESSAGE.keys() == set(Why)


async def test_strangers_are_limited_and_those_who_wait_are_not(
    desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: SCEPDevice
) -> None:
    """New requests and refusals cost an address its tokens; polling costs nothing."""
    quick_keys(monkeypatch)
    limits = {"public_calls_per_minute": 1, "public_calls_at_once": 2, "monotonic": lambda: 0.0}
    async with open_scep(desk, tmp_path, **limits) as scep:
        for _ in range(5):
            assert (await scep.enroll(device)).status is PKIStatus.PENDING
            assert (await scep.poll(device)).status is PKIStatus.PENDING
        assert (await scep.call(body=b"junk")).status_code == 400
        limited = await scep.call(body=b"junk")
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
        assert (await scep.call("GetCACaps")).status_code == 200


async def test_an_apple_profile(scep: SCEP) -> None:
    """Each download has its own name and the trust anchors; a code goes along if it is one."""
    first, second = [await scep.call("", place="FRA1/enroll.mobileconfig") for _ in range(2)]
    assert first.headers["content-type"] == "application/x-apple-aspen-config"
    profile = plistlib.loads(first.content)
    root, issuing, payload = profile["PayloadContent"]
    assert root["PayloadContent"] == scep.desk.ca.root_der
    assert issuing["PayloadContent"] == scep.desk.ca.hierarchy.issuing.der
    content = payload["PayloadContent"]
    assert content["URL"] == "https://desk.example/scep/FRA1/mobile"
    assert (content["Key Type"], content["Keysize"], content["Key Usage"]) == ("RSA", 2048, 5)
    assert "Challenge" not in content
    assert plistlib.loads(second.content)["PayloadContent"][2]["PayloadContent"]["Subject"] != content["Subject"]
    code = "7GQ4-2KXM-9VTB-QQ3N-ZD0R"
    with_code = await scep.call("", f"code={code}".encode(), place="FRA1/enroll.mobileconfig")
    assert plistlib.loads(with_code.content)["PayloadContent"][2]["PayloadContent"]["Challenge"] == code
    without = await scep.call("", b"code=", place="FRA1/enroll.mobileconfig", query={"code": code})
    assert b"Challenge" not in without.content, "an address is written down, so no code is taken from there"
    for body, status in ((b"code=%3Cscript%3E", 422), (b"code=%FF", 400), (b"code=" + b"7" * 1024, 413)):
        assert (await scep.call("", body, place="FRA1/enroll.mobileconfig")).status_code == status
    await scep.desk.ra.add_organisation(Organisation("SRV1", "Servers", "FR", kinds=frozenset({Kind.SERVER})), OPERATOR)
    for place in ("XXX1", "SRV1"):
        assert (await scep.call("", place=f"{place}/enroll.mobileconfig")).status_code == 404


async def test_an_approved_request_waits_while_the_ca_cannot_sign(scep: SCEP, device: SCEPDevice) -> None:
    """Between approval and issuance the device is told to come back."""

    async def out_of_order(_order: object) -> bytes:
        raise CertdeskError(ErrorKind.UNAVAILABLE, "the HSM does not answer")

    issue = scep.desk.ca.issue
    await scep.enroll(device)
    scep.desk.ca.issue = out_of_order  # type: ignore[assignment,method-assign]
    enrollment = await scep.desk.ra.approve(await scep.waiting_id(), FRENCH_MANAGER)
    assert enrollment.request.state is RequestState.APPROVED
    assert (await scep.poll(device)).status is PKIStatus.PENDING
    scep.desk.ca.issue = issue  # type: ignore[method-assign]
    await scep.desk.ra.resume(0)
    assert (await scep.poll(device)).status is PKIStatus.SUCCESS


async def test_an_elliptic_curve_key_in_the_csr_is_fine_and_as_signer_is_not(scep: SCEP, device: SCEPDevice) -> None:
    """The message's signer must be able to decrypt, so it is RSA; the certified key may be any."""
    await scep.say(device, Message(make_csr(new_key())))
    await scep.desk.ra.approve(await scep.waiting_id(), FRENCH_MANAGER)
    assert (await scep.poll(device)).status is PKIStatus.SUCCESS
