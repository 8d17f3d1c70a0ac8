"""What devices send to the SCEP door: an address, a query, and perhaps a message in it."""

import binascii
from urllib.parse import parse_qsl

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.devices import place_of

PREFIX = "/scep/"
"""Where the paths of this door begin."""
PROFILE = "enroll.mobileconfig"

_APPENDED = frozenset({"", "pkiclient.exe", "cgi-bin"})
"""What clients put behind the address that they were given, after Cisco's first one."""
_MOST_PARAMETERS = 10
LARGEST_FORM = 1024
"""Octets of the form with an enrollment code."""


def address_in(path: str) -> tuple[str, Kind, bool]:
    """Return the organisation's code and the kind in a path, and whether it is the profile's; raise `NOT_FOUND`."""
    organisation, *rest = path[len(PREFIX) :].split("/")
    if rest == [PROFILE]:
        return *place_of(organisation, [Kind.MOBILE]), True
    return *place_of(organisation, [each for each in rest if each.lower() not in _APPENDED]), False


def parameters_in(query_string: bytes) -> dict[str, str]:
    """Return the query's parameters; later ones of the same name count. Raises `MALFORMED`."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise CertdeskError(ErrorKind.MALFORMED, N_("the query string cannot be read")) from None
    return dict(pairs)


def form_in(body: bytes) -> dict[str, str]:
    """Return the fields of an urlencoded form, as of the page that offers the profile; raise `MALFORMED`."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS))
    except ValueError:
        raise CertdeskError(ErrorKind.MALFORMED, N_("this form cannot be read")) from None


def message_in(base64: str) -> bytes:
    """Return a message from a GET's query, where a + that was not escaped has become a space; raise `MALFORMED`."""
    text = "".join(base64.replace(" ", "+").split()).rstrip("=")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise CertdeskError(ErrorKind.MALFORMED, N_("this is not base64"), field="message") from None
