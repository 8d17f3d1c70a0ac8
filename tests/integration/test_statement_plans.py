"""Statements that run all the time find their rows by index, however many there are."""

import sqlite3
from collections import defaultdict
from pathlib import Path

import pytest

from certdesk.store import authorities, certificates, codes, events, mails, organisations, requests, validation
from certdesk.store.database import Change, Lookup

LARGE = ("requests", "certificates", "events", "issuances", "keys", "ocsp_answers")
"""The tables that grow with every enrollment."""

READS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": read.sql if isinstance(read, Lookup) else read
    for module, names in {
        requests: ("_FACTS", "_CASE", "_BY_ID", "_BY_CLAIM", "_APPROVED", "_LAPSING", "_PLACE_OF_KEY", "_RENEWAL"),
        certificates: ("_GET",),
        events: ("_UNSEALED", "_OF_SUBJECT", "_AFTER", "_LAST_BATCH", "_OF_BATCH"),
        organisations: ("_CERTIFICATE_HOLDER", "_PRINCIPAL_BY_HASH"),
        validation: ("_STATUS", "_STALE", "_LATEST_CRL", "_REVOKED", "_LAST_REVOCATION"),
        mails: ("_EXPIRING",),
        authorities: ("_CURRENT", "_LAST_OWN", "_MISSING", "_STALE"),
    }.items()
    for name in names
    for read in [getattr(module, name)]
}
WRITES = {
    f"{module.__name__.rpartition('.')[2]}.{name}.{number}": step.sql.replace("?", ":v")
    for module in (requests, certificates, codes, events, validation)
    for name, change in vars(module).items()
    if isinstance(change, Change)
    for number, (step, _) in enumerate(change.steps)
}


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_no_large_table_is_walked_through(name: str, migrated_sqlite: Path) -> None:
    """SQLite searches large tables; it scans none, unless an index holds just the rows that are wanted."""
    with sqlite3.connect(f"file:{migrated_sqlite}?mode=ro", uri=True) as connection:
        values: defaultdict[str, str] = defaultdict(str)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {(READS | WRITES)[name]}", values).fetchall()
        partial = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '% WHERE %'")]
    connection.close()
    scans = [
        detail for *_, detail in plan if detail.startswith("SCAN") and detail.split()[1] in {*LARGE, "r", "c", "a"}
    ]
    assert [detail for detail in scans if detail.split()[-1] not in partial] == []


def test_issuance_is_resumed_by_its_own_index(migrated_sqlite: Path) -> None:
    """What is approved and not issued is found without what was decided before."""
    with sqlite3.connect(f"file:{migrated_sqlite}?mode=ro", uri=True) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {requests._APPROVED}", {"before": 0, "limit": 1}).fetchall()
    connection.close()
    assert "requests_approved" in plan[0][-1]
