"""Search: by ID, serial number or digest at once, and by the words that requests are found by.

The matches of words come in the order of their entries (`certdesk.store.words`): whole words first, new before old,
and for who sees the whole federation one organisation after the other. A page looks at no more than `_MOST_SEEN`
entries: if the other filters let too few of these through, it ends there and says where the next one goes on.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from certdesk.domain.enrollment import Certificate, CertificationRequest, Kind
from certdesk.domain.identifiers import organisation_of
from certdesk.domain.listing import CertificateFilter, RequestFilter
from certdesk.domain.searching import LONGEST_WORD, Search, is_found, plain, search_of
from certdesk.store import certificates, requests
from certdesk.store.branches import equals
from certdesk.store.certificates import certificate_of_row
from certdesk.store.database import Database, Row
from certdesk.store.requests import request_of_row
from certdesk.store.words import END, FRESH, entries_of, request_of_entry, spans_of

_encode = msgspec.json.Encoder().encode

_CHUNK = 100
_MOST_SEEN = 2000
_MOST_DIRECT = 50
_WIDTH = len(requests.COLUMNS.split(", "))
_R = ", ".join(f"r.{column}" for column in requests.COLUMNS.split(", "))
# The order of the join is prescribed: SQLite would rather walk through all that meets one of the conditions.
_REQUESTS = f"SELECT {_R} FROM json_each(:ids) AS asked CROSS JOIN requests r WHERE r.id = asked.key"
_CERTIFICATES = (
    f"SELECT {_R}, {certificates.PREFIXED} FROM json_each(:ids) AS asked CROSS JOIN requests r"
    " CROSS JOIN certificates c WHERE r.id = asked.key AND c.serial_number = r.serial_number"
)
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
class _Match(Generic[Item]):
    request: CertificationRequest
    item: Item


@dataclass(frozen=True, slots=True)
class _Wanted(Generic[Item]):
    """What is listed, and what limits it beside the text."""

    search: Search
    organisation: str
    statement: str
    values: dict[str, Any]
    kind: type[Item]

    def match_of(self, row: Row) -> _Match[Item]:
        """Return what a row of the statement holds."""
        request = request_of_row(row[:_WIDTH])
        item: Any = request if self.kind is CertificationRequest else certificate_of_row(row[_WIDTH:])
        return _Match(request, item)


class Searching:
    """Finds requests, and certificates by their requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def requests(
        self, wanted: RequestFilter, *, kinds: tuple[Kind, ...], after: Position | None, limit: int
    ) -> Found[CertificationRequest] | None:
        """Return a page of requests of some kinds that a text finds; None if there is no such position."""
        values, limits = requests.limits_of(wanted)
        limits += [equals("state", wanted.state)] if wanted.state else []
        statement = _statement(_REQUESTS, "r", (*limits, _any_of(kinds)))
        search = search_of(wanted.text)
        return await self._page(
            _Wanted(search, wanted.organisation, statement, values, CertificationRequest), after, limit
        )

    async def certificates(
        self, wanted: CertificateFilter, *, kinds: tuple[Kind, ...], after: Position | None, limit: int
    ) -> Found[Certificate] | None:
        """Return a page of certificates of some kinds that a text finds; None if there is no such position."""
        values, limits = certificates.limits_of(wanted)
        limits += [equals("status", wanted.status)] if wanted.status else []
        statement = _statement(_CERTIFICATES, "c", (*limits, _any_of(kinds)))
        search = search_of(wanted.text)
        return await self._page(_Wanted(search, wanted.organisation, statement, values, Certificate), after, limit)

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

    async def _page(self, wanted: _Wanted[Item], after: Position | None, limit: int) -> Found[Item] | None:
        if after is None:
            direct = await self._direct(wanted)
            if direct:
                direct.sort(key=lambda match: _newness(match.request), reverse=True)
                return Found(tuple(match.item for match in direct[:limit]), None)
        if not wanted.search.words:
            return Found((), None)
        begin = await self._entry_at(after, wanted.organisation) if after else ""
        return None if begin is None else await self._by_words(wanted, begin, limit)

    async def _direct(self, wanted: _Wanted[Item]) -> list[_Match[Item]]:
        """Return what the text names outright."""
        search, ids = wanted.search, []
        if search.request_id:
            ids = [search.request_id]
        elif search.serial_number:
            low, high = (bytes.fromhex(search.serial_number.ljust(32, filling)) for filling in "0f")
            ids = [row[0] for row in await self._database.rows(_OF_SERIAL, {"low": low, "high": high})]
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
        found: list[tuple[str, Item]] = []
        seen = 0
        async for entry, match in self._candidates(wanted, begin):
            seen += 1
            if match is not None:
                found.append((entry, match.item))
            if len(found) > limit or seen == _MOST_SEEN:
                last = found[limit - 1][0] if len(found) > limit else entry
                return Found(tuple(item for _, item in found[:limit]), await self._position_of(last))
        return Found(tuple(item for _, item in found), None)

    async def _candidates(self, wanted: _Wanted[Item], begin: str) -> AsyncIterator[tuple[str, _Match[Item] | None]]:
        """Yield the entries of the longest word in their order, each with what it is of if that is wanted.

        Who is found by several entries is wanted at the first of them.
        """
        word = max(wanted.search.words, key=len)
        # Fresh ones are read first: what is taken meanwhile is seen twice rather than not at all.
        fresh = await self._matches(wanted, await self._fresh_ids())
        for organisation in await self._organisations(wanted, word, fresh.values()):
            spans = spans_of(word, organisation)
            fresh_entries = {entry for match in fresh.values() for entry in entries_of(match.request)}
            for start, end in spans:
                position = max(start, begin)
                while position < end:
                    entries = await self._entries(position, end, _CHUNK)
                    last = entries[-1] if len(entries) == _CHUNK else end
                    matches = fresh | await self._matches(wanted, map(request_of_entry, entries))
                    every = {*entries, *(entry for entry in fresh_entries if position < entry < last)}
                    for entry in sorted(every):
                        match = matches.get(request_of_entry(entry))
                        yield entry, match if match and _is_first(match.request, entry, wanted, spans) else None
                    position = last

    async def _organisations(self, wanted: _Wanted[Item], word: str, fresh: Iterable[_Match[Item]]) -> Sequence[str]:
        """Return where there may be matches, in the order of their codes."""
        if wanted.organisation:
            return [wanted.organisation]
        rows = await self._database.rows(_ORGANISATIONS, {"after": f" {word}", "before": f" {word}{END}"})
        code, hyphen, _ = word.upper().partition("-")
        codes = {row[0] for row in rows} | ({code} if hyphen else set())
        return sorted(codes | {match.request.submission.organisation for match in fresh})

    async def _matches(self, wanted: _Wanted[Item], ids: Iterable[str]) -> dict[str, _Match[Item]]:
        """Return what is wanted among some requests, by their IDs."""
        keys = _keys(ids)
        if keys == "{}":
            return {}
        rows = await self._database.rows(wanted.statement, wanted.values | {"ids": keys})
        return {match.request.id: match for match in map(wanted.match_of, rows)}

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
        return (await self._entries_of(request_id)).index(entry), request_id

    async def _entries_of(self, request_id: str) -> tuple[str, ...]:
        row = await self._database.row(_REQUESTS, {"ids": _keys([request_id])})
        return entries_of(request_of_row(row)) if row else ()


def _is_first(request: CertificationRequest, entry: str, wanted: _Wanted[Item], spans: list[tuple[str, str]]) -> bool:
    """Tell whether an entry is the first by which a request is found, and the other words are found as well."""
    entries = entries_of(request)
    first = next((each for each in entries if any(start < each < end for start, end in spans)), None)
    words = tuple(each.split(" ")[1] for each in entries)
    return first == entry and is_found(words, wanted.search.words, organisation_of(request.id))


def _newness(request: CertificationRequest) -> tuple[int, str]:
    return request.created_at, request.id


@cache
def _statement(statement: str, table: str, conditions: tuple[str, ...]) -> str:
    return " AND ".join((statement, *(f"{table}.{condition}" for condition in conditions)))


def _any_of(kinds: tuple[Kind, ...]) -> str:
    return f"kind IN ({', '.join(repr(kind.value) for kind in kinds)})"


def _keys(ids: Iterable[str]) -> str:
    """Return IDs as both databases take any number of them: the keys of an object."""
    return _encode(dict.fromkeys(ids, 0)).decode()
