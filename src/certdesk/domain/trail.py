"""The audit log as people read it: which events, and whether the log was found whole."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; an empty field does not limit."""

    organisation: str = ""
    actor: str = ""
    action: str = ""
    subject: str = ""
    since: int | None = None
    before: int | None = None
    """Milliseconds; the moment itself is not included."""


@dataclass(frozen=True, slots=True)
class VerificationOrder:
    """Somebody wants the log verified, and a server may be at it."""

    asked_at: int
    asked_by: str
    begun_at: int = 0
    """0 as long as no server has begun."""
    walked_at: int = 0
    """When the server that is at it was last heard of."""
    walked: int = 0
    """How many events it has read."""


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """What the last verification came to."""

    begun_at: int
    ended_at: int
    asked_by: str
    events: int
    batches: int
    finding_count: int
    findings: tuple[tuple[str, str], ...]
    """The first ones: what is wrong (`changed`, `missing`, `reordered`, `invented`), and with what."""
