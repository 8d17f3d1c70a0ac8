"""Answers that are sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from certdesk.console.streaming import csv_stream


async def test_an_export_ends_when_nobody_reads_it() -> None:
    """No more rows are read from the database once the reader has gone away."""
    left, made = asyncio.Event(), []

    async def pages() -> AsyncIterator[list[Sequence[str]]]:
        while True:
            made.append(1)
            yield [("a",)]

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        assert message["type"] in {"http.response.start", "http.response.body"}
        if len(made) == 3:
            left.set()

    scope = {"type": "http", "method": "GET", "scheme": "https"}
    await asyncio.wait_for(csv_stream("x.csv", ("a",), pages())(scope, receive, send), 10)
    assert 3 <= len(made) < 10


async def test_an_export_is_sent_to_its_end() -> None:
    """Whoever reads on gets everything, and the end of the answer."""
    sent: list[dict[str, Any]] = []

    async def pages() -> AsyncIterator[list[Sequence[str]]]:
        for _ in range(3):
            yield [("a",)]

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await csv_stream("x.csv", ("head",), pages())({"type": "http", "method": "GET", "scheme": "http"}, receive, send)
    assert b"".join(message.get("body", b"") for message in sent).count(b'"a"') == 3
    assert not sent[-1].get("more_body")
