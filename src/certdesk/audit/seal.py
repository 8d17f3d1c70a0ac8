"""Sealing: a signed statement over the events that no batch covers yet.

The statement is JSON: its number, the SHA-256 of the batch before (statement and signature), the time,
and each event's ID with the SHA-256 of its content, in order.
"""

import msgspec

from certdesk.audit.log import digest
from certdesk.domain.clock import Clock
from certdesk.domain.identifiers import sha256
from certdesk.keys.signer import Signer
from certdesk.store.database import DuplicateError
from certdesk.store.events import Batch, Events

BATCH = 1000
"""The most events in one batch."""


class Statement(msgspec.Struct, frozen=True):
    """What the desk signs about a batch."""

    number: int
    previous: str
    """SHA-256 of the previous batch in hexadecimal; empty in the first."""
    sealed_at: int
    events: tuple[tuple[str, str], ...]
    """ID and SHA-256 of the content, in hexadecimal."""


def digest_of(batch: Batch | None) -> str:
    """Return what the next batch says of this one."""
    return sha256(batch.statement + batch.signature).hex() if batch else ""


async def seal(events: Events, signer: Signer, clock: Clock) -> int:
    """Seal one batch of the oldest unsealed events and return their number; 0 if there are none.

    When another process seals at the same time one of the two batches is refused, and its events are
    found unsealed again. The last batch is read before the events, so whoever gets the number after it has
    seen everything that the last one sealed.
    """
    last = await events.last_batch()
    unsealed = await events.unsealed(BATCH)
    if not unsealed:
        return 0
    statement = Statement(
        (last.number if last else 0) + 1,
        digest_of(last),
        clock(),
        tuple((sealed.event.id, digest(sealed.event).hex()) for sealed in unsealed),
    )
    octets = msgspec.json.encode(statement)
    batch = Batch(statement.number, statement.sealed_at, octets, signer.sign(octets))
    try:
        await events.seal(batch, [sealed.event.id for sealed in unsealed])
    except DuplicateError:
        return 0
    return len(unsealed)
