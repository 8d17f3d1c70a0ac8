"""A certificate has one successor, however many renewals come at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LIVING = sa.text("renews IS NOT NULL AND state IN ('requested', 'approved', 'issued')")


def upgrade() -> None:
    """Make the index; what was rejected, cancelled or has lapsed stands in no other renewal's way."""
    op.create_index(
        "requests_renewal", "requests", ["renews"], unique=True, sqlite_where=_LIVING, postgresql_where=_LIVING
    )
