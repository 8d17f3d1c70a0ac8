"""A desk on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.desks import TestDesk, make_desk


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[TestDesk]:
    """Return a desk with the organisations FRA1 and DEU1, on SQLite and then on PostgreSQL."""
    desk = await make_desk(database_url, tmp_path)
    yield desk
    await desk.close()
