"""The audit of a desk's books: all that clients were told is there, once, and nothing is there without a reason."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import asyncpg
import httpx
from cryptography import x509

from certdesk.app import database_of
from certdesk.store import open_store
from tests.e2e.load import Ledger
from tests.e2e.server import DeskServer
from tests.integration.api_calls import fingerprint

_ENTRIES = """
    SELECT r.id, r.claim_sha256, r.state, r.decided_by, r.reason, r.superseded_by, c.serial_number, c.der, c.status
    FROM requests r LEFT JOIN certificates c ON c.request_id = r.id WHERE r.kind <> 'manager'
"""
_UNFOUNDED = """
    SELECT c.serial_number FROM certificates c
    LEFT JOIN issuances i ON i.serial_number = c.serial_number AND i.request_id = c.request_id
    LEFT JOIN requests r ON r.id = c.request_id AND r.serial_number = c.serial_number AND r.attempt = i.attempt
    WHERE r.state IS NULL OR r.state <> 'issued'
"""
_DOUBLED = "SELECT subject, action FROM events GROUP BY subject, action HAVING count(*) > 1"


class Entry(NamedTuple):
    """A request, with its certificate if it has one."""

    id: str
    claim_sha256: bytes
    state: str
    decided_by: str
    reason: str
    superseded_by: str
    serial_number: bytes | None
    der: bytes | None
    status: str | None


async def rows(server: DeskServer, sql: str, **values: object) -> Sequence[Sequence[Any]]:
    """Ask the desk's database itself."""
    store = await open_store(database_of(server.data, server.database))
    try:
        return await store.database.rows(sql, values)
    finally:
        await store.close()


async def execute(server: DeskServer, *statements: str) -> None:
    """Change something behind the desk's back."""
    if server.database is None:
        with contextlib.closing(sqlite3.connect(server.data / "desk.sqlite", isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)
        return
    connection = await asyncpg.connect(server.database)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@contextlib.asynccontextmanager
async def closed_to_inserts(server: DeskServer, table: str) -> AsyncIterator[None]:
    """Let no row into a table: what a desk does up to there is done, as if it died at that very moment."""
    if server.database is None:
        raises = "BEGIN SELECT RAISE(ABORT, 'closed'); END"
        await execute(server, f"CREATE TRIGGER closed BEFORE INSERT ON {table} {raises}")
    else:
        function = "CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''closed''; END'"
        await execute(server, function, f"CREATE TRIGGER closed BEFORE INSERT ON {table} EXECUTE FUNCTION closed()")
    yield
    await execute(server, "DROP TRIGGER closed" if server.database is None else "DROP FUNCTION closed CASCADE")


async def restart_later(server: DeskServer) -> None:
    """Stop a server and start it half a minute later, when no other can be at what it left unfinished any more."""
    server.stop()
    await execute(server, "UPDATE requests SET decided_at = decided_at - 30000 WHERE state = 'approved'")
    server.start()


async def check(server: DeskServer, told: Ledger) -> dict[str, Entry]:
    """Fail unless all that clients were told stands in the desk's books; return what stands there, by request ID."""
    found = [Entry(*row) for row in await rows(server, _ENTRIES)]
    entries = {entry.id: entry for entry in found}
    assert len(entries) == len(found), "a request has two certificates"
    for request_id, claim in told.claims.items():
        assert entries[request_id].claim_sha256 == fingerprint(claim)
    for request_id, newer in told.cancelled.items():
        assert (entries[request_id].state, entries[request_id].superseded_by) == ("cancelled", newer)
    for request_id, reason in told.rejected.items():
        assert (entries[request_id].state, entries[request_id].reason) == ("rejected", reason)
    for request_id, manager in told.approved.items():
        assert entries[request_id].state in {"approved", "issued"}
        assert entries[request_id].decided_by == manager
    for request_id, der in told.certificates.items():
        assert (entries[request_id].state, entries[request_id].der) == ("issued", der)
    for request_id, serial_number in told.revoked.items():
        entry = entries[request_id]
        assert (entry.status, entry.serial_number) == ("revoked", bytes.fromhex(serial_number))
    assert await rows(server, _UNFOUNDED) == []
    assert await rows(server, _DOUBLED) == []
    return entries


async def audit(server: DeskServer, ledger: Ledger) -> None:
    """Fail unless the desk's books and the clients' agree to the last entry, and the audit log verifies."""
    entries = await check(server, ledger)
    assert entries.keys() == ledger.claims.keys()
    assert Counter(entry.state for entry in entries.values()) == Counter(
        {
            "cancelled": len(ledger.cancelled),
            "rejected": len(ledger.rejected),
            "issued": len(ledger.approved),
        }
    )
    assert ledger.approved.keys() == ledger.certificates.keys()
    assert sum(entry.status == "revoked" for entry in entries.values()) == len(ledger.revoked)
    server.certdesk("audit", "verify")


def listed(server: DeskServer) -> set[str]:
    """Return the serial numbers on the published revocation list, in hexadecimal."""
    answer = httpx.get(f"{server.pki_url}/crl/issuing.crl", trust_env=False)
    return {f"{entry.serial_number:032x}" for entry in x509.load_der_x509_crl(answer.content)}
