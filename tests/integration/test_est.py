"""The EST door: enroll, wait, collect, renew, with and without a code, and every refusal in EST's own words."""

import asyncio
import base64
import email.message
import textwrap
from collections.abc import AsyncIterator, Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from cryptography.x509.oid import NameOID

from certdesk.domain.enrollment import DAY, DoorRule, KeyType, Kind, Organisation
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState, RevocationReason
from certdesk.doors.est.encoding import CSR_ATTRIBUTES
from certdesk.doors.problems import MEANINGS
from tests.desks import FRENCH_MANAGER, OPERATOR, TestDesk, make_csr, new_key
from tests.integration.est_calls import EST, certificates_in, open_est
from tests.integration.protocol_devices import allow, registered_manager
from tests.unit.wire.csr_maker import challenge, dns, names, rdn
from tests.unit.wire.csr_maker import make_csr as make_crooked_csr


@pytest.fixture
async def est(desk: TestDesk) -> AsyncIterator[EST]:
    """Return the desk's EST door."""
    async with open_est(desk) as est:
        yield est


def device_csr(key: object = None, **subject: str) -> bytes:
    """Return the CSR (DER) of a device with a subject."""
    oids = {"cn": NameOID.COMMON_NAME, "serial": NameOID.SERIAL_NUMBER, "mail": NameOID.EMAIL_ADDRESS}
    oids |= {"st": NameOID.STATE_OR_PROVINCE_NAME, "l": NameOID.LOCALITY_NAME, "o": NameOID.ORGANIZATION_NAME}
    name = x509.Name([x509.NameAttribute(oids[kind], text) for kind, text in subject.items()])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key or new_key(), hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def octets_of(part: "email.message.Message[str, str]") -> bytes:
    """Return what a part of a message holds."""
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets


async def test_cacerts_has_the_issuing_ca_and_the_root(est: EST) -> None:
    """Anyone gets the chain, in every spelling of the place; elsewhere there is nothing."""
    for place in ("FRA1", "fra1", "FRA1/workstation", "FRA1/server", "DEU1/mobile"):
        found = {each.subject: each for each in certificates_in(await est.call("cacerts", place=place))}
        assert set(found.values()) == {est.desk.ca.issuing_certificate, est.desk.ca.hierarchy.root.certificate}
    for place in ("XXX1", "OPERATOR", "FRA1/manager", "FRA1/server/x", "", "FRA1/"):
        assert (await est.call("cacerts", place=place)).status_code == 404
    for path in ("/est/FRA1", "/est/FRA1/server"):
        assert (await est.call("", path=f"{path}/.well-known/est/cacerts")).status_code == 200
    assert (await est.call("fullcmc", b"")).status_code == 404
    assert (await est.call("cacerts", b"", method="POST")).status_code == 405
    assert (await est.call("simpleenroll")).status_code == 405
    assert (await est.call("cacerts", method="HEAD")).content == b""


async def test_an_unknown_device_waits_and_collects(est: EST) -> None:
    """202 with Retry-After and nothing else, each time, until a manager approves; then the certificate, each time."""
    key = new_key()
    csr = device_csr(key, cn="printer-7", mail="it@poste.example", st="Rhône", l="Lyon")
    for _ in range(2):
        answer = await est.call("simpleenroll", csr)
        assert (answer.status_code, answer.headers["retry-after"], answer.content) == (202, "60", b"")
    request = (await est.desk.ra.request(await est.waiting_id(), FRENCH_MANAGER)).request
    assert (request.door, request.submission.kind, request.source) == ("est", Kind.WORKSTATION, "192.0.2.7")
    assert request.submission.device.id == "printer-7"
    assert request.submission.description == "CN=printer-7, emailAddress=it@poste.example, ST=Rhône, L=Lyon"
    issued = await est.approve()
    for again in (csr, device_csr(key, cn="printer-7", mail="it@poste.example", st="Rhône", l="Lyon")):
        assert certificates_in(await est.call("simpleenroll", again)) == [issued]
    assert issued.public_key() == key.public_key()
    assert issued.subject.rfc4514_string() == f"CN={request.id},O=La Poste,L=Lyon,ST=Rhône,C=FR"
    [mail] = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert mail.value == "it@poste.example"


async def test_a_device_may_forget_where_it_asked(est: EST) -> None:
    """A client that asks again without the organisation is found by its key; one that never asked is not."""
    csr = device_csr(cn="printer-7")
    bare = "/.well-known/est/simpleenroll"
    assert (await est.call("", csr, path=bare)).status_code == 404
    await est.call("simpleenroll", csr, place="FRA1/mobile")
    assert (await est.call("", csr, path=bare)).status_code == 202
    issued = await est.approve()
    assert certificates_in(await est.call("", csr, path=bare)) == [issued]
    assert (await est.call("", csr, path="/.well-known/est/simplereenroll")).status_code == 404


async def test_a_device_without_a_name_is_known_by_its_key(est: EST) -> None:
    """Nothing but a key will do; such a certificate has no alternative names."""
    assert (await est.call("simpleenroll", make_csr())).status_code == 202
    request = (await est.desk.ra.request(await est.waiting_id(), FRENCH_MANAGER)).request
    assert request.submission.device.id.startswith("key ")
    issued = await est.approve()
    with pytest.raises(x509.ExtensionNotFound):
        issued.extensions.get_extension_for_class(x509.SubjectAlternativeName)


async def test_a_server_gets_its_names(est: EST) -> None:
    """At the place for servers the names in the CSR are asked for, or else its common name."""
    for csr in (make_csr(None, "www.poste.example", "poste.example"), device_csr(cn="www2.poste.example")):
        assert (await est.call("simpleenroll", csr, place="FRA1/server")).status_code == 202
        issued = await est.approve()
        asked = [name.value for name in issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
        assert asked in (["www.poste.example", "poste.example"], ["www2.poste.example"])
    refused = await est.call("simpleenroll", device_csr(cn="not a host name"), place="FRA1/server")
    assert refused.status_code == 422


async def test_a_rejected_device_is_told_why(est: EST) -> None:
    """The reason comes word for word, as text, each time, in the language that the device asks for."""
    csr = device_csr(cn="printer-7")
    await est.call("simpleenroll", csr)
    request_id = await est.waiting_id()
    await est.desk.ra.reject(request_id, FRENCH_MANAGER, "Cette imprimante est inconnue")
    for _ in range(2):
        answer = await est.call("simpleenroll", csr)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == f"request {request_id} was rejected: Cette imprimante est inconnue\n"
    assert await est.events() == []


async def test_a_code_enrolls_at_once_where_it_may(est: EST) -> None:
    """HTTP Basic with a code: the certificate comes at once, again if asked again, and to no second device."""
    await allow(est.desk, DoorRule.APPROVE_VOUCHED)
    claire = await registered_manager(est.desk)
    _, code = await est.desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    csr = device_csr(cn="printer-7")
    [first] = certificates_in(await est.call("simpleenroll", csr, code=code))
    assert certificates_in(await est.call("simpleenroll", csr, code=code)) == [first]
    assert certificates_in(await est.call("simpleenroll", csr)) == [first]
    refused = await est.call("simpleenroll", device_csr(cn="printer-8"), code=code)
    assert (refused.status_code, refused.content) == (401, b"")
    assert refused.headers["www-authenticate"].startswith("Basic ")
    [event] = await est.events()
    assert event == {"error": "unauthenticated", "detail": "this enrollment code is used up"}


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic " + base64.b64encode(b"device:7GQ4-2KXM-9VTB-QQ3N-ZD0R").decode(),
        "Basic " + base64.b64encode(b"device:").decode(),
        "Basic " + base64.b64encode(b"device").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic !",
        "Basic",
        "Bearer 7GQ42KXM",
        "",
    ],
)
async def test_a_wrong_code_gets_an_empty_401(est: EST, authorization: str) -> None:
    """Whatever is wrong with it, a wrong code is answered 401 with a challenge and no body, and nothing is recorded."""
    answer = await est.call("simpleenroll", device_csr(cn="x"), headers={"authorization": authorization})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["www-authenticate"].startswith('Basic realm="certdesk"')
    assert await est.desk.store.database.rows("SELECT id FROM requests WHERE door = 'est'", {}) == []
    assert len(await est.events()) == 1


async def test_a_certificate_renews_without_asking(est: EST) -> None:
    """By TLS with a valid certificate the successor comes at once, with the old key or a new one; once."""
    old_key, new = new_key(), new_key()
    await est.call("simpleenroll", device_csr(old_key, cn="printer-7"))
    old = (await est.approve()).public_bytes(Encoding.DER)
    [second] = certificates_in(await est.call("simplereenroll", device_csr(old_key, cn="printer-7"), certificate=old))
    der = second.public_bytes(Encoding.DER)
    csr = device_csr(new, cn="printer-7")
    [third] = certificates_in(await est.call("simplereenroll", csr, certificate=der))
    assert certificates_in(await est.call("simplereenroll", csr, certificate=der)) == [third]
    assert third.public_key() == new.public_key()
    assert third.subject == second.subject == x509.load_der_x509_certificate(old).subject
    assert (await est.call("simplereenroll", device_csr(cn="x"), certificate=old)).status_code == 409


async def test_a_renewal_needs_a_good_certificate_of_the_organisation(est: EST) -> None:
    """None, a stranger's, another organisation's, a manager's, a revoked and an expired one renew nothing."""
    key = new_key()
    await est.call("simpleenroll", device_csr(key, cn="printer-7"))
    issued = await est.approve()
    der, csr = issued.public_bytes(Encoding.DER), device_csr(key, cn="printer-7")
    root = est.desk.ca.root_der
    for place, certificate in (("FRA1", None), ("DEU1", der), ("FRA1", root)):
        answer = await est.call("simplereenroll", csr, place=place, certificate=certificate)
        assert (answer.status_code, answer.content) == (401, b"")
    serial = issued.serial_number.to_bytes(16)
    est.desk.time.now += 366 * DAY
    assert (await est.call("simplereenroll", csr, certificate=der)).status_code == 403
    est.desk.time.now -= 366 * DAY
    await est.desk.ra.revoke(serial, FRENCH_MANAGER, RevocationReason.CESSATION_OF_OPERATION)
    refused = await est.call("simplereenroll", csr, certificate=der)
    assert (refused.status_code, refused.text) == (403, "this certificate was revoked: make a new request\n")
    assert len(await est.events()) == 5


async def test_a_renewal_may_not_come_from_a_web_page(est: EST) -> None:
    """Without the media type that only a program can give, nothing is renewed: a browser would show its certificate."""
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await est.call("simplereenroll", device_csr(cn="x"), headers={"content-type": media_type})
        assert answer.status_code == 400


async def test_csrattrs_say_which_key_to_make(est: EST) -> None:
    """Each organisation's key type comes as CsrAttrs: its parameters, and the algorithm of the signature."""
    await est.desk.ra.add_organisation(Organisation("RSA3", "RSA", "FR", key_type=KeyType.RSA_3072), OPERATOR)
    for place, key_type in (("FRA1", KeyType.EC_P256), ("RSA3", KeyType.RSA_3072)):
        answer = await est.call("csrattrs", place=place)
        assert answer.headers["content-type"] == "application/csrattrs"
        assert base64.b64decode(answer.text) == CSR_ATTRIBUTES[key_type]
    assert CSR_ATTRIBUTES.keys() == set(KeyType)


@pytest.mark.parametrize("kind", ["EC", "RSA"])
async def test_serverkeygen_makes_a_key_for_a_device_with_a_code(est: EST, kind: str) -> None:
    """The answer has a private key like the CSR's, another than the CSR's, and its certificate."""
    await allow(est.desk, DoorRule.APPROVE_VOUCHED)
    claire = await registered_manager(est.desk)
    _, code = await est.desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    key = new_key() if kind == "EC" else rsa.generate_private_key(65537, 2048)
    answer = await est.call("serverkeygen", device_csr(key, cn="printer-7"), code=code)
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = {part.get_content_type(): part for part in email.message_from_bytes(head + answer.content).walk()}
    private_key = load_der_private_key(octets_of(parts["application/pkcs8"]), None)
    [certificate] = load_der_pkcs7_certificates(octets_of(parts["application/pkcs7-mime"]))
    assert certificate.public_key() == private_key.public_key() != key.public_key()
    assert private_key.key_size == key.key_size  # type: ignore[union-attr]
    renewed = await est.call(
        "serverkeygen", device_csr(key, cn="printer-7"), certificate=certificate.public_bytes(Encoding.DER)
    )
    assert renewed.status_code == 200, renewed.text


async def test_serverkeygen_waits_for_nobody(est: EST) -> None:
    """Where a manager would have to decide, or the key should be encrypted, no key is made and no request either."""
    claire = await registered_manager(est.desk)
    _, code = await est.desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    assert (await est.call("serverkeygen", device_csr(cn="x"))).status_code == 401
    assert (await est.call("serverkeygen", device_csr(cn="x"), code=code)).status_code == 403
    await allow(est.desk, DoorRule.APPROVE_VOUCHED)
    wish = b"\x30\x11\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x25\x31\x02\x04\x00"
    assert (await est.call("serverkeygen", make_crooked_csr(attributes=wish), code=code)).status_code == 422
    assert (await est.call("serverkeygen", make_crooked_csr(spki=make_csr()[:40]), code=code)).status_code == 422
    assert await est.desk.store.database.rows("SELECT id FROM requests WHERE door = 'est'", {}) == []


@pytest.mark.parametrize(
    "written",
    [
        base64.b64encode,
        base64.encodebytes,
        lambda der: base64.encodebytes(der).replace(b"\n", b"\r\n"),
        lambda der: "\r\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64)).encode() + b"\r\n\r\n",
        lambda der: base64.b64encode(der).rstrip(b"="),
        lambda der: (
            b"-----BEGIN CERTIFICATE REQUEST-----\n%b-----END CERTIFICATE REQUEST-----\n" % base64.encodebytes(der)
        ),
        lambda der: der,
    ],
    ids=["one line", "76 columns", "CRLF", "64 columns", "no padding", "PEM", "DER"],
)
async def test_every_way_to_write_a_csr_is_read(est: EST, written: Callable[[bytes], bytes]) -> None:
    """However a client folds, arms or forgets its base64, the CSR is the same."""
    csr = device_csr(cn="printer-7")
    assert (await est.call("simpleenroll", raw=written(csr))).status_code == 202
    assert (await est.call("simpleenroll", csr)).status_code == 202
    await est.waiting_id()


async def test_a_csr_out_of_order_is_enrolled(est: EST) -> None:
    """Attributes that DER would order otherwise, and a subject that no strict reader takes, get their certificate."""
    subject = rdn(("2.5.4.3", 0x13, b"*@printer_7"))
    csr = make_crooked_csr(attributes=names(dns("a.poste.example")) + challenge("secret"), subject=subject)
    assert (await est.call("simpleenroll", csr, place="FRA1/server")).status_code == 202
    issued = await est.approve()
    assert certificates_in(await est.call("simpleenroll", csr, place="FRA1/server")) == [issued]


HOSTILE = {
    "nothing": (b"", 422),
    "no base64": (b"!!!!", 400),
    "base64 of nothing": (base64.b64encode(b"\0" * 40), 422),
    "truncated": (base64.b64encode(make_csr()[:-9]), 422),
    "enormous length": (base64.b64encode(b"\x30\x84\xff\xff\xff\xff"), 422),
    "nested": (base64.b64encode(b"\x30\x80" * 9000), 422),
    "too long": (b"A" * 70_000, 413),
    "private key": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 422),
    "NUL": (b"\0" * 100, 400),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("operation", ["simpleenroll", "simplereenroll", "serverkeygen"])
async def test_a_hostile_body_is_refused_and_written_down(est: EST, name: str, operation: str) -> None:
    """It gets a sentence as text, an event, no request and no line of a stack trace."""
    body, status = HOSTILE[name]
    certificate = est.desk.ca.root_der if operation == "simplereenroll" else None
    answer = await est.call(operation, raw=body, certificate=certificate)
    expected = {401, status} if operation == "simplereenroll" else {status}
    assert answer.status_code in expected, answer.text
    assert "Traceback" not in answer.text
    assert len(await est.events()) == 1
    est.check_journal()


async def test_a_bit_turned_in_a_csr_is_noticed(est: EST) -> None:
    """The proof of possession is verified before anything is recorded."""
    csr = bytearray(device_csr(cn="printer-7"))
    csr[csr.index(b"printer-7")] ^= 1
    answer = await est.call("simpleenroll", bytes(csr))
    assert answer.status_code == 422
    assert "signature does not verify" in answer.text
    assert await est.desk.store.database.rows("SELECT id FROM requests WHERE door = 'est'", {}) == []


@pytest.mark.parametrize("kind", ErrorKind)
async def test_every_error_kind_has_its_answer(est: EST, kind: ErrorKind) -> None:
    """Each kind gets its HTTP status and a sentence; a 401 gets none, and what is ours to know is not told."""

    async def refuse(*_: object, **__: object) -> None:
        raise CertdeskError(kind, "secret of the desk", seconds=7)

    est.desk.ra.enroll = refuse  # type: ignore[assignment,method-assign]
    answer = await est.call("simpleenroll", device_csr(cn="x"))
    assert answer.status_code == MEANINGS[kind].status
    is_ours = kind in {ErrorKind.UNAVAILABLE, ErrorKind.INTERNAL, ErrorKind.INCOMPATIBLE}
    assert ("secret" in answer.text) is not (is_ours or kind is ErrorKind.UNAUTHENTICATED)
    assert bool(answer.content) is not (kind is ErrorKind.UNAUTHENTICATED)
    assert ("retry-after" in answer.headers) is (kind in {ErrorKind.RATE_LIMITED, ErrorKind.UNAVAILABLE})
    assert len(await est.events()) == int(not is_ours)


async def test_strangers_are_limited_and_those_who_wait_are_not(desk: TestDesk) -> None:
    """New requests and refusals cost an address its tokens; asking again for one's own request costs nothing."""
    async with open_est(desk, public_calls_per_minute=1, public_calls_at_once=2, monotonic=lambda: 0.0) as est:
        csr = device_csr(cn="printer-1")
        for _ in range(5):
            assert (await est.call("simpleenroll", csr)).status_code == 202
        assert (await est.call("simpleenroll", raw=b"!")).status_code == 400
        limited = await est.call("simpleenroll", csr)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
        assert (await est.call("simpleenroll", csr, address="192.0.2.8")).status_code == 202
        assert len(certificates_in(await est.call("cacerts"))) == 2


async def test_devices_at_once_with_a_code_for_three(est: EST) -> None:
    """Of ten devices at the same time exactly three are enrolled, and seven refusals are written down."""
    await allow(est.desk, DoorRule.APPROVE_VOUCHED)
    _, code = await est.desk.ra.add_code("FRA1", Kind.WORKSTATION, await registered_manager(est.desk), count=3)
    calls = [est.call("simpleenroll", device_csr(cn=f"printer-{number}"), code=code) for number in range(10)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [401] * 7
    assert len(await est.events()) == 7


async def test_an_approved_request_waits_while_the_ca_cannot_sign(est: EST) -> None:
    """Between approval and issuance the device is told to come back."""

    async def out_of_order(_order: object) -> bytes:
        raise CertdeskError(ErrorKind.UNAVAILABLE, "the HSM does not answer")

    issue = est.desk.ca.issue
    csr = device_csr(cn="printer-7")
    await est.call("simpleenroll", csr)
    est.desk.ca.issue = out_of_order  # type: ignore[assignment,method-assign]
    enrollment = await est.desk.ra.approve(await est.waiting_id(), FRENCH_MANAGER)
    assert enrollment.request.state is RequestState.APPROVED
    assert (await est.call("simpleenroll", csr)).status_code == 202
    est.desk.ca.issue = issue  # type: ignore[method-assign]
    await est.desk.ra.resume(0)
    assert len(certificates_in(await est.call("simpleenroll", csr))) == 1
