"""Encode names: distinguished names (RFC 5280 §4.1.2.4) and subject alternative names (§4.2.1.6)."""

import ipaddress
import re
from functools import lru_cache

from certdesk.domain.enrollment import Names
from certdesk.policy.fields import LONGEST_COMMON_NAME
from certdesk.wire import der

COUNTRY = der.oid("2.5.4.6")
STATE_OR_PROVINCE = der.oid("2.5.4.8")
LOCALITY = der.oid("2.5.4.7")
ORGANISATION = der.oid("2.5.4.10")
COMMON_NAME = der.oid("2.5.4.3")

_LABELS = {COUNTRY: "C", STATE_OR_PROVINCE: "ST", LOCALITY: "L", ORGANISATION: "O", COMMON_NAME: "CN"}
_SPECIAL = re.compile(r'["+,;<>\\]|^[ #]|(?<=.) \Z')
_RFC822_NAME, _DNS_NAME, _IP_ADDRESS = 1, 2, 7


def distinguished_name(*attributes: tuple[bytes, str]) -> bytes:
    """Return a DER Name, most general attribute first, leaving out attributes with an empty value."""
    return der.sequence(*(_relative_name(kind, value) for kind, value in attributes if value))


@lru_cache(1024)  # most of a subject is its organisation's, and its place
def _relative_name(kind: bytes, value: str) -> bytes:
    tag = der.PRINTABLE_STRING if kind is COUNTRY else der.UTF8_STRING
    return der.tlv(der.SET, der.sequence(kind, der.text(value, tag)))


def distinguished_name_text(*attributes: tuple[bytes, str]) -> str:
    """Return the same name as text, most specific attribute first (RFC 4514 §2)."""
    return ",".join(_relative_name_text(kind, value) for kind, value in reversed(attributes) if value)


@lru_cache(1024)
def _relative_name_text(kind: bytes, value: str) -> str:
    return f"{_LABELS[kind]}={_SPECIAL.sub(_escaped, value)}"


def _escaped(special: re.Match[str]) -> str:
    return f"\\{special[0]}"


def email_name(email: str) -> bytes:
    """Return the DER GeneralNames of one e-mail address (ASCII)."""
    return der.sequence(der.implicit(_RFC822_NAME, email.encode("ascii")))


def server_names(names: Names) -> bytes:
    """Return the DER GeneralNames of a server: its DNS names (A-labels), then its IP addresses."""
    return der.sequence(
        *(der.implicit(_DNS_NAME, name.encode("ascii")) for name in names.dns),
        *(der.implicit(_IP_ADDRESS, ipaddress.ip_address(address).packed) for address in names.ip),
    )


def server_common_name(names: Names) -> str:
    """Return a server's first DNS name if it fits into a common name, else nothing."""
    first = names.dns[0] if names.dns else ""
    return first if len(first) <= LONGEST_COMMON_NAME else ""
