"""Answers SCEP at `/scep/{organisation}[/{kind}]`, and Apple's profile at `/scep/{organisation}/enroll.mobileconfig`.

Plain ASGI, like the EST door. What clients append by themselves, such as `/pkiclient.exe`, does no harm.
"""

import os
from collections.abc import Awaitable, Callable

from certdesk.ca.hierarchy import Hierarchy
from certdesk.ca.scep_identity import SCEPIdentities
from certdesk.domain.codes import parse_code
from certdesk.domain.enrollment import DoorRule
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import Randomness
from certdesk.domain.text import N_, translator
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.asgi import ASGIApp, Header, Receive, Scope, Send
from certdesk.doors.bodies import read_body
from certdesk.doors.peers import Peers
from certdesk.doors.problems import MEANINGS, detail_of, language_of, note_failure, retry_headers
from certdesk.doors.ratelimit import RateLimiter
from certdesk.doors.routing import nothing_here
from certdesk.doors.scep.decoding import (
    LARGEST_FORM,
    PREFIX,
    PROFILE,
    address_in,
    form_in,
    message_in,
    parameters_in,
)
from certdesk.doors.scep.operation import DOOR, PKIOperation, Place
from certdesk.doors.scep.profile import KINDS, MEDIA_TYPE, Authority, profile
from certdesk.doors.settings import HTTPSettings
from certdesk.ra import RegistrationAuthority
from certdesk.va.authority import ValidationAuthority
from certdesk.wire.cms import Digest, certs_only

CAPABILITIES = ("AES", "POSTPKIOperation", "Renewal", "SHA-256", "SHA-384", "SHA-512", "SCEPStandard")
"""RFC 8894 §3.5.2, and SHA-384, without which some clients do not take SHA-256 for meant."""
LEGACY_CAPABILITIES = ("DES3", "SHA-1")
NEXT_CA = "GetNextCACert"
TWO_CERTIFICATES = "split"
"""The CA identifier with which GetCACert has a second certificate, for encryption only."""

_METHODS = frozenset({"GET", "HEAD", "POST"})
_MESSAGE: Header = (b"content-type", b"application/x-pki-message")
_CA_AND_RA: Header = (b"content-type", b"application/x-x509-ca-ra-cert")
_NEXT_CA: Header = (b"content-type", b"application/x-x509-next-ca-cert")
_TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")
_PLAIN: Header = (b"content-type", b"text/plain")
_Call = Callable[[Scope, Receive, Place, dict[str, str]], Awaitable[Answer]]


def scep_app(
    ra: RegistrationAuthority,
    va: ValidationAuthority,
    identities: SCEPIdentities,
    *,
    ca: Hierarchy,
    desk_url: str,
    settings: HTTPSettings,
    next_ca: tuple[bytes, ...] = (),
    randomness: Randomness = os.urandom,
) -> ASGIApp:
    """Return SCEP as an ASGI application.

    `next_ca` are the certificates (DER) of the CA that is going to follow, if that is known.
    """
    operation = PKIOperation(ra, va, identities, ca)
    authority = Authority(desk_url, ca.issuing.der, ca.root.der)
    return _SCEPDoor(ra, operation, identities, authority, settings, next_ca, randomness)


class _SCEPDoor:
    def __init__(
        self,
        ra: RegistrationAuthority,
        operation: PKIOperation,
        identities: SCEPIdentities,
        authority: Authority,
        settings: HTTPSettings,
        next_ca: tuple[bytes, ...],
        randomness: Randomness,
    ) -> None:
        self._ra = ra
        self._operation = operation
        self._identities = identities
        self._authority = authority
        self._next_ca = next_ca
        self._randomness = randomness
        self._peers = Peers(settings.trusted_proxies)
        self._limiter = RateLimiter(settings.public_calls_per_minute, settings.public_calls_at_once, settings.monotonic)
        self._calls: dict[str, tuple[str, _Call]] = {
            name.lower(): (name, call)
            for name, call in (
                ("GetCACaps", self._capabilities),
                ("GetCACert", self._certificates),
                (NEXT_CA, self._next_certificates),
                ("PKIOperation", self._pki_operation),
            )
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except CertdeskError as error:
            note_failure(scope, error)
            answer = _refusal(error, scope)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in _METHODS:
            return _not_allowed(b"GET, HEAD, POST")
        headers, parameters = dict(scope["headers"]), parameters_in(scope["query_string"])
        organisation, kind, is_profile = address_in(scope["path"])
        app = headers.get(b"user-agent", b"").decode("latin-1")
        place = Place(organisation, kind, self._peers.address(scope), app)
        if is_profile:
            scope["path_template"] = f"{PREFIX}{PROFILE}"
            return await self._profile(scope, receive, place)
        name, call = self._calls.get(parameters.get("operation", "").lower(), ("", None))
        if call is None:
            raise CertdeskError(ErrorKind.MALFORMED, N_("there is no such SCEP operation"), field="operation")
        scope["path_template"] = f"{PREFIX}{name}"
        return await call(scope, receive, place, parameters)

    async def _capabilities(
        self, _scope: Scope, _receive: Receive, place: Place, _parameters: dict[str, str]
    ) -> Answer:
        """Tell what the door understands (RFC 8894 §3.5)."""
        organisation = await self._ra.door_organisation(place.organisation)
        legacy = LEGACY_CAPABILITIES if DoorRule.LEGACY_SCEP in organisation.door_rules else ()
        following = (NEXT_CA,) if self._next_ca else ()
        return Answer(200, "".join(f"{each}\n" for each in (*CAPABILITIES, *legacy, *following)).encode(), (_PLAIN,))

    async def _certificates(self, _scope: Scope, _receive: Receive, place: Place, parameters: dict[str, str]) -> Answer:
        """Tell whom to encrypt for, and who is above (§4.2).

        A client that looks for a certificate which enciphers keys and nothing else asks for it by a CA identifier.
        """
        await self._ra.door_organisation(place.organisation)
        identity = await self._identities.current()
        every = [identity.certificate.der, self._authority.issuing, self._authority.root]
        if parameters.get("message") == TWO_CERTIFICATES:
            every.append(identity.recipient.der)
        return Answer(200, certs_only(every), (_CA_AND_RA,))

    async def _next_certificates(
        self, _scope: Scope, _receive: Receive, place: Place, _parameters: dict[str, str]
    ) -> Answer:
        """Tell who is going to follow the CA (§4.7), if anybody is."""
        await self._ra.door_organisation(place.organisation)
        if not self._next_ca:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("no certificate authority is going to follow yet"))
        identity = await self._identities.current()
        following = certs_only(self._next_ca)
        return Answer(200, identity.sign(following, {}, Digest.SHA256, self._next_ca), (_NEXT_CA,))

    async def _pki_operation(self, scope: Scope, receive: Receive, place: Place, parameters: dict[str, str]) -> Answer:
        """Answer a message, by POST as it is or by GET in base64 (§4.1)."""
        self._limiter.check(place.source)
        try:
            is_post = scope["method"] == "POST"
            octets = await read_body(scope, receive) if is_post else message_in(parameters.get("message", ""))
            reply = await self._operation.answer(octets, place)
        except CertdeskError as error:
            await self._note(error, place)
            raise
        if reply.error:
            await self._note(reply.error, place)
        elif reply.is_stranger:
            self._limiter.charge(place.source)
        return Answer(200, reply.der, (_MESSAGE, NO_STORE))

    async def _profile(self, scope: Scope, receive: Receive, place: Place) -> Answer:
        """Return Apple's profile; a code goes into it that was sent by a form, since addresses are written down."""
        self._limiter.spend(place.source)
        organisation = await self._ra.door_organisation(place.organisation)
        if not organisation.kinds & KINDS:
            raise nothing_here()
        is_form = scope["method"] == "POST"
        code = form_in(await read_body(scope, receive, LARGEST_FORM)).get("code", "").strip() if is_form else ""
        if code and parse_code(code) is None:
            raise CertdeskError(ErrorKind.INVALID_FIELD, N_("an enrollment code has twenty characters"), field="code")
        name = f'attachment; filename="{organisation.code}.mobileconfig"'.encode()
        return Answer(
            200,
            profile(organisation, self._authority, code, self._randomness),
            ((b"content-type", MEDIA_TYPE), (b"content-disposition", name), NO_STORE),
        )

    async def _note(self, error: CertdeskError, place: Place) -> None:
        """Write down whom the door turns away, and make it wait if it goes on; not what is our own fault."""
        if MEANINGS[error.kind].status < 500:  # noqa: PLR2004 - from here on it is the server's
            self._limiter.charge(place.source)
            await self._ra.note_refusal(DOOR, place.organisation, place.source, error)


def _not_allowed(methods: bytes) -> Answer:
    return Answer(405, b"Method Not Allowed\n", (_TEXT, (b"allow", methods)))


def _refusal(error: CertdeskError, scope: Scope) -> Answer:
    """Return an error that SCEP has no message for, as HTTP's."""
    sentence = detail_of(error.problem, translator(language_of(dict(scope["headers"]))))
    return Answer(MEANINGS[error.kind].status, f"{sentence}\n".encode(), (_TEXT, NO_STORE, *retry_headers(error)))
