"""Where the desk's authorities stand: their lists, their answers, and what they renew next."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509

from certdesk.ca.crl import ISSUING_CRL_VALIDITY, ROOT_CRL_VALIDITY
from certdesk.ca.hierarchy import ISSUING, ROOT, parse_ca_certificate
from certdesk.domain.clock import MINUTE
from certdesk.domain.enrollment import DAY, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.ra.office import Office
from certdesk.store.authorities import AnswerCounts, LatestList
from certdesk.va.authority import ANSWER_VALIDITY
from certdesk.va.responder import RESPONDER_VALIDITY

_COUNTED_AGAIN = MINUTE
_GAPS_LOOKED_FOR = 7 * DAY
_RESPONDER = "OCSP responder"
"""What the CA records its responders' certificates for."""


@dataclass(frozen=True, slots=True)
class ListState:
    """An authority's present revocation list."""

    authority: str
    """`root` or `issuing`."""
    crl: LatestList | None
    entries: int
    """Certificates that are on it."""
    renewed_at: int | None
    """When the next one is made at the latest, unless something is revoked before."""


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """What overseers see of the authorities."""

    lists: tuple[ListState, ...]
    answers: AnswerCounts
    counted_at: int
    responder_renewed_at: int | None
    """When the last certificate that an OCSP responder was given is replaced."""


class Authorities(Office):
    """Reads for administrators, and for auditors of the whole federation."""

    _counted: tuple[int, AnswerCounts] | None = None
    """Counting half a million answers takes some milliseconds, so one count serves everybody for a minute."""
    _lengths: Mapping[str, tuple[int, int]] = MappingProxyType({})
    """By issuer, the number of its list that was read last, and how many certificates are on it."""

    async def authority_state(self, by: Principal) -> AuthorityState:
        """Return where the authorities stand; raise `FORBIDDEN`."""
        if by.organisation or by.role is Role.REGISTRATION_MANAGER:
            raise CertdeskError(ErrorKind.FORBIDDEN, N_("only an administrator may do this"))
        root = parse_ca_certificate(self._ca.root_der).issuer
        lists = (
            await self._list_state(ROOT, root, ROOT_CRL_VALIDITY),
            await self._list_state(ISSUING, self._ca.issuer, ISSUING_CRL_VALIDITY),
        )
        counted_at, answers = await self._answers()
        certified_at = await self._store.authorities.last_own(_RESPONDER)
        renewed_at = certified_at + RESPONDER_VALIDITY // 2 if certified_at else None
        return AuthorityState(lists, answers, counted_at, renewed_at)

    async def _list_state(self, authority: str, issuer: str, validity: int) -> ListState:
        crl = await self._store.authorities.latest_list(issuer)
        if crl is None:
            return ListState(authority, None, 0, None)
        entries = await self._entries(issuer, crl.number)
        return ListState(authority, crl, entries, crl.next_update - validity // 2)

    async def _entries(self, issuer: str, number: int) -> int:
        """Return how many certificates are on an issuer's latest list, which is read once for each number."""
        known, entries = self._lengths.get(issuer, (None, 0))
        if known != number:
            crl = await self._store.validation.latest_crl(issuer)
            entries = len(x509.load_der_x509_crl(crl.der)) if crl else 0
            self._lengths = {**self._lengths, issuer: (number, entries)}
        return entries

    async def _answers(self) -> tuple[int, AnswerCounts]:
        now = self._clock()
        if self._counted is None or now - self._counted[0] >= _COUNTED_AGAIN:
            due, since = now + ANSWER_VALIDITY // 2, now - _GAPS_LOOKED_FOR
            self._counted = now, await self._store.authorities.answers(now, due, since)
        return self._counted
