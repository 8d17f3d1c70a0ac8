"""What lists, searches, the first page and the log look at: about as much with twenty thousand requests as with fifty.

On PostgreSQL the pages that a statement touches are counted, on SQLite the steps of its machine. Walking through all
requests of the larger organisation, or through an index of them, takes many times as much as is allowed.
"""

import asyncio
import contextlib
import json
import re
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, cast

import asyncpg
import pytest

from certdesk.domain.enrollment import Kind
from certdesk.domain.listing import CertificateFilter, RequestFilter
from certdesk.domain.states import CertificateStatus, RequestState
from certdesk.domain.trail import EventFilter
from certdesk.store import Store, mails, open_store
from certdesk.store.database import Row, Values
from certdesk.store.overview import Scope
from certdesk.store.sqlite import SQLiteDatabase

MANY = 20_000
MOST_PAGES = 1500
MOST_STEPS = 60_000
_STEPS = 100
_FILLER = "x" * 800
# ruff: noqa: S608 - statements of ours
_ROWS = f"""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}), every AS (
        SELECT i, CASE WHEN i % 4 = 0 THEN 'DEU1' ELSE 'FRA1' END AS code,
            CASE WHEN i % 20 = 0 THEN 'server' ELSE 'mobile' END AS kind,
            substr(CAST(100000000 + i AS TEXT), 2) AS number FROM n)
"""
_FILLS = (
    """INSERT INTO organisations (code, name, country, kinds, allow_wildcards, key_type, validity_days,
        request_lifetime_days, poll_seconds)
    VALUES ('FRA1', '', 'FR', '', 0, '', 1, 1, 1), ('DEU1', '', 'DE', '', 0, '', 1, 1, 1)""",
    f"""{_ROWS} INSERT INTO requests (id, organisation, kind, csr, claim_sha256, email, device_id, spki_sha256, state,
        created_at, lapses_at, door, decided_at, description, serial_number)
    SELECT code || '-' || substr(number, 1, 4) || '-' || substr(number, 5), code, kind, OCTETS, OCTETS,
        'mart' || i || '@x.example', 'D-' || i, OCTETS,
        CASE WHEN i % 50 = 0 THEN 'requested' WHEN i % 7 = 0 THEN 'rejected' ELSE 'issued' END, i * 1000,
        9000000000000, 'api', i * 1000, '{_FILLER}', CASE WHEN i % 50 = 0 OR i % 7 = 0 THEN NULL ELSE OCTETS END
    FROM every""",
    f"""{_ROWS} INSERT INTO certificates (serial_number, request_id, organisation, kind, status, subject, not_before,
        not_after, der, fingerprint, spki_sha256, issuer)
    SELECT OCTETS, code || '-' || substr(number, 1, 4) || '-' || substr(number, 5), code, kind,
        CASE WHEN i % 30 = 0 THEN 'revoked' ELSE 'valid' END, '', 0, i * 1000, OCTETS, OCTETS, OCTETS, ''
    FROM every WHERE NOT (i % 50 = 0 OR i % 7 = 0)""",
    f"""{_ROWS} INSERT INTO events (id, at, action, actor, organisation, subject, facts, mac, batch)
    SELECT number, i, CASE WHEN i % 3 = 0 THEN 'request.rejected' ELSE 'request.submitted' END,
        CASE WHEN i % 3 = 0 THEN 'claire@poste.example' ELSE 'requester' END, code,
        code || '-' || substr(number, 1, 4) || '-' || substr(number, 5), '{{"filler": "{_FILLER}"}}', OCTETS, 1
    FROM every""",
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a database with many requests, for those who only read."""
    if request.param == "sqlite":
        path = shutil.copy(
            request.getfixturevalue("migrated_sqlite"), tmp_path_factory.mktemp("filled") / "desk.sqlite"
        )
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for statement in _FILLS:
                connection.execute(statement.replace("OCTETS", "CAST(number AS BLOB)"))
        asyncio.run(_write_words(f"sqlite://{path}"))
        yield f"sqlite://{path}"
    else:
        cluster = request.getfixturevalue("postgresql_cluster")
        url = cluster.create_database(request.getfixturevalue("migrated_postgresql"))
        asyncio.run(_execute(url, *(each.replace("OCTETS", "convert_to(number, 'UTF8')") for each in _FILLS)))
        asyncio.run(_write_words(url))
        yield url
        cluster.drop_database(url)


async def _write_words(url: str) -> None:
    store = await open_store(url)
    assert await store.words.take()
    await store.close()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in (*statements, "VACUUM ANALYZE"):
        await connection.execute(statement)
    await connection.close()


class Watched:
    """A database that notes how much each read takes."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.excess: list[str] = []

    async def row(self, sql: str, values: Values) -> Row | None:
        """Return the first row."""
        return next(iter(await self.rows(sql, values)), None)

    async def rows(self, sql: str, values: Values) -> Sequence[Row]:
        """Return all rows; note a statement that takes too much."""
        if isinstance(self._database, SQLiteDatabase):
            return await self._counted_rows(self._database, sql, values)
        [[explained]] = await self._database.rows(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values)
        plan = json.loads(explained)[0]["Plan"]
        pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self.excess += [f"{pages} pages: {sql}"] * (pages > MOST_PAGES)
        found: Sequence[Row] = await self._database.rows(sql, values)
        return found

    async def _counted_rows(self, database: SQLiteDatabase, sql: str, values: Values) -> Sequence[Row]:
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += _STEPS
            return 0

        database._reader.set_progress_handler(count, _STEPS)
        found = await database.rows(sql, values)
        database._reader.set_progress_handler(None, _STEPS)
        self.excess += [f"{steps} steps: {sql}"] * (steps > MOST_STEPS)
        return found


Read = Callable[[Store], Awaitable[object]]
KINDS = tuple(kind for kind in Kind if kind is not Kind.MANAGER)
DEEP = 10_000_000


def _request_lists() -> Iterator[tuple[str, Read]]:
    places, kinds = ("", "FRA1", "DEU1"), (KINDS, (Kind.SERVER,), (Kind.WORKSTATION,))
    for place, state, kind, since, after in product(places, (None, *RequestState), kinds, (None, DEEP), (None, DEEP)):
        for oldest in (False, True):
            wanted = RequestFilter(place, state, created_from=since, oldest_first=oldest)
            position = (after, "FRA1-0001-0000") if after else None
            yield (
                f"requests {wanted} {kind} {after}",
                partial(_requests, wanted, kind, position),
            )


def _requests(
    wanted: RequestFilter, kinds: tuple[Kind, ...], after: tuple[int, str] | None, store: Store
) -> Awaitable[object]:
    return store.requests.listing(wanted, kinds=kinds, after=after, limit=51)


def _certificate_lists() -> Iterator[tuple[str, Read]]:
    places, kinds = ("", "FRA1", "DEU1"), (KINDS, (Kind.SERVER,), (Kind.WORKSTATION,))
    spans = ((None, None), (DEEP, 2 * DEEP), (None, DEEP))
    for place, status, kind, span, after in product(places, (None, *CertificateStatus), kinds, spans, (None, DEEP)):
        wanted = CertificateFilter(place, status, expires_from=span[0], expires_before=span[1])
        position = (after, b"1") if after else None
        yield f"certificates {wanted} {kind} {after}", partial(_certificates, wanted, kind, position)


def _certificates(
    wanted: CertificateFilter, kinds: tuple[Kind, ...], after: tuple[int, bytes] | None, store: Store
) -> Awaitable[object]:
    return store.certificates.listing(wanted, kinds=kinds, after=after, limit=51)


def _searches() -> Iterator[tuple[str, Read]]:
    texts = (
        "mart",
        "mart1",
        "mart77@x.example",
        "petit",
        "zzyzx",
        "D-77",
        "FRA1-0000-0077",
        "ab" * 16,
        "ab" * 32,
        "p x",
    )
    for place, text in product(("", "FRA1", "DEU1"), (*texts, "ab" * 16, "ab" * 32)):
        yield f"search {place} {text}", partial(_search, RequestFilter(place, text=text))
    yield "search rejected", partial(_search, RequestFilter(state=RequestState.CANCELLED, text="mart"))


async def _search(wanted: RequestFilter, store: Store) -> None:
    certificates = CertificateFilter(wanted.organisation, text=wanted.text)
    await store.search.requests(wanted, kinds=KINDS, after=None, limit=50)
    await store.search.certificates(certificates, kinds=KINDS, after=None, limit=50)


def _logs() -> Iterator[tuple[str, Read]]:
    actors, actions = ("", "claire@poste.example", "requester", "nobody"), ("", "request.rejected", "request.lapsed")
    for place, actor, action, subject in product(("", "FRA1", "DEU1"), actors, actions, ("", "FRA1-0000-0077")):
        for since in (None, 1):
            wanted = EventFilter(place, actor, action, subject, since)
            yield f"log {wanted}", partial(_log, wanted)


def _log(wanted: EventFilter, store: Store) -> Awaitable[object]:
    return store.trail.listing(wanted, after="", limit=50)


def _overview() -> Iterator[tuple[str, Read]]:
    for scope in (Scope(), Scope("FRA1", KINDS), Scope("DEU1", KINDS[:2])):
        yield f"overview {scope}", partial(_look_around, scope)


async def _look_around(scope: Scope, store: Store) -> None:
    await store.overview.waiting(scope, 8)
    await store.overview.waiting_count(scope, 101)
    await store.overview.expiring(scope, 0, DEEP, 8)
    await store.overview.expiring_count(scope, 0, DEEP, 101)
    await store.overview.decided(scope, 8)
    await store.words.by_day(scope.organisation, 0)


def _reminders() -> Iterator[tuple[str, Read]]:
    for kind, after in product(Kind, (0, DEEP)):
        yield f"reminders {kind} {after}", partial(_ending, kind, after)


def _ending(kind: Kind, after: int, store: Store) -> Awaitable[object]:
    return store.mails.expiring(kind, 2 * DEEP, "/expiring/30", after=(after, b""), limit=200)


AREAS = {
    "requests": _request_lists,
    "certificates": _certificate_lists,
    "search": _searches,
    "log": _logs,
    "overview": _overview,
    "reminders": _reminders,
}


@pytest.mark.parametrize("area", AREAS)
async def test_no_page_looks_at_everything(filled_url: str, area: str) -> None:
    """Each statement of each page takes little, whatever the list is limited to and however little that leaves."""
    store = await open_store(filled_url)
    watched = Watched(store.database)
    watching = Store(cast("Any", watched))  # it reads only
    try:
        for name, read in AREAS[area]():
            await read(watching)
            assert watched.excess == [], name
    finally:
        await store.close()


async def test_reminders_are_read_in_the_order_of_an_index(filled_url: str) -> None:
    """Nothing is sorted, and nothing of what has ended already is looked at."""
    store = await open_store(filled_url)
    values = {"kind": "mobile", "suffix": "/expiring/30", "after_time": 0, "after_serial": b"", "before": DEEP}
    explain = "EXPLAIN QUERY PLAN" if filled_url.startswith("sqlite") else "EXPLAIN (COSTS OFF)"
    rows = await store.database.rows(f"{explain} {mails._EXPIRING}", values | {"limit": 200})
    await store.close()
    plan = "\n".join(str(row[-1]) for row in rows)
    assert "certificates_ending" in plan
    assert not re.search("sort|b-tree|scan c$", plan, re.IGNORECASE | re.MULTILINE), plan


async def test_walking_through_everything_is_noticed(filled_url: str) -> None:
    """The measure tells such a statement from the others."""
    store = await open_store(filled_url)
    watched = Watched(store.database)
    await watched.rows("SELECT count(*) FROM requests WHERE email LIKE '%1@x.example'", {})
    await watched.rows("SELECT max(at) FROM events WHERE organisation = 'FRA1' AND facts LIKE '%nobody%'", {})
    await store.close()
    assert len(watched.excess) == 2
