"""The one error type: its kinds, its sentences, and several problems in one."""

import re

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind, Problem


def test_sentence_is_english_with_its_values() -> None:
    """`str()` fills the values into the message; the message itself stays as gettext knows it."""
    error = CertdeskError(ErrorKind.WEAK_KEY, "at least {least} bits, not {bits}", field="csr", least=2048, bits=1024)
    assert str(error) == "at least 2048 bits, not 1024"
    assert error.problem.message == "at least {least} bits, not {bits}"
    assert (error.kind, error.problem.field) == (ErrorKind.WEAK_KEY, "csr")


def test_sentence_is_translated_before_its_values_come_in() -> None:
    """A translator sees the message with its placeholders, so a value cannot change what is looked up."""
    seen: list[str] = []

    def translate(message: str) -> str:
        seen.append(message)
        return "pas {name}"

    assert CertdeskError(ErrorKind.MALFORMED, "no {name}", name="{name}").text(translate) == "pas {name}"
    assert seen == ["no {name}"]


def test_values_are_text_and_not_formats() -> None:
    """Braces in a value come from outside and are shown as they are."""
    assert str(CertdeskError(ErrorKind.MALFORMED, "{name}", name="{0.__class__}")) == "{0.__class__}"


def test_several_problems_are_one_error() -> None:
    """The first problem gives the kind and the sentence; all of them are there."""
    problems = [
        Problem(ErrorKind.INVALID_FIELD, "one of {count}", "contact.email", {"count": 2}),
        Problem(ErrorKind.WEAK_KEY, "two", "csr"),
    ]
    error = CertdeskError.of(problems)
    assert error.problems == tuple(problems)
    assert (error.kind, str(error), error.problem.field) == (ErrorKind.INVALID_FIELD, "one of 2", "contact.email")


def test_single_error_lists_itself() -> None:
    """Whoever shows `problems` never shows nothing."""
    error = CertdeskError(ErrorKind.NOT_FOUND, "no such thing")
    assert error.problems == (error.problem,)


@pytest.mark.parametrize("kind", ErrorKind)
def test_kinds_can_stand_in_a_urn(kind: ErrorKind) -> None:
    """Each kind is part of a problem document's type, `urn:certdesk:error:weak-key`."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.value)
    assert kind.value == kind.name.lower().replace("_", "-")
