"""Verifying a long log: how much of it is held at once."""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import pytest

from certdesk.audit import AuditLog, seal
from certdesk.audit import verify as verify_log
from certdesk.audit.verify import Finding, Wrong, _Walk
from certdesk.domain.enrollment import Principal, Role
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm
from certdesk.store.events import Batch, Events, SealedEvent

BY = Principal("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
COUNT = 12_500


class Shelf:
    """Events and batches in memory, read as those in the database are."""

    def __init__(self) -> None:
        self.kept: dict[str, SealedEvent] = {}
        self.sealed: list[Batch] = []

    async def after(self, event_id: str, limit: int) -> list[SealedEvent]:
        """Return events after an ID."""
        return [self.kept[each] for each in sorted(self.kept) if each > event_id][:limit]

    async def unsealed(self, limit: int) -> list[SealedEvent]:
        """Return events that are in no batch."""
        return [each for each in self.kept.values() if each.batch is None][:limit]

    async def last_batch(self) -> Batch | None:
        """Return the newest batch."""
        return self.sealed[-1] if self.sealed else None

    async def batches(self, after: int) -> list[Batch]:
        """Return some batches after a number."""
        return [batch for batch in self.sealed if batch.number > after][:5]

    async def seal(self, batch: Batch, ids: Iterable[str]) -> None:
        """Keep a batch."""
        self.sealed.append(batch)
        self.kept |= {each: replace(self.kept[each], batch=batch.number) for each in ids}

    async def request_states(self, after: str, limit: int) -> list[Any]:
        """Return no states."""
        return []

    certificate_states = request_states


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    """Return an audit log's key."""
    keys = KeyDirectory(tmp_path_factory.mktemp("keys") / "keys", b"correct horse", cost=2)
    return AuditLog(keys.create("audit", KeyAlgorithm.ED25519), lambda: 1_790_000_000_000, os.urandom)


@pytest.fixture
async def shelf(log: AuditLog) -> Shelf:
    """Return a log of some batches, and a few events that are not sealed yet."""
    shelf = Shelf()
    for number in range(COUNT):
        sealed = log.event("request.submitted", BY, organisation="FRA1", subject=f"FRA1-{number}")
        shelf.kept[sealed.event.id] = sealed
    for _ in range(COUNT // 1000):
        await seal(cast("Events", shelf), log.signer, lambda: 1_790_000_000_000)
    return shelf


async def test_a_long_log_is_not_held(shelf: Shelf, log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk holds some batches' worth of what it expects, however many there are."""
    held: list[int] = []
    give_up_on = _Walk._give_up_on

    def watched(walk: _Walk, position: str) -> None:
        held.append(len(walk._expected))
        give_up_on(walk, position)

    monkeypatch.setattr(_Walk, "_give_up_on", watched)
    found = await verify_log(cast("Events", shelf), log)
    assert (found.events, found.batches, found.findings) == (COUNT, COUNT // 1000, [])
    assert len(held) > COUNT // 1000
    assert max(held) < 8000 < COUNT


async def test_a_lost_end_is_noticed(shelf: Shelf, log: AuditLog) -> None:
    """Every event that batches list and that is gone is named, also if it is the last half of the log."""
    gone = sorted(shelf.kept)[COUNT // 2 : COUNT // 1000 * 1000]
    for event_id in gone:
        del shelf.kept[event_id]
    found = await verify_log(cast("Events", shelf), log)
    assert set(found.findings) == {Finding(Wrong.MISSING, f"event {event_id}") for event_id in gone}


async def test_an_event_that_is_listed_later_than_it_stands_is_not_invented(shelf: Shelf, log: AuditLog) -> None:
    """An early event may be sealed late: by a server whose commit took its time."""
    first, *others = sorted(shelf.kept)
    shelf.sealed.clear()
    shelf.kept = {event_id: replace(sealed, batch=None) for event_id, sealed in shelf.kept.items()}
    shelf.kept = {event_id: shelf.kept[event_id] for event_id in (*others, first)}
    while any(sealed.batch is None for sealed in shelf.kept.values()):
        await seal(cast("Events", shelf), log.signer, lambda: 1_790_000_000_000)
    assert shelf.kept[first].batch == len(shelf.sealed)
    assert (await verify_log(cast("Events", shelf), log)).findings == []
