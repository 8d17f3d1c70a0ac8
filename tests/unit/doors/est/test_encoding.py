"""What EST clients are answered: base64 in a single line, and the documents in it."""

import base64
import email

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from certdesk.domain.enrollment import KeyType
from certdesk.doors.answers import Answer
from certdesk.doors.est.encoding import (
    CSR_ATTRIBUTES,
    attributes_answer,
    certificates_answer,
    key_answer,
    pending_answer,
    refusal_answer,
)
from certdesk.wire import der
from tests.unit.wire.cms.message_maker import DEVICE, OTHER


def headers_of(answer: Answer) -> dict[bytes, bytes]:
    """Return an answer's headers."""
    return dict(answer.headers)


def test_certificates_come_in_one_line() -> None:
    """A PKCS#7 that others read, in base64 without a single white space."""
    answer = certificates_answer((DEVICE.der, OTHER.der))
    assert headers_of(answer)[b"content-type"] == b"application/pkcs7-mime; smime-type=certs-only"
    assert headers_of(answer)[b"content-transfer-encoding"] == b"base64"
    assert len(answer.body.split()) == 1
    found = load_der_pkcs7_certificates(base64.b64decode(answer.body, validate=True))
    assert set(found) == {DEVICE.certificate, OTHER.certificate}


@pytest.mark.parametrize("key_type", KeyType)
def test_attributes_are_a_sequence_of_object_identifiers_and_attributes(key_type: KeyType) -> None:
    """CsrAttrs (RFC 7030 §4.5.2), for every kind of key that an organisation may want."""
    octets = base64.b64decode(attributes_answer(key_type).body, validate=True)
    assert octets == CSR_ATTRIBUTES[key_type]
    parts = der.parts(octets, der.whole(octets))
    assert {each.tag for each in parts} <= {der.OID, der.SEQUENCE}
    for each in parts:
        if each.tag == der.SEQUENCE:
            assert [inner.tag for inner in der.parts(octets, each)] == [der.OID, der.SET]


def test_a_key_and_its_certificate_come_in_two_parts() -> None:
    """In MIME that Python's reader understands, each time with another boundary, and kept by no cache."""
    answer, again = key_answer(b"PKCS#8", DEVICE.der), key_answer(b"PKCS#8", DEVICE.der)
    assert headers_of(answer)[b"cache-control"] == b"no-store"
    head = b"Content-Type: " + headers_of(answer)[b"content-type"] + b"\r\n\r\n"
    assert headers_of(answer)[b"content-type"] != headers_of(again)[b"content-type"]
    _, key, certificates = email.message_from_bytes(head + answer.body).walk()
    assert (key.get_content_type(), key.get_payload(decode=True)) == ("application/pkcs8", b"PKCS#8")
    octets = certificates.get_payload(decode=True)
    assert isinstance(octets, bytes)
    [found] = load_der_pkcs7_certificates(octets)
    assert found.public_bytes(Encoding.DER) == DEVICE.der


def test_answers_without_a_body() -> None:
    """Pending, and a wrong password: nothing that a client could choke on."""
    pending, unknown = pending_answer(60), refusal_answer(401, "this enrollment code is not known here")
    assert (pending.status, pending.body, headers_of(pending)[b"retry-after"]) == (202, b"", b"60")
    assert (unknown.status, unknown.body) == (401, b"")
    assert headers_of(unknown)[b"www-authenticate"].startswith(b"Basic ")


def test_a_refusal_is_a_line_of_text() -> None:
    """In UTF-8, whatever the language."""
    answer = refusal_answer(403, "la demande a été rejetée", (b"retry-after", b"7"))
    assert (answer.status, answer.body.decode()) == (403, "la demande a été rejetée\n")
    assert headers_of(answer)[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers_of(answer)[b"retry-after"] == b"7"
