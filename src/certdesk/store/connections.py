"""The connections to PostgreSQL, each lent for one statement at a time.

asyncpg brings a pool, which takes three times as long as the statement itself does in this process: it guards
against borrowers that keep a connection or leave something behind in its session. Ours stay in this module.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

Connect = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]


class Connections:
    """Opens a connection when all others are busy, until there are `most`; then callers wait in line."""

    def __init__(self, connect: Connect, most: int) -> None:
        self._connect = connect
        self._most = most
        self._count = 0
        """Those that are open or being opened."""
        self._idle: list[asyncpg.Connection[asyncpg.Record]] = []
        self._waiting: deque[asyncio.Future[asyncpg.Connection[asyncpg.Record] | None]] = deque()
        """Callers in line; they are given a connection, or None when they may open one."""

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> Sequence[asyncpg.Record]:
        """Run a statement and return its rows; raise what asyncpg raises."""
        return await self._lend(lambda connection: connection.fetch(sql, *arguments))

    async def fetch_many(self, sql: str, all_arguments: Sequence[Sequence[Any]]) -> Sequence[asyncpg.Record]:
        """Run a statement with each of some arguments, in one transaction and one round trip, and return all rows."""
        return await self._lend(lambda connection: connection.fetchmany(sql, all_arguments))

    async def _lend(
        self, work: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[Sequence[asyncpg.Record]]]"
    ) -> Sequence[asyncpg.Record]:
        connection = await self._borrow()
        try:
            return await work(connection)
        except BaseException as error:
            if not isinstance(error, asyncpg.PostgresError):
                connection.terminate()  # it was left in the middle of something: a timeout, a caller who hung up
            raise
        finally:
            self._give_back(connection)

    async def open(self) -> None:
        """Open a first connection, to know that it can be done."""
        self._give_back(await self._borrow())

    async def close(self) -> None:
        """Close what is idle; by now nothing else should be open."""
        while self._idle:
            await self._idle.pop().close()

    async def _borrow(self) -> "asyncpg.Connection[asyncpg.Record]":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._count -= 1  # the server closed it meanwhile
        if self._count >= self._most:
            given = await self._wait()
            if given is not None:
                return given
        self._count += 1
        try:
            return await self._connect()
        except BaseException:
            self._count -= 1
            self._wake(None)
            raise

    async def _wait(self) -> "asyncpg.Connection[asyncpg.Record] | None":
        waiter: asyncio.Future[asyncpg.Connection[asyncpg.Record] | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the turn came when its caller had just gone
                given = waiter.result()
                if given is None:
                    self._wake(None)
                else:
                    self._give_back(given)
            raise

    def _give_back(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        if connection.is_closed():
            self._count -= 1
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    def _wake(self, connection: "asyncpg.Connection[asyncpg.Record] | None") -> bool:
        """Give the first in line a connection, or leave to open one; tell whether anyone is in line."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False
