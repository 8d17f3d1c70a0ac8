"""What devices report of their conditions: JSON as the API has it, NULL for a device that reported none."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("requests", sa.Column("device_conditions", sa.Text, comment="JSON; reported, never proven"))
