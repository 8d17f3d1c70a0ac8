"""Names that people read to each other over the telephone: request IDs and verification codes.

    >>> request_id = new_request_id("FRA1", lambda count: bytes(range(count)))
    >>> parse_request_id(request_id.lower().replace("-", " ")) == request_id
    True

A request ID is the organisation's code and eight Crockford base-32 characters, the last of them a
check character: a weighted sum in GF(32), which notices every single wrong character and every
exchange of two neighbours among the eight. It covers the organisation's code as well, as far as one
character of 32 can tell 36 apart: 0 and Y, 1 and Z, 2 and W, 3 and X look the same to it there.
"""

import hashlib
import re
from collections.abc import Callable

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(CROCKFORD)} | {"I": 1, "L": 1, "O": 0}
_ORGANISATION = re.compile(r"[A-Z0-9]{2,12}")
_WRITTEN = re.compile(rf"({_ORGANISATION.pattern})-([{CROCKFORD}]{{4}})-([{CROCKFORD}]{{4}})")
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")
_LONGEST_INPUT = 64  # an ID with every character set apart, and some

Randomness = Callable[[int], bytes]
"""A source of `count` random bytes, such as `os.urandom`."""


def check_organisation_code(code: str) -> str:
    """Return the code, 2 to 12 of `A-Z` and `0-9`, or raise `INVALID_FIELD`."""
    if not _ORGANISATION.fullmatch(code):
        raise CertdeskError(
            ErrorKind.INVALID_FIELD,
            N_("an organisation code is 2 to 12 of the characters A-Z and 0-9"),
            field="organisation",
        )
    return code


_TIMES_TWO = tuple(value << 1 ^ (0b100101 if value & 0b10000 else 0) for value in range(32))
"""Multiplication by x in GF(32) with the primitive polynomial x^5 + x^2 + 1."""


def _check_character(organisation: str, body: str) -> str:
    total = 0
    for character in organisation:
        high, low = divmod(int(character, 36), 32)
        total = _TIMES_TWO[_TIMES_TWO[total] ^ high] ^ low
    for character in body:
        total = _TIMES_TWO[total] ^ _VALUE[character]
    return CROCKFORD[_TIMES_TWO[total]]


def new_request_id(organisation: str, randomness: Randomness) -> str:
    """Return a fresh request ID of an organisation: 35 random bits and the check character."""
    number = int.from_bytes(randomness(5)) >> 5
    body = "".join(CROCKFORD[number >> shift & 31] for shift in range(30, -1, -5))
    return _written(organisation, body + _check_character(organisation, body))


def _written(organisation: str, body: str) -> str:
    return f"{organisation}-{body[:4]}-{body[4:]}"


def parse_request_id(unverified_id: str) -> str:
    """Return the request ID in its one written form, or raise `MALFORMED`.

    Lower case, missing hyphens or spaces in their place, and I, L and O for 1, 1 and 0 are accepted.
    """
    as_written = _WRITTEN.fullmatch(unverified_id)
    organisation, body = (as_written[1], as_written[2] + as_written[3]) if as_written else _put_right(unverified_id)
    if _check_character(organisation, body[:7]) != body[7]:
        raise CertdeskError(
            ErrorKind.MALFORMED,
            N_("this request ID has a typing error: its check character does not match"),
            field="id",
        )
    return _written(organisation, body)


def _put_right(unverified_id: str) -> tuple[str, str]:
    compact = _SEPARATORS.sub("", unverified_id[:_LONGEST_INPUT]).upper()
    organisation, body = compact[:-8], compact[-8:]
    if (
        len(unverified_id) > _LONGEST_INPUT
        or not _ORGANISATION.fullmatch(organisation)
        or not all(character in _VALUE for character in body)
    ):
        raise CertdeskError(ErrorKind.MALFORMED, N_("a request ID looks like FRA1-7GQ4-2KXM"), field="id")
    return organisation, "".join(CROCKFORD[_VALUE[character]] for character in body)


def organisation_of(request_id: str) -> str:
    """Return the organisation's code in a request ID that has been parsed."""
    return request_id[:-10]


def verification_code(spki_sha256: bytes) -> str:
    """Return the six digits that the requester and the manager compare.

    They come from SHA-256 of the DER SubjectPublicKeyInfo: the first 8 bytes, big-endian, modulo 1,000,000.
    """
    return f"{int.from_bytes(spki_sha256[:8]) % 1_000_000:06d}"


def sha256(octets: bytes) -> bytes:
    """Return the SHA-256 digest, 32 bytes."""
    return hashlib.sha256(octets).digest()
