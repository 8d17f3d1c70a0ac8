"""Judge an enrollment code that is to be issued."""

from certdesk.domain.enrollment import Kind, Organisation
from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.policy.fields import judge_text

DEVICES = range(1, 10_001)
"""How many devices one code may be for: a lorry full of scanners."""
DAYS = range(1, 366)
"""How long a code may be good. A week does for one that is typed in, a year for one in a device management."""
LONGEST_NOTE = 200


def judge_code(kind: Kind, organisation: Organisation, allowed: int, days: int, note: str) -> list[Problem]:
    """Return all that speaks against a code."""
    problems = [*judge_text("note", note, LONGEST_NOTE, required=False)]
    for field, number, possible in (("count", allowed, DEVICES), ("days", days, DAYS)):
        if number not in possible:
            values: dict[str, object] = {"least": possible[0], "most": possible[-1], "number": number}
            message = N_("{number} is not between {least} and {most}")
            problems.append(Problem(ErrorKind.INVALID_FIELD, message, field, values))
    if kind not in organisation.kinds:
        message = N_("{organisation} does not enroll devices of the kind {requested}")
        facts: dict[str, object] = {"organisation": organisation.code, "requested": kind.value}
        problems.append(Problem(ErrorKind.KIND_NOT_ALLOWED, message, "kind", facts))
    return problems
