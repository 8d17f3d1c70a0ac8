"""What managers prove with who they are, beside certificates: passkeys, and links that work once."""

from dataclasses import dataclass
from enum import StrEnum

from certdesk.domain.clock import HOUR
from certdesk.domain.enrollment import DAY


class LinkPurpose(StrEnum):
    """What a one-time link is for."""

    FIRST_ADMINISTRATOR = "first-administrator"
    """Whoever follows it becomes the administrator, as long as there is none."""
    INVITATION = "invitation"
    """Signs in a manager who is registered, so that they can get a passkey or a certificate."""


LINK_LIFETIME = {LinkPurpose.FIRST_ADMINISTRATOR: 24 * HOUR, LinkPurpose.INVITATION: 7 * DAY}
"""Milliseconds. The first one is printed to whoever sits at the server; an invitation waits in somebody's mailbox."""


@dataclass(frozen=True, slots=True)
class Link:
    """The desk's record of a one-time link, without the link."""

    token_sha256: bytes
    email: str
    """Whom it signs in; empty if the first administrator shall name themself."""
    purpose: LinkPurpose
    created_at: int
    created_by: str
    """Who vouches for whoever follows it."""
    expires_at: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential of a manager."""

    credential_id: bytes
    email: str
    user_handle: bytes
    """Random, 32 bytes, the same for all passkeys of a manager."""
    public_key: bytes
    """COSE_Key (RFC 9052 §7)."""
    sign_count: int
    name: str
    """Given by its owner."""
    transports: tuple[str, ...]
    """How its authenticator is reached, as the browser said: `internal`, `usb`, `hybrid`."""
    created_at: int
    used_at: int | None = None
