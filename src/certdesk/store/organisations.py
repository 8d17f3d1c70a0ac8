"""Organisations, managers, API tokens and the desk's own properties."""

import json
from functools import lru_cache
from typing import Any

from certdesk.domain.enrollment import DoorRule, KeyType, Kind, Manager, Organisation, Principal, Role
from certdesk.store.database import Change, Database, Lookup, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

Record = tuple[Organisation, tuple[str, ...]]
"""An organisation with its reusable reasons for rejections."""

ORGANISATION_COLUMNS = (
    "code, name, country, kinds, allow_wildcards, key_type, validity_days, request_lifetime_days, poll_seconds,"
    " support_contact, door_rules, contact_name, contact_email, contact_phone, allowed_names, state_or_province,"
    " locality"
)
_EDITED = [column for column in ORGANISATION_COLUMNS.split(", ") if column != "code"]
_SET = ", ".join(f"{column} = :{column}" for column in _EDITED)
_UNCHANGED = " AND ".join(f"{column} = :was_{column}" for column in _EDITED)
_ORGANISATION = f"SELECT {ORGANISATION_COLUMNS} FROM organisations WHERE code = :code"
_ORGANISATIONS = f"SELECT {ORGANISATION_COLUMNS} FROM organisations ORDER BY code"
_ADD_ORGANISATION = Change(
    must(
        f"INSERT INTO organisations ({ORGANISATION_COLUMNS})"
        f" VALUES ({', '.join(f':{column}' for column in ORGANISATION_COLUMNS.split(', '))})"
    ),
    then(event_step()),
)
# Reasons are only ever added elsewhere, so their number tells whether they are still those that were seen. They are
# an object from text to position: `json_each` means the same to both databases then.
_CHANGE_ORGANISATION = Change(
    must(
        f"UPDATE organisations SET {_SET} WHERE code = :code AND {_UNCHANGED}"
        " AND (SELECT count(*) FROM reasons WHERE organisation = :code) = :was_reasons"
    ),
    then("DELETE FROM reasons WHERE organisation = :code AND position NOT BETWEEN 1 AND :reason_count AND {held}"),
    then(
        "INSERT INTO reasons (organisation, position, text)"
        " SELECT :code, CAST(CAST(value AS TEXT) AS INTEGER), key FROM json_each(:reasons) WHERE {held}"
        " ON CONFLICT (organisation, position) DO UPDATE SET text = excluded.text"
    ),
    then(event_step()),
)
_MANAGER = "SELECT email, name, role, organisation, disabled FROM managers WHERE email = :email"
_PUT_MANAGER = Change(
    must(
        "INSERT INTO managers (email, name, role, organisation, disabled)"
        " VALUES (:email, :name, :role, :organisation, 0) ON CONFLICT (email) DO UPDATE SET name = excluded.name,"
        " role = excluded.role, organisation = excluded.organisation, disabled = 0"
    ),
    then(event_step()),
)
_CERTIFICATE_HOLDER = Lookup(
    """
    SELECT m.email, m.role, m.organisation, c.not_before, c.not_after
    FROM certificates c JOIN managers m ON m.email = c.email
    WHERE c.fingerprint = :fingerprint AND c.kind = 'manager' AND c.status <> 'revoked' AND m.disabled = 0
    """,
    is_repeated=True,
)
_ADD_TOKEN = Change(
    must(
        "INSERT INTO tokens (token_sha256, name, role, organisation, expires_at)"
        " VALUES (:token_sha256, :name, :role, :organisation, :expires_at)"
    ),
    then(event_step()),
)
_PRINCIPAL_BY_HASH = Lookup(
    "SELECT name, role, organisation, expires_at FROM tokens WHERE token_sha256 = :token_sha256", is_repeated=True
)
_PROPERTY = "SELECT value FROM properties WHERE name = :name"
_ADD_PROPERTY = Change(
    must("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
)
_PUT_PROPERTY = Change(
    must(
        "INSERT INTO properties (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    )
)


@lru_cache(1024)  # every request is read together with its organisation's row, which hardly ever changes
def organisation_of_row(row: Row) -> Organisation:
    """Return the organisation in a row of `ORGANISATION_COLUMNS`."""
    code, name, country, kinds, wildcards, key_type, validity, lifetime, poll, support, rules, *rest = row
    contact_name, contact_email, contact_phone, allowed_names, state, locality = rest
    return Organisation(
        code,
        name,
        country,
        frozenset(map(Kind, kinds.split())),
        bool(wildcards),
        KeyType(key_type),
        validity,
        lifetime,
        poll,
        support,
        frozenset(map(DoorRule, rules.split())),
        contact_name,
        contact_email,
        contact_phone,
        tuple(allowed_names.split()),
        state,
        locality,
    )


def _values_of(organisation: Organisation) -> dict[str, Any]:
    """Return the values of `ORGANISATION_COLUMNS`."""
    return {
        "code": organisation.code,
        "name": organisation.name,
        "country": organisation.country,
        "kinds": " ".join(sorted(organisation.kinds)),
        "allow_wildcards": int(organisation.allow_wildcards),
        "key_type": organisation.key_type.value,
        "validity_days": organisation.validity_days,
        "request_lifetime_days": organisation.request_lifetime_days,
        "poll_seconds": organisation.poll_seconds,
        "support_contact": organisation.support_contact,
        "door_rules": " ".join(sorted(organisation.door_rules)),
        "contact_name": organisation.contact_name,
        "contact_email": organisation.contact_email,
        "contact_phone": organisation.contact_phone,
        "allowed_names": "\n".join(organisation.allowed_names),
        "state_or_province": organisation.state_or_province,
        "locality": organisation.locality,
    }


class Organisations:
    """The registry: who belongs to the federation and who acts for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, code: str) -> Organisation | None:
        """Return an organisation."""
        row = await self._database.row(_ORGANISATION, {"code": code})
        return organisation_of_row(row) if row else None

    async def all(self) -> list[Organisation]:
        """Return every organisation by code."""
        return [organisation_of_row(row) for row in await self._database.rows(_ORGANISATIONS, {})]

    async def add(self, organisation: Organisation, event: SealedEvent) -> None:
        """Add an organisation; raise `DuplicateError` if its code is taken."""
        await self._database.apply(_ADD_ORGANISATION, _values_of(organisation) | event_values(event))

    async def change(self, was: Record, now: Record, event: SealedEvent) -> bool:
        """Give an organisation another record and reasons for rejections.

        Returns False, and changes nothing, if the present ones are not those that the caller has seen.
        """
        reasons = {text: position for position, text in enumerate(now[1], 1)}
        values = _values_of(now[0]) | {f"was_{column}": value for column, value in _values_of(was[0]).items()}
        values |= {"was_reasons": len(was[1]), "reasons": json.dumps(reasons), "reason_count": len(reasons)}
        return await self._database.apply(_CHANGE_ORGANISATION, values | event_values(event))

    async def manager(self, email: str) -> Manager | None:
        """Return a manager."""
        row = await self._database.row(_MANAGER, {"email": email})
        return Manager(row[0], row[1], Role(row[2]), row[3], bool(row[4])) if row else None

    async def put_manager(self, manager: Manager, event: SealedEvent) -> None:
        """Add a manager, or give an existing one another name, role or organisation."""
        values = {
            "email": manager.email,
            "name": manager.name,
            "role": manager.role.value,
            "organisation": manager.organisation,
        }
        await self._database.apply(_PUT_MANAGER, values | event_values(event))

    async def principal_of_certificate(self, fingerprint: bytes, now: int, source: str) -> Principal | None:
        """Return the manager to whom the certificate with this SHA-256 was issued, if both are in good standing."""
        row = await self._database.look_up(_CERTIFICATE_HOLDER, {"fingerprint": fingerprint})
        return Principal(row[0], Role(row[1]), row[2], source) if row and row[3] <= now <= row[4] else None

    async def add_token(self, token_sha256: bytes, principal: Principal, expires_at: int, event: SealedEvent) -> None:
        """Add an API token by its hash; raise `DuplicateError` if the name is taken."""
        values = {
            "token_sha256": token_sha256,
            "name": principal.name,
            "role": principal.role.value,
            "organisation": principal.organisation,
            "expires_at": expires_at,
        }
        await self._database.apply(_ADD_TOKEN, values | event_values(event))

    async def principal_of_token(self, token_sha256: bytes, now: int, source: str) -> Principal | None:
        """Return who may call with the token of this hash."""
        row = await self._database.look_up(_PRINCIPAL_BY_HASH, {"token_sha256": token_sha256})
        return Principal(row[0], Role(row[1]), row[2], source) if row and now <= row[3] else None

    async def property(self, name: str) -> str | None:
        """Return one of the desk's own properties."""
        row = await self._database.row(_PROPERTY, {"name": name})
        return str(row[0]) if row else None

    async def add_property(self, name: str, value: str) -> str:
        """Set one of the desk's own properties unless it is set already, and return what it is then."""
        if await self._database.apply(_ADD_PROPERTY, {"name": name, "value": value}):
            return value
        return await self.property(name) or value

    async def put_property(self, name: str, value: str) -> None:
        """Set one of the desk's own properties."""
        await self._database.apply(_PUT_PROPERTY, {"name": name, "value": value})
