"""A change's text: one savepoint's steps for SQLite, one folded statement for PostgreSQL."""

import re

from certdesk.store.database import Change, Positional, must, then

TAKE = must("UPDATE seats SET taken_by = :who WHERE number = :seat AND taken_by IS NULL")
PAY = must("UPDATE purses SET coins = coins - 1 WHERE owner = :who AND coins > 0 AND {held}")
NOTE = then("INSERT INTO notes (text) SELECT :who WHERE {held}")


def guards(sql: str) -> list[list[str]]:
    """Return for each step of a folded statement the steps that it asks whether they touched a row."""
    steps = re.split(r"s\d+ AS \(", sql.partition(" SELECT CASE ")[0])[1:]
    return [re.findall(r"EXISTS \(SELECT 1 FROM (s\d+)\)", step) for step in steps]


def test_parameters_are_numbered_by_their_first_mention() -> None:
    """A name that stands twice is one parameter, and arguments come in the order of the numbers."""
    statement = Positional("SELECT :b, :a, :b")
    assert statement.sql == "SELECT $1, $2, $1"
    assert statement.arguments({"a": 1, "b": 2, "unused": 3}) == (2, 1)
    assert Positional("SELECT :a", "?").sql == "SELECT ?1"
    assert list(Positional("SELECT :a").arguments({"a": 1})) == [1]
    assert list(Positional("SELECT 1").arguments({"a": 1})) == []


def test_casts_are_not_parameters() -> None:
    """Two colons are PostgreSQL's cast."""
    assert Positional("SELECT :a::text").sql == "SELECT $1::text"


def test_a_step_is_held_by_every_guard_before_it() -> None:
    """`{held}` asks for each earlier step that must touch a row, and for no other."""
    assert guards(Change(TAKE, PAY, NOTE, NOTE).folded.sql) == [[], ["s0"], ["s0", "s1"], ["s0", "s1"]]
    assert guards(Change(TAKE, NOTE, PAY).folded.sql) == [[], ["s0"], ["s0"]]


def test_the_first_guard_answers_and_later_ones_undo() -> None:
    """A change whose first guard fails has done nothing; a later guard that fails divides by its zero rows."""
    sql = Change(TAKE, PAY, NOTE).folded.sql
    assert sql.endswith("CASE WHEN EXISTS (SELECT 1 FROM s0) THEN 1 * (1 / (SELECT count(*) FROM s1)) ELSE 0 END")


def test_sqlite_needs_no_guards_in_the_text() -> None:
    """SQLite stops at a step that does not hold, so `{held}` is true wherever it is read."""
    steps = [(step.sql, step.names, must) for step, must in Change(TAKE, PAY, NOTE).steps]
    assert steps == [
        ("UPDATE seats SET taken_by = ?1 WHERE number = ?2 AND taken_by IS NULL", ("who", "seat"), True),
        ("UPDATE purses SET coins = coins - 1 WHERE owner = ?1 AND coins > 0 AND TRUE", ("who",), True),
        ("INSERT INTO notes (text) SELECT ?1 WHERE TRUE", ("who",), False),
    ]
