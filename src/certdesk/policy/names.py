"""Which DNS names and IP addresses a server's certificate may carry."""

import contextlib
import ipaddress
import re
from collections.abc import Iterable

import idna

from certdesk.domain.enrollment import Names
from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.policy.fields import shown

MOST_NAMES = 100
"""As at Let's Encrypt: more make the certificate larger than TLS stacks like, and no administrator reads them."""
LONGEST_NAME = 253
"""Characters without the root's dot: 255 octets on the wire (RFC 1035 §2.3.4)."""
LONGEST_LABEL = 63

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_ROOT_DOT = re.compile(r"\w\.\Z")
_NOT_LDH = re.compile(r"[^a-z0-9.-]")


def normal_names(names: Names) -> Names:
    """Return names in their one spelling, without repetitions; what cannot be a name is left for the judgement."""
    return Names(
        tuple(dict.fromkeys(map(normal_dns, names.dns))),
        tuple(dict.fromkeys(map(_normal_ip, names.ip))),
    )


def normal_dns(name: str) -> str:
    """Return a DNS name in lower case, without the root's dot, its U-labels as A-labels (RFC 5891, UTS 46)."""
    name = name.strip().lower()
    if not name.isascii() and len(name) <= LONGEST_NAME:
        wildcard, host = ("*.", name[2:]) if name.startswith("*.") else ("", name)
        with contextlib.suppress(UnicodeError):
            name = wildcard + idna.encode(host, uts46=True).decode()
    return name[:-1] if _ROOT_DOT.search(name) else name


def _normal_ip(address: str) -> str:
    try:
        return ipaddress.ip_address(address.strip()).compressed
    except ValueError:
        return address


def normal_suffix(suffix: str) -> str:
    """Return a DNS suffix in its one spelling: a name, without `*.` or a dot in front."""
    return normal_dns(suffix.strip().removeprefix("*").removeprefix("."))


def judge_names(
    names: Names, *, allow_wildcards: bool, suffixes: Iterable[str] = (), field: str = "names"
) -> list[Problem]:
    """Return what speaks against a server's normalised names, at the fields `{field}.dns` and `{field}.ip`.

    Where there are suffixes, every DNS name must be one of them or end in one; IP addresses have none.
    """
    allowed = tuple(suffixes)
    count = len(names.dns) + len(names.ip)
    if not 0 < count <= MOST_NAMES:
        message = N_("a server needs 1 to {most} DNS names or IP addresses, these are {count}")
        return [Problem(ErrorKind.NAME_NOT_ALLOWED, message, field, {"most": MOST_NAMES, "count": count})]
    judged = [
        (name, f"{field}.dns", _why_not_dns(name, allow_wildcards=allow_wildcards) or _why_not_below(name, allowed))
        for name in names.dns
    ]
    judged += [(address, f"{field}.ip", _why_not_ip(address)) for address in names.ip]
    return [
        Problem(ErrorKind.NAME_NOT_ALLOWED, reason, place, {"name": shown(name)})
        for name, place, reason in judged
        if reason
    ]


def _why_not_dns(name: str, *, allow_wildcards: bool) -> str | None:
    if not name.startswith("*."):
        return why_not_host(name)
    if not allow_wildcards:
        return N_("{name} is a wildcard, which the organisation does not allow")
    host = name[2:]
    if "." not in host:
        return N_("{name} would stand for a whole top-level domain")
    return why_not_host(host)


def _why_not_below(name: str, suffixes: tuple[str, ...]) -> str | None:
    host = name.removeprefix("*.")
    if not suffixes or any(host == suffix or host.endswith(f".{suffix}") for suffix in suffixes):
        return None
    return N_("{name} does not belong to the names that the organisation may have")


def why_not_host(name: str) -> str | None:
    """Return why a lower-case name is no host name (RFC 1123 §2.1, RFC 5890 §2.3.1) as a message with `{name}`."""
    if len(name) > LONGEST_NAME or not _HOST.fullmatch(name):
        return _why_not_labels(name)
    if "--" in name and not all(map(_is_ldh_or_a_label, name.split("."))):
        return N_("{name} holds a label that is not valid internationalised text (xn--)")
    if name[name.rfind(".") + 1 :].isdigit():  # RFC 3696 §2: or it could be read as an IPv4 address
        return N_("{name} ends in a number, as no DNS name does: give an IP address as such")
    return None


def _why_not_labels(name: str) -> str:
    if len(name) > LONGEST_NAME:
        return N_("{name} is longer than 253 characters")
    if "*" in name:
        return N_("{name}: a wildcard can only be the whole first label, as in *.example.org")
    if _NOT_LDH.search(name):
        return N_("{name} is not a DNS name: it may hold letters a-z, digits, hyphens and dots")
    if any(len(label) > LONGEST_LABEL for label in name.split(".")):
        return N_("{name} holds a label of more than 63 characters")
    return N_("{name} is not a DNS name: a label is empty, or begins or ends with a hyphen")


def _is_ldh_or_a_label(label: str) -> bool:
    """Tell whether a label is no reserved one: hyphens in places 3 and 4 belong to A-labels (RFC 5890 §2.3.1)."""
    if label[2:4] != "--":
        return True
    try:
        return idna.alabel(idna.ulabel(label)) == label.encode()
    except UnicodeError:
        return False


def _why_not_ip(address: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return N_("{name} is not an IPv4 or IPv6 address")
    if getattr(parsed, "scope_id", None):
        return N_("{name} has a zone, which means nothing to other hosts")
    if parsed.is_unspecified or parsed.is_multicast or address == "255.255.255.255":
        return N_("{name} is not the address of one host")
    return None
