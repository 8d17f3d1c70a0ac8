"""Lists that are read in the order of an index, whatever they are limited to.

An index holds its rows in order only for one value of each column before the ordering ones. A list of several kinds or
states reads the beginning of each, and merges them: the work is the same with a thousand rows as with a million. Kinds
and states stand in the statement as they are, not as parameters, so that partial indexes are seen to fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from certdesk.domain.listing import CertificateFilter, RequestFilter


def equals(column: str, value: StrEnum) -> str:
    """Return a condition that shows its value to the planner; the value is one of a fixed set."""
    return f"{column} = '{value.value}'"


def limits_of(
    wanted: RequestFilter | CertificateFilter, conditions: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the values of the fields that have a condition, as parameters, and the conditions of those that limit."""
    values = {name: getattr(wanted, name) for name in conditions}
    return values, [conditions[name] for name, value in values.items() if value]


def merged(columns: str, table: str, key: str, branches: Iterable[Sequence[str]], order: str) -> str:
    """Return the statement that reads the first `:limit` rows which meet all conditions of any of the branches.

    What the order is by, and the key, is merged first, which indexes can answer alone; then these rows are read.
    """
    narrow = ", ".join(dict.fromkeys([*(part.split()[0] for part in order.split(", ")), key]))
    parts = [
        f"SELECT {narrow} FROM {table} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT :limit"
        for conditions in branches
    ]
    union = " UNION ALL ".join(f"SELECT * FROM ({part}) AS b{number}" for number, part in enumerate(parts))
    chosen = f"SELECT {key} AS chosen FROM ({union}) AS every ORDER BY {order} LIMIT :limit"
    # The order of the join is prescribed, or SQLite might walk through the whole table.
    return f"SELECT {columns} FROM ({chosen}) AS few CROSS JOIN {table} WHERE {key} = chosen ORDER BY {order}"


def counted(table: str, branches: Iterable[Sequence[str]]) -> str:
    """Return the statement that counts such rows up to `:most`."""
    parts = " UNION ALL ".join(
        f"SELECT * FROM (SELECT 1 FROM {table} WHERE {' AND '.join(conditions)} LIMIT :most) AS b{number}"
        for number, conditions in enumerate(branches)
    )
    return f"SELECT count(*) FROM (SELECT 1 FROM ({parts}) AS every LIMIT :most) AS few"
