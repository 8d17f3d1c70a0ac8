"""Answers OCSP over HTTP (RFC 6960 appendix A, RFC 5019) and publishes the files that certificates point to.

Plain ASGI: this is the desk's most frequented place, and an answer is mostly one read of the store.
"""

import binascii
import re
from email.utils import formatdate
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from certdesk.domain.clock import SECOND, Clock, system_clock
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.asgi import ASGIApp, Receive, Scope, Send
from certdesk.doors.bodies import read_body
from certdesk.doors.problems import language_of, note_failure, plain_problem_answer, problem_answer
from certdesk.doors.routing import nothing_here
from certdesk.va.answers import INTERNAL_ERROR, MALFORMED_REQUEST, TRY_LATER, UNAUTHORIZED
from certdesk.va.authority import ValidationAuthority

PREFIXES = ("/ocsp", "/crl/", "/ca/")
"""Where the paths of this door begin."""

REFUSALS: dict[ErrorKind, bytes] = {
    ErrorKind.MALFORMED: MALFORMED_REQUEST,
    ErrorKind.INVALID_FIELD: MALFORMED_REQUEST,
    ErrorKind.BAD_CSR: MALFORMED_REQUEST,
    ErrorKind.WEAK_KEY: MALFORMED_REQUEST,
    ErrorKind.WEAK_SIGNATURE: MALFORMED_REQUEST,
    ErrorKind.KEY_IN_USE: MALFORMED_REQUEST,
    ErrorKind.KEY_COMPROMISED: MALFORMED_REQUEST,
    ErrorKind.NAME_NOT_ALLOWED: MALFORMED_REQUEST,
    ErrorKind.KIND_NOT_ALLOWED: MALFORMED_REQUEST,
    ErrorKind.UNAUTHENTICATED: UNAUTHORIZED,
    ErrorKind.FORBIDDEN: UNAUTHORIZED,
    ErrorKind.NOT_FOUND: UNAUTHORIZED,
    ErrorKind.CONFLICT: TRY_LATER,
    ErrorKind.TOO_LARGE: MALFORMED_REQUEST,
    ErrorKind.RATE_LIMITED: TRY_LATER,
    ErrorKind.UNAVAILABLE: TRY_LATER,
    ErrorKind.INCOMPATIBLE: INTERNAL_ERROR,
    ErrorKind.INTERNAL: INTERNAL_ERROR,
}
"""Every error kind in OCSP's words (RFC 6960 §2.3): DER OCSPResponses without a signature."""

_OCSP_ANSWER = (b"content-type", b"application/ocsp-response")
_CRL = (b"content-type", b"application/pkix-crl")
_CERTIFICATE = (b"content-type", b"application/pkix-cert")
_LARGEST_OCSP_REQUEST = 10_000
_LONGEST_AGE = 3600
"""Seconds for which caches may keep what could change at every revocation."""
_CERTIFICATE_AGE = (b"cache-control", b"public, max-age=86400")
_FILE = re.compile(r"/crl/(?P<crl>\w+)\.crl|/ca/(?P<ca>\w+)\.cer")
_READING = frozenset({"GET", "HEAD"})


def validation_app(va: ValidationAuthority, *, clock: Clock = system_clock) -> ASGIApp:
    """Return OCSP, revocation lists and CA certificates as one ASGI application."""
    return _ValidationDoor(va, clock)


class _ValidationDoor:
    def __init__(self, va: ValidationAuthority, clock: Clock) -> None:
        self._va = va
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        try:
            if path.startswith("/ocsp"):
                scope["path_template"] = "/ocsp"
                answer = await self._ocsp(scope, receive)
            else:
                answer = await self._file(scope)
        except CertdeskError as error:
            note_failure(scope, error)
            answer = problem_answer(error, language_of(dict(scope["headers"])))
        await answer(scope, receive, send)

    async def _ocsp(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        is_post = path == "/ocsp"
        if not is_post and not path.startswith("/ocsp/"):
            raise nothing_here()
        if is_post and method != "POST":
            return plain_problem_answer(405, (b"allow", b"POST"))
        if not is_post and method not in _READING:
            return plain_problem_answer(405, (b"allow", b"GET, HEAD"))
        try:
            request = await read_body(scope, receive, _LARGEST_OCSP_REQUEST) if is_post else _request_in(scope)
            answer = await self._va.ocsp(request)
        except CertdeskError as error:
            note_failure(scope, error)
            return Answer(200, REFUSALS[error.kind], (_OCSP_ANSWER, NO_STORE))
        if not answer.cacheable:
            return Answer(200, answer.der, (_OCSP_ANSWER, NO_STORE))
        return self._cacheable(answer.der, _OCSP_ANSWER, answer.this_update, answer.next_update)

    async def _file(self, scope: Scope) -> Answer:
        match = _FILE.fullmatch(scope["path"])
        if not match:
            raise nothing_here()
        scope["path_template"] = "/crl" if match["crl"] else "/ca"
        if scope["method"] not in _READING:
            return plain_problem_answer(405, (b"allow", b"GET, HEAD"))
        if match["ca"]:
            return Answer(200, self._va.ca_certificate(match["ca"]), (_CERTIFICATE, _CERTIFICATE_AGE))
        crl = await self._va.crl(match["crl"])
        return self._cacheable(crl.der, _CRL, crl.this_update, crl.next_update)

    def _cacheable(self, body: bytes, media_type: tuple[bytes, bytes], this_update: int, next_update: int) -> Answer:
        """Return an answer with RFC 5019 §6.2's headers for caches; both times are milliseconds."""
        age = max(0, min((next_update - self._clock()) // SECOND, _LONGEST_AGE))
        return Answer(
            200,
            body,
            (
                media_type,
                (b"cache-control", b"public, max-age=%d, no-transform, must-revalidate" % age),
                (b"last-modified", _http_date(this_update // SECOND)),
                (b"expires", _http_date(next_update // SECOND)),
                (b"etag", b'"%s"' % sha256(body).hexdigest().encode()),
            ),
        )


@lru_cache(1024)
def _http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


def _request_in(scope: Scope) -> bytes:
    """Return the OCSPRequest in a GET's path: base64, its reserved characters perhaps percent-encoded."""
    text = unquote_to_bytes(scope["raw_path"][len("/ocsp/") :])
    try:
        return binascii.a2b_base64(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4), strict_mode=True)
    except binascii.Error:
        raise CertdeskError(ErrorKind.MALFORMED, N_("this is not base64")) from None
