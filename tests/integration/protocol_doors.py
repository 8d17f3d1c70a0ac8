"""What the doors of standard protocols have in common when a test stands before them."""

from typing import ClassVar

import httpx
from cryptography import x509

from certdesk.doors.asgi import ASGIApp
from tests.desks import ADMINISTRATOR, TestDesk
from tests.integration.api_calls import Journal


class ProtocolDoor:
    """A desk behind one of its doors."""

    name: ClassVar[str]
    """As requests and the audit log have it."""

    def __init__(self, desk: TestDesk, app: ASGIApp, journal: Journal) -> None:
        self.desk = desk
        self.app = app
        self.journal = journal

    async def events(self) -> list[dict[str, str]]:
        """Return the facts of what the door has refused."""
        return [sealed.event.facts for sealed in await self.desk.store.events.of_subject(f"door:{self.name}")]

    async def request_count(self) -> int:
        """Return how many requests the door has made."""
        [row] = await self.desk.store.database.rows(
            "SELECT count(*) FROM requests WHERE door = :door", {"door": self.name}
        )
        return int(row[0])

    async def waiting_id(self) -> str:
        """Return the ID of the only request that waits."""
        [row] = await self.desk.store.database.rows("SELECT id FROM requests WHERE state = 'requested'", {})
        return str(row[0])

    async def approve(self) -> x509.Certificate:
        """Approve the only request that waits, and return its certificate."""
        certificate = (await self.desk.ra.approve(await self.waiting_id(), ADMINISTRATOR)).certificate
        assert certificate is not None
        return x509.load_der_x509_certificate(certificate.der)

    def check_journal(self) -> None:
        """Check that the door has not logged any stack trace."""
        assert [line for line in self.journal.lines if "exc_info" in line] == []


def check_text(answer: httpx.Response, *statuses: int) -> None:
    """Check that an answer is one line of text that says little."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.count("\n") == 1
    assert len(answer.text) < 200
    assert "Traceback" not in answer.text
