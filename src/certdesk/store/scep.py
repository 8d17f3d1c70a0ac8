"""The SCEP door's keys and certificates, shared by all servers of a desk."""

from dataclasses import dataclass

from certdesk.store.database import Change, Database, must

_ADD = Change(
    must(
        "INSERT INTO scep_identities (serial_number, certificate, recipient, private_key, not_before, not_after)"
        " VALUES (:serial_number, :certificate, :recipient, :private_key, :not_before, :not_after)"
    )
)
_GOOD = """
    SELECT serial_number, certificate, recipient, private_key, not_before, not_after FROM scep_identities
    WHERE not_after > :now ORDER BY not_before DESC, serial_number DESC
"""


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """A key and its certificate as they are kept."""

    serial_number: bytes
    certificate: bytes
    """DER."""
    recipient: bytes
    """DER: another certificate of the same key, for clients that want one to encrypt for and nothing else."""
    private_key: str
    """PEM, encrypted under the desk's passphrase."""
    not_before: int
    not_after: int


class SCEPIdentities:
    """Only ever added to; what has expired is not read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, identity: StoredIdentity) -> None:
        """Add a key and its certificate."""
        await self._database.apply(
            _ADD,
            {
                "serial_number": identity.serial_number,
                "certificate": identity.certificate,
                "recipient": identity.recipient,
                "private_key": identity.private_key,
                "not_before": identity.not_before,
                "not_after": identity.not_after,
            },
        )

    async def good(self, now: int) -> list[StoredIdentity]:
        """Return those that have not expired, the newest first."""
        return [StoredIdentity(*row) for row in await self._database.rows(_GOOD, {"now": now})]
