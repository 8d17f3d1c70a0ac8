"""Round trips to PostgreSQL that those who ask in the same turn of the event loop share.

A round trip costs both sides more than finding a row or adding one. Those who look something up, or change something,
by the same statement in one turn share it. Nobody waits for company: whoever is alone goes alone.

Lookups become one statement that is run for each caller's values by `LATERAL`. Changes are sent one behind the other
in one transaction, so they also share its wait for the disk. If one of them is refused, it takes all of them back, and
each is sent again alone.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import asyncpg

from certdesk.store.connections import Connections
from certdesk.store.database import Change, Lookup, Row

_MOST = 100
"""Who share a round trip at most."""
_TYPES = {bytes: "bytea", str: "text", int: "bigint"}

Statement = TypeVar("Statement", Change, Lookup)
Result = TypeVar("Result")
Arguments = Sequence[Any]
"""A caller's values, in the order of their numbers."""
Asked = tuple[Arguments, asyncio.Future[Result]]


class _SharedTrips(Generic[Statement, Result]):
    """Those who wait for the next round trip, by their statement."""

    _somebodys: ClassVar[tuple[type[Exception], ...]]
    """Errors that one caller may have caused, and that left nothing behind: each then finds out alone."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._asked: dict[Statement, list[Asked[Result]]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def ask(self, statement: Statement, arguments: Arguments) -> "asyncio.Future[Result]":
        """Return the answer to be; it raises what asyncpg raises for these values, not for a neighbour's."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Result] = loop.create_future()
        asked = self._asked.get(statement)
        if asked is None:
            asked = self._asked[statement] = []
            loop.call_soon(self._send, statement)
        asked.append((arguments, waiter))
        if len(asked) == _MOST:
            self._send(statement)
        return waiter

    def _send(self, statement: Statement) -> None:
        asked = self._asked.pop(statement, [])
        if asked:
            task = asyncio.create_task(self._answer(statement, asked))
            self._under_way.add(task)  # the event loop alone would not keep it alive
            task.add_done_callback(self._under_way.discard)

    async def _answer(self, statement: Statement, asked: list[Asked[Result]]) -> None:
        try:
            results = await self._results(statement, [arguments for arguments, _ in asked])
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            if len(asked) > 1 and isinstance(error, self._somebodys):
                await asyncio.gather(*(self._answer(statement, [each]) for each in asked))
                return
            for _, waiter in asked:
                if not waiter.done():
                    waiter.set_exception(error)
            return
        for (_, waiter), result in zip(asked, results, strict=True):
            if not waiter.done():
                waiter.set_result(result)

    async def _results(self, statement: Statement, all_arguments: list[Arguments]) -> Sequence[Result]:
        raise NotImplementedError


class SharedLookups(_SharedTrips[Lookup, Row | None]):
    """Lookups of one row."""

    _somebodys = (Exception,)

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._statements: dict[Lookup, str] = {}

    async def _results(self, statement: Lookup, all_arguments: list[Arguments]) -> Sequence[Row | None]:
        if len(all_arguments) == 1:
            rows = await self._connections.fetch(statement.positional.sql, all_arguments[0])
            return [rows[0] if rows else None]
        columns = [list(column) for column in zip(*all_arguments, strict=True)]
        rows = await self._connections.fetch(self._lateral(statement, all_arguments[0]), columns)
        found = {row[-1]: row[:-1] for row in rows}
        return [found.get(number) for number in range(1, len(all_arguments) + 1)]

    def _lateral(self, lookup: Lookup, example: Arguments) -> str:
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


class SharedChanges(_SharedTrips[Change, int]):
    """Changes; the result is what the folded statement answers."""

    # What PostgreSQL reports of a statement takes its transaction back. Of anything else, a connection that is lost
    # above all, nobody knows whether the transaction was committed before.
    _somebodys = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.TransactionRollbackError)

    async def _results(self, statement: Change, all_arguments: list[Arguments]) -> Sequence[int]:
        sql = statement.folded.sql
        if len(all_arguments) == 1:
            return [row[0] for row in await self._connections.fetch(sql, all_arguments[0])]
        order = sorted(range(len(all_arguments)), key=lambda number: all_arguments[number][statement.order])
        rows = await self._connections.fetch_many(sql, [all_arguments[number] for number in order])
        results = dict(zip(order, (row[0] for row in rows), strict=True))
        return [results[number] for number in range(len(order))]
