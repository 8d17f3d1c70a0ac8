"""The audit log as people read it: page by page through filters, and what its last verification came to."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from certdesk.domain.trail import EventFilter, VerificationOrder, VerificationResult
from certdesk.store.database import Change, Database, must, then
from certdesk.store.events import SELECT, SealedEvent, event_step, event_values, of_row

FREQUENT_ACTORS = ("requester", "desk")
FREQUENT_ACTIONS = ("request.submitted", "request.approved", "request.issued", "request.installed")
"""So many events have these that walking the log finds them at once; an index of the others stays small."""
_NOT_FREQUENT = {
    "actor": " AND ".join(f"actor <> '{actor}'" for actor in FREQUENT_ACTORS),
    "action": " AND ".join(f"action <> '{action}'" for action in FREQUENT_ACTIONS),
}
_CONDITIONS = {
    "organisation": "organisation = :organisation",
    "actor": "actor = :actor",
    "action": "action = :action",
    "subject": "subject = :subject",
    "since": "id >= :since",
    "before": "id < :before",
    "after": "id < :after",
}
_UNSEALED_COUNT = "SELECT count(*) FROM events WHERE batch IS NULL"
_ORDER, _RESULT = "audit_verification_order", "audit_verification"
_READ = "SELECT name, value FROM properties WHERE name IN (:order_name, :result_name)"
_NAMES = {"order_name": _ORDER, "result_name": _RESULT}
# One order at a time: it is placed where none is, and whoever works on it takes over from what they have read.
_PLACE = Change(
    must(
        "INSERT INTO properties (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE properties.value = ''"
    ),
    then(event_step()),
)
_TAKE = Change(must("UPDATE properties SET value = :value WHERE name = :name AND value = :was"))
_END = Change(
    must("UPDATE properties SET value = '' WHERE name = :name AND value = :was"),
    then(
        "INSERT INTO properties (name, value) SELECT :result_name, :result WHERE {held}"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    ),
    then(event_step()),
)


_ROAD = ("subject", "organisation", "actor", "action")
"""By what the log is walked: the first of these that is asked for, and has an index."""
_MOST_SEEN = 2000
"""Events that are looked at for one page."""


@cache
def _road(names: tuple[str, ...], infrequent: tuple[str, ...]) -> tuple[str, str]:
    """Compose, once, the statement that walks an index of the log, and the one that tells how far it goes."""
    road = next((name for name in _ROAD if name in names and (name not in _NOT_FREQUENT or name in infrequent)), "")
    conditions = [_CONDITIONS[name] for name in (road, "since", "before", "after") if name in names]
    conditions += [_NOT_FREQUENT[road]] if road in _NOT_FREQUENT else []
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rest = [_CONDITIONS[name] for name in _ROAD if name in names and name != road]
    if not rest:
        return f"{SELECT} {where} ORDER BY id DESC LIMIT :limit", ""
    seen = f"{SELECT} {where} ORDER BY id DESC LIMIT {_MOST_SEEN}"
    found = f"SELECT * FROM ({seen}) AS seen WHERE {' AND '.join(rest)} ORDER BY id DESC LIMIT :limit"
    return found, f"SELECT id FROM events {where} ORDER BY id DESC LIMIT 1 OFFSET {_MOST_SEEN - 1}"


def beginning_of(at: int) -> str:
    """Return what sorts before the ID of every event since a time; IDs begin with theirs (RFC 9562 §5.7)."""
    stamp = f"{at:012x}"
    return f"{stamp[:8]}-{stamp[8:]}"


class Trail:
    """Reads of the audit log for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listing(self, wanted: EventFilter, *, after: str, limit: int) -> tuple[list[SealedEvent], str | None]:
        """Return a page of events, newest first, and the ID before which the next one begins, if there is one.

        It goes on from before the ID `after`, or from the newest if that is empty. Where filters let few events
        through, a page ends after so many that were looked at, however few it holds.
        """
        values: dict[str, Any] = {
            "organisation": wanted.organisation,
            "actor": wanted.actor,
            "action": wanted.action,
            "subject": wanted.subject,
            "since": None if wanted.since is None else beginning_of(wanted.since),
            "before": None if wanted.before is None else beginning_of(wanted.before),
            "after": after,
        }
        names = tuple(name for name, value in values.items() if value)
        statement, end = _road(names, _infrequent(wanted))
        found = [of_row(row) for row in await self._database.rows(statement, values | {"limit": limit + 1})]
        if len(found) > limit:
            return found[:limit], found[limit - 1].event.id
        last = await self._database.row(end, values) if end else None
        return found, last[0] if last else None

    async def unsealed_count(self) -> int:
        """Return how many events no batch covers yet."""
        row = await self._database.row(_UNSEALED_COUNT, {})
        return int(row[0]) if row else 0

    async def verification(self) -> tuple[VerificationOrder | None, VerificationResult | None]:
        """Return the order that is open, and what the last one came to."""
        found: Mapping[str, str] = {row[0]: row[1] for row in await self._database.rows(_READ, _NAMES)}
        order, result = found.get(_ORDER), found.get(_RESULT)
        return (
            VerificationOrder(**json.loads(order)) if order else None,
            _result_of(json.loads(result)) if result else None,
        )

    async def place_order(self, order: VerificationOrder, event: SealedEvent) -> bool:
        """Ask for a verification; return False if one is asked for already."""
        return await self._database.apply(_PLACE, {"name": _ORDER, "value": _text(order)} | event_values(event))

    async def take_order(self, was: VerificationOrder, now: VerificationOrder) -> bool:
        """Note that a server is at it; return False if another one is."""
        return await self._database.apply(_TAKE, {"name": _ORDER, "was": _text(was), "value": _text(now)})

    async def end_order(self, was: VerificationOrder, result: VerificationResult, event: SealedEvent) -> bool:
        """Keep what a verification came to; return False if another server has taken it over."""
        values = {"name": _ORDER, "was": _text(was), "result_name": _RESULT, "result": json.dumps(asdict(result))}
        return await self._database.apply(_END, values | event_values(event))


def _infrequent(wanted: EventFilter) -> tuple[str, ...]:
    """Return which filters can use an index that leaves out what is frequent."""
    actor = ("actor",) if wanted.actor and wanted.actor not in FREQUENT_ACTORS else ()
    action = ("action",) if wanted.action and wanted.action not in FREQUENT_ACTIONS else ()
    return actor + action


def _text(order: VerificationOrder) -> str:
    return json.dumps(asdict(order))


def _result_of(facts: dict[str, Any]) -> VerificationResult:
    return VerificationResult(**facts | {"findings": tuple((wrong, what) for wrong, what in facts["findings"])})
