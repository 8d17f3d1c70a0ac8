"""Write and read DER (ITU-T X.690), as far as certificates, revocation lists and OCSP are made of it.

    >>> sequence(TRUE, integer(300)).hex()
    '30070101ff0202012c'

Writers return a whole element: tag, length, content. They exist because assembling a certificate from
ready pieces is several times faster than building an object tree first, and that is on the request's path.
"""

from functools import lru_cache
from time import gmtime, strftime
from typing import NamedTuple

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
ENUMERATED = 0x0A
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

NULL = b"\x05\x00"
TRUE = b"\x01\x01\xff"
"""The one BOOLEAN that is ever written: DER leaves default values out (X.690 §11.5)."""

_SHORT = 0x80
_LONGEST_OID = 64
"""Octets. UUIDs as arcs take nineteen; an arc of thousands costs the square of its length to write in decimals."""
_YEAR_2050 = 2_524_608_000
"""Seconds; from here on RFC 5280 §4.1.2.5 writes GeneralizedTime."""
_UTC_TIME_BEGINS = -631_152_000
"""1950-01-01 in seconds."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return one element with a definite length in its shortest form (X.690 §10.1)."""
    length = len(content)
    if length < _SHORT:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, _SHORT | size)) + length.to_bytes(size) + content


def sequence(*elements: bytes) -> bytes:
    """Return a SEQUENCE of ready elements."""
    return tlv(SEQUENCE, b"".join(elements))


def explicit(number: int, content: bytes) -> bytes:
    """Return an element inside the constructed context tag `[number]`."""
    return tlv(0xA0 | number, content)


def implicit(number: int, content: bytes) -> bytes:
    """Return content under the primitive context tag `[number]`."""
    return tlv(0x80 | number, content)


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an INTEGER, or another type that is encoded like one, such as ENUMERATED."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return tlv(tag, value.to_bytes(bits // 8 + 1, signed=True))


def octet_string(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, content)


def bit_string(content: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return tlv(BIT_STRING, b"\x00" + content)


def named_bits(*positions: int) -> bytes:
    """Return a BIT STRING with the bits at some positions set and no trailing zero bits (X.690 §11.2.2)."""
    length = max(positions) + 1
    octets = (length + 7) // 8
    value = sum(1 << (octets * 8 - 1 - position) for position in positions)
    return tlv(BIT_STRING, bytes((octets * 8 - length,)) + value.to_bytes(octets))


@lru_cache(256)  # half of what looking for an attribute of a CSR costs; the same few are asked for again and again
def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    return tlv(OID, b"".join(map(_base128, (first * 40 + second, *rest))))


def _base128(arc: int) -> bytes:
    septets = [arc & 0x7F]
    while arc := arc >> 7:
        septets.append(_SHORT | arc & 0x7F)
    return bytes(reversed(septets))


def dotted(content: bytes) -> str:
    """Return the dotted form of an OBJECT IDENTIFIER's content; raises `ValueError` if it is cut short or absurd."""
    if not content or content[-1] & _SHORT:
        raise ValueError("an object identifier is cut short")
    if len(content) > _LONGEST_OID:
        raise ValueError("an object identifier is absurdly long")
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & _SHORT:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def text(value: str, tag: int = UTF8_STRING) -> bytes:
    """Return a string; for PrintableString and IA5String the caller answers for the characters."""
    return tlv(tag, value.encode())


def time(milliseconds: int) -> bytes:
    """Return a Time of RFC 5280 §4.1.2.5: UTCTime through the year 2049, GeneralizedTime from 2050 on."""
    return _time(milliseconds // 1000)


@lru_cache(256)  # dozens of certificates begin and end within the same second
def _time(seconds: int) -> bytes:
    if _UTC_TIME_BEGINS <= seconds < _YEAR_2050:
        return tlv(UTC_TIME, strftime("%y%m%d%H%M%SZ", gmtime(seconds)).encode())
    return generalized_time(seconds * 1000)


def generalized_time(milliseconds: int) -> bytes:
    """Return a GeneralizedTime in UTC with whole seconds, as OCSP has it in every year (RFC 6960 §4.2.2.1)."""
    moment = gmtime(milliseconds // 1000)
    return tlv(GENERALIZED_TIME, f"{moment.tm_year:04}{strftime('%m%d%H%M%SZ', moment)}".encode())


class Element(NamedTuple):
    """One element that was read: its tag and where it lies in the octets it was read from."""

    tag: int
    begin: int
    """Where the tag stands."""
    content: int
    """Where the content begins."""
    end: int


def read(octets: bytes, begin: int, end: int) -> Element:
    """Read the element that begins at an offset and must end at or before another.

    Raises `ValueError` for anything that is not DER: a cut element, an indefinite or padded length.
    Tags of more than one octet are refused too: nothing that is read here has any.
    """
    if end - begin < 2:  # noqa: PLR2004 - a tag and a length
        raise ValueError("an element is cut short")
    tag, length, content = octets[begin], octets[begin + 1], begin + 2
    if length >= _SHORT:
        size = length & 0x7F
        content += size
        length = int.from_bytes(octets[begin + 2 : content])
        if content > end or length < _SHORT or length >> 8 * (size - 1) == 0:
            raise ValueError("a length is not in its shortest form")
    if tag & 0x1F == 0x1F or content + length > end:  # noqa: PLR2004 - the mark of a long tag
        raise ValueError("an element is longer than what holds it, or has a long tag")
    return Element(tag, begin, content, content + length)


def taken(octets: bytes, element: Element) -> bytes:
    """Return an element whole: tag, length and content."""
    return octets[element.begin : element.end]


def content(octets: bytes, element: Element, tag: int) -> bytes:
    """Return the content of an element that must have a tag; raises `ValueError`."""
    if element.tag != tag:
        raise ValueError(f"tag {tag:#x} is expected here, found {element.tag:#x}")
    return octets[element.content : element.end]


def parts(octets: bytes, element: Element, tag: int = SEQUENCE) -> list[Element]:
    """Read the elements inside a constructed element that must have a tag; raises `ValueError`."""
    if element.tag != tag:
        raise ValueError(f"tag {tag:#x} is expected here, found {element.tag:#x}")
    elements = []
    at = element.content
    while at < element.end:
        inner = read(octets, at, element.end)
        elements.append(inner)
        at = inner.end
    return elements


def whole(octets: bytes) -> Element:
    """Read the one element that octets consist of; raises `ValueError`, also if something follows it."""
    element = read(octets, 0, len(octets))
    if element.end != len(octets):
        raise ValueError("something follows the element")
    return element
