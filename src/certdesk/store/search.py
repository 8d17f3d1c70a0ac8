"""Search: by ID, serial number or digest at once, and by the words that requests are found by.

The matches of words come in the order of their entries (`certdesk.store.words`): whole words first, new before old,
and for who sees the whole federation one organisation after the other. A page looks at no more than `_MOST_SEEN`
entries: if the other filters let too few of these through, it ends there and says where the next one goes on.
"""

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from certdesk.domain.enrollment import Certificate, CertificationRequest, Kind
from certdesk.domain.identifiers import organisation_of
from certdesk.domain.listing import CertificateFilter, RequestFilter
from certdesk.domain.searching import LONGEST_WORD, Search, is_found, plain, search_of
from certdesk.store import certificates, requests
from certdesk.store.branches import equals, limits_of
from certdesk.store.certificates import certificate_of_row
from certdesk.store.database import Database, Row
from certdesk.store.requests import request_of_row
from certdesk.store.words import END, FRESH, NAMING, entries_of_row, request_of_entry, spans_of

_encode = msgspec.json.Encoder().encode

_CHUNK = 100
_MOST_SEEN = 500
_MOST_DIRECT = 50
_R = ", ".join(f"r.{column}" for column in requests.COLUMNS.split(", "))
# The order of the join is prescribed: SQLite would rather walk through all that meets one of the conditions.
_FROM_REQUESTS = " FROM json_each(:ids) AS asked CROSS JOIN requests r WHERE r.id = asked.key"
_FROM_CERTIFICATES = (
    " FROM json_each(:ids) AS asked CROSS JOIN requests r CROSS JOIN certificates c"
    " WHERE r.id = asked.key AND c.serial_number = r.serial_number"
)
_REQUESTS = f"SELECT {_R}{_FROM_REQUESTS}"
_CERTIFICATES = f"SELECT {certificates.PREFIXED}, r.id{_FROM_CERTIFICATES}"
_NAMES = f"SELECT {', '.join(f'r.{column}' for column in NAMING.split(', '))}"
_SAME = " AND r.id <> :id AND (r.device_id = :device_id OR (r.email = :email AND r.email <> ''))"
_ENTRIES = "SELECT entry FROM words WHERE entry > :after AND entry < :before ORDER BY entry LIMIT :limit"
_ORGANISATIONS = """
    SELECT o.code FROM organisations o WHERE EXISTS (
        SELECT 1 FROM words w WHERE w.entry > o.code || :after AND w.entry < o.code || :before)
"""
_FRESH = f"SELECT DISTINCT subject FROM {FRESH} AS those"
_OF_SERIAL = f"""
    SELECT request_id FROM certificates WHERE serial_number >= :low AND serial_number <= :high LIMIT {_MOST_DIRECT}
"""
_OF_FINGERPRINT = "SELECT request_id FROM certificates WHERE fingerprint = :digest"
_OWNER_OF_KEY = "SELECT owner FROM keys WHERE spki_sha256 = :digest"

Item = TypeVar("Item", CertificationRequest, Certificate)
Position = tuple[int, str]
"""Which of its entries a request was seen by, counted from 0, and its ID."""


@dataclass(frozen=True, slots=True)
class Found(Generic[Item]):
    """One page of matches."""

    items: tuple[Item, ...]
    next: Position | None


@dataclass(frozen=True, slots=True)
class _Match:
    """A request that is found, as far as finding it goes."""

    created_at: int
    request_id: str
    entries: list[str]


@dataclass(frozen=True, slots=True)
class _Wanted(Generic[Item]):
    """What is listed, and what limits it beside the text."""

    search: Search
    organisation: str
    statement: str
    """Reads the items."""
    names: str
    """Reads what the items' requests are found by."""
    values: dict[str, Any]
    item_of: Callable[[Row], tuple[str, Item]]
    """Return the request's ID and the item in a row."""


class Searching:
    """Finds requests, and certificates by their requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def requests(
        self, wanted: RequestFilter, *, kinds: tuple[Kind, ...], after: Position | None, limit: int
    ) -> Found[CertificationRequest]:
        """Return a page of requests of some kinds that a text finds; nothing follows a position that is none."""
        values, limits = limits_of(wanted, requests.LIMITS)
        limits += [equals("state", wanted.state)] if wanted.state else []
        conditions = _conditions("r", (*limits, _any_of(kinds)))
        return await self._page(
            _Wanted(
                search_of(wanted.text),
                wanted.organisation,
                _REQUESTS + conditions,
                _NAMES + _FROM_REQUESTS + conditions,
                values,
                _request_of,
            ),
            after,
            limit,
        )

    async def certificates(
        self, wanted: CertificateFilter, *, kinds: tuple[Kind, ...], after: Position | None, limit: int
    ) -> Found[Certificate]:
        """Return a page of certificates of some kinds that a text finds; nothing follows a position that is none."""
        values, limits = limits_of(wanted, certificates.LIMITS)
        limits += [equals("status", wanted.status)] if wanted.status else []
        conditions = _conditions("c", (*limits, _any_of(kinds)))
        return await self._page(
            _Wanted(
                search_of(wanted.text),
                wanted.organisation,
                _CERTIFICATES + conditions,
                _NAMES + _FROM_CERTIFICATES + conditions,
                values,
                _certificate_of,
            ),
            after,
            limit,
        )

    async def earlier(self, request: CertificationRequest, limit: int) -> list[CertificationRequest]:
        """Return other requests of the same organisation for the same device or e-mail address, newest first."""
        asked, ids = request.submission, await self._fresh_ids()
        for name in (asked.device.id, asked.email):
            ids += await self._ids_of_name(asked.organisation, name, limit + 1)
        values = {"id": request.id, "device_id": asked.device.id, "email": asked.email}
        values |= {"ids": _keys(ids), "organisation": asked.organisation}
        statement = f"{_REQUESTS}{_SAME} AND r.organisation = :organisation"
        found = [request_of_row(row) for row in await self._database.rows(statement, values)]
        return sorted(found, key=_newness, reverse=True)[:limit]

    async def _ids_of_name(self, organisation: str, name: str, limit: int) -> list[str]:
        """Return requests by the longest word of a name, newest first; who asks looks at the whole name."""
        words = plain(name).split()
        if not words:
            return []
        begin = f"{organisation} {max(words, key=len)[:LONGEST_WORD]} "
        return [request_of_entry(entry) for entry in await self._entries(begin, begin + END, limit)]

    async def _page(self, wanted: _Wanted[Item], after: Position | None, limit: int) -> Found[Item]:
        if after is None:
            direct = await self._direct(wanted)
            if direct:
                direct.sort(key=lambda match: (match.created_at, match.request_id), reverse=True)
                return Found(await self._items(wanted, direct[:limit]), None)
        begin = await self._entry_at(after, wanted.organisation) if after else ""
        if begin is None or not wanted.search.words:
            return Found((), None)
        return await self._by_words(wanted, begin, limit)

    async def _items(self, wanted: _Wanted[Item], matches: list[_Match]) -> tuple[Item, ...]:
        """Return what is listed of some matches, in their order."""
        values = wanted.values | {"ids": _keys(match.request_id for match in matches)}
        items = dict(map(wanted.item_of, await self._database.rows(wanted.statement, values)))
        # Whatever has changed since it was found does not fit any more.
        return tuple(items[match.request_id] for match in matches if match.request_id in items)

    async def _direct(self, wanted: _Wanted[Item]) -> list[_Match]:
        """Return what the text names outright."""
        search = wanted.search
        ids = [search.request_id] if search.request_id else []
        if search.serial_number:  # which may look like a request ID as well
            low, high = (bytes.fromhex(search.serial_number.ljust(32, filling)) for filling in "0f")
            ids += [row[0] for row in await self._database.rows(_OF_SERIAL, {"low": low, "high": high})]
        elif search.digest:
            rows = await self._database.rows(_OF_FINGERPRINT, {"digest": search.digest})
            ids = [row[0] for row in rows] or await self._ids_of_key(search.digest)
        return list((await self._matches(wanted, ids)).values())

    async def _ids_of_key(self, digest: bytes) -> list[str]:
        """Return the requests that were made for a key, by the device that the key belongs to."""
        owner = await self._database.row(_OWNER_OF_KEY, {"digest": digest})
        organisation, _, device = str(owner[0]).partition("/") if owner else ("", "", "")
        ids = [*await self._ids_of_name(organisation, device, _MOST_DIRECT), *await self._fresh_ids()]
        values = {"ids": _keys(ids), "digest": digest}
        rows = await self._database.rows(f"{_REQUESTS} AND r.spki_sha256 = :digest", values)
        return [request_of_row(row).id for row in rows]

    async def _by_words(self, wanted: _Wanted[Item], begin: str, limit: int) -> Found[Item]:
        found: list[tuple[str, _Match]] = []
        seen, last = 0, None
        async for entry, match in self._candidates(wanted, begin):
            seen += 1
            if match is not None:
                found.append((entry, match))
            if len(found) > limit or seen == _MOST_SEEN:
                last = found[limit - 1][0] if len(found) > limit else entry
                break
        items = await self._items(wanted, [match for _, match in found[:limit]])
        return Found(items, await self._position_of(last) if last else None)

    async def _candidates(self, wanted: _Wanted[Item], begin: str) -> AsyncIterator[tuple[str, _Match | None]]:
        """Yield the entries of the longest word in their order, each with what it is of if that is wanted.

        Who is found by several entries is wanted at the first of them.
        """
        word = max(wanted.search.words, key=len)
        # Fresh ones are read first: what is taken meanwhile is seen twice rather than not at all.
        fresh = await self._matches(wanted, await self._fresh_ids())
        fresh_entries: set[str] = {entry for match in fresh.values() for entry in match.entries}
        for organisation in await self._organisations(wanted, word, fresh):
            spans = spans_of(word, organisation)
            for start, end in spans:
                position: str = max(start, begin)
                while position < end:
                    entries: list[str] = await self._entries(position, end, _CHUNK)
                    last: str = entries[-1] if len(entries) == _CHUNK else end
                    matches = fresh | await self._matches(wanted, map(request_of_entry, entries))
                    every = {*entries, *(entry for entry in fresh_entries if position < entry < last)}
                    for entry in sorted(every):
                        match = matches.get(request_of_entry(entry))
                        yield entry, match if match and _is_first(match, entry, wanted.search.words, spans) else None
                    position = last

    async def _organisations(self, wanted: _Wanted[Item], word: str, fresh: Iterable[str]) -> Sequence[str]:
        """Return where there may be matches, in the order of their codes."""
        if wanted.organisation:
            return [wanted.organisation]
        rows = await self._database.rows(_ORGANISATIONS, {"after": f" {word}", "before": f" {word}{END}"})
        code, hyphen, _ = word.upper().partition("-")
        codes = {row[0] for row in rows} | ({code} if hyphen else set())
        return sorted(codes | {organisation_of(request_id) for request_id in fresh})

    async def _matches(self, wanted: _Wanted[Item], ids: Iterable[str]) -> dict[str, _Match]:
        """Return what is wanted among some requests, by their IDs."""
        keys = _keys(ids)
        if keys == "{}":
            return {}
        rows = await self._database.rows(wanted.names, wanted.values | {"ids": keys})
        return {row[0]: _Match(row[1], row[0], entries_of_row(row)) for row in rows}

    async def _entries(self, after: str, before: str, limit: int) -> list[str]:
        rows = await self._database.rows(_ENTRIES, {"after": after, "before": before, "limit": limit})
        return [row[0] for row in rows]

    async def _fresh_ids(self) -> list[str]:
        return [row[0] for row in await self._database.rows(_FRESH, {})]

    async def _entry_at(self, position: Position, scope: str) -> str | None:
        number, request_id = position
        if scope and organisation_of(request_id) != scope:
            return None
        entries = await self._entries_of(request_id)
        return entries[number] if number < len(entries) else None

    async def _position_of(self, entry: str) -> Position:
        request_id = request_of_entry(entry)
        return bisect_left(await self._entries_of(request_id), entry), request_id

    async def _entries_of(self, request_id: str) -> list[str]:
        row = await self._database.row(_NAMES + _FROM_REQUESTS, {"ids": _keys([request_id])})
        return entries_of_row(row) if row else []


def _request_of(row: Row) -> tuple[str, CertificationRequest]:
    request = request_of_row(row)
    return request.id, request


def _certificate_of(row: Row) -> tuple[str, Certificate]:
    *columns, request_id = row
    return request_id, certificate_of_row(columns)


def _is_first(match: _Match, entry: str, words: tuple[str, ...], spans: list[tuple[str, str]]) -> bool:
    """Tell whether an entry is the first by which a request is found, and all the words are found."""
    first = next((each for each in match.entries if any(start < each < end for start, end in spans)), None)
    if first != entry or len(words) == 1:
        return first == entry
    return is_found([each.split(" ")[1] for each in match.entries], words, organisation_of(match.request_id))


def _newness(request: CertificationRequest) -> tuple[int, str]:
    return request.created_at, request.id


@cache
def _conditions(table: str, conditions: tuple[str, ...]) -> str:
    return "".join(f" AND {table}.{condition}" for condition in conditions)


def _any_of(kinds: tuple[Kind, ...]) -> str:
    return f"kind IN ({', '.join(repr(kind.value) for kind in kinds)})"


def _keys(ids: Iterable[str]) -> str:
    """Return IDs as both databases take any number of them: the keys of an object."""
    return _encode(dict.fromkeys(ids, 0)).decode()
