"""Enrollment codes: made, looked up by their hash, listed and withdrawn; they are used up with requests."""

from typing import Any

from certdesk.domain.codes import EnrollmentCode
from certdesk.domain.enrollment import Kind, Principal, Role
from certdesk.store.database import Change, Database, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

OPERATOR_PREFIX = "operator:"
"""How the names of those begin who act at the command line: whoever can, holds the desk's passphrase."""

_COLUMNS = "id, organisation, kind, allowed, used, note, created_at, created_by, expires_at, withdrawn_at, withdrawn_by"
_WIDTH = len(_COLUMNS.split(", "))
_C = ", ".join(f"c.{column}" for column in _COLUMNS.split(", "))
_ADD = Change(
    must(
        "INSERT INTO codes (id, code_sha256, organisation, kind, allowed, note, created_at, created_by, expires_at)"
        " VALUES (:id, :code_sha256, :organisation, :kind, :allowed, :note, :created_at, :created_by, :expires_at)"
    ),
    then(event_step()),
)
_WITHDRAW = Change(
    must("UPDATE codes SET withdrawn_at = :at, withdrawn_by = :by WHERE id = :id AND withdrawn_at IS NULL"),
    then(event_step()),
)
_BY_HASH = f"""
    SELECT {_C}, m.role, m.organisation, t.role, t.organisation
    FROM codes c LEFT JOIN managers m ON m.email = c.created_by AND m.disabled = 0
    LEFT JOIN tokens t ON t.name = c.created_by AND t.expires_at >= :now
    WHERE c.code_sha256 = :code_sha256
"""
_STANDING = f"""
    SELECT {_C}, (SELECT r.id FROM requests r
                  WHERE r.code_id = c.id AND r.code_id <> '' AND r.spki_sha256 = :spki_sha256)
    FROM codes c WHERE c.id = :id
"""
_GET = f"SELECT {_COLUMNS} FROM codes WHERE id = :id AND (:scope = '' OR organisation = :scope)"
_LISTING = f"SELECT {_COLUMNS} FROM codes {{where}} ORDER BY created_at DESC, id DESC LIMIT :limit"
_OF_ORGANISATION = "organisation = :organisation"
_AFTER = "(created_at, id) < (:after_time, :after_id)"


class Codes:
    """The enrollment codes of all organisations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, code: EnrollmentCode, code_sha256: bytes, event: SealedEvent) -> None:
        """Add a code by its hash; raise `DuplicateError` if its ID is taken."""
        values: dict[str, Any] = {
            "id": code.id,
            "code_sha256": code_sha256,
            "organisation": code.organisation,
            "kind": code.kind.value,
            "allowed": code.allowed,
            "note": code.note,
            "created_at": code.created_at,
            "created_by": code.created_by,
            "expires_at": code.expires_at,
        }
        await self._database.apply(_ADD, values | event_values(event))

    async def by_hash(self, code_sha256: bytes, now: int) -> tuple[EnrollmentCode, Principal | None] | None:
        """Return the code of a hash, and whoever issued it as they are now; None for one who is gone or disabled."""
        row = await self._database.row(_BY_HASH, {"code_sha256": code_sha256, "now": now})
        return (_code_of_row(row[:_WIDTH]), _issuer(*row[_WIDTH - 4 : _WIDTH - 3], *row[_WIDTH:])) if row else None

    async def standing(self, code_id: str, spki_sha256: bytes) -> tuple[EnrollmentCode, bool] | None:
        """Return a code as it is now, and whether a request for a key has come with it."""
        row = await self._database.row(_STANDING, {"id": code_id, "spki_sha256": spki_sha256})
        return (_code_of_row(row[:_WIDTH]), row[_WIDTH] is not None) if row else None

    async def get(self, code_id: str, scope: str) -> EnrollmentCode | None:
        """Return a code within a scope."""
        row = await self._database.row(_GET, {"id": code_id, "scope": scope})
        return _code_of_row(row) if row else None

    async def listing(self, organisation: str, *, after: tuple[int, str] | None, limit: int) -> list[EnrollmentCode]:
        """Return an organisation's codes, or all, newest first, after a position."""
        conditions = [_OF_ORGANISATION] * bool(organisation) + [_AFTER] * (after is not None)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        after_time, after_id = after or (0, "")
        values = {"organisation": organisation, "after_time": after_time, "after_id": after_id, "limit": limit}
        return [_code_of_row(row) for row in await self._database.rows(_LISTING.format(where=where), values)]

    async def withdraw(self, code_id: str, by: str, at: int, event: SealedEvent) -> bool:
        """Withdraw a code; return False if it is withdrawn already."""
        return await self._database.apply(_WITHDRAW, {"id": code_id, "by": by, "at": at} | event_values(event))


def _code_of_row(row: Row) -> EnrollmentCode:
    code_id, organisation, kind, *rest = row
    return EnrollmentCode(code_id, organisation, Kind(kind), *rest)


def _issuer(
    name: str,
    manager_role: str | None,
    manager_scope: str | None,
    token_role: str | None,
    token_scope: str | None,
) -> Principal | None:
    if name.startswith(OPERATOR_PREFIX):
        return Principal(name, Role.ADMINISTRATOR)
    role, scope = (manager_role, manager_scope) if manager_role is not None else (token_role, token_scope)
    return None if role is None else Principal(name, Role(role), scope or "")
