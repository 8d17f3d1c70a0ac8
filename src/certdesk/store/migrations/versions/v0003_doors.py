"""What the doors of standard protocols need: enrollment codes, who vouched, and the SCEP door's own certificates.

An enrollment code is kept as its SHA-256 only. Times are milliseconds since 1970 in UTC.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OCTETS = sa.LargeBinary
_TIME = sa.BigInteger


def _text(name: str, comment: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", comment=comment)


def upgrade() -> None:
    """Make the tables, and what the earlier ones lack for the doors."""
    op.add_column("organisations", _text("door_rules", "names of the rules for protocol doors, a space between"))
    op.add_column("requests", _text("code_id", "the enrollment code that came with it"))
    op.add_column("requests", _text("vouched_by", "the manager who issued the code"))
    vouched = sa.text("code_id <> ''")
    op.create_index(
        "requests_code",
        "requests",
        ["code_id", "spki_sha256"],
        unique=True,
        sqlite_where=vouched,
        postgresql_where=vouched,
    )
    op.create_index("requests_key", "requests", ["spki_sha256"])
    op.create_table(
        "codes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("code_sha256", _OCTETS, nullable=False, unique=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("allowed", sa.Integer, nullable=False, comment="how many devices it is for"),
        sa.Column("used", sa.Integer, nullable=False, server_default="0"),
        _text("note"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("withdrawn_at", _TIME),
        _text("withdrawn_by"),
    )
    op.create_index("codes_newest", "codes", ["created_at", "id"])
    op.create_index("codes_newest_of", "codes", ["organisation", "created_at", "id"])
    op.create_table(
        "scep_identities",
        sa.Column("serial_number", _OCTETS, primary_key=True),
        sa.Column("certificate", _OCTETS, nullable=False),
        sa.Column("recipient", _OCTETS, nullable=False, comment="another certificate, for clients that want two"),
        sa.Column("private_key", sa.Text, nullable=False, comment="PEM, encrypted under the desk's passphrase"),
        sa.Column("not_before", _TIME, nullable=False),
        sa.Column("not_after", _TIME, nullable=False),
        comment="the SCEP door's keys and certificates, which all servers of a desk share",
    )
