"""Answers EST at `/.well-known/est/{organisation}[/{kind}]/{operation}`.

Plain ASGI, like the validation door: an answer is a few lines of text, and the protocol's own. The organisation's
code stands where RFC 7030 §3.2.2 has the arbitrary label, the kind of certificate behind it. Clients that know no
labels and put `/.well-known/est` behind the address they are given find the same at
`/est/{organisation}[/{kind}]/.well-known/est/{operation}`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import PENDING
from certdesk.domain.text import N_, translator
from certdesk.doors.answers import Answer
from certdesk.doors.asgi import ASGIApp, Receive, Scope, Send
from certdesk.doors.bodies import read_body
from certdesk.doors.devices import submission_of
from certdesk.doors.est.decoding import PREFIX, address_in, code_in, csr_in
from certdesk.doors.est.encoding import (
    attributes_answer,
    certificates_answer,
    key_answer,
    pending_answer,
    refusal_answer,
)
from certdesk.doors.peers import Peers
from certdesk.doors.problems import MEANINGS, detail_of, language_of, note_failure, retry_headers
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.routing import nothing_here
from certdesk.doors.settings import HTTPSettings
from certdesk.ra import Enrollment, RegistrationAuthority
from certdesk.ra.protocols import protocol_claim, refusal_of
from certdesk.wire.pkcs10 import parse_csr

DOOR = "est"

_READING = frozenset({"GET", "HEAD"})
_PKCS10 = b"application/pkcs10"
_CACHED = (b"cache-control", b"public, max-age=3600")
_ENCRYPTED_KEY_ATTRIBUTES = ("1.2.840.113549.1.9.16.2.37", "1.2.840.113549.1.9.16.2.54")
"""DecryptKeyIdentifier and AsymmetricDecryptKeyIdentifier (RFC 7030 §4.4.1)."""


def est_app(ra: RegistrationAuthority, *, ca_certificates: tuple[bytes, ...], settings: HTTPSettings) -> ASGIApp:
    """Return EST as an ASGI application; `ca_certificates` are the issuing CA's and the root's, DER."""
    return _ESTDoor(ra, ca_certificates, settings)


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who sends a message, and to which organisation."""

    organisation: str
    kind: Kind
    source: str
    code: str
    certificate: bytes | None
    """DER, verified by TLS."""
    app: str
    language: str


class _ESTDoor:
    def __init__(self, ra: RegistrationAuthority, ca_certificates: tuple[bytes, ...], settings: HTTPSettings) -> None:
        self._ra = ra
        self._peers = Peers(settings.trusted_proxies)
        self._limiter = RateLimiter(settings.public_calls_per_minute, settings.public_calls_at_once, settings.monotonic)
        self._ca_certificates = certificates_answer(ca_certificates, _CACHED)
        self._publications: dict[str, Callable[[str], Awaitable[Answer]]] = {
            "cacerts": self._cacerts,
            "csrattrs": self._csrattrs,
        }
        self._enrollments: dict[str, Callable[[_Caller, bytes], Awaitable[Answer]]] = {
            "simpleenroll": self._simpleenroll,
            "simplereenroll": self._simplereenroll,
            "serverkeygen": self._serverkeygen,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except CertdeskError as error:
            note_failure(scope, error)
            answer = _refusal(error, language_of(dict(scope["headers"])))
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        organisation, kind, operation = address_in(scope["path"])
        is_publication = operation in self._publications
        if not is_publication and operation not in self._enrollments:
            raise nothing_here()
        scope["path_template"] = f"{PREFIX}{operation}"
        if is_publication and scope["method"] not in _READING:
            return refusal_answer(405, "Method Not Allowed", (b"allow", b"GET, HEAD"))
        if is_publication:
            return await self._publications[operation](organisation)
        if scope["method"] != "POST":
            return refusal_answer(405, "Method Not Allowed", (b"allow", b"POST"))
        source = self._peers.address(scope)
        self._limiter.check(source)
        try:
            body = csr_in(await _read_csr(scope, receive))
            return await self._enrollments[operation](self._caller(scope, organisation, kind, source), body)
        except CertdeskError as error:
            await self._note(error, organisation, source)
            raise

    def _caller(self, scope: Scope, organisation: str, kind: Kind, source: str) -> _Caller:
        headers = dict(scope["headers"])
        return _Caller(
            organisation,
            kind,
            source,
            code_in(headers.get(b"authorization")),
            self._peers.certificate(scope),
            headers.get(b"user-agent", b"").decode("latin-1"),
            language_of(headers),
        )

    async def _note(self, error: CertdeskError, organisation: str, source: str) -> None:
        """Write down whom the door turns away, and make it wait if it goes on; not what is our own fault."""
        if MEANINGS[error.kind].status < 500:  # noqa: PLR2004 - from here on it is the server's
            self._limiter.charge(source)
            await self._ra.note_refusal(DOOR, organisation, source, error)

    async def _cacerts(self, organisation: str) -> Answer:
        """Tell what the desk's certificates can be verified by (RFC 7030 §4.1)."""
        await self._ra.door_organisation(organisation)
        return self._ca_certificates

    async def _csrattrs(self, organisation: str) -> Answer:
        """Tell what a CSR shall have (§4.5)."""
        return attributes_answer((await self._ra.door_organisation(organisation)).key_type)

    async def _simpleenroll(self, caller: _Caller, body: bytes) -> Answer:
        """Enroll, wait or collect (§4.2.1)."""
        csr = parse_csr(body)
        if not caller.organisation:
            organisation, kind = await self._ra.place_of_key(csr.spki_sha256, DOOR)
            caller = replace(caller, organisation=organisation, kind=kind)
        claim = protocol_claim(DOOR, caller.organisation, caller.kind, csr.spki)
        enrollment, is_new = await self._ra.enroll(
            submission_of(csr, caller.organisation, caller.kind, claim, caller.app),
            door=DOOR,
            source=caller.source,
            code=caller.code,
        )
        if is_new and not caller.code:
            self._limiter.charge(caller.source)
        return _outcome(enrollment, caller)

    async def _simplereenroll(self, caller: _Caller, body: bytes) -> Answer:
        """Renew by the certificate that TLS has verified (§4.2.2)."""
        enrollment = await self._ra.renew_as(
            _certificate_of(caller), body, organisation=caller.organisation, door=DOOR, source=caller.source
        )
        return _outcome(enrollment, caller)

    async def _serverkeygen(self, caller: _Caller, body: bytes) -> Answer:
        """Make a key for a device that cannot, and enroll it at once (§4.4)."""
        csr = parse_csr(body)
        if any(csr.attribute(attribute) is not None for attribute in _ENCRYPTED_KEY_ATTRIBUTES):
            raise CertdeskError(
                ErrorKind.INVALID_FIELD, N_("the desk does not encrypt the key that it makes beyond TLS"), field="csr"
            )
        submission = submission_of(csr, caller.organisation, caller.kind, b"", caller.app)
        made = await self._ra.enroll_with_new_key(
            submission, door=DOOR, source=caller.source, code=caller.code, peer=caller.certificate
        )
        return key_answer(made.private_key, made.certificate.der)


async def _read_csr(scope: Scope, receive: Receive) -> bytes:
    """Return the body, which must say that it is a CSR.

    A web page cannot say so of what it makes a browser send to another site without being allowed to, so no page
    renews a certificate that the browser has.
    """
    media_type = dict(scope["headers"]).get(b"content-type", b"")
    if media_type.partition(b";")[0].strip().lower() != _PKCS10:
        raise CertdeskError(ErrorKind.MALFORMED, N_("the body must be a CSR, with Content-Type: application/pkcs10"))
    return await read_body(scope, receive)


def _certificate_of(caller: _Caller) -> bytes:
    if caller.certificate is None:
        raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("a renewal needs the certificate to be renewed, by TLS"))
    return caller.certificate


def _outcome(enrollment: Enrollment, caller: _Caller) -> Answer:
    """Return the certificate, the advice to come back, or why there will be none."""
    if enrollment.certificate is not None:
        return certificates_answer((enrollment.certificate.der,))
    if enrollment.request.state in PENDING:
        return pending_answer(enrollment.poll_seconds)
    return _refusal(refusal_of(enrollment.request), caller.language)


def _refusal(error: CertdeskError, language: str) -> Answer:
    sentence = detail_of(error.problem, translator(language))
    return refusal_answer(MEANINGS[error.kind].status, sentence, *retry_headers(error))
