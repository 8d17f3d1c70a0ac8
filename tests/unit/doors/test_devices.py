"""What a CSR says of a device, in whatever state it comes, and where paths lead."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certdesk.domain.enrollment import Kind, Names, Submission
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.devices import place_of, submission_of
from certdesk.policy.fields import LONGEST_DESCRIPTION
from certdesk.wire import names as wire_names
from certdesk.wire.pkcs10 import CHALLENGE_PASSWORD, LARGEST_CSR, parse_csr
from tests.unit.wire.csr_maker import (
    challenge,
    dns,
    email,
    extension,
    make_csr,
    names,
    oid,
    rdn,
    requested,
    sequence,
    tlv,
)
from tests.unit.wire.effort import peak, steps

COMMON_NAME, SERIAL, USER_ID = "2.5.4.3", "2.5.4.5", "0.9.2342.19200300.100.1.1"
UNSTRUCTURED, EMAIL = "1.2.840.113549.1.9.2", "1.2.840.113549.1.9.1"
UTF8 = 0x0C


def described(csr: bytes, kind: Kind = Kind.WORKSTATION, app: str = "") -> Submission:
    """Return what a CSR says of its device."""
    return submission_of(parse_csr(csr), "FRA1", kind, bytes(32), app)


def subject(*pairs: tuple[str, bytes]) -> bytes:
    """Return a subject."""
    return b"".join(rdn((kind, UTF8, text)) for kind, text in pairs)


@pytest.mark.parametrize(
    ("csr", "expected"),
    [
        (make_csr(subject=subject((COMMON_NAME, b"printer-7"), (SERIAL, b"4711"))), "4711"),
        (make_csr(subject=subject((COMMON_NAME, b"printer-7"), (UNSTRUCTURED, b"router.example"))), "router.example"),
        (make_csr(subject=subject((COMMON_NAME, b"printer-7"), (USER_ID, b"u1"))), "u1"),
        (make_csr(subject=subject((COMMON_NAME, b"printer-7"))), "printer-7"),
        (
            make_csr(
                subject=subject((COMMON_NAME, b" ")),
                attributes=sequence(oid(UNSTRUCTURED), tlv(0x31, tlv(UTF8, b"r1"))),
            ),
            "r1",
        ),
        (make_csr(), "key " + parse_csr(make_csr()).spki_sha256.hex()[:32]),
    ],
)
def test_a_device_is_known_by_the_first_name_that_it_has(csr: bytes, expected: str) -> None:
    """Serial number, unstructured name, user ID, common name; or its key."""
    assert described(csr).device.id == expected


def test_the_manager_sees_the_whole_subject() -> None:
    """And where the e-mail address comes from does not matter."""
    csr = make_csr(subject=subject((COMMON_NAME, b"a, b"), (EMAIL, b"it@poste.example")))
    assert (described(csr).description, described(csr).email) == (
        "CN=a\\, b, emailAddress=it@poste.example",
        "it@poste.example",
    )
    assert described(make_csr(attributes=names(email("x@poste.example")))).email == "x@poste.example"
    long = described(make_csr(subject=subject(*[(COMMON_NAME, b"x" * 60)] * 40))).description
    assert (len(long), long[-1]) == (LONGEST_DESCRIPTION, "\N{HORIZONTAL ELLIPSIS}")


def test_only_servers_have_names() -> None:
    """A server without any in its CSR has its common name."""
    csr = make_csr(subject=subject((COMMON_NAME, b"www.poste.example")))
    assert described(csr).names == Names()
    assert described(csr, Kind.SERVER).names == Names(("www.poste.example",))
    with_names = make_csr(subject=subject((COMMON_NAME, b"x.example")), attributes=names(dns("www.poste.example")))
    assert described(with_names, Kind.SERVER).names == Names()  # policy takes those from the CSR itself


def test_what_a_program_calls_itself_is_shown_as_far_as_it_can_be() -> None:
    """Without control characters, and not at any length."""
    assert described(make_csr(), app="AnyConnect\x00\r\n\x1b[2J/4").device.app == "AnyConnect[2J/4"
    assert len(described(make_csr(), app="x" * 60_000).device.app) <= 128


@pytest.mark.parametrize(("kinds", "expected"), [([], "workstation"), (["MOBILE"], "mobile"), (["server"], "server")])
def test_places(kinds: list[str], expected: str) -> None:
    """The code in whatever case, and the kind."""
    assert place_of("fra1", kinds) == ("FRA1", expected)


@pytest.mark.parametrize("organisation", ["", "F", "FRA-1", "FRA1\n", "FRA1\0", "A" * 13, "Ⅷ" * 3, "FRA1/"])
def test_places_that_are_none(organisation: str) -> None:
    """Nothing but letters and digits is a code, and only three kinds have a place."""
    for code, kinds in ((organisation, []), ("FRA1", ["manager"]), ("FRA1", [""]), ("FRA1", ["mobile", "server"])):
        with pytest.raises(CertdeskError) as caught:
            place_of(code, kinds)
        assert caught.value.kind is ErrorKind.NOT_FOUND


def read(unverified_csr: bytes) -> Submission | None:
    """Return what a CSR says of its device as a server; None for one that is refused as a CSR should be."""
    refusal = None
    try:
        csr = parse_csr(unverified_csr)
        csr.attribute(CHALLENGE_PASSWORD)
        csr.redacted()
        submission = submission_of(csr, "FRA1", Kind.SERVER, bytes(32), "")
        csr.verify()
    except CertdeskError as error:
        refusal = error.kind
    else:
        return submission
    assert refusal in {ErrorKind.BAD_CSR, ErrorKind.WEAK_KEY}
    return None


GOOD = make_csr(
    subject=subject((COMMON_NAME, b"www.poste.example"), (EMAIL, b"it@poste.example")),
    attributes=challenge("7GQ4-2KXM") + names(dns("www.poste.example")),
)


def test_truncation_at_every_offset() -> None:
    """Nothing that was cut off anywhere is read."""
    assert read(GOOD) is not None
    for end in range(len(GOOD)):
        assert read(GOOD[:end]) is None


def test_a_bit_turned_in_every_byte() -> None:
    """Whatever says something else than what was signed is refused; what is left are ways to write the signature."""
    signed = parse_csr(GOOD).info
    for at in range(len(GOOD)):
        for bit in range(8):
            changed = bytearray(GOOD)
            changed[at] ^= 1 << bit
            assert read(bytes(changed)) is None or parse_csr(bytes(changed)).info == signed


elements = st.recursive(
    st.builds(tlv, st.integers(0, 255), st.binary(max_size=20)),
    lambda inner: st.builds(lambda tag, parts: tlv(tag, *parts), st.sampled_from([0x30, 0x31, 0xA0]), st.lists(inner)),
    max_leaves=12,
)


@given(elements, elements)
def test_well_formed_elements_in_the_wrong_places(first: bytes, second: bytes) -> None:
    """DER that is well-formed and means nothing is refused, or nothing is made of it."""
    read(make_csr(subject=first, attributes=second))
    read(make_csr(subject=tlv(0x31, first, second)))
    read(make_csr(subject=tlv(0x31, sequence(first, second))))
    read(make_csr(attributes=sequence(oid(CHALLENGE_PASSWORD), tlv(0x31, first)) + second))
    read(make_csr(attributes=sequence(oid(UNSTRUCTURED), first)))


def filled(piece: bytes, around: Callable[[bytes], bytes]) -> bytes:
    """Return a CSR that is as large as one may be, filled with one piece over and over."""
    room = LARGEST_CSR - len(around(b"")) - 64
    return around(piece * (room // len(piece)))


def nested(depth: int) -> bytes:
    """Return sequences inside each other."""
    octets = b""
    for _ in range(depth):
        octets = sequence(octets)
    return octets


BOMBS = {
    "names": filled(rdn((COMMON_NAME, UTF8, b"")), lambda piece: make_csr(subject=piece)),
    "pairs": filled(rdn((COMMON_NAME, UTF8, b""))[2:], lambda piece: make_csr(subject=tlv(0x31, piece))),
    "empty names": filled(tlv(0x31), lambda piece: make_csr(subject=piece)),
    "a huge OID": make_csr(subject=tlv(0x31, sequence(tlv(0x06, b"\xff" * 30_000 + b"\x7f"), tlv(UTF8, b"x")))),
    "huge OIDs": filled(
        tlv(0x31, sequence(tlv(0x06, b"\xff" * 63 + b"\x7f"), tlv(UTF8))), lambda piece: make_csr(subject=piece)
    ),
    "a huge name": make_csr(subject=subject((COMMON_NAME, b"x" * 30_000))),
    "attributes": filled(sequence(oid("1.2.3"), tlv(0x31)), lambda piece: make_csr(attributes=piece)),
    "passwords": filled(challenge(""), lambda piece: make_csr(attributes=piece)),
    "a huge password": make_csr(attributes=challenge("x" * 30_000)),
    "extensions": filled(extension("1.2.3", b""), lambda piece: make_csr(attributes=requested(piece))),
    "alternative names": filled(dns("a"), lambda piece: make_csr(attributes=names(piece))),
    "nested": make_csr(attributes=sequence(oid(UNSTRUCTURED), nested(10_000))),
    "nested subject": make_csr(subject=nested(8000)),
    "openings": b"\x30\x80" * (LARGEST_CSR // 2),
    "zeros": b"\x30" + bytes(LARGEST_CSR - 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_fizzle(name: str) -> None:
    """However a CSR is filled, reading it takes a bounded number of steps, and memory of some times its size."""
    octets = BOMBS[name]
    read(octets)
    assert steps(lambda: read(octets)) < 400_000
    assert peak(lambda: read(octets)) < 150 * LARGEST_CSR


def test_every_type_of_string_is_shown() -> None:
    """Nothing in a subject raises, whatever its type says it is."""
    for tag in range(256):
        if tag & 0x1F != 0x1F:
            submission = described(make_csr(subject=rdn((COMMON_NAME, tag, b"\xff\xfea\x00\xd8\x00"))))
            assert submission.description.startswith("CN=")
    assert wire_names.COMMON_NAME == COMMON_NAME
