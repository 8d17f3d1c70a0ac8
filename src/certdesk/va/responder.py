"""The delegated responder (RFC 6960 §4.2.2.2): the key that signs OCSP answers in the issuing CA's name.

Each process has a key of its own, in memory only: no file to protect, and nothing to agree on between processes. An
answer carries the certificate that it needs. Certificates are renewed long before an answer could outlive them, and
short-lived, since nobody can revoke them: a key that leaked is of use for a week at most.
"""

import hashlib
from dataclasses import dataclass

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.signing import Validity, key_bits
from certdesk.domain.clock import MINUTE, Clock
from certdesk.domain.enrollment import DAY
from certdesk.keys.signer import KeyAlgorithm, Signer, SoftwareSigner, generate
from certdesk.wire.spki import spki_of

RESPONDER_VALIDITY = 7 * DAY
_BACKDATING = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Credential:
    """A responder's key and certificate."""

    signer: Signer
    certificate: bytes
    """DER."""
    key_hash: bytes
    """SHA-1 of the key's bits: how answers name their responder (RFC 6960 §4.2.1)."""
    renew_at: int


class Responder:
    """Holds a key and a certificate to answer OCSP with, and makes new ones of both at half of their life."""

    def __init__(self, ca: CertificateAuthority, clock: Clock) -> None:
        self._ca = ca
        self._clock = clock
        self._credential: Credential | None = None

    async def credential(self) -> Credential:
        """Return what to sign with now."""
        now = self._clock()
        if self._credential is None or now >= self._credential.renew_at:
            self._credential = await self._new_credential(now)
        return self._credential

    async def _new_credential(self, now: int) -> Credential:
        # Answers are signed with P-256 whatever the CA signs with: an RSA signature takes thirty times as long.
        signer = SoftwareSigner(generate(KeyAlgorithm.EC_P256))
        spki = spki_of(signer.public_key)
        validity = Validity(now - _BACKDATING, min(now + RESPONDER_VALIDITY, self._ca.not_after))
        certificate = await self._ca.certify_responder(spki, validity)
        key_hash = hashlib.sha1(key_bits(spki), usedforsecurity=False).digest()
        return Credential(signer, certificate, key_hash, now + RESPONDER_VALIDITY // 2)
