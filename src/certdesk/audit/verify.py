"""Verifying the log: every changed, missing, reordered or invented event is found and named.

Three things have to agree: the signed batches among themselves, the events with the batches (or, if
not sealed yet, with their codes), and the states of requests and certificates with the events.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from certdesk.audit.log import AuditLog, digest
from certdesk.audit.seal import Statement, digest_of
from certdesk.domain.states import Action, CertificateStatus, RequestState
from certdesk.store.events import Batch, Events, SealedEvent

_CHUNK = 1000


class Wrong(StrEnum):
    """What is wrong with an event or a batch."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    INVENTED = "invented"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree."""

    wrong: Wrong
    what: str
    """`event ID`, `batch NUMBER`, or the event that a request or certificate should have."""


@dataclass(slots=True)
class Verification:
    """What was walked and what was found."""

    events: int
    batches: int
    findings: list[Finding]


_TOLD: dict[str, str] = {
    RequestState.REQUESTED: Action.SUBMIT,
    RequestState.APPROVED: Action.APPROVE,
    RequestState.ISSUED: Action.ISSUE,
    RequestState.REJECTED: Action.REJECT,
    RequestState.CANCELLED: Action.CANCEL,
    RequestState.LAPSED: Action.LAPSE,
    CertificateStatus.REVOKED: Action.REVOKE,
    CertificateStatus.SUPERSEDED: Action.SUPERSEDE,
}
"""The event that must be there for each state."""


class _Walk:
    def __init__(self, events: Events, log: AuditLog) -> None:
        self._events = events
        self._log = log
        self._expected: dict[str, tuple[int, str]] = {}
        self._mismatched: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()
        self._latest = 0
        self.result = Verification(0, 0, [])

    def _find(self, wrong: Wrong, what: str) -> None:
        self.result.findings.append(Finding(wrong, what))

    async def batches(self) -> None:
        """Check numbers, links and signatures, and collect what the batches say of events."""
        previous: Batch | None = None
        while chunk := await self._events.batches(previous.number if previous else 0):
            for batch in chunk:
                self._batch(batch, previous)
                previous = batch
        self.result.batches = previous.number if previous else 0

    def _batch(self, batch: Batch, previous: Batch | None) -> None:
        for number in range((previous.number if previous else 0) + 1, batch.number):
            self._find(Wrong.MISSING, f"batch {number}")
        try:
            self._verified(batch)
            statement = msgspec.json.decode(batch.statement, type=Statement)
        except (InvalidSignature, msgspec.DecodeError):
            self._find(Wrong.CHANGED, f"batch {batch.number}")
            return
        contiguous = previous is None or previous.number == batch.number - 1
        if statement.number != batch.number or (contiguous and statement.previous != digest_of(previous)):
            self._find(Wrong.REORDERED, f"batch {batch.number}")
        for event_id, event_digest in statement.events:
            self._expected[event_id] = (batch.number, event_digest)

    def _verified(self, batch: Batch) -> None:
        public_key = self._log.signer.public_key
        if not isinstance(public_key, Ed25519PublicKey):  # pragma: no cover - the desk makes no other
            raise InvalidSignature
        public_key.verify(batch.signature, batch.statement)

    async def events(self) -> None:
        """Check every event against its batch or its code."""
        after = ""
        while chunk := await self._events.after(after, _CHUNK):
            for sealed in chunk:
                event, after = sealed.event, sealed.event.id
                self.result.events += 1
                self._seen.add((event.subject, event.action))
                expected = self._expected.pop(event.id, None)
                if expected is not None:
                    found = digest(event).hex()
                    if found != expected[1]:
                        self._mismatched[event.id] = found
                        self._expected[event.id] = expected
                    elif sealed.batch != expected[0]:
                        self._find(Wrong.REORDERED, f"event {event.id}")
                elif not compare_digest(sealed.mac, self._log.code(event)) or self._claims_batch(sealed):
                    self._find(Wrong.INVENTED, f"event {event.id}")
        self._judge_mismatches()
        await self._later_batches()

    def _claims_batch(self, sealed: SealedEvent) -> bool:
        """Tell whether an event claims a batch that does not list it; later batches are not read yet."""
        if sealed.batch is None or sealed.batch > self.result.batches:
            self._latest = max(self._latest, sealed.batch or 0)
            return False
        return True

    async def _later_batches(self) -> None:
        """Check that batches which events name, and which were not there when the walk began, are there now."""
        last = await self._events.last_batch()
        for number in range((last.number if last else 0) + 1, self._latest + 1):
            self._find(Wrong.MISSING, f"batch {number}")

    def _judge_mismatches(self) -> None:
        digests = {expected for _, expected in self._expected.values()}
        for event_id, found in self._mismatched.items():
            self._find(Wrong.REORDERED if found in digests else Wrong.CHANGED, f"event {event_id}")
        for event_id in self._expected.keys() - self._mismatched.keys():
            self._find(Wrong.MISSING, f"event {event_id}")

    async def states(self) -> None:
        """Check that every state has the event that led to it."""
        async for subject, state in self._states():
            action = _TOLD.get(state)
            if not action or (subject, action) in self._seen:
                continue
            told = await self._events.of_subject(subject)  # it may have happened after the walk began
            if all(sealed.event.action != action for sealed in told):
                self._find(Wrong.MISSING, f"{action} of {subject}")

    async def _states(self) -> AsyncIterator[tuple[str, str]]:
        after = ""
        while requests := await self._events.request_states(after, _CHUNK):
            for request_id, state in requests:
                yield request_id, state
            after = requests[-1][0]
        serial = b""
        while certificates := await self._events.certificate_states(serial, _CHUNK):
            for serial_number, request_id, status in certificates:
                yield request_id, RequestState.ISSUED
                yield serial_number.hex(), status
            serial = certificates[-1][0]


async def verify(events: Events, log: AuditLog) -> Verification:
    """Walk the whole log and return everything that does not agree; nothing found means it is whole."""
    walk = _Walk(events, log)
    await walk.batches()
    await walk.events()
    await walk.states()
    return walk.result
