"""What may be published: names, contents and words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certdesk.domain.publication import PublicationText
from certdesk.policy.publication import (
    FILE_TYPES,
    LONGEST_NAME,
    LONGEST_TEXT,
    file_type,
    judge_content,
    judge_file,
    judge_publication,
    normalise_text,
)


@pytest.mark.parametrize(
    "name", ["Enroll.apk", "Enroll-1.0.0.APK", "certdesk-client_1.0~rc1+b2_amd64.deb", "client.tar.gz", "a.zip"]
)
def test_names_of_packages_are_accepted(name: str) -> None:
    """Whatever packagers call their files passes."""
    assert judge_file(name, "1.0") == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".apk",
        "-x.apk",
        "a/b.apk",
        "a\\b.apk",
        "a b.apk",
        "a\n.apk",
        'a".apk',
        "é.apk",
        "a\u202egpj.apk",
        "a.html",
        "a.svg",
        "a.js",
        "a",
        "a.apk.exe.html",
        "x" * LONGEST_NAME + ".apk",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    """Anything that could mislead in a path, a header or a page, or is no package, is refused at its field."""
    assert [problem.field for problem in judge_file(name, "1.0")] == ["file"]


@given(st.text())
def test_an_accepted_name_is_safe_in_a_header(name: str) -> None:
    """No name that passes needs quoting or escaping anywhere."""
    if not judge_file(name, "1.0"):
        assert name.isascii()
        assert not set(name) & set("\"'\\/;,<>&%?# \r\n\0")
        assert file_type(name)


@pytest.mark.parametrize("version", ["", " ", "1" * 41, "1\u200b"])
def test_a_version_can_be_read(version: str) -> None:
    """A version is there, short and visible."""
    assert {problem.field for problem in judge_file("a.apk", version)} == {"version"}


def test_every_type_can_be_told_by_its_first_octets() -> None:
    """No type accepts just anything, and its media type is none that browsers show."""
    for ending, kind in FILE_TYPES.items():
        assert kind.beginning, ending
        assert kind.media_type.startswith("application/")
        assert "html" not in kind.media_type
        assert "xml" not in kind.media_type


def test_a_content_that_does_not_fit_is_named() -> None:
    """Either half of the check refuses."""
    assert judge_content("a.apk", begins=True, contains=True) == []
    for begins, contains in ((False, True), (True, False)):
        assert judge_content("a.apk", begins=begins, contains=contains)[0].field == "file"


def test_words_keep_their_lines() -> None:
    """Line ends become one kind, spaces at ends go, invisible characters are refused at their field."""
    text = normalise_text(PublicationText("FRA1", "fr", " a \r\n\r\n b\rc\n\n"))
    assert text.introduction == "a\n\nb\nc"
    assert judge_publication(text) == []
    for wrong in ("x" * (LONGEST_TEXT + 1), "a\u202eb", "a\x00"):
        problems = judge_publication(PublicationText("FRA1", "fr", wrong, wrong, wrong))
        assert [problem.field for problem in problems] == ["introduction", "instructions", "contact"]
    assert judge_publication(PublicationText("FRA1", "de"))[0].field == "language"
