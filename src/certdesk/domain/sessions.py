"""A manager's session at the console: who signed in, how, and for how long."""

from dataclasses import dataclass
from enum import StrEnum

from certdesk.domain.clock import HOUR, MINUTE
from certdesk.domain.enrollment import Principal, Role

IDLE = 30 * MINUTE
"""After so long without a request a session is over."""
LONGEST_SESSION = 10 * HOUR
"""However busy it is: a working day, and the evening's browser is signed out the next morning."""


class SignInMethod(StrEnum):
    """How a manager proved who they are."""

    CERTIFICATE = "certificate"
    PASSKEY = "passkey"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Session:
    """A session in good standing, with the manager as they are now."""

    token_sha256: bytes
    email: str
    name: str
    role: Role
    organisation: str
    """The manager's scope; empty for the whole federation."""
    method: SignInMethod
    certificate_fingerprint: bytes | None
    created_at: int
    seen_at: int
    expires_at: int
    source: str
    """The address that signed in."""
    user_agent: str
    language: str = ""
    """Chosen by the manager; empty follows the browser."""
    theme: str = ""
    """`light`, `dark`, or empty to follow the browser."""

    def principal(self, source: str) -> Principal:
        """Return who acts in this session, from an address."""
        return Principal(self.email, self.role, self.organisation, source)
