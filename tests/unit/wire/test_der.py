"""Writing and reading DER."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.wire import der

MILLISECONDS = st.integers(-600_000_000_000, 250_000_000_000_000)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (der.integer(0), "020100"),
        (der.integer(127), "02017f"),
        (der.integer(128), "02020080"),
        (der.integer(-1), "0201ff"),
        (der.integer(-128), "020180"),
        (der.integer(-129), "0202ff7f"),
        (der.integer(9, der.ENUMERATED), "0a0109"),
        (der.octet_string(b"\x01"), "040101"),
        (der.bit_string(b"\xa0"), "030200a0"),
        (der.named_bits(0), "03020780"),
        (der.named_bits(0, 2), "030205a0"),
        (der.named_bits(5, 6), "03020106"),
        (der.named_bits(0, 8), "0303078080"),
        (der.oid("1.2.840.113549.1.1.11"), "06092a864886f70d01010b"),
        (der.oid("2.999.1"), "0603883701"),
        (der.oid("2.5.29.0"), "0603551d00"),
        (der.text("é"), "0c02c3a9"),
        (der.text("FR", der.PRINTABLE_STRING), "13024652"),
        (der.sequence(), "3000"),
        (der.sequence(der.NULL, der.NULL), "300405000500"),
        (der.explicit(3, der.NULL), "a3020500"),
        (der.implicit(6, b"x"), "860178"),
    ],
)
def test_elements_are_written_as_in_x690(written: bytes, expected: str) -> None:
    """Each writer makes the octets that X.690 asks for."""
    assert written.hex() == expected


@pytest.mark.parametrize(("length", "head"), [(127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100")])
def test_a_length_has_its_shortest_form(length: int, head: str) -> None:
    """A length of 128 octets or more is written with as few octets as it needs."""
    assert der.octet_string(bytes(length)).hex().startswith(head)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("1970-01-01T00:00:00", b"\x17\x0d700101000000Z"),
        ("1950-01-01T00:00:00", b"\x17\x0d500101000000Z"),
        ("1949-12-31T23:59:59", b"\x18\x0f19491231235959Z"),
        ("2049-12-31T23:59:59.999", b"\x17\x0d491231235959Z"),
        ("2050-01-01T00:00:00", b"\x18\x0f20500101000000Z"),
    ],
)
def test_time_changes_its_type_in_2050(moment: str, expected: bytes) -> None:
    """A date through 2049 is a UTCTime, from 2050 (and before 1950) a GeneralizedTime."""
    milliseconds = round(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)
    assert der.time(milliseconds) == expected


@given(MILLISECONDS)
@example(2_524_608_000_000)
@example(2_524_607_999_999)
def test_times_keep_their_second(milliseconds: int) -> None:
    """A time reads back as the second that it was cut to."""
    element = der.time(milliseconds)
    form = "%y%m%d%H%M%SZ" if element[0] == der.UTC_TIME else "%Y%m%d%H%M%SZ"
    read_back = datetime.strptime(element[2:].decode(), form).replace(tzinfo=UTC)
    if element[0] == der.UTC_TIME and read_back.year >= 2050:  # RFC 5280 says 50 to 99 are 19xx, strptime says 69 to 99
        read_back = read_back.replace(year=read_back.year - 100)
    assert int(read_back.timestamp()) == milliseconds // 1000


@given(st.integers(-(2**70), 2**70))
def test_integers_read_back(value: int) -> None:
    """An INTEGER is minimal and keeps its value."""
    element = der.integer(value)
    content = der.content(element, der.whole(element), der.INTEGER)
    assert int.from_bytes(content, signed=True) == value
    assert len(content) == 1 or not (content[0] in {0x00, 0xFF} and content[0] >> 7 == content[1] >> 7)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
def test_object_identifiers_agree(arcs: list[int]) -> None:
    """An OBJECT IDENTIFIER is written as cryptography writes it."""
    dotted = ".".join(map(str, [1, 3, *arcs]))
    policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(dotted), None)])
    assert der.sequence(der.sequence(der.oid(dotted))) == policies.public_bytes()


@pytest.mark.parametrize(
    "dotted", ["1.2.840.113549.1.9.7", "0.9.2342.19200300.100.1.1", "2.999.1", f"2.25.{2**128 - 1}"]
)
def test_object_identifiers_are_shown_in_dots(dotted: str) -> None:
    """What was written is read back, arcs as large as UUIDs too."""
    octets = der.oid(dotted)
    assert der.dotted(der.content(octets, der.whole(octets), der.OID)) == dotted


@pytest.mark.parametrize("content", [b"", b"\x81", b"\x2a\x86", b"\x2a" * 65, b"\xff" * 30_000 + b"\x7f"], ids=len)
def test_an_object_identifier_has_an_end(content: bytes) -> None:
    """Cut short, or so long that showing it takes the square of its length, it is refused."""
    with pytest.raises(ValueError, match="object identifier"):
        der.dotted(content)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_what_was_written_is_read(contents: list[bytes]) -> None:
    """The parts of a SEQUENCE come back with their tags and contents."""
    octets = der.sequence(*map(der.octet_string, contents))
    parts = der.parts(octets, der.whole(octets))
    assert [der.content(octets, part, der.OCTET_STRING) for part in parts] == contents


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "30",
        "3001",
        "3080",
        "30800000",
        "308100",
        "30817f" + "00" * 127,
        "30820001" + "00",
        "3084ffffffff",
        "30ff" + "ff" * 127,
        "1f0100",
        "300000",
    ],
)
def test_what_is_not_der_is_refused(octets: str) -> None:
    """Cut elements, indefinite or padded lengths, long tags and trailing octets are errors."""
    with pytest.raises(ValueError, match=r"element|length"):
        der.whole(bytes.fromhex(octets))


@given(st.binary(max_size=64))
def test_reading_anything_ends_well(octets: bytes) -> None:
    """Whatever is read, the answer is an element within bounds or a ValueError."""
    try:
        element = der.whole(octets)
        parts = der.parts(octets, element, element.tag)
    except ValueError:
        return
    assert all(element.content <= part.begin < part.content <= part.end <= element.end for part in parts)


def test_another_tag_is_refused() -> None:
    """Content and parts are given only for the tag that was expected."""
    octets = der.sequence()
    with pytest.raises(ValueError, match="tag 0x2 is expected"):
        der.content(octets, der.whole(octets), der.INTEGER)
    with pytest.raises(ValueError, match="tag 0x31 is expected"):
        der.parts(octets, der.whole(octets), der.SET)
