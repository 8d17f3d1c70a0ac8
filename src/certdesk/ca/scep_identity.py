"""What the SCEP door opens and signs messages with: an RSA key and its certificate, renewed by themselves.

    identities = SCEPIdentities(ca, keys, store.scep, system_clock)
    identity = await identities.current()
    opened = identity.open(envelope, STRONG_CIPHERS)

SCEP encrypts with RSA only, so the CA's own key, which is an elliptic curve's, cannot do this, and should not. The
key is kept in the database, encrypted under the desk's passphrase, because every server of a desk must have the
same: a device asks one for the certificate and sends its message to another.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.signing import Validity
from certdesk.domain.clock import MINUTE, SECOND, Clock
from certdesk.domain.enrollment import DAY
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm, generate
from certdesk.store.scep import SCEPIdentities as Stored
from certdesk.store.scep import StoredIdentity
from certdesk.wire.cms import Certificate, Cipher, Digest, Enveloped, Party, parse_certificate, signed
from certdesk.wire.spki import spki_of

KEY_ALGORITHM = KeyAlgorithm.RSA_3072
_VALIDITY = 365 * DAY
_BACKDATING = 5 * MINUTE
_LOOKS_AGAIN = MINUTE
"""How soon a server notices what another one has made; a message for an unknown one is looked up at once."""
_SHORTEST_LOOK = SECOND
_PLACE = Path("scep_identities")


@dataclass(frozen=True, slots=True)
class SCEPIdentity:
    """A key with its certificates."""

    certificate: Certificate
    """Signs answers, and may be encrypted for."""
    recipient: Certificate
    """May be encrypted for, and nothing else."""
    not_after: int
    _key: rsa.RSAPrivateKey = field(repr=False)

    def open(self, envelope: Enveloped, allowed: frozenset[Cipher]) -> bytes:
        """Return the content of an envelope that names this among its recipients; raise `CMSError`."""
        recipient = next(each for each in envelope.recipients if self.is_named(each.party))
        return envelope.decrypt(self._key, recipient, allowed)

    def is_named(self, party: Party) -> bool:
        """Tell whether a message means one of the certificates."""
        return party.is_of(self.certificate) or party.is_of(self.recipient)

    def sign(
        self, content: bytes, attributes: dict[bytes, bytes], digest: Digest, certificates: tuple[bytes, ...] = ()
    ) -> bytes:
        """Return a signed message (DER); more certificates (DER) may go along with this one."""
        return signed(content, attributes, self._key, self.certificate, digest, certificates)


class SCEPIdentities:
    """Those that have not expired: messages for an older one are opened as long as its certificate is good."""

    def __init__(self, ca: CertificateAuthority, keys: KeyDirectory, store: Stored, clock: Clock) -> None:
        self._ca = ca
        self._keys = keys
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known: dict[bytes, SCEPIdentity] = {}
        """By serial number, the newest first."""
        self._looked_at = 0

    async def current(self) -> SCEPIdentity:
        """Return the newest, which devices are given; make one if there is none."""
        await self._look(_LOOKS_AGAIN)
        for identity in self._known.values():
            if identity.not_after > self._clock():
                return identity
        await self._make_if_due(even_if_none=True)
        return next(iter(self._known.values()))

    async def named(self, parties: tuple[Party, ...]) -> SCEPIdentity | None:
        """Return the one that a message names among its recipients; None if it is for somebody else."""
        for age in (_LOOKS_AGAIN, _SHORTEST_LOOK):
            await self._look(age)
            for identity in self._known.values():
                if identity.not_after > self._clock() and any(map(identity.is_named, parties)):
                    return identity
        return None

    async def renew_if_due(self) -> bool:
        """Make a new key and certificate if half of the life of the last is over; tell whether it did.

        The first ones are made when the first device asks, so that a desk without such devices has none.
        """
        return await self._make_if_due(even_if_none=False)

    async def _make_if_due(self, *, even_if_none: bool) -> bool:
        async with self._turn:
            await self._read()
            now = self._clock()
            needed = min(now + _VALIDITY // 2, self._ca.not_after)
            if any(each.not_after >= needed for each in self._known.values()):
                return False
            if not (self._known or even_if_none):
                return False
            # Finding primes takes up to a second; others go on meanwhile.
            key = await asyncio.to_thread(generate, KEY_ALGORITHM)
            validity = Validity(now - _BACKDATING, min(now + _VALIDITY, self._ca.not_after))
            spki = spki_of(key.public_key())
            der = await self._ca.certify_scep(spki, validity)
            recipient = await self._ca.certify_scep(spki, validity, signs=False)
            pem = (await asyncio.to_thread(self._keys.encrypted, key)).decode()
            serial_number = parse_certificate(der).serial_number
            await self._store.add(
                StoredIdentity(serial_number, der, recipient, pem, validity.not_before, validity.not_after)
            )
            await self._read()
            return True

    async def _look(self, age: int) -> None:
        """Read again what there is, if that was longer ago than an age in milliseconds."""
        if self._clock() - self._looked_at >= age:
            async with self._turn:
                await self._read()

    async def _read(self) -> None:
        stored = await self._store.good(self._clock())
        self._known = {
            each.serial_number: self._known.get(each.serial_number) or await self._opened(each) for each in stored
        }
        self._looked_at = self._clock()

    async def _opened(self, stored: StoredIdentity) -> SCEPIdentity:
        # Opening a key takes long by design; others go on meanwhile.
        key = await asyncio.to_thread(self._keys.decrypted, stored.private_key.encode(), _PLACE)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise CertdeskError(ErrorKind.UNAVAILABLE, N_("{path} holds a key that cannot sign here"), path=_PLACE)
        certificate, recipient = map(parse_certificate, (stored.certificate, stored.recipient))
        return SCEPIdentity(certificate, recipient, stored.not_after, key)
