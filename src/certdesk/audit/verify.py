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
_AHEAD = 3 * _CHUNK
"""Events that are expected before more batches are read."""
_AFTER_ALL = "~"
"""Sorts after every ID."""


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


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a batch says of an event."""

    batch: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Unlisted:
    """What an event says of itself that no batch has listed so far."""

    batch: int | None
    digest: str
    is_ours: bool
    """Whether its code is by this desk."""


class _Walk:
    """One way through the log, which holds no more of it than what has been read of one kind and not of the other.

    Events are read in the order of their IDs, batches in the order of their numbers, which is nearly the same. What a
    batch lists is expected until its event comes by; an event that no batch lists so far is kept until one does.
    """

    def __init__(self, events: Events, log: AuditLog) -> None:
        self._events = events
        self._log = log
        self._previous: Batch | None = None
        self._last = 0
        """The newest batch's number when the walk began: what is sealed later is not of this walk."""
        self._expected: dict[str, _Listed] = {}
        self._unlisted: dict[str, _Unlisted] = {}
        self._lost: dict[str, str] = {}
        """Digests that batches list of events that are not there, or not as they are listed, by their IDs."""
        self._mismatched: dict[str, str] = {}
        """Digests of events that are not as they are listed, by their IDs."""
        self.result = Verification(0, 0, [])

    def _find(self, wrong: Wrong, what: str) -> None:
        self.result.findings.append(Finding(wrong, what))

    async def log(self) -> None:
        """Check numbers, links and signatures of the batches, and every event against its batch or its code."""
        last = await self._events.last_batch()
        self._last, after, is_more = last.number if last else 0, "", True
        while chunk := await self._events.after(after, _CHUNK):
            is_more = is_more and await self._read_batches()
            for sealed in chunk:
                self._event(sealed)
            after = chunk[-1].event.id
            self._give_up_on(after)
        while await self._read_batches():
            self._give_up_on(_AFTER_ALL)
        self._judge()
        await self._judge_unlisted()

    async def _read_batches(self) -> bool:
        """Read batches until enough events are expected; return whether there are more."""
        while len(self._expected) < _AHEAD:
            found = await self._events.batches(self._previous.number if self._previous else 0)
            chunk = [batch for batch in found if batch.number <= self._last]
            if not chunk:
                return False
            for batch in chunk:
                self._batch(batch)
                self._previous = batch
                self.result.batches = batch.number
        return True

    def _batch(self, batch: Batch) -> None:
        previous = self._previous
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
            listed = _Listed(batch.number, event_digest)
            unlisted = self._unlisted.pop(event_id, None)
            if unlisted is None:
                self._expected[event_id] = listed
            else:
                self._compare(event_id, unlisted.batch, unlisted.digest, listed)

    def _verified(self, batch: Batch) -> None:
        public_key = self._log.signer.public_key
        if not isinstance(public_key, Ed25519PublicKey):  # pragma: no cover - the desk makes no other
            raise InvalidSignature
        public_key.verify(batch.signature, batch.statement)

    def _event(self, sealed: SealedEvent) -> None:
        event = sealed.event
        self.result.events += 1
        listed = self._expected.pop(event.id, None)
        if listed is not None:
            self._compare(event.id, sealed.batch, digest(event).hex(), listed)
            return
        is_ours = compare_digest(sealed.mac, self._log.code(event))
        self._unlisted[event.id] = _Unlisted(sealed.batch, digest(event).hex(), is_ours)

    def _compare(self, event_id: str, batch: int | None, found: str, listed: "_Listed") -> None:
        if found != listed.digest:
            self._mismatched[event_id] = found
            self._lost[event_id] = listed.digest
        elif batch != listed.batch:
            self._find(Wrong.REORDERED, f"event {event_id}")

    def _give_up_on(self, position: str) -> None:
        """Let go of what is expected up to an ID: the events there have been read, and it was not among them."""
        gone = [event_id for event_id in self._expected if event_id <= position]
        self._lost |= {event_id: self._expected.pop(event_id).digest for event_id in gone}

    def _judge(self) -> None:
        self._lost |= {event_id: listed.digest for event_id, listed in self._expected.items()}
        digests = set(self._lost.values())
        for event_id, found in self._mismatched.items():
            self._find(Wrong.REORDERED if found in digests else Wrong.CHANGED, f"event {event_id}")
        for event_id in self._lost.keys() - self._mismatched.keys():
            self._find(Wrong.MISSING, f"event {event_id}")

    async def _judge_unlisted(self) -> None:
        """Check that the events which no batch lists are ours, and that the batches which they name are there now."""
        latest = 0
        for event_id, unlisted in self._unlisted.items():
            is_later = unlisted.batch is None or unlisted.batch > self._last
            if not (unlisted.is_ours and is_later):
                self._find(Wrong.INVENTED, f"event {event_id}")
            latest = max(latest, unlisted.batch or 0) if is_later else latest
        last = await self._events.last_batch()
        for number in range((last.number if last else 0) + 1, latest + 1):
            self._find(Wrong.MISSING, f"batch {number}")

    async def states(self) -> None:
        """Check that every state has the event that led to it."""
        async for states in self._states():
            told = [(subject, _TOLD[state]) for subject, state in states if state in _TOLD]
            found = await self._events.actions_of({subject for subject, _ in told})
            for subject, action in told:
                if (subject, action) not in found:
                    self._find(Wrong.MISSING, f"{action} of {subject}")

    async def _states(self) -> AsyncIterator[list[tuple[str, str]]]:
        after = ""
        while requests := await self._events.request_states(after, _CHUNK):
            yield requests
            after = requests[-1][0]
        serial = b""
        while certificates := await self._events.certificate_states(serial, _CHUNK):
            yield [(request_id, RequestState.ISSUED) for _, request_id, _ in certificates]
            yield [(serial_number.hex(), status) for serial_number, _, status in certificates]
            serial = certificates[-1][0]


async def verify(events: Events, log: AuditLog) -> Verification:
    """Walk the whole log and return everything that does not agree; nothing found means it is whole."""
    walk = _Walk(events, log)
    await walk.log()
    await walk.states()
    return walk.result
