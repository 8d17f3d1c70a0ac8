"""The repositories over one open database."""

from pathlib import Path

from certdesk.store.authorities import Authorities
from certdesk.store.certificates import Certificates
from certdesk.store.codes import Codes
from certdesk.store.console import Sessions
from certdesk.store.database import Database
from certdesk.store.events import Events
from certdesk.store.links import Links
from certdesk.store.mails import Mails
from certdesk.store.managers import Managers
from certdesk.store.migrate import migrate_postgresql, migrate_sqlite
from certdesk.store.organisations import Organisations
from certdesk.store.overview import Overview
from certdesk.store.passkeys import Passkeys
from certdesk.store.publication import Publications
from certdesk.store.reasons import Reasons
from certdesk.store.requests import Requests
from certdesk.store.scep import SCEPIdentities
from certdesk.store.search import Searching
from certdesk.store.sqlite import SQLiteDatabase
from certdesk.store.trail import Trail
from certdesk.store.validation import Validation
from certdesk.store.words import Words


class Store:
    """Everything the desk remembers, but for keys."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.organisations = Organisations(database)
        self.requests = Requests(database)
        self.certificates = Certificates(database)
        self.codes = Codes(database)
        self.scep = SCEPIdentities(database)
        self.validation = Validation(database)
        self.events = Events(database)
        self.mails = Mails(database)
        self.sessions = Sessions(database)
        self.managers = Managers(database)
        self.passkeys = Passkeys(database)
        self.links = Links(database)
        self.overview = Overview(database)
        self.search = Searching(database)
        self.words = Words(database)
        self.reasons = Reasons(database)
        self.publications = Publications(database)
        self.trail = Trail(database)
        self.authorities = Authorities(database)

    async def ready(self) -> None:
        """Raise `UNAVAILABLE` unless the database answers."""
        await self.database.row("SELECT 1", {})

    async def close(self) -> None:
        """Close the database."""
        await self.database.close()


async def open_store(url: str) -> Store:
    """Migrate and open a database: `sqlite:///absolute/path` or `postgresql://…`.

    Raises `UNAVAILABLE` if it cannot be reached and `INCOMPATIBLE` if it is of a newer version.
    """
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite://"))
        migrate_sqlite(path)
        return Store(SQLiteDatabase(path))
    from certdesk.store.postgresql import PostgreSQLDatabase  # noqa: PLC0415 - asyncpg is not needed with SQLite

    await migrate_postgresql(url)
    return Store(await PostgreSQLDatabase.open(url))
