"""The words that requests are found by, and how many came in by day: written by a job, after the answer.

Writing them with every enrollment would cost it more than all its own indexes do. The job takes one sealed batch of the
audit log after another (`certdesk.audit`): whatever happened stands in exactly one of them, whoever did it and in
whichever order it was committed. What is not sealed yet, or not taken yet, is read as it is: `FRESH`.

An entry is the organisation's code, the word, the request's age and the rest of its ID, a space between. So the
matches of a word within an organisation lie side by side, whole words before longer ones and new before old.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from certdesk.domain.clock import SECOND
from certdesk.domain.enrollment import DAY, Kind
from certdesk.domain.identifiers import organisation_of
from certdesk.domain.searching import spellings, words_of
from certdesk.domain.states import Action
from certdesk.store.database import Change, Database, Row, must, then
from certdesk.store.requests import names_of

_encode = msgspec.json.Encoder().encode

MOST_FRESH = 5000
"""Events that are looked through beside what is taken: more than a busy desk writes between two turns of the job."""
END = "\U0010ffff"
"""Sorts after every character that a word may hold."""
_INDEXED = "(SELECT CAST(value AS BIGINT) FROM properties WHERE name = 'indexed_batch')"
_FRESH_EVENTS = f"""
    SELECT * FROM (SELECT id, at, action, organisation, subject FROM events
        WHERE batch IS NULL ORDER BY id DESC LIMIT {MOST_FRESH}) AS unsealed
    UNION ALL SELECT * FROM (SELECT id, at, action, organisation, subject FROM events
        WHERE batch > {_INDEXED} ORDER BY batch DESC LIMIT {MOST_FRESH}) AS untaken
"""
FRESH = f"(SELECT subject FROM ({_FRESH_EVENTS}) AS fresh WHERE action = '{Action.SUBMIT}')"
"""The IDs of requests that no entry may be there for yet."""
_COUNTED = f"action = '{Action.SUBMIT}' OR action = '{Action.APPROVE}' OR action = '{Action.REJECT}'"
_TAKEN = "(SELECT value FROM properties WHERE name = 'indexed_batch')"
# Both at once: between two statements another server may take the batch, and it would count twice.
_NEXT = f"SELECT min(batch), {_TAKEN} FROM events WHERE batch > {_INDEXED}"
_EVENTS = f"SELECT action, at / {DAY}, subject FROM events WHERE batch = :batch AND ({_COUNTED})"
NAMING = "id, created_at, email, device_id, common_name, names"
"""What a request is found by, and the age of its entries."""
_R = ", ".join(f"r.{column}" for column in NAMING.split(", "))  # SQLite's `json_each` has a column `id` too
_REQUESTS = (
    f"SELECT {_R}, r.kind, r.organisation FROM json_each(:ids) AS asked CROSS JOIN requests r WHERE r.id = asked.key"
)
_TAKE = Change(
    must("UPDATE properties SET value = :batch WHERE name = 'indexed_batch' AND value = :was"),
    then("INSERT INTO words (entry) SELECT key FROM json_each(:entries) WHERE {held} ON CONFLICT (entry) DO NOTHING"),
    # A figure stands in the key behind what it is of: the value of a pair is of another type on each database.
    then(
        "INSERT INTO days (organisation, is_decision, day, count)"
        " SELECT substr(key, 19), CAST(substr(key, 1, 1) AS INTEGER), CAST(substr(key, 3, 6) AS BIGINT),"
        " CAST(substr(key, 10, 8) AS BIGINT) FROM json_each(:figures) WHERE {held}"
        " ON CONFLICT (organisation, is_decision, day) DO UPDATE SET count = days.count + excluded.count"
    ),
)
_BY_DAY = "SELECT is_decision, day, count FROM days WHERE organisation = :organisation AND day >= :first"
_FRESH_BY_DAY = f"""
    SELECT CASE WHEN e.action = '{Action.SUBMIT}' THEN 0 ELSE 1 END, e.at / {DAY}, count(*)
    FROM ({_FRESH_EVENTS}) AS e JOIN requests r ON r.id = e.subject
    WHERE ({_COUNTED.replace("action", "e.action")}) AND e.at >= :since
      AND (:organisation = '' OR (e.organisation = :organisation AND r.kind <> 'manager'))
    GROUP BY 1, 2
"""


def entries_of_row(row: Row) -> list[str]:
    """Return a request's entries in their order, from a row of `NAMING`."""
    request_id, created_at, email, device_id, common_name, names = row
    organisation = organisation_of(request_id)
    tail = f"{0xFFFFFFFF - created_at // SECOND:08x} {request_id[len(organisation) + 1 :]}"
    words = words_of(request_id, email, device_id, common_name, names_of(names))
    return [f"{organisation} {word} {tail}" for word in words]


def request_of_entry(entry: str) -> str:
    """Return the ID of the request that an entry is of."""
    organisation, _, _, rest = entry.split(" ")
    return f"{organisation}-{rest}"


def spans_of(word: str, organisation: str) -> list[tuple[str, str]]:
    """Return between which texts the entries lie that a word begins, in their order."""
    begins = sorted(f"{organisation} {spelling}" for spelling in spellings(word, organisation))
    return [(begin, begin + END) for begin in begins]


class Words:
    """The job's reads and writes, and the figures that come of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self) -> bool:
        """Write down what the next sealed batch adds; return False if there is none, or another server did it."""
        row = await self._database.row(_NEXT, {})
        if row is None or row[0] is None:
            return False
        batch, taken = row
        events = await self._database.rows(_EVENTS, {"batch": batch})
        ids = {"ids": _keys(event[2] for event in events)}
        requests = {request[0]: request for request in await self._database.rows(_REQUESTS, ids)}
        new = [requests[subject] for action, _, subject in events if action == Action.SUBMIT and subject in requests]
        values = {
            "was": taken,
            "batch": str(batch),
            "entries": _keys(sorted(entry for request in new for entry in entries_of_row(request[:-2]))),
            "figures": _keys(_figures(events, requests)),
        }
        return await self._database.apply(_TAKE, values)

    async def by_day(self, organisation: str, first: int) -> tuple[dict[int, int], dict[int, int]]:
        """Return how many requests came in and how many were decided, by day since 1970, from a day on.

        Within an organisation those of managers do not count, for they are the operator's.
        """
        counts: tuple[Counter[int], Counter[int]] = Counter(), Counter()
        fresh = await self._database.rows(_FRESH_BY_DAY, {"organisation": organisation, "since": first * DAY})
        taken = await self._database.rows(_BY_DAY, {"organisation": organisation, "first": first})
        for is_decision, day, count in (*fresh, *taken):
            counts[is_decision][day] += count
        return counts


def _figures(events: Sequence[Row], requests: Mapping[str, Row]) -> list[str]:
    """Return what a batch adds to the figures: decision or not, day, how many, organisation."""
    counts: Counter[tuple[int, int, str]] = Counter()
    for action, day, subject in events:
        if subject in requests:
            *_, kind, organisation = requests[subject]
            is_decision = int(action != Action.SUBMIT)
            counts[is_decision, day, ""] += 1
            if kind != Kind.MANAGER:
                counts[is_decision, day, organisation] += 1
    return [f"{which} {day:06d} {count:08d} {organisation}" for (which, day, organisation), count in counts.items()]


def _keys(texts: Iterable[str]) -> str:
    """Return texts as both databases take any number of them: the keys of an object."""
    return _encode(dict.fromkeys(texts, 0)).decode()
