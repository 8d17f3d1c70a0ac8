"""RFC 9457 problem documents."""

import json

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.doors.problems import DISCREET, MEANINGS, language_of, plain_problem_answer, problem_answer
from certdesk.doors.validation.app import REFUSALS


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_has_its_problem(kind: ErrorKind) -> None:
    """Status, type, title and detail are all there, and the document says the status that HTTP says."""
    answer = problem_answer(CertdeskError(kind, "what happened in /var/lib/{place}", place="x"))
    document = json.loads(answer.body)
    assert answer.status == document["status"] == MEANINGS[kind].status
    assert document["type"] == f"urn:certdesk:error:{kind}"
    assert document["title"]
    assert ("/var/lib/x" in document["detail"]) is (kind not in DISCREET)


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_has_its_refusal_in_ocsp(kind: ErrorKind) -> None:
    """The table of RFC 6960 §2.3 is total: an OCSPResponse of a status other than successful."""
    assert REFUSALS[kind][:4] == b"\x30\x03\x0a\x01"
    assert REFUSALS[kind][4] in {1, 2, 3, 6}


def test_all_field_problems_are_told_at_once() -> None:
    """Each with its own field, kind and sentence; the first gives the status."""
    error = CertdeskError.of(
        [
            Problem(ErrorKind.WEAK_KEY, "too short: {bits}", "csr", {"bits": 1024}),
            Problem(ErrorKind.INVALID_FIELD, "no", "contact.phone"),
        ]
    )
    document = json.loads(problem_answer(error).body)
    assert document["errors"] == [
        {"type": "urn:certdesk:error:weak-key", "field": "csr", "detail": "too short: 1024"},
        {"type": "urn:certdesk:error:invalid-field", "field": "contact.phone", "detail": "no"},
    ]


def test_an_error_about_no_field_has_no_list() -> None:
    """`errors` is left out."""
    assert "errors" not in json.loads(problem_answer(CertdeskError(ErrorKind.NOT_FOUND, "gone")).body)


def test_the_headers_say_what_to_do() -> None:
    """401 names the scheme, 429 and 503 the time to wait, and no cache keeps any of it."""
    headers = dict(problem_answer(CertdeskError(ErrorKind.UNAUTHENTICATED, "who?")).headers)
    assert headers[b"www-authenticate"] == b'Bearer realm="certdesk"'
    headers = dict(problem_answer(CertdeskError(ErrorKind.RATE_LIMITED, "wait", seconds=7)).headers)
    assert headers[b"retry-after"] == b"7"
    headers = dict(problem_answer(CertdeskError(ErrorKind.UNAVAILABLE, "down")).headers)
    assert int(headers[b"retry-after"]) > 0
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"content-type"] == b"application/problem+json"


def test_http_errors_are_about_blank() -> None:
    """RFC 9457 §4.2.1."""
    answer = plain_problem_answer(405, (b"allow", b"GET"))
    assert json.loads(answer.body) == {"type": "about:blank", "title": "Method Not Allowed", "status": 405}
    assert (b"allow", b"GET") in answer.headers


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        (b"", "en"),
        (b"fr", "fr"),
        (b"fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        (b"en;q=0.5, fr;q=0.6", "fr"),
        (b"de, fr;q=0.5", "fr"),
        (b"de", "en"),
        (b"*", "en"),
        (b"fr;q=0", "en"),
        (b"fr;q=x, en", "en"),
        (b"FR", "fr"),
        (b"fr," * 100, "en"),
        (b"\xff\xfe", "en"),
    ],
)
def test_the_language_is_the_callers_choice(accepted: bytes | None, language: str) -> None:
    """The best of those that the desk has; English for anything else, however odd."""
    assert language_of({} if accepted is None else {b"accept-language": accepted}) == language
