"""Servers are held to the names of their organisation."""

from dataclasses import replace

import pytest

from certdesk.domain.enrollment import Names, Organisation
from certdesk.policy.names import judge_names
from certdesk.policy.registry import MOST_REASONS, MOST_SUFFIXES, judge_organisation, judge_reasons
from certdesk.policy.registry import normalise_organisation as normalised
from certdesk.policy.submission import judge
from tests.unit.policy.examples import CSR, FACTS, ORGANISATION, SERVER

SUFFIXES = ("poste.example", "laposte.fr")


@pytest.mark.parametrize("name", ["poste.example", "www.poste.example", "a.b.laposte.fr", "*.poste.example"])
def test_names_below_a_suffix_pass(name: str) -> None:
    """A suffix allows itself, everything below it, and wildcards below it where those are allowed."""
    assert judge_names(Names((name,)), allow_wildcards=True, suffixes=SUFFIXES) == []


@pytest.mark.parametrize("name", ["post.example", "evilposte.example", "poste.example.evil.example", "*.example", "fr"])
def test_other_names_are_refused(name: str) -> None:
    """What merely looks like a suffix is none."""
    [problem] = judge_names(Names((name,)), allow_wildcards=True, suffixes=SUFFIXES)
    assert problem.field == "names.dns"
    assert "does not belong" in problem.message or "top-level" in problem.message


def test_addresses_have_no_suffix() -> None:
    """IP addresses pass, for administrators to decide on."""
    assert judge_names(Names((), ("192.0.2.1",)), allow_wildcards=False, suffixes=SUFFIXES) == []


def test_the_rule_holds_for_submissions() -> None:
    """A server's request is judged by its organisation's suffixes; without any, all names pass."""
    assert judge(SERVER, CSR, ORGANISATION, FACTS) == []
    assert judge(SERVER, CSR, replace(ORGANISATION, allowed_names=("poste.example",)), FACTS) == []
    assert judge(SERVER, CSR, replace(ORGANISATION, allowed_names=("post.example",)), FACTS)


def test_suffixes_have_one_spelling() -> None:
    """Stars, dots, capitals, accents and repetitions make no other suffix."""
    typed = ("*.Poste.example", ".poste.example", "poste.example.", "éxample.fr")
    assert normalised(replace(ORGANISATION, allowed_names=typed)).allowed_names == (
        "poste.example",
        "xn--xample-9ua.fr",
    )


@pytest.mark.parametrize(
    "suffixes", [("no name",), ("-a.example",), ("a..b",), ("*",), ("192.0.2.1",), ("a.example",) * (MOST_SUFFIXES + 1)]
)
def test_suffixes_are_names(suffixes: tuple[str, ...]) -> None:
    """What cannot be a DNS name is refused at its field, and so are too many."""
    problems = judge_organisation(replace(ORGANISATION, allowed_names=suffixes))
    assert {problem.field for problem in problems} == {"allowed_names"}


def test_reasons_can_be_read() -> None:
    """Reasons are short, visible and not too many."""
    assert judge_reasons(["Not known.", "Autre"]) == []
    for wrong in (["x" * 1001], ["a\u202eb"], ["x"] * (MOST_REASONS + 1)):
        assert {problem.field for problem in judge_reasons(wrong)} == {"reasons"}


@pytest.mark.parametrize(
    ("field", "spoilt"),
    [
        ("contact_name", replace(ORGANISATION, contact_name="x" * 65)),
        ("contact_email", replace(ORGANISATION, contact_email="nobody")),
        ("contact_phone", replace(ORGANISATION, contact_phone="12")),
        ("state_or_province", replace(ORGANISATION, state_or_province="x" * 129)),
        ("locality", replace(ORGANISATION, locality="a\u202eb")),
    ],
)
def test_contact_and_place_are_judged(field: str, spoilt: Organisation) -> None:
    """Each of an organisation's texts is refused at its own field; all of them may be empty."""
    assert [problem.field for problem in judge_organisation(spoilt)] == [field]
    assert judge_organisation(ORGANISATION) == []
