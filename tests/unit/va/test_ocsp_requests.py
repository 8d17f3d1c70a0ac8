"""Reading OCSP requests."""

import pytest
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from certdesk.va.requests import LARGEST_REQUEST, MOST_CERTIFICATES, parse_request
from certdesk.wire import der
from tests.unit.ca.authorities import authority_of, issue, order_for
from tests.unit.va.questions import NONCE, SHA256, cert_id, extension, nonce_extension, question, usual_question

SERIAL = bytes(range(1, 17))
GOOD = question(cert_id(SERIAL))


def test_a_request_of_cryptography_is_read() -> None:
    """What cryptography asks, by SHA-1 or SHA-256, is read as it reads it itself."""
    certificate = issue(authority_of(), order_for(authority_of()))
    for sha256 in (False, True):
        octets = usual_question(certificate, b"n" * 16, sha256=sha256)
        request, theirs = parse_request(octets), ocsp.load_der_ocsp_request(octets)
        [one] = request.cert_ids
        assert int.from_bytes(one.serial_number) == theirs.serial_number
        hashes = [theirs.issuer_name_hash, theirs.issuer_key_hash]
        assert one.issuer_hashes == b"".join(map(der.octet_string, hashes))
        assert request.nonce == b"n" * 16


def test_several_certificates_are_read_in_order() -> None:
    """A request may ask about several certificates."""
    serials = [bytes([number] * 16) for number in range(1, MOST_CERTIFICATES + 1)]
    request = parse_request(question(*map(cert_id, serials)))
    assert [each.serial_number for each in request.cert_ids] == serials
    assert [each.der for each in request.cert_ids] == [cert_id(each) for each in serials]


@pytest.mark.parametrize(
    "octets",
    [
        question(cert_id(SERIAL), head=der.explicit(0, der.integer(0))),
        question(cert_id(SERIAL), head=der.explicit(1, der.explicit(4, der.sequence()))),
        question(cert_id(SERIAL), tail=der.explicit(0, der.sequence(der.sequence(), der.bit_string(b"x")))),
        question(cert_id(SERIAL), extensions=extension("1.2.3", b"x")),
        question(cert_id(SERIAL), single=extension("1.2.3", b"x")),
        question(cert_id(SERIAL), extensions=extension("1.2.3", b"x") + nonce_extension(b"n")),
        question(cert_id(SERIAL, oid=SHA256, parameters=b"")),
        question(cert_id(b"\x00\x80" + bytes(15))),
    ],
    ids=["version", "requestor", "signature", "extension", "single extension", "two", "SHA-256", "long serial number"],
)
def test_optional_parts_are_accepted(octets: bytes) -> None:
    """An explicit version 1, a requestor, a signature and unknown extensions are no reason to refuse."""
    assert len(parse_request(octets).cert_ids) == 1


@pytest.mark.parametrize("length", [1, 16, 32, 128])
@pytest.mark.parametrize("critical", [False, True])
def test_a_nonce_has_1_to_128_octets(length: int, critical: bool) -> None:
    """Every length of RFC 9654 is accepted, critical or not."""
    extensions = nonce_extension(b"n" * length, critical=critical)
    assert parse_request(question(cert_id(SERIAL), extensions=extensions)).nonce == b"n" * length


CROOKED = {
    "empty": b"",
    "nonsense": b"nonsense",
    "cut": GOOD[:-1],
    "longer": GOOD + b"\x00",
    "empty sequence": der.sequence(),
    "no list": der.sequence(der.sequence()),
    "empty list": question(),
    "too many": question(*[cert_id(SERIAL)] * (MOST_CERTIFICATES + 1)),
    "too large": question(cert_id(SERIAL), tail=bytes(LARGEST_REQUEST)),
    "version 2": question(cert_id(SERIAL), head=der.explicit(0, der.integer(1))),
    "no signature": question(cert_id(SERIAL), tail=der.explicit(1, der.NULL)),
    "two signatures": question(cert_id(SERIAL), tail=der.explicit(0, der.NULL) * 2),
    "empty CertID": question(der.sequence(der.NULL)),
    "no CertID": question(der.NULL),
    "empty nonce": question(cert_id(SERIAL), extensions=nonce_extension(b"")),
    "long nonce": question(cert_id(SERIAL), extensions=nonce_extension(b"n" * 129)),
    "bare nonce": question(cert_id(SERIAL), extensions=extension(NONCE, b"n" * 16)),
    "two nonces": question(cert_id(SERIAL), extensions=nonce_extension(b"n") * 2),
    "critical": question(cert_id(SERIAL), extensions=extension("1.2.3", b"x", critical=True)),
    "critical, single": question(cert_id(SERIAL), single=extension("1.2.3", b"x", critical=True)),
    "empty extensions": question(cert_id(SERIAL), tbs_tail=der.explicit(2, b"")),
    "other field": question(cert_id(SERIAL), tbs_tail=der.explicit(3, der.sequence())),
}


@pytest.mark.parametrize("octets", CROOKED.values(), ids=CROOKED)
def test_what_is_no_request_is_refused(octets: bytes) -> None:
    """Cut, long, empty or crooked requests, bad nonces and unknown critical extensions are errors."""
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence will do, nobody is shown it
        parse_request(octets)


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(octets: bytes) -> None:
    """No input does anything but parse or raise ValueError."""
    try:
        parse_request(octets)
    except ValueError:
        return
    raise AssertionError("random octets are no request")


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_octet_is_read_or_refused(position: int, change: int) -> None:
    """A request with one octet changed parses or raises ValueError."""
    changed = bytearray(GOOD)
    changed[position] ^= change
    try:
        request = parse_request(bytes(changed))
    except ValueError:
        return
    assert len(request.cert_ids) == 1
