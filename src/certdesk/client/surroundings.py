"""What a run takes from the machine, so that a test can put its own in place; quick to import."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certdesk.domain.clock import Clock, system_clock
from certdesk.domain.text import Translator

if TYPE_CHECKING:  # loads httpx
    from certdesk.client.transport import Patience


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment, the language, the clock and the patience of one run."""

    environment: Mapping[str, str]
    language: str
    translate: Translator
    clock: Clock = system_clock
    patience: "Patience | None" = None
    """None for the usual."""
    scrypt_cost: int | None = None
    """Another than the usual cost of trying a password; a test need not wait for it."""
