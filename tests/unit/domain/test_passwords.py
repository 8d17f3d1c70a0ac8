"""The registration password's rule."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.passwords import LONGEST_PASSWORD, prepare_registration_password

SHORT = "the password needs at least 8 characters"
LETTER = "the password needs a letter"
DIGIT = "the password needs a digit"
SPECIAL = "the password needs a special character, such as ! or -"
LONG = "the password may have at most 1024 characters"
UNTYPABLE = "the password holds a character that cannot be typed"


@pytest.mark.parametrize(
    ("password", "sentences"),
    [
        ("", [SHORT, LETTER, DIGIT, SPECIAL]),
        ("a1!", [SHORT]),
        ("aaaaaa1", [SHORT, SPECIAL]),
        ("12345678", [LETTER, SPECIAL]),
        ("1234567!", [LETTER]),
        ("abcdefgh", [DIGIT, SPECIAL]),
        ("abcdefg!", [DIGIT]),
        ("abcdefg1", [SPECIAL]),
        ("!!!!!!!!", [LETTER, DIGIT]),
        ("abc123!\n", [UNTYPABLE]),
        ("abc123!\u202e", [UNTYPABLE]),
        ("abc123!\ud800", [UNTYPABLE]),
        ("a1!" + "a" * LONGEST_PASSWORD, [LONG]),
        ("e\u0301e\u0301e\u0301e\u0301!1", [SHORT]),
    ],
)
def test_everything_that_lacks_is_said_at_once(password: str, sentences: list[str]) -> None:
    """A password that breaks the rule is told all that it lacks, at the field `password`, and is not repeated."""
    with pytest.raises(CertdeskError) as caught:
        prepare_registration_password(password)
    assert [problem.text() for problem in caught.value.problems] == sentences
    assert {(each.kind, each.field) for each in caught.value.problems} == {(ErrorKind.INVALID_FIELD, "password")}


@pytest.mark.parametrize("password", ["abcdef1!", "Été 2025", "ключики1-", "a1 a1 a1", "密码密码密码1。", "pa€sword1"])
def test_good_passwords(password: str) -> None:
    """Letters of every script count, and so does a space as special character."""
    assert prepare_registration_password(password) == password


def test_same_password_from_another_keyboard() -> None:
    """Decomposed accents and other kinds of space give the same password (RFC 8265 §4.2)."""
    assert prepare_registration_password("E\u0301te\u0301\u00a02025") == "\u00c9t\u00e9 2025"


@given(st.text(max_size=30))
def test_preparing_is_idempotent_or_refuses(text: str) -> None:
    """Whatever is typed is refused, or prepared once and for all."""
    with contextlib.suppress(CertdeskError):
        password = prepare_registration_password(text)
        assert prepare_registration_password(password) == password
