"""Passkeys, and the challenges that authenticators have been given and have not answered yet."""

from typing import Any

from certdesk.domain.credentials import Passkey
from certdesk.domain.sessions import Session
from certdesk.store.console import SESSION_INSERT, session_values
from certdesk.store.database import Change, Database, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

_COLUMNS = "credential_id, email, user_handle, public_key, sign_count, name, transports, created_at, used_at"
_GIVE = Change(
    must(
        "INSERT INTO challenges (challenge, purpose, email, expires_at)"
        " VALUES (:challenge, :purpose, :email, :expires_at)"
    )
)
_TAKE = Change(
    must(
        "DELETE FROM challenges WHERE challenge = :challenge AND purpose = :purpose AND email = :email"
        " AND expires_at > :now"
    )
)
_FORGET = Change(must("DELETE FROM challenges WHERE expires_at <= :now"))
_OF_MANAGER = f"SELECT {_COLUMNS} FROM passkeys WHERE email = :email ORDER BY created_at, credential_id"
_GET = f"SELECT {_COLUMNS} FROM passkeys WHERE credential_id = :credential_id"
_ADD = Change(
    must(
        f"INSERT INTO passkeys ({_COLUMNS}) SELECT :credential_id, :email, :user_handle, :public_key, :sign_count,"
        " :name, :transports, :created_at, NULL"
        " WHERE (SELECT count(*) FROM passkeys WHERE email = :email) < :most"
    ),
    then(event_step()),
)
_SIGN_IN = Change(
    must(
        "UPDATE passkeys SET sign_count = :sign_count, used_at = :created_at"
        " WHERE credential_id = :credential_id AND sign_count = :earlier_count"
    ),
    must(f"{SESSION_INSERT} FROM managers WHERE email = :email AND disabled = 0 AND {{held}}"),
    then(event_step()),
)
_RENAME = Change(
    must("UPDATE passkeys SET name = :name WHERE credential_id = :credential_id AND email = :email"),
    then(event_step()),
)
_REMOVE = Change(
    must("DELETE FROM passkeys WHERE credential_id = :credential_id AND email = :email"),
    then("DELETE FROM sessions WHERE email = :email AND method = 'passkey' AND token_sha256 <> :kept AND {held}"),
    then(event_step()),
)
_NOTE = Change(must(event_step()))


class Passkeys:
    """Managers' passkeys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def give_challenge(self, challenge: bytes, purpose: str, email: str, expires_at: int) -> None:
        """Remember a challenge that an authenticator is given."""
        values = {"challenge": challenge, "purpose": purpose, "email": email, "expires_at": expires_at}
        await self._database.apply(_GIVE, values)

    async def take_challenge(self, challenge: bytes, purpose: str, email: str, now: int) -> bool:
        """Use a challenge up; return False if it was never given for this, was used up, or has expired."""
        values = {"challenge": challenge, "purpose": purpose, "email": email, "now": now}
        return await self._database.apply(_TAKE, values)

    async def forget_challenges(self, now: int) -> bool:
        """Remove challenges that nobody answered in time; tell whether there were any."""
        return await self._database.apply(_FORGET, {"now": now})

    async def of_manager(self, email: str) -> list[Passkey]:
        """Return a manager's passkeys, the oldest first."""
        return [_of_row(row) for row in await self._database.rows(_OF_MANAGER, {"email": email})]

    async def get(self, credential_id: bytes) -> Passkey | None:
        """Return a passkey."""
        row = await self._database.row(_GET, {"credential_id": credential_id})
        return _of_row(row) if row else None

    async def add(self, passkey: Passkey, most: int, event: SealedEvent) -> bool:
        """Add a passkey; return False if its manager has `most` already.

        Raises `DuplicateError` if the authenticator's credential is known already.
        """
        values: dict[str, Any] = {
            "credential_id": passkey.credential_id,
            "email": passkey.email,
            "user_handle": passkey.user_handle,
            "public_key": passkey.public_key,
            "sign_count": passkey.sign_count,
            "name": passkey.name,
            "transports": " ".join(passkey.transports),
            "created_at": passkey.created_at,
            "most": most,
        }
        return await self._database.apply(_ADD, values | event_values(event))

    async def sign_in(self, passkey: Passkey, sign_count: int, session: Session, event: SealedEvent) -> bool:
        """Note a use of a passkey and open its manager's session.

        Returns False if the passkey was used by somebody else meanwhile, or its manager is disabled.
        """
        values = session_values(session) | {
            "credential_id": passkey.credential_id,
            "sign_count": sign_count,
            "earlier_count": passkey.sign_count,
        }
        return await self._database.apply(_SIGN_IN, values | event_values(event))

    async def rename(self, credential_id: bytes, email: str, name: str, event: SealedEvent) -> bool:
        """Give a manager's passkey another name; return False if there is none."""
        values = {"credential_id": credential_id, "email": email, "name": name}
        return await self._database.apply(_RENAME, values | event_values(event))

    async def remove(self, credential_id: bytes, email: str, kept: bytes, event: SealedEvent) -> bool:
        """Remove a manager's passkey and end the sessions that passkeys have opened, but for one.

        Returns False if there is no such passkey.
        """
        values = {"credential_id": credential_id, "email": email, "kept": kept}
        return await self._database.apply(_REMOVE, values | event_values(event))

    async def note(self, event: SealedEvent) -> None:
        """Record an event that changes nothing else."""
        await self._database.apply(_NOTE, event_values(event))


def _of_row(row: Row) -> Passkey:
    credential_id, email, user_handle, public_key, sign_count, name, transports, created_at, used_at = row
    return Passkey(
        credential_id, email, user_handle, public_key, sign_count, name, tuple(transports.split()), created_at, used_at
    )
