"""Enrollment codes: what a manager gives to devices that come by a standard protocol, so that they are vouched for.

    >>> code = new_code(lambda count: bytes(range(count)))
    >>> parse_code(code.lower().replace("-", " ")) == parse_code(code)
    True

A code has 100 random bits in 20 Crockford base-32 characters, so that it can be typed at a printer's panel; whoever
learns the desk's database learns its SHA-256, and has 100 bits to guess.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from certdesk.domain.enrollment import Kind, Principal
from certdesk.domain.identifiers import CROCKFORD, Randomness

_LENGTH, _GROUP = 20, 4
_ID_LENGTH = 8
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")
_LONGEST_INPUT = 64
_READ = str.maketrans("ILO", "110")


class CodeStanding(StrEnum):
    """Whether a code is good for another device, and why not."""

    OPEN = "open"
    USED_UP = "used-up"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class EnrollmentCode:
    """The desk's record of a code, without the code."""

    id: str
    """What managers call it; says nothing about the code itself."""
    organisation: str
    kind: Kind
    allowed: int
    """How many devices it is for."""
    used: int
    note: str
    created_at: int
    created_by: str
    """Who vouches for the devices that come with it."""
    expires_at: int
    withdrawn_at: int | None = None
    withdrawn_by: str = ""

    def standing(self, now: int) -> CodeStanding:
        """Tell whether another device may come with it, and why not."""
        if self.withdrawn_at is not None:
            return CodeStanding.WITHDRAWN
        if self.used >= self.allowed:
            return CodeStanding.USED_UP
        return CodeStanding.OPEN if now < self.expires_at else CodeStanding.EXPIRED


@dataclass(frozen=True, slots=True)
class Voucher:
    """A code that was presented and is good, with whoever issued it as they are now."""

    code: EnrollmentCode
    by: Principal


def new_code(randomness: Randomness) -> str:
    """Return a fresh code as it is shown to the manager, once: five groups of four characters."""
    characters = _random_characters(_LENGTH, randomness)
    return "-".join(characters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def new_code_id(randomness: Randomness) -> str:
    """Return a fresh ID for a code's record."""
    return _random_characters(_ID_LENGTH, randomness)


def _random_characters(count: int, randomness: Randomness) -> str:
    return "".join(CROCKFORD[octet & 31] for octet in randomness(count))


def parse_code(unverified_code: str) -> str | None:
    """Return a code in its one spelling, or None if it cannot be one.

    Lower case, other separators or none, and I, L and O for 1, 1 and 0 are accepted.
    """
    if len(unverified_code) > _LONGEST_INPUT:
        return None
    compact = _SEPARATORS.sub("", unverified_code).upper().translate(_READ)
    return compact if len(compact) == _LENGTH and all(each in CROCKFORD for each in compact) else None
