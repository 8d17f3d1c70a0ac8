"""The desk's API as the requester meets it: submit, look, report, renew.

    desk = Desk(settings.desk_url, transport)
    answer = desk.submit(body)
    answer = desk.look(answer.id, claim)

An `Answer` has been read, not believed: whether it is about our key, and whether its certificate is
any good, `certdesk.client.enrollment` decides.
"""

import json
import re
from dataclasses import dataclass

import httpx

from certdesk.client.failures import ClientError, unusable_answer
from certdesk.client.transport import Reply, Transport, check_url
from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.identifiers import parse_request_id
from certdesk.domain.states import RequestState
from certdesk.domain.text import N_

_ERROR_TYPE = "urn:certdesk:error:"
_LONGEST_SENTENCE = 2000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]+")

_KIND_OF_STATUS = {
    400: ErrorKind.MALFORMED,
    401: ErrorKind.UNAUTHENTICATED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    409: ErrorKind.CONFLICT,
    413: ErrorKind.TOO_LARGE,
    422: ErrorKind.INVALID_FIELD,
    429: ErrorKind.RATE_LIMITED,
}
"""For an error type that a newer desk may have and this client does not know."""


def printable(unverified_text: str) -> str:
    """Return foreign text with everything that could steer a terminal or mislead the eye turned into a space."""
    return _UNSEEN.sub(" ", unverified_text[:_LONGEST_SENTENCE]).strip()


class RefusedError(CertdeskError):
    """The desk has answered, in its own words, that it will not; asking the same again is useless."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the desk says of a request."""

    id: str
    organisation: str
    kind: str
    status: RequestState
    verification_code: str
    reason: str
    lapses_at: str
    superseded_by: str
    certificate: str
    """PEM; empty unless issued."""
    chain: str
    """PEM."""
    retry_after: float | None
    """Seconds that the desk would like to be left alone."""


class Desk:
    """The calls of the API that need nothing but a claim, or the certificate's own key."""

    def __init__(self, url: str, transport: Transport) -> None:
        self._base = check_url(url)
        self._transport = transport

    def submit(self, body: dict[str, object]) -> Answer:
        """Submit a request; the same claim with the same CSR gives the same request again."""
        return self._post("/api/v1/requests", body)

    def renew(self, serial_number: str, body: dict[str, object]) -> Answer:
        """Ask for the successor of a certificate, with a proof by its key."""
        return self._post(f"/api/v1/certificates/{serial_number}/renew", body)

    def look(self, request_id: str, claim: str) -> Answer:
        """Ask where a request stands; an issued one comes with its certificate."""
        return _answer(self._call("GET", f"/api/v1/requests/{request_id}", claim=claim))

    def installed(self, request_id: str, claim: str) -> None:
        """Tell the desk that the certificate is in use."""
        self._call("POST", f"/api/v1/requests/{request_id}/installed", claim=claim)

    def _post(self, path: str, body: dict[str, object]) -> Answer:
        return _answer(self._call("POST", path, body))

    def _call(self, method: str, path: str, body: dict[str, object] | None = None, *, claim: str = "") -> Reply:
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        headers = {"Accept": "application/json, application/problem+json"}
        if claim:
            headers["Authorization"] = f"Bearer {claim}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode()
        reply = self._transport.exchange(method, url, headers=headers, content=content)
        if reply.status not in {200, 201, 202}:
            raise _error(url, reply)
        return reply


def _document(reply: Reply) -> dict[str, object]:
    try:
        document = json.loads(reply.octets)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise unusable_answer(
            N_("the answer is not the desk's: it is no JSON object (HTTP {status})"), status=reply.status
        )
    return document


def _text(document: dict[str, object], name: str, *, required: bool = False) -> str:
    value = document.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise unusable_answer(N_("the answer is not the desk's: its {member} is missing or no text"), member=name)
    return value


def _answer(reply: Reply) -> Answer:
    document = _document(reply)
    certificate = document.get("certificate")
    try:
        request_id = parse_request_id(_text(document, "id", required=True))
        status = RequestState(_text(document, "status", required=True))
    except (ValueError, CertdeskError) as error:
        if isinstance(error, ClientError):
            raise
        raise unusable_answer(N_("the answer is not the desk's: its request ID or status cannot be read")) from error
    return Answer(
        id=request_id,
        organisation=_text(document, "organisation", required=True),
        kind=_text(document, "kind", required=True),
        status=status,
        verification_code=_text(document, "verification_code", required=True),
        reason=printable(_text(document, "reason")),
        lapses_at=printable(_text(document, "lapses_at")),
        superseded_by=printable(_text(document, "superseded_by")),
        certificate=_text(certificate, "pem", required=True) if isinstance(certificate, dict) else "",
        chain=_text(document, "chain"),
        retry_after=reply.retry_after,
    )


def _error(url: httpx.URL, reply: Reply) -> CertdeskError:
    """Return the error that a problem document (RFC 9457) describes, or say that it is none of the desk's."""
    if 300 <= reply.status < 400:  # noqa: PLR2004 - redirections
        return unusable_answer(
            N_("{address} sends us elsewhere, to {location}"),
            address=url.host,
            location=printable(reply.headers.get("Location", "?")),
        )
    try:
        document = _document(reply)
        named = _text(document, "type")
        detail = _text(document, "detail") or _text(document, "title")
    except ClientError:
        return _foreign_error(url, reply)
    if not named.startswith(_ERROR_TYPE) or not detail:
        return _foreign_error(url, reply)
    kind = _kind(named, reply.status)
    if reply.status >= 500:  # noqa: PLR2004 - the desk's own trouble, not a refusal
        return CertdeskError(kind, "{detail}", detail=printable(detail))
    return RefusedError.of(_problems(document) or [_problem(kind, detail)])


def _foreign_error(url: httpx.URL, reply: Reply) -> ClientError:
    kind = ErrorKind.UNAVAILABLE if reply.status >= 500 else ErrorKind.INTERNAL  # noqa: PLR2004
    return ClientError(
        kind,
        N_("{address} answers HTTP {status}, and not in the desk's words"),
        hint=N_("is the desk's address in the settings right, or a proxy in between?"),
        address=url.host,
        status=reply.status,
    )


def _kind(named: str, status: int) -> ErrorKind:
    try:
        return ErrorKind(named.removeprefix(_ERROR_TYPE))
    except ValueError:
        return _KIND_OF_STATUS.get(status, ErrorKind.UNAVAILABLE if status >= 500 else ErrorKind.CONFLICT)  # noqa: PLR2004


def _problem(kind: ErrorKind, detail: str, field: str = "") -> Problem:
    return Problem(kind, "{detail}", printable(field), {"detail": printable(detail)})


def _problems(document: dict[str, object]) -> list[Problem]:
    """Return the problems of the single fields, as many as can be read."""
    errors = document.get("errors")
    found = []
    for each in errors[:50] if isinstance(errors, list) else []:
        if isinstance(each, dict) and isinstance(each.get("detail"), str):
            kind = _kind(str(each.get("type")), 422)
            found.append(_problem(kind, each["detail"], str(each.get("field") or "")))
    return found
