"""Reads of one row that PostgreSQL answers for everybody who asks in the same turn of the event loop.

A round trip costs both sides more than finding a row does. Those who look something up by the same statement in
one turn share it: their values go as arrays, and the statement is run for each of them by `LATERAL`. Nobody waits
for company: whoever is alone goes alone.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from certdesk.store.connections import Connections
from certdesk.store.database import Lookup, Row

_MOST = 100
"""Who share a round trip at most."""
_TYPES = {bytes: "bytea", str: "text", int: "bigint"}

Asked = tuple[Sequence[Any], "asyncio.Future[Row | None]"]
"""A caller's values, in the order of their numbers, and what it waits for."""


class SharedLookups:
    """Those who wait for the next round trip, by what they look up."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._asked: dict[Lookup, list[Asked]] = {}
        self._statements: dict[Lookup, str] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def row(self, lookup: Lookup, arguments: Sequence[Any]) -> "asyncio.Future[Row | None]":
        """Return the row to be, or None; it raises what asyncpg raises for these values, not for a neighbour's."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Row | None] = loop.create_future()
        asked = self._asked.get(lookup)
        if asked is None:
            asked = self._asked[lookup] = []
            loop.call_soon(self._send, lookup)
        asked.append((arguments, waiter))
        if len(asked) == _MOST:
            self._send(lookup)
        return waiter

    def _send(self, lookup: Lookup) -> None:
        asked = self._asked.pop(lookup, [])
        if len(asked) > 1:
            self._begin(self._answer_all(lookup, asked))
        elif asked:
            self._begin(self._answer(lookup, *asked[0]))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)  # the event loop alone would not keep it alive
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, lookup: Lookup, arguments: Sequence[Any], waiter: "asyncio.Future[Row | None]") -> None:
        try:
            rows = await self._connections.fetch(lookup.positional.sql, arguments)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            if not waiter.done():
                waiter.set_exception(error)
            return
        if not waiter.done():
            waiter.set_result(rows[0] if rows else None)

    async def _answer_all(self, lookup: Lookup, asked: list[Asked]) -> None:
        try:
            columns = [list(column) for column in zip(*(arguments for arguments, _ in asked), strict=True)]
            rows = await self._connections.fetch(self._statement(lookup, asked[0][0]), columns)
        except Exception:  # noqa: BLE001 - somebody's value may be one that cannot be: each finds out alone
            await asyncio.gather(*(self._answer(lookup, *each) for each in asked))
            return
        found = {row[-1]: row[:-1] for row in rows}
        for number, (_, waiter) in enumerate(asked, 1):
            if not waiter.done():
                waiter.set_result(found.get(number))

    def _statement(self, lookup: Lookup, example: Sequence[Any]) -> str:
        """Return the statement that looks up for several; the last column is the caller's number."""
        statement = self._statements.get(lookup)
        if statement is None:
            arrays = [f"${number}::{_TYPES[type(value)]}[]" for number, value in enumerate(example, 1)]
            columns = [f"v{number}" for number, _ in enumerate(example, 1)]
            statement = self._statements[lookup] = (
                f"SELECT found.*, asked.number"
                f" FROM unnest({', '.join(arrays)}) WITH ORDINALITY AS asked ({', '.join(columns)}, number)"
                f" CROSS JOIN LATERAL ({lookup.lateral} LIMIT 1) AS found"
            )
        return statement
