"""Addresses, queries and messages in them, as SCEP clients write them."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.scep.decoding import address_in, message_in, parameters_in


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/scep/FRA1", ("FRA1", Kind.WORKSTATION, False)),
        ("/scep/fra1/", ("FRA1", Kind.WORKSTATION, False)),
        ("/scep/FRA1/pkiclient.exe", ("FRA1", Kind.WORKSTATION, False)),
        ("/scep/FRA1/cgi-bin/PKIClient.exe", ("FRA1", Kind.WORKSTATION, False)),
        ("/scep/FRA1/Mobile", ("FRA1", Kind.MOBILE, False)),
        ("/scep/FRA1/server/pkiclient.exe", ("FRA1", Kind.SERVER, False)),
        ("/scep/fra1/enroll.mobileconfig", ("FRA1", Kind.MOBILE, True)),
    ],
)
def test_addresses(path: str, expected: tuple[str, Kind, bool]) -> None:
    """Organisation and kind, whatever the client appends; workstations where no kind is named."""
    assert address_in(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/scep/",
        "/scep//",
        "/scep//server",
        "/scep/F",
        "/scep/FRA1/manager",
        "/scep/FRA1/server/mobile",
        "/scep/FRA1/server/enroll.mobileconfig",
        "/scep//enroll.mobileconfig",
        "/scep/../FRA1",
        "/scep/FR A1",
        "/scep/FRA1\0",
        "/scep/FRÀ1",
        "/scep/" + "A" * 60_000,
    ],
)
def test_addresses_that_lead_nowhere(path: str) -> None:
    """What cannot be an organisation's code is not asked about."""
    with pytest.raises(CertdeskError) as caught:
        address_in(path)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_parameters() -> None:
    """The last of a name counts, an empty one is there, and there are not many."""
    assert parameters_in(b"operation=A&operation=B&message=") == {"operation": "B", "message": ""}
    assert parameters_in(b"message=a%2Bb+c%00") == {"message": "a+b c\0"}
    for query in (b"&".join([b"a=1"] * 11), b"a=\xff"):
        with pytest.raises(CertdeskError) as caught:
            parameters_in(query)
        assert caught.value.kind is ErrorKind.MALFORMED


@given(st.binary(max_size=99))
def test_base64_is_read_as_clients_write_it(octets: bytes) -> None:
    """With spaces for plus signs, folded, and without padding."""
    text = base64.b64encode(octets).decode()
    for written in (text, text.replace("+", " "), text.rstrip("="), "\r\n".join(text)):
        assert message_in(written) == octets


@given(st.text(max_size=60))
@example("AAAA=AAA")
@example("A")
@example("=" * 1000)
@example("AAAA\x00")
@example("AAAÁ")
@example("-_-_")
def test_junk_is_base64_or_refused(text: str) -> None:
    """Whatever stands in a query ends in octets or in the door's own error."""
    octets, refusal = b"", None
    try:
        octets = message_in(text)
    except CertdeskError as error:
        refusal = error.kind
    assert refusal in {None, ErrorKind.MALFORMED}
    assert len(octets) <= len(text)
