"""A desk to be measured: `certdesk serve` in processes of its own, and what stands in its database."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from bench.fleet import ORGANISATION
from bench.processes import Memory, memory, processor_seconds
from certdesk.domain.clock import system_clock
from certdesk.doors.api.paging import MOST_ITEMS
from certdesk.store import Store, open_store
from certdesk.store.words import FRESH
from tests.postgresql import free_port

Result = TypeVar("Result")

PASSPHRASE = "bench passphrase"  # noqa: S105 - of keys that live as long as the run
_PASSWORD = "bench-1-password"  # noqa: S105 - likewise
_START_SECONDS = 30
_STOP_SECONDS = 20
_REST_SECONDS = 20
_LOOK_SECONDS = 0.3


@dataclass
class Desk:
    """A data directory, a database, and the server on them."""

    name: str
    folder: Path
    database: str | None = None
    processes: int = 1
    port: int = field(default_factory=free_port)
    pki_port: int = field(default_factory=free_port)
    client_certificate: str = ""
    """The manager's, as a proxy passes it on: the header field with its line end."""
    _server: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it serves everything."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "desk"

    def start(self) -> float:
        """Start the server and return the seconds until it answered `/healthz`."""
        log = (self.folder / "log").open("ab")
        began = time.perf_counter()
        self._server = subprocess.Popen(
            self._command(
                *("serve", f"--listen=127.0.0.1:{self.port}", f"--pki-listen=127.0.0.1:{self.pki_port}"),
                *("--no-tls", "--rate-limit=0", "--trusted-proxy=127.0.0.1", f"--processes={self.processes}"),
            ),
            env=self._environment(),
            stderr=log,
        )
        log.close()
        while time.perf_counter() - began < _START_SECONDS:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return time.perf_counter() - began
            assert self._server.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.005)
        message = f"the {self.name} server did not start:\n{(self.folder / 'log').read_text()}"
        raise RuntimeError(message)

    def stop(self) -> None:
        """Stop the server as an operator would."""
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            self._server.wait(_STOP_SECONDS)
            self._server = None

    def register(self) -> None:
        """Add an organisation and its registration manager."""
        self.run("organisation", "add", ORGANISATION, "--name=La Poste", "--country=FR")
        (self.folder / "password").write_text(_PASSWORD)
        self.run(
            *("manager", "add", "claire@poste.example", "--name=Claire Petit", "--role=registration-manager"),
            *(f"--organisation={ORGANISATION}", f"--pkcs12={self.folder / 'manager.p12'}"),
            f"--password-file={self.folder / 'password'}",
        )
        bundle = load_pkcs12((self.folder / "manager.p12").read_bytes(), _PASSWORD.encode())
        assert bundle.cert is not None
        der = bundle.cert.certificate.public_bytes(Encoding.DER)
        self.client_certificate = f"Client-Cert: :{base64.b64encode(der).decode()}:\r\n"

    def request_ids(self, fleet: str) -> dict[str, str]:
        """Return the request ID of each device of a fleet, by the device's ID."""
        return {item["device"]["id"]: item["id"] for item in self._items("requests", fleet)}

    def certificates(self, fleet: str) -> list[str]:
        """Return the certificates of a fleet in PEM."""
        return [item["pem"] for item in self._items("certificates", fleet)]

    def _items(self, what: str, fleet: str) -> Iterator[Any]:
        self.wait_for_words()
        after = ""
        while True:
            page = self.get(f"/api/v1/{what}?limit={MOST_ITEMS}&q={fleet}-{after}")
            yield from page["items"]
            if page["next"] is None:
                return
            after = f"&after={page['next']}"

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API answers a manager."""
        name, _, value = self.client_certificate.strip().partition(": ")
        request = urllib.request.Request(f"{self.url}{path}", headers={name: value} if name else {})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def rest(self) -> None:
        """Return when the server hardly uses the processor: what it put off while many called is done."""
        end, used = time.monotonic() + _REST_SECONDS, self.processor_seconds()
        while time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
            before, used = used, self.processor_seconds()
            if used - before < _LOOK_SECONDS / 10:
                return

    def wait_for_ocsp_answers(self) -> None:
        """Return when the server has signed every OCSP answer that is due."""

        async def presigned(store: Store) -> None:
            while await store.validation.stale_answers(system_clock(), system_clock(), 1):
                await asyncio.sleep(0.05)

        self.with_store(presigned)

    def wait_for_words(self) -> None:
        """Return when the server has written down by what every request is found."""

        async def written(store: Store) -> None:
            while await store.database.rows(f"SELECT 1 FROM {FRESH} AS fresh LIMIT 1", {}):  # noqa: S608 - ours
                await asyncio.sleep(0.05)

        self.with_store(written)

    def with_store(self, work: Callable[[Store], Awaitable[Result]]) -> Result:
        """Look into the database, beside the server."""

        async def run() -> Result:
            store = await open_store(self.database or f"sqlite://{(self.data / 'desk.sqlite').absolute()}")
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(run())

    def memory(self) -> Memory:
        """Return what the server takes."""
        assert self._server is not None
        return memory(self._server.pid)

    def processor_seconds(self) -> float:
        """Return the processor time that the server has used."""
        assert self._server is not None
        return processor_seconds(self._server.pid)

    def run(self, *arguments: str) -> str:
        """Run a command of the desk's beside the server, and return what it printed."""
        done = subprocess.run(
            self._command(*arguments), env=self._environment(), check=True, capture_output=True, text=True
        )
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        database = [f"--database={self.database}"] if self.database else []
        return [sys.executable, "-m", "certdesk.cli.main", *arguments, f"--data={self.data}", *database]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"CERTDESK_PASSPHRASE": PASSPHRASE}


@contextlib.contextmanager
def stopped_at_the_end(desks: list[Desk]) -> Iterator[None]:
    """Stop the servers whatever happens."""
    try:
        yield
    finally:
        for desk in desks:
            desk.stop()
