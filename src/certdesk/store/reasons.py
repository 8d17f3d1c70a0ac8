"""The reasons that an organisation's managers reject requests for again and again."""

import json
from collections.abc import Iterable

from certdesk.store.database import Change, Database, must

_REASONS = "SELECT text FROM reasons WHERE organisation = :organisation ORDER BY position"
_OF_ALL = """
    SELECT text FROM json_each(:organisations) AS asked CROSS JOIN reasons
    WHERE organisation = asked.key ORDER BY organisation, position
"""
_ADD = Change(
    must(
        "INSERT INTO reasons (organisation, position, text)"
        " SELECT :organisation,"
        " (SELECT COALESCE(max(position), 0) + 1 FROM reasons WHERE organisation = :organisation),"
        " :text WHERE NOT EXISTS (SELECT 1 FROM reasons WHERE organisation = :organisation AND text = :text)"
    )
)


class Reasons:
    """Every organisation's reusable reasons, in its own order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, organisation: str) -> list[str]:
        """Return an organisation's reasons."""
        return [row[0] for row in await self._database.rows(_REASONS, {"organisation": organisation})]

    async def of_all(self, organisations: Iterable[str]) -> list[str]:
        """Return the reasons of some organisations, each reason once."""
        codes = json.dumps(dict.fromkeys(organisations, 0))
        rows = await self._database.rows(_OF_ALL, {"organisations": codes})
        return list(dict.fromkeys(row[0] for row in rows))

    async def add(self, organisation: str, text: str) -> bool:
        """Add a reason at the end; return False if it is there already."""
        return await self._database.apply(_ADD, {"organisation": organisation, "text": text})
