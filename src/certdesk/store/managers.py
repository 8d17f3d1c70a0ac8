"""Managers as administrators see them: with what they sign in by, and how their standing changes."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from certdesk.domain.enrollment import Certificate, Manager, Role
from certdesk.domain.listing import ManagerFilter
from certdesk.store.certificates import COLUMNS, beginning, certificate_of_row
from certdesk.store.database import Change, Database, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

_STANDING = """
    SELECT m.email, m.name, m.role, m.organisation, m.disabled, m.created_at,
      (SELECT count(*) FROM passkeys p WHERE p.email = m.email),
      (SELECT max(c.not_after) FROM certificates c
       WHERE c.email = m.email AND c.kind = 'manager' AND c.status <> 'revoked'),
      (SELECT max(l.expires_at) FROM links l WHERE l.email = m.email AND l.used_at IS NULL AND l.expires_at > :now)
    FROM managers m
"""
_ONE = f"{_STANDING} WHERE m.email = :email"
_CONDITIONS = {
    "text": "(lower(m.email) LIKE :text_lower ESCAPE '!' OR lower(m.name) LIKE :text_within ESCAPE '!')",
    "role": "m.role = :role",
    "organisation": "m.organisation = :organisation",
    "disabled": "m.disabled = 1",
    "after": "m.email > :after",
}
_CERTIFICATES = f"""
    SELECT {COLUMNS} FROM certificates WHERE email = :email AND kind = 'manager'
    ORDER BY not_before DESC, serial_number DESC LIMIT :limit
"""
# A second administrator's row is locked, so that two who disable each other at once cannot both succeed.
_OTHER_ADMINISTRATOR = must(
    "UPDATE managers SET disabled = 0 WHERE role = 'administrator' AND disabled = 0 AND email <> :email"
)
_SET = must(
    "UPDATE managers SET name = :name, role = :role, organisation = :organisation"
    " WHERE email = :email AND name = :earlier_name AND role = :earlier_role"
    " AND organisation = :earlier_organisation AND {held}"
)
_EDIT = Change(_SET, then(event_step()))
_DEMOTE = Change(_OTHER_ADMINISTRATOR, _SET, then(event_step()))
_SHUT = must("UPDATE managers SET disabled = 1 WHERE email = :email AND role = :role AND disabled = 0 AND {held}")
_END = (
    then("DELETE FROM sessions WHERE email = :email AND {held}"),
    then("DELETE FROM links WHERE email = :email AND used_at IS NULL AND {held}"),
    then(event_step()),
)
_DISABLE = Change(_SHUT, *_END)
_DISABLE_ADMINISTRATOR = Change(_OTHER_ADMINISTRATOR, _SHUT, *_END)
_ENABLE = Change(must("UPDATE managers SET disabled = 0 WHERE email = :email AND disabled = 1"), then(event_step()))
_NOTIFY = "SELECT notify FROM preferences WHERE email = :email"
_SET_NOTIFY = Change(
    must(
        "INSERT INTO preferences (email, notify) VALUES (:email, :notify)"
        " ON CONFLICT (email) DO UPDATE SET notify = excluded.notify"
    ),
    then(event_step()),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A manager, and by what they can sign in."""

    manager: Manager
    created_at: int
    """0 if it was not written down."""
    passkeys: int
    certificate_until: int | None
    """When the last of their certificates ends, or ended; None without one that is not revoked."""
    invited_until: int | None
    """How long a link that was not followed yet can be."""


@cache
def _listing(names: tuple[str, ...]) -> str:
    """Compose the list's statement for one combination of filters, once."""
    where = f"WHERE {' AND '.join(_CONDITIONS[name] for name in names)}" if names else ""
    return f"{_STANDING} {where} ORDER BY m.email LIMIT :limit"


class Managers:
    """The registry's people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, email: str, now: int) -> Standing | None:
        """Return a manager."""
        row = await self._database.row(_ONE, {"email": email, "now": now})
        return _of_row(row) if row else None

    async def listing(self, wanted: ManagerFilter, *, after: str, limit: int, now: int) -> list[Standing]:
        """Return managers by e-mail address, after one."""
        values: dict[str, Any] = {
            "text": wanted.text,
            "role": wanted.role,
            "organisation": wanted.organisation,
            "disabled": wanted.disabled,
            "after": after,
        }
        names = tuple(name for name, value in values.items() if value)
        text = beginning(wanted.text.lower())
        values |= {"text_lower": text, "text_within": f"%{text}", "limit": limit, "now": now}
        return [_of_row(row) for row in await self._database.rows(_listing(names), values)]

    async def certificates(self, email: str, limit: int) -> list[Certificate]:
        """Return a manager's user certificates, newest first."""
        rows = await self._database.rows(_CERTIFICATES, {"email": email, "limit": limit})
        return [certificate_of_row(row) for row in rows]

    async def edit(self, manager: Manager, earlier: Manager, event: SealedEvent) -> bool:
        """Give a manager another name, role or organisation.

        Returns False if they are not as `earlier` says any more, or are the last administrator and would be none.
        """
        demoted = earlier.role is Role.ADMINISTRATOR and manager.role is not Role.ADMINISTRATOR
        values = {
            "email": earlier.email,
            "name": manager.name,
            "role": manager.role.value,
            "organisation": manager.organisation,
            "earlier_name": earlier.name,
            "earlier_role": earlier.role.value,
            "earlier_organisation": earlier.organisation,
        }
        return await self._database.apply(
            _DEMOTE if demoted and not earlier.disabled else _EDIT, values | event_values(event)
        )

    async def disable(self, manager: Manager, event: SealedEvent) -> bool:
        """Disable a manager, end their sessions and withdraw their links.

        Returns False if they are disabled already, have another role by now, or are the last administrator.
        """
        values = {"email": manager.email, "role": manager.role.value}
        change = _DISABLE_ADMINISTRATOR if manager.role is Role.ADMINISTRATOR else _DISABLE
        return await self._database.apply(change, values | event_values(event))

    async def enable(self, email: str, event: SealedEvent) -> bool:
        """Let a manager sign in again; return False if they were not disabled."""
        return await self._database.apply(_ENABLE, {"email": email} | event_values(event))

    async def notify(self, email: str) -> str:
        """Return how a manager wants to be told of requests; empty if they have not chosen."""
        row = await self._database.row(_NOTIFY, {"email": email})
        return str(row[0]) if row else ""

    async def set_notify(self, email: str, notify: str, event: SealedEvent) -> None:
        """Keep how a manager wants to be told of requests."""
        await self._database.apply(_SET_NOTIFY, {"email": email, "notify": notify} | event_values(event))


def _of_row(row: Row) -> Standing:
    email, name, role, organisation, disabled, *facts = row
    return Standing(Manager(email, name, Role(role), organisation, bool(disabled)), *facts)
