"""Addresses, bodies and codes, as EST clients write them."""

import base64
import gzip

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.est.decoding import address_in, code_in, csr_in
from certdesk.wire.pkcs10 import parse_csr
from tests.unit.wire.csr_maker import make_csr, pem


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/.well-known/est/FRA1/cacerts", ("FRA1", Kind.WORKSTATION, "cacerts")),
        ("/.well-known/est/fra1/server/simpleenroll", ("FRA1", Kind.SERVER, "simpleenroll")),
        ("/.well-known/est/FRA1/Mobile/csrattrs", ("FRA1", Kind.MOBILE, "csrattrs")),
        ("/est/FRA1/.well-known/est/cacerts", ("FRA1", Kind.WORKSTATION, "cacerts")),
        ("/est/FRA1/server/.well-known/est/cacerts", ("FRA1", Kind.SERVER, "cacerts")),
        ("/est/FRA1/cacerts", ("FRA1", Kind.WORKSTATION, "cacerts")),
        ("/.well-known/est/simpleenroll", ("", Kind.WORKSTATION, "simpleenroll")),
        ("/.well-known/est/FRA1/", ("FRA1", Kind.WORKSTATION, "")),
    ],
)
def test_addresses(path: str, expected: tuple[str, Kind, str]) -> None:
    """Organisation, kind and operation, wherever the client puts the well-known part."""
    assert address_in(path) == expected


@pytest.mark.parametrize(
    "place",
    [
        "",
        "/",
        "simplereenroll",
        "F/cacerts",
        "F%/cacerts",
        "FRÀ1/cacerts",
        "FRA1\0/cacerts",
        "FRA1//cacerts",
        "FRA1/manager/cacerts",
        "FRA1/server/x/cacerts",
        "../cacerts",
        "A" * 60_000 + "/cacerts",
    ],
)
def test_addresses_that_lead_nowhere(place: str) -> None:
    """What cannot be an organisation's code, or is no kind, is not asked about."""
    with pytest.raises(CertdeskError) as caught:
        address_in("/.well-known/est/" + place)
    assert caught.value.kind is ErrorKind.NOT_FOUND


@given(st.binary(max_size=99), st.integers(1, 80))
@example(b"", 1)
def test_base64_is_read_as_clients_fold_it(octets: bytes, width: int) -> None:
    """In lines of any width, with either end of line, and without padding."""
    text = base64.b64encode(octets)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    for written in (text, b"\n".join(lines), b"\r\n".join(lines) + b"\r\n", text.rstrip(b"="), b" \t" + text):
        assert csr_in(written) == octets


def test_pem_and_der_stay_as_they_are() -> None:
    """Both are read as a CSR afterwards."""
    csr = make_csr()
    for body in (csr, pem(csr).encode(), b"Subject: printer\n" + pem(csr).encode()):
        assert csr_in(body) == body
        assert parse_csr(csr_in(body)).der == csr


@given(st.binary(max_size=200))
@example(b"A")
@example(b"=" * 1000)
@example(b"AAAA=AAA")
@example(b"\0" * 100)
@example(b"-----BEGIN ")
def test_junk_is_octets_or_refused(body: bytes) -> None:
    """Whatever is sent ends in octets, and no more of them than came, or in the door's own error."""
    octets, refusal = b"", None
    try:
        octets = csr_in(body)
    except CertdeskError as error:
        refusal = error.kind
    assert refusal in {None, ErrorKind.MALFORMED}
    assert len(octets) <= len(body)


def test_nothing_is_unpacked() -> None:
    """A compressed body is what it is, and no CSR."""
    bomb = gzip.compress(bytes(1_000_000))
    assert csr_in(bomb) == bomb
    with pytest.raises(CertdeskError):
        parse_csr(csr_in(bomb))


def basic(text: bytes) -> bytes:
    """Return HTTP Basic of a name and password."""
    return b"Basic " + base64.b64encode(text)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, ""),
        (basic(b"device:7GQ4"), "7GQ4"),
        (basic(b":7GQ4"), "7GQ4"),
        (basic(b"a:b:c"), "b:c"),
        (basic(b"device:7GQ4").replace(b"Basic", b"bAsIc"), "7GQ4"),
        (basic("é:ü".encode()), "ü"),
        (basic(b"device:"), "-"),
        (basic(b"device"), "-"),
        (basic(b""), "-"),
    ],
)
def test_the_code_is_the_password(authorization: bytes | None, expected: str) -> None:
    """Whatever the name is; an empty password is not the same as none."""
    assert code_in(authorization) == expected


@given(st.binary(max_size=60))
@example(b"Bearer abc")
@example(b"Basic !")
@example(b"Basic")
@example(b"")
@example(basic(b"\xff:\xff"))
def test_other_credentials_are_refused(authorization: bytes) -> None:
    """Another scheme, no base64 and no UTF-8 are nobody's credentials."""
    refusal = None
    try:
        assert code_in(authorization)
    except CertdeskError as error:
        refusal = error.kind
    assert refusal in {None, ErrorKind.UNAUTHENTICATED}
