"""What people type to find a request or certificate, and the words that each is found by.

A word is found by its beginning. What names a thing in parts, an e-mail address above all, is found by each part
as well: `claire.petit@poste.example` is a word, and so are `petit@poste.example` and `poste.example`.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from certdesk.domain.enrollment import Names
from certdesk.domain.errors import CertdeskError
from certdesk.domain.identifiers import organisation_of, parse_request_id

LONGEST_WORD = 64
"""Characters; nobody has to type more of an address or a name."""
_MOST_WORDS = 16
_MOST_PARTS = 3
_SHORTEST_PART = 4
_SEPARATORS = re.compile(r"[.\-_+:/]")
_HEXADECIMAL = re.compile(r"[0-9a-f]{8,64}")
_SERIAL_LENGTH, _DIGEST_LENGTH = 32, 64
"""Hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search text may mean, the surest first."""

    request_id: str
    """The one that it is, in whatever spelling; or empty."""
    serial_number: str
    """A certificate's, or at least 8 hexadecimal digits of its beginning; or empty."""
    digest: bytes
    """SHA-256 of a certificate or of a public key; or empty."""
    words: tuple[str, ...]
    """All of them have to be found."""


def search_of(text: str) -> Search:
    """Return what somebody who types this may be looking for."""
    try:
        request_id = parse_request_id(text)
    except CertdeskError:
        request_id = ""
    digits = "".join(text.replace(":", "").split()).lower()
    is_number = _HEXADECIMAL.fullmatch(digits) is not None
    return Search(
        request_id,
        digits if is_number and len(digits) <= _SERIAL_LENGTH else "",
        bytes.fromhex(digits) if is_number and len(digits) == _DIGEST_LENGTH else b"",
        tuple(
            word.lstrip("@")[:LONGEST_WORD] for word in plain(text).split() if word.strip("@") and word.isprintable()
        ),
    )


def plain(text: str) -> str:
    """Return a text without capitals and accents, which many cannot type and nobody should have to."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(each for each in decomposed if not unicodedata.combining(each)).casefold()


def words_of(request_id: str, email: str, device_id: str, common_name: str, names: Names) -> list[str]:
    """Return the words that a request is found by, sorted; none holds a space."""
    words = [request_id[len(organisation_of(request_id)) + 1 :].lower()]
    if email:
        words += _parts_of_address("".join(plain(email).split()))
    for word in plain(device_id).split():
        last = _SEPARATORS.split(word)[-1]
        words += (word, last) if len(last) >= _SHORTEST_PART else (word,)
    if common_name:
        words += plain(common_name).split()
    if names:
        words += map(str.lower, (*names.dns, *names.ip))
        words += (domain for name in names.dns if "." in (domain := name.lower().partition(".")[2]))
    return sorted({word[:LONGEST_WORD] for word in words[:_MOST_WORDS]})


def _parts_of_address(email: str) -> list[str]:
    """Return an address, the same from each of its first few later parts on, and its domain."""
    local, _, domain = email.partition("@")
    parts = [email, domain] if domain else [email]
    if not local.isalnum():
        ends = [found.end() for found in _SEPARATORS.finditer(local)][:_MOST_PARTS]
        parts += [email[end:] for end in ends if end < len(local)]
    return parts


def spellings(word: str, organisation: str) -> tuple[str, ...]:
    """Return the beginnings by which a word is looked for within an organisation.

    A request ID counts as a word without the organisation's code, which may be typed nevertheless.
    """
    code, hyphen, rest = word.partition("-")
    return (word, rest) if hyphen and rest and code == organisation.lower() else (word,)


def is_found(words: Sequence[str], wanted: tuple[str, ...], organisation: str) -> bool:
    """Tell whether each of the wanted words begins one of a request's words."""
    return all(any(word.startswith(spellings(each, organisation)) for word in words) for each in wanted)
