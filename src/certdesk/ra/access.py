"""Who is calling: the bearer of a manager's certificate or of an API token."""

from certdesk.domain.enrollment import Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.text import N_
from certdesk.ra.registry import Registry


class Access(Registry):
    """Authentication; every call looks again, so a revocation or a disabled manager takes effect at once."""

    async def principal_of_certificate(self, der: bytes, source: str) -> Principal:
        """Return the manager whom a client certificate was issued to; raise `UNAUTHENTICATED`.

        The desk issued these certificates itself, so it looks for this very one, octet for octet: nothing
        that merely chains to the CA is accepted.
        """
        principal = await self._store.organisations.principal_of_certificate(sha256(der), self._clock(), source)
        if principal is None:
            raise CertdeskError(
                ErrorKind.UNAUTHENTICATED,
                N_("this client certificate is not, or no longer, a manager's at this desk"),
            )
        return principal

    async def principal_of_token(self, token: str, source: str) -> Principal:
        """Return the automation that an API token was made for; raise `UNAUTHENTICATED`."""
        principal = await self._store.organisations.principal_of_token(sha256(token.encode()), self._clock(), source)
        if principal is None:
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this API token is not known, or has expired"))
        return principal
