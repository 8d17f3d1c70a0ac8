"""Making events, and the octets that stand for one in codes and digests."""

from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from certdesk.domain.clock import Clock
from certdesk.domain.enrollment import Event
from certdesk.domain.identifiers import Randomness, sha256
from certdesk.keys.signer import Signer
from certdesk.store.events import SealedEvent

_encode = msgspec.json.Encoder(order="deterministic").encode


def content(event: Event) -> bytes:
    """Return the canonical octets of what an event says, without its ID."""
    return _encode((event.at, event.action, event.actor, event.source, event.organisation, event.subject, event.facts))


def digest(event: Event) -> bytes:
    """Return SHA-256 of an event's content, as batches list it."""
    return sha256(content(event))


def _authentication_key(signer: Signer) -> bytes:
    """Derive the key of the events' codes from the audit key, which need not be exportable.

    Ed25519 signatures are deterministic (RFC 8032 §5.1.6), so only the key's holder can make this
    one, and it is always the same.
    """
    secret = signer.sign(b"certdesk audit authentication key 1")
    return HKDF(SHA256(), 32, salt=None, info=b"certdesk audit event").derive(secret)


class Actor(Protocol):
    """Whoever an event can name."""

    @property
    def name(self) -> str:
        """The name that is written down."""
        ...

    @property
    def source(self) -> str:
        """The address it acted from."""
        ...


class AuditLog:
    """Makes the events of one process."""

    def __init__(self, signer: Signer, clock: Clock, randomness: Randomness) -> None:
        self.signer = signer
        self._mac = HMAC(_authentication_key(signer), SHA256())
        self._clock = clock
        self._randomness = randomness
        self._last = 0

    def event(self, action: str, by: Actor, /, *, organisation: str, subject: str, **facts: str) -> SealedEvent:
        """Return a new event, authenticated, for the change that it belongs to; empty facts are left out."""
        at = self._clock()
        event = Event(
            self._new_id(at),
            at,
            action,
            by.name,
            by.source,
            organisation,
            subject,
            {name: value for name, value in facts.items() if value},
        )
        return SealedEvent(event, self.code(event))

    def code(self, event: Event) -> bytes:
        """Return the code that this desk gives to an event: HMAC-SHA-256 over its ID and content."""
        mac = self._mac.copy()  # which has taken the key in already
        mac.update(event.id.encode() + content(event))
        return mac.finalize()

    def _new_id(self, at: int) -> str:
        """Return a UUID version 7 that sorts after this process's last one (RFC 9562 §6.2, method 3).

        The 12 bits after the version continue the time in fractions of a millisecond; here they count.
        """
        self._last = max(at << 12, self._last + 1)
        stamp, count = self._last >> 12, self._last & 0xFFF
        tail = int.from_bytes(self._randomness(8)) >> 2
        text = f"{stamp << 80 | 0x7 << 76 | count << 64 | 0b10 << 62 | tail:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
