"""What the console remembers of managers: sessions and preferences.

A session is read with its manager, certificate and preferences in one query, so that a revoked certificate
or a disabled manager ends it at once.
"""

from typing import Any

from certdesk.domain.enrollment import Role
from certdesk.domain.sessions import IDLE, Session, SignInMethod
from certdesk.store.database import Change, Database, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

_SESSION = """
    SELECT s.token_sha256, s.email, m.name, m.role, m.organisation, s.method, s.certificate_fingerprint, s.created_at,
        s.seen_at, s.expires_at, s.source, s.user_agent, COALESCE(p.language, ''), COALESCE(p.theme, '')
    FROM sessions s JOIN managers m ON m.email = s.email
    LEFT JOIN certificates c ON c.fingerprint = s.certificate_fingerprint
    LEFT JOIN preferences p ON p.email = s.email
    WHERE {which} AND s.expires_at > :now AND s.seen_at > :seen_after AND m.disabled = 0
      AND (s.certificate_fingerprint IS NULL OR (c.status <> 'revoked' AND c.not_after >= :now))
"""
_ONE = _SESSION.format(which="s.token_sha256 = :token_sha256")
_OF_MANAGER = _SESSION.format(which="s.email = :email") + " ORDER BY s.seen_at DESC"
SESSION_INSERT = (
    "INSERT INTO sessions (token_sha256, email, method, certificate_fingerprint, created_at, seen_at, expires_at,"
    " source, user_agent) SELECT :token_sha256, :email, :method, :certificate_fingerprint, :created_at, :seen_at,"
    " :expires_at, :source, :user_agent"
)
"""For changes that open a session beside what they are about; a condition may follow."""
_OPEN = Change(must(SESSION_INSERT), then(event_step()))
_TOUCH = Change(must("UPDATE sessions SET seen_at = :now WHERE token_sha256 = :token_sha256"))
_CLOSE = Change(
    must("DELETE FROM sessions WHERE token_sha256 = :token_sha256 AND email = :email"),
    then(event_step()),
)
_CLOSE_OTHERS = Change(
    must("DELETE FROM sessions WHERE email = :email AND token_sha256 <> :kept"),
    then(event_step()),
)
_FORGET = Change(must("DELETE FROM sessions WHERE expires_at <= :now"))
_PREFER = Change(
    must(
        "INSERT INTO preferences (email, language, theme) VALUES (:email, :language, :theme)"
        " ON CONFLICT (email) DO UPDATE SET language = excluded.language, theme = excluded.theme"
    )
)


class Sessions:
    """Sessions and what their managers prefer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, token_sha256: bytes, now: int) -> Session | None:
        """Return a session if it, its manager and its certificate are in good standing."""
        row = await self._database.row(_ONE, {"token_sha256": token_sha256, "now": now, "seen_after": now - IDLE})
        return _session_of(row) if row else None

    async def of_manager(self, email: str, now: int) -> list[Session]:
        """Return a manager's running sessions, the one last seen first."""
        rows = await self._database.rows(_OF_MANAGER, {"email": email, "now": now, "seen_after": now - IDLE})
        return [_session_of(row) for row in rows]

    async def open(self, session: Session, event: SealedEvent) -> None:
        """Add a session."""
        await self._database.apply(_OPEN, session_values(session) | event_values(event))

    async def touch(self, token_sha256: bytes, now: int) -> None:
        """Note that a session is in use."""
        await self._database.apply(_TOUCH, {"token_sha256": token_sha256, "now": now})

    async def close(self, token_sha256: bytes, email: str, event: SealedEvent) -> bool:
        """End a manager's session; return False if there is none."""
        return await self._database.apply(_CLOSE, {"token_sha256": token_sha256, "email": email} | event_values(event))

    async def close_others(self, email: str, kept: bytes, event: SealedEvent) -> bool:
        """End all sessions of a manager but one (`b""` for none); return False if there are none."""
        return await self._database.apply(_CLOSE_OTHERS, {"email": email, "kept": kept} | event_values(event))

    async def forget_expired(self, now: int) -> bool:
        """Remove sessions that are over; tell whether there were any."""
        return await self._database.apply(_FORGET, {"now": now})

    async def prefer(self, email: str, language: str, theme: str) -> None:
        """Keep a manager's language and theme."""
        await self._database.apply(_PREFER, {"email": email, "language": language, "theme": theme})


def session_values(session: Session) -> dict[str, Any]:
    """Return the parameters of `SESSION_INSERT`."""
    return {
        "token_sha256": session.token_sha256,
        "email": session.email,
        "method": session.method.value,
        "certificate_fingerprint": session.certificate_fingerprint,
        "created_at": session.created_at,
        "seen_at": session.seen_at,
        "expires_at": session.expires_at,
        "source": session.source,
        "user_agent": session.user_agent,
    }


def _session_of(row: Row) -> Session:
    token, email, name, role, organisation, method, *rest = row
    return Session(token, email, name, Role(role), organisation, SignInMethod(method), *rest)
