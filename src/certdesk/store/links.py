"""One-time links, kept by the SHA-256 of their tokens, and what happens when one is followed."""

from typing import Any

from certdesk.domain.credentials import Link, LinkPurpose
from certdesk.domain.enrollment import Manager
from certdesk.domain.sessions import Session
from certdesk.store.console import SESSION_INSERT, session_values
from certdesk.store.database import Change, Database, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

NO_ADMINISTRATOR = "NOT EXISTS (SELECT 1 FROM managers WHERE role = 'administrator' AND disabled = 0)"
LINK_INSERT = (
    "INSERT INTO links (token_sha256, email, purpose, created_at, created_by, expires_at)"
    " SELECT :link, :link_email, :purpose, :link_created_at, :link_created_by, :link_expires_at"
)
_ADD_FIRST = Change(must(f"{LINK_INSERT} WHERE {NO_ADMINISTRATOR}"), then(event_step()))
_ADD_INVITATION = Change(
    must(f"{LINK_INSERT} WHERE EXISTS (SELECT 1 FROM managers WHERE email = :link_email AND disabled = 0)"),
    then(event_step()),
)
_INVITE = Change(
    must(
        "INSERT INTO managers (email, name, role, organisation, disabled, created_at)"
        " SELECT :email, :name, :role, :organisation, 0, :link_created_at"
        " WHERE NOT EXISTS (SELECT 1 FROM managers WHERE lower(email) = lower(:email))"
    ),
    must(f"{LINK_INSERT} WHERE {{held}}"),
    then(event_step()),
)
_GET = f"""
    SELECT l.token_sha256, l.email, l.purpose, l.created_at, l.created_by, l.expires_at, m.name
    FROM links l LEFT JOIN managers m ON m.email = l.email
    WHERE l.token_sha256 = :link AND l.used_at IS NULL AND l.expires_at > :now
      AND (l.purpose = 'invitation' AND m.disabled = 0 OR l.purpose = 'first-administrator' AND {NO_ADMINISTRATOR})
"""
_TAKE = must(
    "UPDATE links SET used_at = :now, email = :email"
    " WHERE token_sha256 = :link AND used_at IS NULL AND expires_at > :now AND purpose = :purpose"
)
_FOLLOW = Change(
    _TAKE,
    must(f"{SESSION_INSERT} FROM managers WHERE email = :email AND disabled = 0 AND {{held}}"),
    then("DELETE FROM links WHERE email = :email AND used_at IS NULL AND token_sha256 <> :link AND {held}"),
    then(event_step()),
)
_FOLLOW_FIRST = Change(
    _TAKE,
    must(
        "INSERT INTO managers (email, name, role, organisation, disabled, created_at)"
        f" SELECT :email, :name, 'administrator', '', 0, :now WHERE {NO_ADMINISTRATOR} AND {{held}}"
    ),
    must(f"{SESSION_INSERT} WHERE {{held}}"),
    then(event_step("added")),
    then(event_step()),
)
_VOUCHER = "SELECT created_by FROM links WHERE email = :email AND used_at = :used_at"
_FORGET = Change(must("DELETE FROM links WHERE expires_at <= :before"))


class Links:
    """Links that have been made, and have or have not been followed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_first(self, link: Link, event: SealedEvent) -> bool:
        """Add a link for the first administrator; return False if there is an administrator already."""
        return await self._database.apply(_ADD_FIRST, link_values(link) | event_values(event))

    async def add_invitation(self, link: Link, event: SealedEvent) -> bool:
        """Add a link for a manager; return False if there is none of the address, or disabled."""
        return await self._database.apply(_ADD_INVITATION, link_values(link) | event_values(event))

    async def invite(self, manager: Manager, link: Link, event: SealedEvent) -> bool:
        """Add a manager with a link; return False if the address is taken, in whatever case it is written."""
        values = {
            "email": manager.email,
            "name": manager.name,
            "role": manager.role.value,
            "organisation": manager.organisation,
        }
        return await self._database.apply(_INVITE, values | link_values(link) | event_values(event))

    async def get(self, token_sha256: bytes, now: int) -> tuple[Link, str] | None:
        """Return a link that can be followed, and the name of the manager whom it signs in, if there is one yet."""
        row = await self._database.row(_GET, {"link": token_sha256, "now": now})
        if row is None:
            return None
        token, email, purpose, created_at, created_by, expires_at, name = row
        return Link(token, email, LinkPurpose(purpose), created_at, created_by, expires_at), name or ""

    async def follow(self, link: Link, session: Session, event: SealedEvent) -> bool:
        """Use up an invitation, and the manager's other ones with it, and open the manager's session.

        Returns False if it cannot be followed any more.
        """
        values = _following(link, session) | event_values(event)
        return await self._database.apply(_FOLLOW, values)

    async def follow_first(self, link: Link, session: Session, added: SealedEvent, opened: SealedEvent) -> bool:
        """Use up the first administrator's link, register them and open their session.

        Returns False if it cannot be followed any more; raises `DuplicateError` if the address is a manager's.
        """
        values = _following(link, session) | {"name": session.name}
        values |= event_values(added, "added") | event_values(opened)
        return await self._database.apply(_FOLLOW_FIRST, values)

    async def voucher(self, email: str, used_at: int) -> str | None:
        """Return who made the link that a manager followed at this moment."""
        row = await self._database.row(_VOUCHER, {"email": email, "used_at": used_at})
        return str(row[0]) if row else None

    async def forget(self, before: int) -> bool:
        """Remove links that expired before this moment; tell whether there were any."""
        return await self._database.apply(_FORGET, {"before": before})


def link_values(link: Link) -> dict[str, Any]:
    """Return the parameters of `LINK_INSERT`."""
    return {
        "link": link.token_sha256,
        "link_email": link.email,
        "purpose": link.purpose.value,
        "link_created_at": link.created_at,
        "link_created_by": link.created_by,
        "link_expires_at": link.expires_at,
    }


def _following(link: Link, session: Session) -> dict[str, Any]:
    values = session_values(session)
    return values | {"link": link.token_sha256, "purpose": link.purpose.value, "now": session.created_at}
