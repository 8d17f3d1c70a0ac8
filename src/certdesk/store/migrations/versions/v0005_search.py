"""What lists, search and figures need when there are a million requests, with fewer indexes to write than before.

Search words and the figures by day are written by a job (`certdesk.store.search`), not with every enrollment, so the
indexes that served them go. Every list is read in the order of an index that begins with what it is limited to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables, and exchange the indexes."""
    # Compared octet by octet on both databases, whatever the language of the database: ranges are looked for.
    entry = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "words",
        sa.Column("entry", entry, primary_key=True, comment="organisation, word, age and the rest of the request's ID"),
        comment="what requests are found by",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "days",
        sa.Column("organisation", sa.Text, primary_key=True, comment="empty for the federation"),
        sa.Column("is_decision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False, comment="since 1970, in UTC"),
        sa.Column("count", sa.BigInteger, nullable=False),
        comment="how many requests came in and how many were decided",
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO properties (name, value) VALUES ('indexed_batch', '0')")
    _exchange_request_indexes()
    _exchange_certificate_indexes()
    if op.get_bind().dialect.name == "sqlite":
        _move_ocsp_answers()


def _exchange_request_indexes() -> None:
    for name in ("email", "device_of", "key", "decided", "decided_of", "newest", "newest_of", "waiting", "waiting_of"):
        op.drop_index(f"requests_{name}", "requests")
    _make_pair("requests_newest", "requests", ["kind", "created_at", "id"])
    _make_pair("requests_waiting", "requests", ["kind", "created_at", "id"], "state = 'requested'")
    closed = "state = 'rejected' OR state = 'cancelled' OR state = 'lapsed'"
    _make_pair("requests_closed", "requests", ["state", "kind", "created_at", "id"], closed)
    _make("requests_key", "requests", ["spki_sha256"], "door <> 'api'")


def _exchange_certificate_indexes() -> None:
    for name in ("email", "newest", "newest_of", "expiring", "expiring_of"):
        op.drop_index(f"certificates_{name}", "certificates")
    _make_pair("certificates_ending", "certificates", ["status", "kind", "not_after", "serial_number"])
    _make("certificates_manager", "certificates", ["email"], "kind = 'manager'")


def _move_ocsp_answers() -> None:
    """Store them in their primary key's tree: a row was found by one tree there and lay in another."""
    op.drop_index("ocsp_answers_stale", "ocsp_answers")
    op.rename_table("ocsp_answers", "ocsp_answers_of_rowids")
    op.create_table(
        "ocsp_answers",
        sa.Column("serial_number", sa.LargeBinary, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("der", sa.LargeBinary),
        sa.Column("this_update", sa.BigInteger),
        sa.Column("next_update", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO ocsp_answers SELECT * FROM ocsp_answers_of_rowids ORDER BY serial_number")
    op.drop_table("ocsp_answers_of_rowids")
    op.create_index("ocsp_answers_stale", "ocsp_answers", ["next_update"])


def _make_pair(name: str, table: str, columns: list[str], condition: str = "") -> None:
    """Make an index for the whole federation, and one for each organisation."""
    _make(name, table, columns, condition)
    _make(f"{name}_of", table, ["organisation", *columns], condition)


def _make(name: str, table: str, columns: list[str], condition: str = "") -> None:
    where = sa.text(condition) if condition else None
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
