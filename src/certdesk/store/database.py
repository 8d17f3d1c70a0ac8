"""What both databases can do, and how a statement is written once for the two of them.

Statements are SQL text with `:name` parameters that SQLite and PostgreSQL both understand. A read
is one statement, a `Lookup` if requests wait for it. A write is a `Change`: steps that happen together or not at all.

    APPROVE = Change(
        must("UPDATE requests SET state = 'approved' WHERE id = :id AND state = 'requested'"),
        then("INSERT INTO issuances (serial_number, request_id) SELECT :serial, :id WHERE {held}"),
    )
    if not await database.apply(APPROVE, {"id": ..., "serial": ...}):
        ...  # somebody else was faster

A *must* step that touches no row undoes the change and `apply` answers false: compare-and-set. SQLite
runs the steps one after another inside a savepoint. To PostgreSQL, where round trips are the cost,
the same steps go as one statement with data-modifying CTEs, in which `{held}` says that every
earlier *must* step touched its row.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

Values = Mapping[str, Any]
Row = Sequence[Any]

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


class DuplicateError(Exception):
    """A unique index refused the write: something else got there first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a change."""

    sql: str
    must: bool
    """Whether the step has to touch a row."""


def must(sql: str) -> Step:
    """Return a step that has to touch a row, or nothing of its change happens."""
    return Step(sql, must=True)


def then(sql: str) -> Step:
    """Return a step that follows from the ones before it, whether or not it touches a row."""
    return Step(sql, must=False)


class Change:
    """One atomic write, with its text for each database, composed once.

    With `shared_by`, the parameter that names the row it is about, those of one turn share a transaction on PostgreSQL
    (`certdesk.store.sharing`), in the order of these rows: two servers then do not wait for each other.
    """

    def __init__(self, *steps: Step, shared_by: str = "") -> None:
        self.steps = tuple((Positional(step.sql.replace("{held}", "TRUE"), "?"), step.must) for step in steps)
        """For SQLite: the statements, and which of them have to touch a row."""
        self.folded = Positional(_fold(steps))
        self.is_shared = bool(shared_by)
        self.needs_savepoint = not shared_by or any(step.must for step in steps[1:])
        """Whether SQLite has to expect that it stops midway; those that come by the dozen have no other reason to."""
        self.order = self.folded.names.index(shared_by) if shared_by else 0
        """Which of the folded statement's arguments those who share a transaction are sorted by."""


class Lookup:
    """A read of one row, by values that are never null, that many may ask for at once (`certdesk.store.sharing`)."""

    def __init__(self, sql: str, *, is_repeated: bool = False) -> None:
        self.sql = sql
        self.is_repeated = is_repeated
        """Whether many ask for the very same row, such as who their manager is, or an OCSP answer."""
        self.positional = Positional(sql)
        # The same for several callers at once, whose values are the columns of `asked`.
        self.lateral = re.sub(r"\$(\d+)", r"asked.v\1", self.positional.sql)


class Positional:
    """A statement with numbered parameters, as PostgreSQL wants them, and as SQLite binds them fastest."""

    def __init__(self, sql: str, mark: str = "$") -> None:
        names: dict[str, int] = {}
        self.sql = _PARAMETER.sub(lambda match: f"{mark}{names.setdefault(match[1], len(names) + 1)}", sql)
        self.names = tuple(names)
        self.arguments: Callable[[Values], Sequence[Any]] = _getter(self.names)
        """Returns the values in the order of their numbers."""


def _getter(names: tuple[str, ...]) -> Callable[[Values], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]  # an `itemgetter` of one would return the value itself


def _fold(steps: Iterable[Step]) -> str:
    """Write a change as one PostgreSQL statement that answers 1 if it held and 0 if its first guard did not.

    A later guard that fails must undo what the steps before it did, so it divides by its number of
    rows: PostgreSQL answers with division_by_zero and takes the whole statement back.
    """
    parts: list[str] = []
    guards: list[str] = []
    for number, step in enumerate(steps):
        held = " AND ".join(f"EXISTS (SELECT 1 FROM {guard})" for guard in guards) or "TRUE"
        parts.append(f"s{number} AS ({step.sql.replace('{held}', held)} RETURNING 1)")
        if step.must:
            guards.append(f"s{number}")
    first, *rest = guards
    product = " * ".join(["1", *(f"(1 / (SELECT count(*) FROM {guard}))" for guard in rest)])
    return f"WITH {', '.join(parts)} SELECT CASE WHEN EXISTS (SELECT 1 FROM {first}) THEN {product} ELSE 0 END"


class Database(Protocol):
    """A database that is open and of this version."""

    async def row(self, sql: str, values: Values) -> Row | None:
        """Return the first row, or None. Raises `UNAVAILABLE`."""

    async def look_up(self, lookup: Lookup, values: Values) -> Row | None:
        """Return the row, or None. Raises `UNAVAILABLE`."""

    async def rows(self, sql: str, values: Values) -> Sequence[Row]:
        """Return all rows. Raises `UNAVAILABLE`."""

    async def apply(self, change: Change, values: Values) -> bool:
        """Do all of a change or nothing, durably, and tell which.

        Raises `DuplicateError` when a unique index refuses it and `UNAVAILABLE` when the database cannot write.
        """

    async def backup(self, path: str) -> None:
        """Write a consistent copy to a new file while others go on working."""

    async def close(self) -> None:
        """Let go of every connection."""
