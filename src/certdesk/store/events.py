"""The audit log's rows: events, written in the change that they record, and the sealed batches over them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from certdesk.domain.enrollment import Event
from certdesk.store.database import Change, Database, Row, must

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode

_COLUMNS = "id, at, action, actor, source, organisation, subject, facts, mac"
SELECT = f"SELECT {_COLUMNS}, batch FROM events"
_UNSEALED = f"{SELECT} WHERE batch IS NULL ORDER BY id LIMIT :limit"
_OF_SUBJECT = f"{SELECT} WHERE subject = :subject ORDER BY id"
_ACTIONS_OF = """
    SELECT DISTINCT subject, action FROM json_each(:subjects) AS asked CROSS JOIN events WHERE subject = asked.key
"""
_OF_BATCH = f"{SELECT} WHERE batch = :number ORDER BY id"
_AFTER = f"{SELECT} WHERE id > :after ORDER BY id LIMIT :limit"
_LAST_BATCH = "SELECT number, sealed_at, statement, signature FROM batches ORDER BY number DESC LIMIT 1"
_BATCHES = "SELECT number, sealed_at, statement, signature FROM batches WHERE number > :after ORDER BY number LIMIT 5"
_SEAL = Change(
    must(
        "INSERT INTO batches (number, sealed_at, statement, signature)"
        " VALUES (:number, :sealed_at, :statement, :signature)"
    ),
    # json_each over an object means the same to both databases, and so an index serves any number of IDs.
    must(
        "UPDATE events SET batch = :number WHERE id IN (SELECT key FROM json_each(:ids)) AND batch IS NULL AND {held}"
    ),
)
_REQUEST_STATES = "SELECT id, state FROM requests WHERE id > :after ORDER BY id LIMIT :limit"
_CERTIFICATE_STATES = """
    SELECT serial_number, request_id, status FROM certificates
    WHERE serial_number > :after ORDER BY serial_number LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event with its message authentication code, as stored."""

    event: Event
    mac: bytes
    """HMAC-SHA-256, 32 bytes, by the audit key: nobody else can add an event."""
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A signed statement over a run of events (see `certdesk.audit`)."""

    number: int
    sealed_at: int
    statement: bytes
    signature: bytes


def event_step(prefix: str = "event") -> str:
    """Return the SQL of a step that records an event; its parameters begin with the prefix."""
    parameters = ", ".join(f":{name}" for name in _parameters(prefix))
    return f"INSERT INTO events ({_COLUMNS}) SELECT {parameters} WHERE {{held}}"


@cache
def _parameters(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{column}" for column in _COLUMNS.split(", "))


_ADD = Change(must(event_step()))


def event_values(sealed: SealedEvent, prefix: str = "event") -> dict[str, Any]:
    """Return the parameters of `event_step`."""
    event = sealed.event
    start = event.id, event.at, event.action, event.actor, event.source, event.organisation, event.subject
    return dict(zip(_parameters(prefix), (*start, _encode(event.facts).decode(), sealed.mac), strict=True))


def of_row(row: Row) -> SealedEvent:
    """Return the event in a row of `SELECT`."""
    event_id, at, action, actor, source, organisation, subject, facts, mac, batch = row
    event = Event(event_id, at, action, actor, source, organisation, subject, _decode(facts))
    return SealedEvent(event, mac, batch)


class Events:
    """The log as the sealer, the verifier and a request's history read it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, event: SealedEvent) -> None:
        """Record an event that belongs to no change: something that was refused."""
        await self._database.apply(_ADD, event_values(event))

    async def unsealed(self, limit: int) -> list[SealedEvent]:
        """Return events that no batch covers yet, oldest first."""
        return [of_row(row) for row in await self._database.rows(_UNSEALED, {"limit": limit})]

    async def of_subject(self, subject: str) -> list[SealedEvent]:
        """Return what happened to a request, certificate, organisation or manager, oldest first."""
        return [of_row(row) for row in await self._database.rows(_OF_SUBJECT, {"subject": subject})]

    async def actions_of(self, subjects: Iterable[str]) -> set[tuple[str, str]]:
        """Return what happened to any of some subjects: subject and action."""
        values = {"subjects": _encode(dict.fromkeys(subjects, 0)).decode()}
        return {(row[0], row[1]) for row in await self._database.rows(_ACTIONS_OF, values)}

    async def after(self, event_id: str, limit: int) -> list[SealedEvent]:
        """Return events in the order of their IDs; the verifier walks the whole log with it."""
        return [of_row(row) for row in await self._database.rows(_AFTER, {"after": event_id, "limit": limit})]

    async def of_batch(self, number: int) -> list[SealedEvent]:
        """Return the events of a batch, oldest first."""
        return [of_row(row) for row in await self._database.rows(_OF_BATCH, {"number": number})]

    async def last_batch(self) -> Batch | None:
        """Return the newest batch."""
        row = await self._database.row(_LAST_BATCH, {})
        return Batch(*row) if row else None

    async def batches(self, after: int) -> list[Batch]:
        """Return a few batches in order, after a number."""
        return [Batch(*row) for row in await self._database.rows(_BATCHES, {"after": after})]

    async def seal(self, batch: Batch, ids: list[str]) -> None:
        """Add a batch and mark its events; raise `DuplicateError` if another process sealed one meanwhile."""
        values = {
            "number": batch.number,
            "sealed_at": batch.sealed_at,
            "statement": batch.statement,
            "signature": batch.signature,
            "ids": _encode(dict.fromkeys(ids, 0)).decode(),
        }
        await self._database.apply(_SEAL, values)

    async def request_states(self, after: str, limit: int) -> list[tuple[str, str]]:
        """Return IDs and states of requests, in the order of their IDs."""
        rows = await self._database.rows(_REQUEST_STATES, {"after": after, "limit": limit})
        return [(row[0], row[1]) for row in rows]

    async def certificate_states(self, after: bytes, limit: int) -> list[tuple[bytes, str, str]]:
        """Return serial numbers, request IDs and statuses of certificates, in the order of their serial numbers."""
        rows = await self._database.rows(_CERTIFICATE_STATES, {"after": after, "limit": limit})
        return [(row[0], row[1], row[2]) for row in rows]
