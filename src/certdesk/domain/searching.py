"""What people type to find a request or certificate, and the words that each is found by.

A word is found by its beginning. What names a thing in parts, an e-mail address above all, is found by each part
as well: `claire.petit@poste.example` is a word, and so are `petit@poste.example` and `poste.example`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from certdesk.domain.enrollment import Submission
from certdesk.domain.errors import CertdeskError
from certdesk.domain.identifiers import organisation_of, parse_request_id

LONGEST_WORD = 64
"""Characters; nobody has to type more of an address or a name."""
_MOST_WORDS = 16
_MOST_PARTS = 3
_SHORTEST_PART = 4
_PARTS_OF_ADDRESS = re.compile(r"[.\-_+]")
_PARTS_OF_DEVICE = re.compile(r"[.\-_:/]")
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


def words_of(request_id: str, asked: Submission) -> tuple[str, ...]:
    """Return the words that a request is found by, in a fixed order; none holds a space."""
    return tuple(sorted(dict.fromkeys(_cut(_words(request_id, asked)))))


def _cut(words: Iterator[str]) -> Iterator[str]:
    for _, word in zip(range(_MOST_WORDS), words, strict=False):
        yield word[:LONGEST_WORD]


def _words(request_id: str, asked: Submission) -> Iterator[str]:
    yield request_id[len(organisation_of(request_id)) + 1 :].lower()
    email = "".join(plain(asked.email).split())
    if email:
        yield email
        yield from _parts_of_address(email)
    for word in plain(asked.device.id).split():
        yield word
        last = _PARTS_OF_DEVICE.split(word)[-1]
        if len(last) >= _SHORTEST_PART:
            yield last
    yield from plain(asked.common_name).split()
    for name in (*asked.names.dns, *asked.names.ip):
        yield name.lower()
    for name in asked.names.dns:
        _, _, domain = name.lower().partition(".")
        if "." in domain:
            yield domain


def _parts_of_address(email: str) -> Iterator[str]:
    """Yield an address from each of its later parts on, and its domain."""
    local, _, domain = email.partition("@")
    for found, _ in zip(_PARTS_OF_ADDRESS.finditer(local), range(_MOST_PARTS), strict=False):
        if found.end() < len(local):
            yield email[found.end() :]
    if domain:
        yield domain


def spellings(word: str, organisation: str) -> tuple[str, ...]:
    """Return the beginnings by which a word is looked for within an organisation.

    A request ID counts as a word without the organisation's code, which may be typed nevertheless.
    """
    code, hyphen, rest = word.partition("-")
    return (word, rest) if hyphen and rest and code == organisation.lower() else (word,)


def is_found(words: tuple[str, ...], wanted: tuple[str, ...], organisation: str) -> bool:
    """Tell whether each of the wanted words begins one of a request's words."""
    return all(any(word.startswith(spellings(each, organisation)) for word in words) for each in wanted)
