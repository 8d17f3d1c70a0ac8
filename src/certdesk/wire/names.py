r"""Read distinguished names (RFC 5280 §4.1.2.4) as they come from devices, leniently, and write them for people.

    >>> written(((COMMON_NAME, "printer-7"), (ORGANISATION, "La Poste, Lyon")))
    'CN=printer-7, O=La Poste\\, Lyon'

Nothing that is certified is taken from here: the desk builds the subjects that it signs. So a string of the wrong
type, which a strict reader refuses, does no harm, and tells the manager more than an error would.
"""

from certdesk.wire import der

COMMON_NAME = "2.5.4.3"
SERIAL_NUMBER = "2.5.4.5"
"""A device's, not a certificate's."""
LOCALITY = "2.5.4.7"
STATE_OR_PROVINCE = "2.5.4.8"
ORGANISATION = "2.5.4.10"
EMAIL_ADDRESS = "1.2.840.113549.1.9.1"
UNSTRUCTURED_NAME = "1.2.840.113549.1.9.2"
USER_ID = "0.9.2342.19200300.100.1.1"

Name = tuple[tuple[str, str], ...]
"""Pairs of an attribute's OID, in dots, and its text, in the order in which they stand there."""

_SHORT_NAMES = {
    COMMON_NAME: "CN",
    "2.5.4.4": "SN",
    SERIAL_NUMBER: "serialNumber",
    "2.5.4.6": "C",
    LOCALITY: "L",
    STATE_OR_PROVINCE: "ST",
    "2.5.4.9": "street",
    ORGANISATION: "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.42": "GN",
    EMAIL_ADDRESS: "emailAddress",
    UNSTRUCTURED_NAME: "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    USER_ID: "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
_ENCODINGS = {
    der.UTF8_STRING: "utf-8",
    0x12: "ascii",  # NumericString
    der.PRINTABLE_STRING: "latin-1",  # with the @, * and _ that it may not have and often has
    0x14: "latin-1",  # TeletexString, which everybody means as Latin-1
    der.IA5_STRING: "latin-1",
    0x1A: "latin-1",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


def text_of(octets: bytes, element: der.Element) -> str:
    """Return the text of a string of whatever type; what cannot be decoded is replaced, and no string is empty."""
    encoding = _ENCODINGS.get(element.tag)
    return octets[element.content : element.end].decode(encoding, "replace") if encoding else ""


def parse_name(octets: bytes, element: der.Element) -> Name:
    """Read a DER Name; raises `ValueError` if it is none."""
    found = []
    for relative_name in der.parts(octets, element):
        for pair in der.parts(octets, relative_name, der.SET):
            kind, value = der.parts(octets, pair)
            found.append((der.dotted(der.content(octets, kind, der.OID)), text_of(octets, value)))
    return tuple(found)


def first(name: Name, *kinds: str) -> str:
    """Return the text of the first attribute of one of the kinds, in the order of the kinds; empty if there is none."""
    return next((text for kind in kinds for each, text in name if each == kind and text.strip()), "")


def written(name: Name) -> str:
    """Return a name for people, most special attribute first or last as it stands, values escaped as in RFC 4514."""
    return ", ".join(f"{_SHORT_NAMES.get(kind, kind)}={_escaped(text)}" for kind, text in name)


def _escaped(text: str) -> str:
    return "".join(f"\\{each}" if each in ',+"\\<>;=' else each for each in text)
