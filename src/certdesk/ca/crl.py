"""Publish certificate revocation lists (RFC 5280 §5): at every revocation, and before the last one runs out.

    publisher = CRLPublisher(ca, store.validation, system_clock)
    await publisher.publish()          # after a revocation
    await publisher.renew_if_due()     # a job, every few minutes

The lists are complete ones: no deltas, no partitions.
"""

import asyncio
from collections.abc import Iterable

from certdesk.ca import extensions
from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.hierarchy import CACertificate
from certdesk.ca.signing import Validity, sign
from certdesk.domain.clock import SECOND, Clock
from certdesk.domain.enrollment import DAY
from certdesk.domain.states import RevocationReason
from certdesk.domain.validation import RevokedCertificate, StoredCRL, ValidationStore
from certdesk.keys.signer import Signer
from certdesk.wire import der

ISSUING_CRL_VALIDITY = 7 * DAY
ROOT_CRL_VALIDITY = 365 * DAY

_VERSION_2 = der.integer(1)

REASON_CODES = {
    RevocationReason.KEY_COMPROMISE: 1,
    RevocationReason.AFFILIATION_CHANGED: 3,
    RevocationReason.SUPERSEDED: 4,
    RevocationReason.CESSATION_OF_OPERATION: 5,
    RevocationReason.PRIVILEGE_WITHDRAWN: 9,
}
"""CRLReason numbers. `unspecified` has none, for then the reason is left out (RFC 5280 §5.3.1)."""

_REASONS = {reason: der.sequence(extensions.reason_code(code)) for reason, code in REASON_CODES.items()}


def sign_crl(
    signer: Signer, ca: CACertificate, number: int, validity: Validity, revoked: Iterable[RevokedCertificate]
) -> bytes:
    """Return a DER CertificateList, version 2; without entries it has no list of them (RFC 5280 §5.1.2.6)."""
    entries = b"".join(map(_entry, revoked))
    return sign(
        signer,
        der.sequence(
            _VERSION_2,
            signer.signature_algorithm,
            ca.subject,
            der.time(validity.not_before),
            der.time(validity.not_after),
            der.sequence(entries) if entries else b"",
            der.explicit(
                0,
                der.sequence(extensions.authority_key_identifier(ca.key_identifier), extensions.crl_number(number)),
            ),
        ),
    )


def _entry(revoked: RevokedCertificate) -> bytes:
    return der.sequence(
        der.tlv(der.INTEGER, revoked.serial_number), der.time(revoked.revoked_at), _REASONS.get(revoked.reason, b"")
    )


class CRLPublisher:
    """Publishes the lists of the issuing CA and of the root.

    Any number of publishers, in any number of processes, may share a store: the numbers of the lists they add grow
    one by one, and a later list never lacks a revocation that an earlier one had.
    """

    def __init__(self, ca: CertificateAuthority, store: ValidationStore, clock: Clock) -> None:
        self._hierarchy = ca.hierarchy
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._begun = 0
        self._published: tuple[int, StoredCRL] | None = None

    async def publish(self) -> StoredCRL:
        """Publish a list of the issuing CA that holds every revocation recorded before this call.

        Callers who come while a list is being made share the next one.
        """
        begun_before = self._begun
        async with self._turn:
            if self._published and self._published[0] > begun_before:
                return self._published[1]
            self._begun += 1
            turn = self._begun
            hierarchy = self._hierarchy
            crl = await self._add(hierarchy.issuing, hierarchy.issuing_signer, ISSUING_CRL_VALIDITY)
            self._published = turn, crl
            return crl

    async def renew_if_due(self) -> None:
        """Publish the list of each CA if there is none, half its life is over, or it lacks a revocation."""
        hierarchy = self._hierarchy
        if await self._is_due(hierarchy.issuing, ISSUING_CRL_VALIDITY):
            await self.publish()
        if await self._is_due(hierarchy.root, ROOT_CRL_VALIDITY):
            # Opening a key file takes long by design; other work goes on meanwhile.
            signer = await asyncio.to_thread(hierarchy.root_signer)
            await self._add(hierarchy.root, signer, ROOT_CRL_VALIDITY)

    async def _is_due(self, ca: CACertificate, validity: int) -> bool:
        latest = await self._store.latest_crl(ca.issuer)
        if latest is None or latest.next_update - self._clock() < validity // 2:
            return True
        revoked_at = await self._store.last_revocation(ca.issuer)
        return revoked_at is not None and revoked_at >= latest.made_at

    async def _add(self, ca: CACertificate, signer: Signer, validity: int) -> StoredCRL:
        """Make lists until one of them is the first with its number.

        The last number is read before the revocations, so whoever takes the number after it has seen at least what
        the last list held.
        """
        while True:
            latest = await self._store.latest_crl(ca.issuer)
            crl = await self._make(ca, signer, validity, latest)
            if await self._store.add_crl(crl):
                return crl

    async def _make(self, ca: CACertificate, signer: Signer, validity: int, latest: StoredCRL | None) -> StoredCRL:
        made_at = self._clock()
        now = made_at // SECOND * SECOND
        # A clock that was set back must not make a newer list look older than the last one.
        this_update = max(now, latest.this_update) if latest else now
        number = latest.number + 1 if latest else 1
        # A certificate stays listed until after a list made past its expiry (RFC 5280 §3.3); a day more than that
        # costs little and covers clocks that differ.
        revoked = await self._store.revoked(ca.issuer, (latest.this_update if latest else now) - DAY)
        der_crl = sign_crl(signer, ca, number, Validity(this_update, this_update + validity), revoked)
        return StoredCRL(ca.issuer, number, der_crl, this_update, this_update + validity, made_at)
