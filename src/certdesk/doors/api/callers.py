"""Who calls: the holder of a claim, a manager with a client certificate, or an automation with an API token."""

import re
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeGuard, TypeVar

from certdesk.domain.enrollment import Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import parse_request_id
from certdesk.domain.text import N_
from certdesk.doors.api.decoding import claim_sha256
from certdesk.doors.asgi import Scope
from certdesk.doors.peers import Peers
from certdesk.doors.ratelimit import RateLimiter
from certdesk.ra import Enrollment, RegistrationAuthority
from certdesk.ra.registry import TOKEN_PREFIX

_CLAIM = re.compile(r"[A-Za-z0-9_-]{43}")
_SCHEME = b"bearer "
_WRONG = frozenset({ErrorKind.UNAUTHENTICATED, ErrorKind.NOT_FOUND})

Given = ParamSpec("Given")
Found = TypeVar("Found")


def bearer_of(scope: Scope) -> str | None:
    """Return the credential of `Authorization: Bearer` (RFC 6750 §2.1), if there is one."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            if value[: len(_SCHEME)].lower() == _SCHEME:
                return str(value[len(_SCHEME) :].strip(), "latin-1")
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("the desk understands Authorization: Bearer only"))
    return None


def is_claim(bearer: str | None) -> TypeGuard[str]:
    """Tell whether a credential is a claim; a token is longer."""
    return bearer is not None and _CLAIM.fullmatch(bearer) is not None


class Callers:
    """Finds out who calls; an address that keeps guessing has to wait."""

    def __init__(self, ra: RegistrationAuthority, peers: Peers, limiter: RateLimiter) -> None:
        self._ra = ra
        self._limiter = limiter
        self.address = peers.address
        self.certificate = peers.certificate

    def stranger(self, scope: Scope) -> str:
        """Return the address of a caller who needs no credentials, and may not call too often."""
        address = self.address(scope)
        self._limiter.spend(address)
        return address

    async def principal(self, scope: Scope) -> Principal:
        """Return the manager or automation that calls, or raise `UNAUTHENTICATED`."""
        address, bearer = self.address(scope), bearer_of(scope)
        if bearer is not None:
            if not bearer.startswith(TOKEN_PREFIX) or is_claim(bearer):
                raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this is neither a claim nor an API token"))
            return await self._watched(address, self._ra.principal_of_token, bearer, address)
        certificate = self.certificate(scope)
        if certificate is not None:
            return await self._watched(address, self._ra.principal_of_certificate, certificate, address)
        raise CertdeskError(
            ErrorKind.UNAUTHENTICATED, N_("this needs a manager's client certificate, an API token or a claim")
        )

    async def collect(self, scope: Scope, unverified_id: str, claim: str) -> Enrollment:
        """Return the request that a claim belongs to, or raise `NOT_FOUND`."""
        return await self._watched(
            self.address(scope), self._ra.collect, parse_request_id(unverified_id), claim_sha256(claim)
        )

    async def installed(self, scope: Scope, unverified_id: str) -> Enrollment:
        """Note that the holder of a request's claim has installed its certificate, or raise `NOT_FOUND`."""
        address, bearer = self.address(scope), bearer_of(scope)
        if not is_claim(bearer):
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this needs the request's claim"))
        return await self._watched(
            address, self._ra.installed, parse_request_id(unverified_id), claim_sha256(bearer), source=address
        )

    async def _watched(
        self, address: str, call: Callable[Given, Awaitable[Found]], *args: Given.args, **kwargs: Given.kwargs
    ) -> Found:
        """Try a credential; a wrong one costs its address a token, and no token left means no more tries."""
        self._limiter.check(address)
        try:
            return await call(*args, **kwargs)
        except CertdeskError as error:
            if error.kind in _WRONG:
                self._limiter.charge(address)
            raise
