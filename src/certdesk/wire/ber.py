"""Bring BER (ITU-T X.690 §8) into the definite lengths and whole strings that `der` reads.

    >>> definite(bytes.fromhex("3080 2480 0401 61 0401 62 0000 0000".replace(" ", ""))).hex()
    '300404026162'

Some programs send CMS messages with indefinite lengths and with octet strings in pieces, as RFC 5652 §2 allows them
to. Nothing else is changed: sets stay in their order, and what was DER stays as it was, octet for octet.
"""

from certdesk.wire import der

DEEPEST = 24
"""Levels of nesting. A SCEP message has fourteen, with its certificates' extensions; a hostile one has thousands."""
MOST_ELEMENTS = 4096
"""A certificate has about a hundred, and the largest body has room for thirty thousand empty ones."""

_CONSTRUCTED = 0x20
_INDEFINITE = 0x80
_LONG_TAG = 0x1F
_LONGEST_LENGTH = 4
_OCTET_STRING_IN_PIECES = der.OCTET_STRING | _CONSTRUCTED


def definite(octets: bytes) -> bytes:
    """Return the one element that octets consist of, with definite lengths; raises `ValueError`."""
    element, end = _Reader(octets).element(0, len(octets), 0)
    if end != len(octets):
        raise ValueError("something follows the element")
    return element


class _Reader:
    """Reads octets once, and loses patience with what never ends."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._left = MOST_ELEMENTS

    def element(self, begin: int, end: int, depth: int) -> tuple[bytes, int]:
        """Return an element with a definite length, and where the next one begins."""
        tag, content, length = self._head(begin, end)
        if not tag & _CONSTRUCTED:
            if length is None:
                raise ValueError("only a constructed element may have an indefinite length")
            return der.tlv(tag, self._octets[content : content + length]), content + length
        if depth == DEEPEST:
            raise ValueError("elements are nested too deep")
        inner, after = self._inside(content, end if length is None else content + length, length is None, depth + 1)
        if tag == _OCTET_STRING_IN_PIECES:
            return der.octet_string(b"".join(map(_piece, inner))), after
        return der.tlv(tag, b"".join(inner)), after

    def _inside(self, at: int, end: int, is_indefinite: bool, depth: int) -> tuple[list[bytes], int]:
        """Return the elements inside another, up to its end or to the end-of-contents octets."""
        inner: list[bytes] = []
        while at < end:
            if is_indefinite and self._octets[at : min(at + 2, end)] == b"\0\0":
                return inner, at + 2
            element, at = self.element(at, end, depth)
            inner.append(element)
        if is_indefinite:
            raise ValueError("an element has no end")
        return inner, at

    def _head(self, begin: int, end: int) -> tuple[int, int, int | None]:
        """Return an element's tag, where its content begins, and the content's length, None if it is indefinite."""
        if end - begin < 2:  # noqa: PLR2004 - a tag and a length
            raise ValueError("an element is cut short")
        if not self._left:
            raise ValueError("there are too many elements")
        self._left -= 1
        tag, length, content = self._octets[begin], self._octets[begin + 1], begin + 2
        if tag & _LONG_TAG == _LONG_TAG:
            raise ValueError("an element has a long tag")
        if length == _INDEFINITE:
            return tag, content, None
        if length > _INDEFINITE:
            size = length & 0x7F
            content += size
            length = int.from_bytes(self._octets[begin + 2 : content])
            if size > _LONGEST_LENGTH:
                raise ValueError("a length is absurd")
        if content + length > end:
            raise ValueError("an element is longer than what holds it")
        return tag, content, length


def _piece(element: bytes) -> bytes:
    return der.content(element, der.whole(element), der.OCTET_STRING)
