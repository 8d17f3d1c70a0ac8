"""An organisation's settings.xml: what a device must know to enroll with it.

    >>> parse_settings(write_settings(settings)) == settings  # doctest: +SKIP
    True

The desk writes it, the client reads it; `settings.xsd` beside this module is its schema, and both sides
hold to it. Whoever reads one is told the first field that is wrong, by the name it has in the file.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from certdesk.domain.characters import refused_character
from certdesk.domain.enrollment import KeyType
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import check_organisation_code
from certdesk.domain.text import N_

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMESPACE = "urn:certdesk:settings:1"
VERSION = "1"
LARGEST_SETTINGS = 256 * 1024
"""Bytes. Sixteen trust anchors with RSA 8192 keys take 64 KiB."""
MOST_TRUST_ANCHORS = 16
MOST_POLL_SECONDS = 86_400
LONGEST_FIELD_NAME = 80
"""Characters of an unknown field's name that an error repeats."""

_WRONG = {
    "organisation": N_("organisation in settings.xml has to be 2 to 12 of the characters A-Z and 0-9"),
    "name": N_("name in settings.xml has to be one line of text"),
    "country": N_("country in settings.xml has to be two capital letters, such as FR"),
    "desk-url": N_("desk-url in settings.xml has to be an https address without user, query or fragment"),
    "trust-anchors": N_("trust-anchors in settings.xml have to be 1 to 16 certificates, each DER in base64"),
    "key-type": N_("key-type in settings.xml has to be EC P-256, RSA 2048, RSA 3072, RSA 4096 or Ed25519"),
    "state-or-province": N_("state-or-province in settings.xml has to be one line of text"),
    "locality": N_("locality in settings.xml has to be one line of text"),
    "support-contact": N_("support-contact in settings.xml has to be one line of text"),
    "poll-seconds": N_("poll-seconds in settings.xml has to be a whole number from 1 to 86400"),
}
"""Every field there is, and the sentence for a value that it cannot have."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"  # RFC 3986 §3.3
)
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_WHITESPACE = " \t\r\n"  # XML's (§2.3)
_REMOVE_WHITESPACE = str.maketrans("", "", _WHITESPACE)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Settings:
    """The contents of settings.xml."""

    organisation: str
    """The organisation's code."""
    name: str
    country: str
    """ISO 3166-1 alpha-2."""
    desk_url: str
    """Where the API begins, without a slash at its end; https, or http for this machine itself."""
    trust_anchors: tuple[bytes, ...]
    """DER certificates of the authorities that the device's certificate must chain to."""
    key_type: KeyType = KeyType.EC_P256
    state_or_province: str = ""
    """Proposed to the requester for the subject; may be empty, and so may the locality."""
    locality: str = ""
    support_contact: str = ""
    poll_seconds: int = 60


def write_settings(settings: Settings) -> bytes:
    """Return settings.xml in UTF-8; the values must have passed policy, which keeps out what XML cannot hold."""
    certificates = "".join(
        f"    <certificate>{base64.b64encode(each).decode()}</certificate>\n" for each in settings.trust_anchors
    )
    lines = {
        "organisation": settings.organisation,
        "name": settings.name,
        "country": settings.country,
        "desk-url": settings.desk_url,
        "key-type": settings.key_type.value,
        "state-or-province": settings.state_or_province,
        "locality": settings.locality,
        "support-contact": settings.support_contact,
        "poll-seconds": str(settings.poll_seconds),
    }
    fields = "".join(f"  <{name}>{escape(text, quote=False)}</{name}>\n" for name, text in lines.items() if text)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<settings xmlns="{NAMESPACE}" version="{VERSION}">\n{fields}'
        f"  <trust-anchors>\n{certificates}  </trust-anchors>\n</settings>\n"
    ).encode()


def parse_settings(unverified_xml: bytes) -> Settings:
    """Read settings.xml.

    Raises `MALFORMED` for what is no settings.xml, `INCOMPATIBLE` for one of another version, and
    `INVALID_FIELD` with the field's name for one with a missing, repeated, unknown or wrong field.
    """
    fields = _Fields(_root(unverified_xml))
    return Settings(
        organisation=fields.read("organisation", check_organisation_code),
        name=fields.read("name", _line),
        country=fields.read("country", _country),
        desk_url=fields.read("desk-url", checked_desk_url),
        trust_anchors=fields.trust_anchors(),
        key_type=fields.read("key-type", KeyType),
        state_or_province=fields.read_optional("state-or-province"),
        locality=fields.read_optional("locality"),
        support_contact=fields.read_optional("support-contact"),
        poll_seconds=fields.read("poll-seconds", _poll_seconds),
    )


def _root(unverified_xml: bytes) -> "Element":
    if len(unverified_xml) > LARGEST_SETTINGS:
        raise _malformed(N_("this is too large for a settings.xml: {most} bytes are the limit"))
    try:
        root: Element = fromstring(unverified_xml, forbid_dtd=True)
    except DefusedXmlException:
        raise _malformed(N_("settings.xml must not hold a document type or entities")) from None
    except (ParseError, ValueError, LookupError):  # the last two: an encoding that lies, or that nobody knows
        raise _malformed(N_("this is not a settings.xml: it is not well-formed XML")) from None
    namespace, _brace, name = root.tag.rpartition("}")
    if name != "settings" or not namespace.startswith("{urn:certdesk:settings:"):
        raise _malformed(N_("this is not a settings.xml: its root element is not settings in {namespace}"))
    if namespace != "{" + NAMESPACE or root.get("version") != VERSION:
        raise CertdeskError(
            ErrorKind.INCOMPATIBLE,
            N_("this settings.xml is not of version {version}: get the client that belongs to it"),
            field="version",
            version=VERSION,
        )
    return root


def _malformed(message: str) -> CertdeskError:
    return CertdeskError(ErrorKind.MALFORMED, message, most=LARGEST_SETTINGS, namespace=NAMESPACE)


def _invalid(message: str, name: str) -> CertdeskError:
    return CertdeskError(ErrorKind.INVALID_FIELD, message, field=name, name=name)


class _Fields:
    """The fields of one file, each there at most once."""

    def __init__(self, root: "Element") -> None:
        self._elements: dict[str, Element] = {}
        for element in root:
            name = element.tag.removeprefix("{" + NAMESPACE + "}")
            if name not in _WRONG:
                # A misspelt optional field must not go unnoticed, so nothing unknown is skipped.
                raise _invalid(N_("settings.xml has a field that is not known: {name}"), name[:LONGEST_FIELD_NAME])
            if name in self._elements:
                raise _invalid(N_("settings.xml has the field {name} twice"), name)
            self._elements[name] = element

    def read(self, name: str, read: Callable[[str], Value]) -> Value:
        """Return a required field's value as `read` makes it of the text; `read` raises for what is wrong."""
        element = self._element(name)
        text = (element.text or "").strip(_WHITESPACE)
        if len(element):
            raise _invalid(_WRONG[name], name)
        try:
            return read(text)
        except (ValueError, CertdeskError):
            raise _invalid(_WRONG[name], name) from None

    def read_optional(self, name: str) -> str:
        """Return an optional field's line of text; empty if there is none."""
        return self.read(name, _line_or_nothing) if name in self._elements else ""

    def trust_anchors(self) -> tuple[bytes, ...]:
        """Return the trust anchors, DER."""
        elements = list(self._element("trust-anchors"))
        try:
            anchors = tuple(map(_certificate, elements))
        except ValueError:
            anchors = ()
        if not 0 < len(anchors) <= MOST_TRUST_ANCHORS:
            raise _invalid(_WRONG["trust-anchors"], "trust-anchors")
        return anchors

    def _element(self, name: str) -> "Element":
        if name not in self._elements:
            raise _invalid(N_("settings.xml lacks the field {name}"), name)
        return self._elements[name]


def _line_or_nothing(text: str) -> str:
    if refused_character(text):
        raise ValueError
    return text


def _line(text: str) -> str:
    if not text:
        raise ValueError
    return _line_or_nothing(text)


def _country(text: str) -> str:
    if not re.fullmatch("[A-Z]{2}", text):
        raise ValueError
    return text


def checked_desk_url(text: str) -> str:
    """Return a desk's URL without a slash at its end; raise `ValueError` for what clients do not call."""
    url = _URL.fullmatch(text)
    if (
        not url
        or int(url["port"] or 443) not in range(1, 65536)
        or (url["scheme"] == "http" and url["host"] not in _THIS_MACHINE)
    ):
        raise ValueError
    return text.rstrip("/")


def _poll_seconds(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) not in range(1, MOST_POLL_SECONDS + 1):
        raise ValueError
    return int(text)


def _certificate(element: "Element") -> bytes:
    if element.tag != "{" + NAMESPACE + "}certificate" or len(element):
        raise ValueError
    der = binascii.a2b_base64((element.text or "").translate(_REMOVE_WHITESPACE), strict_mode=True)
    x509.load_der_x509_certificate(der)
    return der
