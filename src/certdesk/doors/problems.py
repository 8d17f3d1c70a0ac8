"""Errors as HTTP sees them: RFC 9457 problem documents, and the total table of every error kind.

`type` is `urn:certdesk:error:` and the error kind. Problems that are HTTP's own (a method that a resource
does not have) have the type `about:blank`, as RFC 9457 §4.2.1 asks.
"""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, NamedTuple

import msgspec

from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.text import LANGUAGES, N_, Translator, translator
from certdesk.doors.answers import NO_STORE, Answer, encode_json
from certdesk.doors.asgi import Header, Scope

TYPE_PREFIX = "urn:certdesk:error:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_UNAVAILABLE = 5
"""Seconds after which a caller may ask again when storage or a key could not be used."""


class Meaning(NamedTuple):
    """What an error kind is in HTTP."""

    status: int
    title: str


MEANINGS: dict[ErrorKind, Meaning] = {
    ErrorKind.MALFORMED: Meaning(400, N_("The request cannot be read")),
    ErrorKind.INVALID_FIELD: Meaning(422, N_("A field's value cannot be right")),
    ErrorKind.BAD_CSR: Meaning(422, N_("The certificate signing request is not valid")),
    ErrorKind.WEAK_KEY: Meaning(422, N_("The key is too weak")),
    ErrorKind.WEAK_SIGNATURE: Meaning(422, N_("The signature is too weak")),
    ErrorKind.KEY_IN_USE: Meaning(409, N_("The key is in use elsewhere")),
    ErrorKind.KEY_COMPROMISED: Meaning(409, N_("The key was compromised")),
    ErrorKind.NAME_NOT_ALLOWED: Meaning(422, N_("A name is not allowed")),
    ErrorKind.KIND_NOT_ALLOWED: Meaning(422, N_("This kind of certificate is not allowed")),
    ErrorKind.UNAUTHENTICATED: Meaning(401, N_("The desk does not know who is calling")),
    ErrorKind.FORBIDDEN: Meaning(403, N_("Not allowed")),
    ErrorKind.NOT_FOUND: Meaning(404, N_("Not found")),
    ErrorKind.CONFLICT: Meaning(409, N_("Not possible in the present state")),
    ErrorKind.TOO_LARGE: Meaning(413, N_("Too large")),
    ErrorKind.RATE_LIMITED: Meaning(429, N_("Too many calls")),
    ErrorKind.UNAVAILABLE: Meaning(503, N_("Not available at the moment")),
    ErrorKind.INCOMPATIBLE: Meaning(500, N_("The stored data is of a newer version")),
    ErrorKind.INTERNAL: Meaning(500, N_("The desk made an error")),
}
"""Every error kind's HTTP status and title."""

DISCREET: dict[ErrorKind, str] = {
    ErrorKind.UNAVAILABLE: N_("the desk cannot do this right now; nothing was changed, try again later"),
    ErrorKind.INCOMPATIBLE: N_("the desk cannot do this; its operator finds the reason in the log"),
    ErrorKind.INTERNAL: N_("the desk cannot do this; its operator finds the reason in the log"),
}
"""Kinds whose own sentence is for the log: it may name files, hosts or databases."""


def note_failure(scope: Scope, error: CertdeskError) -> None:
    """Leave an error whose sentence the caller does not get in the scope, for the log (`certdesk.doors.observing`)."""
    if error.kind in DISCREET:
        scope["failure"] = error


class FieldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with one field."""

    type: str
    detail: str
    field: str = ""
    """The field's path in dots, such as `contact.phone`."""


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """An RFC 9457 problem document; `errors` names what is wrong field by field."""

    type: str
    title: str
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()


@lru_cache(256)
def _preferred(accept_language: bytes) -> str:
    weighed: list[tuple[float, str]] = []
    for entry in accept_language.decode("latin-1").split(","):
        language, _, parameters = entry.strip().lower().partition(";")
        weight = parameters.strip().removeprefix("q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        primary = "en" if language == "*" else language.partition("-")[0]
        if primary in LANGUAGES and quality > 0:
            weighed.append((quality, primary))
    return max(weighed, key=lambda pair: pair[0])[1] if weighed else "en"


def language_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the language that a caller likes best of those the desk has (RFC 9110 §12.5.4); English if none."""
    accepted = headers.get(b"accept-language")
    return _preferred(accepted) if accepted and len(accepted) < 200 else "en"  # noqa: PLR2004 - nobody reads more


def problem_answer(error: CertdeskError, language: str = "en") -> Answer:
    """Return the problem document of an error, in a language."""
    translate = translator(language)
    meaning = MEANINGS[error.kind]
    document = ProblemDocument(
        type=TYPE_PREFIX + error.kind,
        title=translate(meaning.title),
        status=meaning.status,
        detail=detail_of(error.problem, translate),
        errors=tuple(
            FieldProblem(type=TYPE_PREFIX + problem.kind, detail=detail_of(problem, translate), field=problem.field)
            for problem in error.problems
            if problem.field
        ),
    )
    return _document_answer(document, language, _headers_for(error))


def plain_problem_answer(status: int, *headers: Header) -> Answer:
    """Return the problem document of an error that is HTTP's own, such as 405."""
    return _document_answer(ProblemDocument("about:blank", HTTPStatus(status).phrase, status), "en", headers)


def detail_of(problem: Problem, translate: Translator) -> str:
    """Return the sentence that a caller is told, in a language; a discreet one for what is the operator's to know."""
    discreet = DISCREET.get(problem.kind)
    return translate(discreet) if discreet else problem.text(translate)


def _headers_for(error: CertdeskError) -> tuple[Header, ...]:
    if error.kind is ErrorKind.UNAUTHENTICATED:
        return ((b"www-authenticate", b'Bearer realm="certdesk"'),)
    return retry_headers(error)


def retry_headers(error: CertdeskError) -> tuple[Header, ...]:
    """Return when to try again, for errors that go away by themselves (RFC 9110 §10.2.3)."""
    if error.kind is ErrorKind.RATE_LIMITED:
        return ((b"retry-after", str(error.problem.values.get("seconds", 1)).encode()),)
    if error.kind is ErrorKind.UNAVAILABLE:
        return ((b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE),)
    return ()


def _document_answer(document: ProblemDocument, language: str, headers: tuple[Header, ...]) -> Answer:
    media_type = (b"content-type", MEDIA_TYPE.encode())
    described = (b"content-language", language.encode()), (b"vary", b"accept-language")
    return Answer(document.status, encode_json(document), (media_type, NO_STORE, *described, *headers))
