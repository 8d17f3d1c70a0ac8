"""What the operator settles about the HTTP listeners."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from certdesk.doors.metrics import Figure, RequestMetrics


class Log(Protocol):
    """A structured logger, such as structlog's: an event in a few words, and its facts."""

    def info(self, event: str, **facts: Any) -> object:  # noqa: ANN401 - what can be written as JSON
        """Note that something happened."""

    def error(self, event: str, **facts: Any) -> object:  # noqa: ANN401
        """Note that something went wrong; `exc_info` holds the exception."""


async def no_figures() -> Iterable[Figure]:
    """Return nothing: only the requests are counted."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPSettings:
    """The HTTP doors' settings."""

    log: Log
    log_requests: bool = False
    """Whether to write an access log."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` and `Client-Cert` are believed."""
    public_calls_per_minute: float = 60
    """What one address may do without credentials; 0 for no limit. Guessing a credential counts as well."""
    public_calls_at_once: int = 60
    metrics: RequestMetrics = field(default_factory=RequestMetrics)
    figures: Callable[[], Awaitable[Iterable[Figure]]] = no_figures
    """Other numbers for `/metrics`: requests waiting, certificates issued, jobs."""
    monotonic: Callable[[], float] = time.monotonic


Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""Looks at what the desk needs (`database`, `ca`, `migrations`), and tells of each whether it can be used."""
