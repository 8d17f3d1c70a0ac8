"""Request IDs and verification codes, as people read them to each other."""

import string
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import (
    CROCKFORD,
    check_organisation_code,
    new_request_id,
    organisation_of,
    parse_request_id,
    sha256,
    verification_code,
)

LETTERS_AND_DIGITS = string.digits + string.ascii_uppercase
ALIKE = {"I": "1", "L": "1", "O": "0"}
"""What Crockford's base 32 reads as one character."""
SAME_RESIDUE = [{"0", "Y"}, {"1", "Z"}, {"2", "W"}, {"3", "X"}]
"""36 characters of a code cannot all differ in one of 32: these pairs, hardly alike by ear or eye, do not."""


def make_id(organisation: str, octets: bytes) -> str:
    """Return the ID that a source of these random bytes leads to."""
    return new_request_id(organisation, lambda count: octets[:count])


organisations = st.from_regex(r"[A-Z0-9]{2,12}", fullmatch=True)
request_ids = st.builds(
    make_id,
    organisations,
    st.binary(min_size=5, max_size=5),
)


def refusal(unverified_id: str) -> CertdeskError | None:
    """Return the error that an ID is refused with, or None."""
    try:
        parse_request_id(unverified_id)
    except CertdeskError as error:
        return error
    return None


@given(request_ids)
def test_written_form_is_read_back(request_id: str) -> None:
    """An ID reads as itself, and tells its organisation."""
    organisation, first, second = request_id.rsplit("-", 2)
    assert parse_request_id(request_id) == request_id
    assert organisation_of(request_id) == organisation
    assert len(first) == len(second) == 4
    assert set(first + second) <= set(CROCKFORD)


@given(request_ids, st.sampled_from(["", " ", "-", "--", " - ", "\u2011", "\u2013", "\u00a0"]))
def test_tolerant_input(request_id: str, separator: str) -> None:
    """Lower case, other separators or none, and I, L and O for 1 and 0 in the eight characters are understood."""
    organisation, first, second = request_id.rsplit("-", 2)
    assert parse_request_id(f" {separator.join([organisation, first, second]).lower()}\n") == request_id
    for one in "IL":
        eight = (first + second).replace("1", one).replace("0", "O")
        assert parse_request_id(organisation + eight) == request_id


@given(request_ids)
def test_every_wrong_character_of_the_eight_is_noticed(request_id: str) -> None:
    """No single substitution among the eight characters leads to another request."""
    compact = request_id.replace("-", "")
    for place in range(len(compact) - 8, len(compact)):
        for character in LETTERS_AND_DIGITS:
            if ALIKE.get(character, character) != compact[place]:
                assert refusal(compact[:place] + character + compact[place + 1 :])


@given(request_ids)
def test_wrong_characters_of_the_code_are_noticed_but_for_four_pairs(request_id: str) -> None:
    """A single substitution in the organisation's code is noticed unless the two characters share a residue."""
    compact = request_id.replace("-", "")
    for place in range(len(compact) - 8):
        for character in LETTERS_AND_DIGITS:
            if character != compact[place]:
                changed = compact[:place] + character + compact[place + 1 :]
                assert bool(refusal(changed)) == ({character, compact[place]} not in SAME_RESIDUE)


@given(request_ids)
def test_every_exchange_of_neighbours_within_a_part_is_noticed(request_id: str) -> None:
    """Two neighbours exchanged among the eight characters, or in the code but for the four pairs, are noticed."""
    compact = request_id.replace("-", "")
    edge = len(compact) - 8
    for place in {*range(len(compact) - 1)} - {edge - 1}:
        pair = compact[place : place + 2]
        if pair[0] != pair[1]:
            changed = compact[:place] + pair[::-1] + compact[place + 2 :]
            assert bool(refusal(changed)) == (place >= edge or set(pair) not in SAME_RESIDUE)


@given(st.text(max_size=80))
@example("FRA1-7GQ4-2KX\u00df")
@example("\u0131" * 20)
@example("\ufb01" * 10)
@example("1" * 64)
@example("-" * 64)
def test_arbitrary_text_is_an_id_or_malformed(text: str) -> None:
    """Whatever is typed is refused as `MALFORMED`, or is an ID whose written form reads as itself."""
    if error := refusal(text):
        assert (error.kind, error.problem.field) == (ErrorKind.MALFORMED, "id")
    else:
        request_id = parse_request_id(text)
        assert parse_request_id(request_id) == request_id


LOOKS = "a request ID looks like FRA1-7GQ4-2KXM"
TYPO = "this request ID has a typing error: its check character does not match"


@dataclass(frozen=True)
class Bad:
    """An ID that is refused, and how."""

    name: str
    id: str
    sentence: str = LOOKS


BAD = [
    Bad("nothing", ""),
    Bad("no organisation", "7GQ4-2KXM"),
    Bad("organisation of one character", "F-7GQ4-2KXM"),
    Bad("organisation of thirteen characters", "ABCDEFGHIJKLM-7GQ4-2KXM"),
    Bad("a U, which is not in the alphabet", "FRA1-7GQ4-2KXU"),
    Bad("punctuation", "FRA1/7GQ4/2KXM"),
    Bad("path", "../../etc/passwd"),
    Bad("letters of another alphabet", "FRA1-7GQ4-2K\u0425M"),
    Bad("digits of another script", "FRA1-\u0667GQ4-2KXM"),
    Bad("NUL", "FRA1-7GQ4-2KXM\0"),
    Bad("endless", "FRA1-7GQ4-2KXM" + " " * 100),
    Bad("typing error", "FRA1-7GQ4-2KXN", TYPO),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_id_is_refused_with_its_sentence(bad: Bad) -> None:
    """An ID that cannot be one is told from one that was mistyped."""
    with pytest.raises(CertdeskError) as caught:
        parse_request_id(bad.id)
    assert (caught.value.kind, str(caught.value)) == (ErrorKind.MALFORMED, bad.sentence)


@given(organisations)
def test_ids_use_all_their_random_bits(organisation: str) -> None:
    """35 of the 40 random bits decide: IDs that differ in any one of them differ."""
    sources = [(1 << bit).to_bytes(5) for bit in range(5, 40)]
    assert len({make_id(organisation, source) for source in sources}) == 35


@pytest.mark.parametrize("code", ["AB", "FRA1", "A1B2C3D4E5F6", "00"])
def test_good_organisation_codes(code: str) -> None:
    """2 to 12 capital letters and digits are a code."""
    assert check_organisation_code(code) == code


@pytest.mark.parametrize("code", ["", "F", "fra1", "FRA-1", "ABCDEFGHIJKLM", "FRA1\n", " FRA1", "É1", "FRA\u0661"])
def test_bad_organisation_codes(code: str) -> None:
    """Anything else is refused at the field `organisation`."""
    with pytest.raises(CertdeskError, match="2 to 12 of the characters A-Z and 0-9") as caught:
        check_organisation_code(code)
    assert (caught.value.kind, caught.value.problem.field) == (ErrorKind.INVALID_FIELD, "organisation")


def test_verification_code_is_that_of_the_documented_bytes() -> None:
    """The code is the first 8 bytes of the digest modulo a million, with leading zeros."""
    assert verification_code(bytes(32)) == "000000"
    assert verification_code((1_000_042).to_bytes(8) + bytes(24)) == "000042"
    assert verification_code(b"\xff" * 32) == "551615"


@given(st.binary())
def test_verification_code_has_six_digits(octets: bytes) -> None:
    """Any key has a code of six ASCII digits."""
    code = verification_code(sha256(octets))
    assert (len(code), code.isascii(), code.isdigit()) == (6, True, True)
