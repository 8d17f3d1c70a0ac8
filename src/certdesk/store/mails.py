"""Mails: planned once for one event and recipient, begun once, and never begun again unless they surely failed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from certdesk.domain.enrollment import Kind
from certdesk.store.database import Change, Database, DuplicateError, Row, must

_COLUMNS = "id, event_key, recipient, template, language, facts, created_at, due_at"
_PLAN = Change(
    must(
        f"INSERT INTO mails ({_COLUMNS})"
        " VALUES (:id, :event_key, :recipient, :template, :language, :facts, :created_at, :due_at)"
    )
)
_DUE = f"""
    SELECT {_COLUMNS}, attempts FROM mails
    WHERE sent_at IS NULL AND failed = '' AND begun_at IS NULL AND due_at <= :now ORDER BY due_at LIMIT :limit
"""
_BEGIN = Change(
    must(
        "UPDATE mails SET begun_at = :now, attempts = attempts + 1"
        " WHERE id = :id AND begun_at IS NULL AND sent_at IS NULL AND failed = ''"
    )
)
_SENT = Change(must("UPDATE mails SET sent_at = :now, facts = '{}' WHERE id = :id"))
_FAILED = Change(must("UPDATE mails SET begun_at = NULL, due_at = :due_at, failed = :failed WHERE id = :id"))
_MANAGERS = """
    SELECT m.email, m.name, m.organisation, COALESCE(p.language, ''), COALESCE(p.notify, 'at-once')
    FROM managers m LEFT JOIN preferences p ON p.email = m.email
    WHERE m.disabled = 0 AND m.role = :role AND (:organisation = '' OR m.organisation = :organisation)
"""
_WAITING = """
    SELECT count(*), min(created_at) FROM requests
    WHERE state = 'requested' AND kind IN ('mobile', 'workstation') AND organisation = :organisation
"""
_WAITING_SERVERS = """
    SELECT count(*), min(created_at) FROM requests WHERE state = 'requested' AND kind IN ('server', 'manager')
"""
_EXPIRING = """
    SELECT c.serial_number, c.request_id, c.email, c.device_id, c.not_after, EXISTS (
        SELECT 1 FROM mails m WHERE m.event_key = c.request_id || :suffix)
    FROM certificates c
    WHERE c.status = 'valid' AND c.kind = :kind AND c.not_after <= :before
      AND (c.not_after, c.serial_number) > (:after_time, :after_serial)
    ORDER BY c.not_after, c.serial_number LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to be written and sent."""

    id: str
    event_key: str
    """What it is about and to whom; there is one mail of each."""
    recipient: str
    template: str
    language: str
    """Empty writes it in every language."""
    facts: Mapping[str, str]
    created_at: int
    due_at: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """A manager with what bears on writing to them."""

    email: str
    name: str
    organisation: str
    language: str
    notify: str


@dataclass(frozen=True, slots=True)
class Expiring:
    """A certificate that ends soon, with what its holder is told."""

    serial_number: bytes
    request_id: str
    email: str
    device_id: str
    not_after: int
    is_known: bool
    """Whether a mail about it was planned before."""

    @property
    def position(self) -> tuple[int, bytes]:
        """Return its place among those of its kind."""
        return self.not_after, self.serial_number


def _mail_of(row: Row) -> Mail:
    *start, facts, created_at, due_at, attempts = row
    mail_id, event_key, recipient, template, language = start
    return Mail(mail_id, event_key, recipient, template, language, json.loads(facts), created_at, due_at, attempts)


class Mails:
    """The outbox, and the facts that planning needs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(self, mail: Mail) -> bool:
        """Put a mail into the outbox unless one for the same event and recipient is or was there."""
        values: dict[str, Any] = {
            "id": mail.id,
            "event_key": mail.event_key,
            "recipient": mail.recipient,
            "template": mail.template,
            "language": mail.language,
            "facts": json.dumps(dict(mail.facts), ensure_ascii=False),
            "created_at": mail.created_at,
            "due_at": mail.due_at,
        }
        try:
            return await self._database.apply(_PLAN, values)
        except DuplicateError:
            return False

    async def due(self, now: int, limit: int) -> list[Mail]:
        """Return mails to be sent, the longest due first."""
        return [_mail_of(row) for row in await self._database.rows(_DUE, {"now": now, "limit": limit})]

    async def begin(self, mail_id: str, now: int) -> bool:
        """Take a mail; return False if somebody else has taken it."""
        return await self._database.apply(_BEGIN, {"id": mail_id, "now": now})

    async def sent(self, mail_id: str, now: int) -> None:
        """Note that the mail server has accepted a mail, and forget what it said."""
        await self._database.apply(_SENT, {"id": mail_id, "now": now})

    async def failed(self, mail_id: str, due_at: int, why: str) -> None:
        """Note that a mail was surely not accepted: it is due again then, or given up if there is a reason why."""
        await self._database.apply(_FAILED, {"id": mail_id, "due_at": due_at, "failed": why})

    async def readers(self, role: str, organisation: str) -> list[Reader]:
        """Return the managers of a role, of one organisation or of all."""
        rows = await self._database.rows(_MANAGERS, {"role": role, "organisation": organisation})
        return [Reader(*row) for row in rows]

    async def waiting(self, organisation: str) -> tuple[int, int]:
        """Return how many requests wait for an organisation's managers, and since when; empty for administrators."""
        row = (
            await self._database.row(_WAITING, {"organisation": organisation})
            if organisation
            else await self._database.row(_WAITING_SERVERS, {})
        )
        return (row[0], row[1] or 0) if row else (0, 0)

    async def expiring(
        self, kind: Kind, before: int, suffix: str, *, after: tuple[int, bytes], limit: int
    ) -> list[Expiring]:
        """Return valid certificates of a kind that end after a position and not after a time, the soonest first.

        A mail about one has its request's ID and the suffix as its key. Those that have one are among them, so that a
        walk through all of them takes as many reads as there are pieces, and every read is as short.
        """
        after_time, after_serial = after
        values: dict[str, Any] = {"kind": kind.value, "before": before, "suffix": suffix, "limit": limit}
        values |= {"after_time": after_time, "after_serial": after_serial}
        return [Expiring(*row) for row in await self._database.rows(_EXPIRING, values)]
