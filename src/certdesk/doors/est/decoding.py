"""What devices send to the EST door: an address, a body, and perhaps an enrollment code."""

import binascii
import re

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.devices import place_of

PREFIX = "/.well-known/est/"
"""Where this door is (RFC 7030 §3.2.2)."""
PREFIXES = (PREFIX, "/est/")
"""Where the paths of this door begin."""

_OF_KNOWN_KEYS = "simpleenroll"
"""The operation that needs no organisation in its path if the key has asked at some organisation's before."""
_WHITESPACE = re.compile(rb"\s+")
_PEM = b"-----BEGIN "
_NO_CODE = "-"
"""An empty password: a code that is nobody's."""


def address_in(path: str) -> tuple[str, Kind, str]:
    """Return the organisation's code, the kind and the operation in a path; raise `NOT_FOUND`.

    The code is empty where a client asks again and has forgotten where it asked first (strongSwan 5.9.8).
    """
    address = path.removeprefix(PREFIX).removeprefix(PREFIXES[1]).replace(PREFIX, "/", 1)
    if address == _OF_KNOWN_KEYS:
        return "", Kind.WORKSTATION, address
    organisation, _, rest = address.partition("/")
    *kinds, operation = rest.split("/")
    return *place_of(organisation, kinds), operation


def csr_in(unverified_body: bytes) -> bytes:
    """Return what a body holds: PEM as it stands, DER from base64, or DER that came without any; raise `MALFORMED`.

    Base64 may be folded in any way, and lack its padding (RFC 8951 §2).
    """
    if _PEM in unverified_body or not unverified_body.isascii():
        return unverified_body
    text = _WHITESPACE.sub(b"", unverified_body).rstrip(b"=")
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error:
        raise CertdeskError(ErrorKind.MALFORMED, N_("the body is not base64"), field="csr") from None


def code_in(authorization: bytes | None) -> str:
    """Return the enrollment code in `Authorization: Basic` (RFC 7617), which is the password; the name is not read.

    Raises `UNAUTHENTICATED` for what is something else.
    """
    if authorization is None:
        return ""
    scheme, _, credentials = authorization.partition(b" ")
    try:
        if scheme.lower() == b"basic":
            name_and_password = binascii.a2b_base64(credentials.strip(), strict_mode=True).decode()
            return name_and_password.partition(":")[2] or _NO_CODE
    except ValueError:
        pass
    raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("the desk understands Authorization: Basic with a code only"))
