"""Load by many clients who keep book, and the audit of the desk's books against theirs.

    load = Load(server.url, {"FRA1": server.tls("claire")}, server.tls())
    async with load.running(8):
        await load.answers(40)   # until so many more calls have been answered
    await audit(server, load.ledger)

A client repeats a call until it is answered, as the API allows it to. What it was told goes into the ledger;
an answer that does not fit to that ends the test.
"""

import asyncio
import contextlib
import itertools
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.api_calls import make_body

_TIMEOUT = httpx.Timeout(30.0)
_GATEWAY = {502, 503, 504}
"""What a proxy or a desk answers that cannot do it now: the client asks again."""


@dataclass
class Ledger:
    """What clients were told, by request ID; a lost answer does not count."""

    claims: dict[str, str] = field(default_factory=dict)
    """Submitted: the claim in base64url."""
    cancelled: dict[str, str] = field(default_factory=dict)
    """Superseded: by which request."""
    approved: dict[str, str] = field(default_factory=dict)
    """Approved: by whom."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Rejected: the reason."""
    certificates: dict[str, bytes] = field(default_factory=dict)
    """Collected: DER."""
    revoked: dict[str, str] = field(default_factory=dict)
    """Revoked: the certificate's serial number in hexadecimal."""


class Load:
    """Clients that enroll devices, one after the other, until they are told to stop."""

    def __init__(self, url: str, managers: Mapping[str, ssl.SSLContext], trust: ssl.SSLContext, seed: int = 1) -> None:
        """Take the TLS contexts of the managers by organisation, and that of devices."""
        self.ledger = Ledger()
        self.url = url
        self.reachable = asyncio.Event()
        """Cleared by whoever takes the server away; calls that fail are repeated once it is set."""
        self.reachable.set()
        self.repeated = 0
        """Calls whose first answer was lost."""
        self._managers, self._trust = managers, trust
        self._random = random.Random(seed)
        self._answered = 0
        self._awaited: tuple[int, asyncio.Event] | None = None
        self._stopping = False

    @contextlib.asynccontextmanager
    async def running(self, clients: int) -> AsyncIterator[None]:
        """Keep clients running; at the end each finishes the enrollment that it is at."""
        async with asyncio.TaskGroup() as group:
            organisations = itertools.cycle(self._managers)
            tasks = [group.create_task(self._enroll_devices(next(organisations))) for _ in range(clients)]
            try:
                yield
            except BaseException:
                for task in tasks:
                    task.cancel()
                raise
            self._stopping = True

    async def collect_rest(self) -> None:
        """Collect what was approved and could not be collected at once."""
        async with httpx.AsyncClient(
            base_url=self.url, verify=self._trust, trust_env=False, timeout=_TIMEOUT
        ) as device:
            for request_id in self.ledger.approved.keys() - self.ledger.certificates.keys():
                assert await collect(self, device, request_id), f"{request_id} is not issued"

    async def answers(self, number: int) -> None:
        """Return when so many more calls have been answered."""
        reached = asyncio.Event()
        self._awaited = self._answered + number, reached
        await reached.wait()

    def _count(self) -> None:
        self._answered += 1
        if self._awaited is not None and self._answered >= self._awaited[0]:
            self._awaited[1].set()

    async def _enroll_devices(self, organisation: str) -> None:
        async with (
            httpx.AsyncClient(base_url=self.url, verify=self._trust, trust_env=False, timeout=_TIMEOUT) as device,
            httpx.AsyncClient(
                base_url=self.url, verify=self._managers[organisation], trust_env=False, timeout=_TIMEOUT
            ) as manager,
        ):
            enrolling = Enrolling(self, device, manager, organisation, self._random)
            while not self._stopping:
                await enrolling.enroll()

    async def call(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        **what: Any,
    ) -> tuple[httpx.Response, bool]:
        """Make a call until it is answered, and tell whether it had to be repeated."""
        for attempt in itertools.count():
            await self.reachable.wait()
            try:
                answer = await client.request(method, path, **what)
            except httpx.TransportError:
                continue
            if answer.status_code in _GATEWAY:
                continue
            self.repeated += attempt > 0
            self._count()
            return answer, attempt > 0
        raise AssertionError


@dataclass
class Enrolling:
    """One device after the other, with their organisation's manager, by one client."""

    load: Load
    device: httpx.AsyncClient
    manager: httpx.AsyncClient
    organisation: str
    random: random.Random

    @property
    def _ledger(self) -> Ledger:
        return self.load.ledger

    async def enroll(self) -> None:
        """Take one device through an enrollment of a random kind."""
        body = make_body(organisation=self.organisation)
        request_id = await self._submit(body)
        if self.random.random() < 0.15:
            changed = make_body(organisation=self.organisation, device=body["device"])
            newer = await self._submit(changed)
            self._ledger.cancelled[request_id] = newer
            request_id = newer
        if self.random.random() < 0.15:
            await self._reject(request_id)
            return
        await self._approve(request_id)
        serial_number = await collect(self.load, self.device, request_id)
        if serial_number and self.random.random() < 0.3:
            await self._revoke(request_id, serial_number)

    async def _submit(self, body: dict[str, Any]) -> str:
        answer, repeated = await self.load.call(self.device, "POST", "/api/v1/requests", json=body)
        assert answer.status_code == 201 or (repeated and answer.status_code == 200), answer.text
        request_id: str = answer.json()["id"]
        assert request_id not in self._ledger.claims
        self._ledger.claims[request_id] = body["claim"]
        return request_id

    async def _decide(self, request_id: str, how: str, body: dict[str, str]) -> dict[str, Any]:
        path = f"/api/v1/requests/{request_id}"
        answer, repeated = await self.load.call(self.manager, "POST", f"{path}/{how}", json=body)
        if answer.status_code == 409 and repeated:  # the answer got lost, the decision did not
            answer, _ = await self.load.call(self.manager, "GET", path)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def _approve(self, request_id: str) -> None:
        shown = await self._decide(request_id, "approve", {"comment": "I know them"})
        assert shown["status"] in {"approved", "issued"}, shown
        self._ledger.approved[request_id] = shown["decided_by"]

    async def _reject(self, request_id: str) -> None:
        reason = f"not today {self.random.random()}"
        shown = await self._decide(request_id, "reject", {"reason": reason})
        assert (shown["status"], shown["reason"]) == ("rejected", reason), shown
        self._ledger.rejected[request_id] = reason

    async def _revoke(self, request_id: str, serial_number: str) -> None:
        path, body = f"/api/v1/certificates/{serial_number}", {"reason": "superseded", "comment": "lost"}
        answer, repeated = await self.load.call(self.manager, "POST", f"{path}/revoke", json=body)
        if answer.status_code == 409 and repeated:
            answer, _ = await self.load.call(self.manager, "GET", path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "revoked"
        self._ledger.revoked[request_id] = serial_number


async def collect(load: Load, device: httpx.AsyncClient, request_id: str) -> str:
    """Collect a certificate and return its serial number; empty if it is not issued yet."""
    claim = {"Authorization": f"Bearer {load.ledger.claims[request_id]}"}
    answer, _ = await load.call(device, "GET", f"/api/v1/requests/{request_id}", headers=claim)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    if shown["status"] == "approved":
        return ""
    assert shown["status"] == "issued", shown
    certificate = x509.load_pem_x509_certificate(shown["certificate"]["pem"].encode())
    load.ledger.certificates[request_id] = certificate.public_bytes(Encoding.DER)
    serial_number: str = shown["certificate"]["serial_number"]
    return serial_number
