"""What is measured of a desk, one thing after the other: submit, approve, collect, the full cycle, OCSP."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from bench import wrk
from bench.desk import Desk
from bench.fleet import Device, post
from bench.responder import openssl_responder

_PEM = '"pem":"-----BEGIN CERTIFICATE-----'
"""What stands in an answer that has a certificate."""
_BASIC_RESPONSE = "+\x06\x01\x05\x05\x070\x01\x01"
"""id-pkix-ocsp-basic in DER, which stands in a signed OCSP answer and in none that is unsigned (RFC 6960 §4.2.1)."""


@dataclass(frozen=True, slots=True)
class Fleets:
    """The devices of one round."""

    single: list[Device]
    """For submit, approve and collect, measured one after the other."""
    cycle: list[Device]


@dataclass(frozen=True, slots=True)
class Measured:
    """How fast something was done once."""

    what: str
    per_second: float
    ceiling: float
    """The mean of the ceiling right before and right after."""
    server_seconds: float
    """Processor time of the server for each."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round on one desk with some connections."""

    desk: Desk
    fleets: Fleets
    connections: int
    folder: Path
    ceiling: Callable[[], float]

    def measure(self) -> Iterator[Measured]:
        """Measure everything in the order of a device's life."""
        devices = self.fleets.single
        submissions = [device.submission() for device in devices]
        yield self._replay("submit", submissions, status=201, marker='"status":"requested"')
        fleet = devices[0].id.rpartition("-")[0]
        ids = self.desk.request_ids(fleet)
        approvals = [self._approval(ids[device.id]) for device in devices]
        yield self._replay("approve", approvals, marker=_PEM)
        collections = [device.collection(ids[device.id]) for device in devices]
        yield self._replay("collect", collections, marker=_PEM)
        yield self._cycle()
        self.desk.wait_for_ocsp_answers()
        questions = self._questions(fleet)
        yield self._replay("OCSP", questions, answers=2 * len(devices), marker=_BASIC_RESPONSE)
        other = openssl_responder(self.desk)
        yield self._replay("`openssl ocsp`", questions, answers=len(devices), marker=_BASIC_RESPONSE, other=other)

    def _replay(
        self,
        what: str,
        requests: list[bytes],
        *,
        status: int = 200,
        marker: str = "",
        answers: int = 0,
        other: AbstractContextManager[str] | None = None,
    ) -> Measured:
        path = wrk.write_requests(self.folder / "requests", requests)
        with other or nullcontext(self.desk.url) as url:
            load = wrk.Load(url, path, answers or len(requests), status, marker)
            return self._measured(what, load.answers, lambda: wrk.replay(load, self.connections))

    def _cycle(self) -> Measured:
        devices = self.fleets.cycle
        submissions = wrk.write_requests(self.folder / "submissions", [device.submission() for device in devices])
        approval, claims = self.folder / "approval", self.folder / "claims"
        approval.write_bytes(self._approval("REQUEST-ID"))
        claims.write_text("\n".join(device.claim for device in devices))
        url, connections = self.desk.url, self.connections
        return self._measured(
            "full cycle", len(devices), lambda: wrk.cycle(url, submissions, approval, claims, connections)
        )

    def _measured(self, what: str, count: int, run: Callable[[], float]) -> Measured:
        self.desk.rest()
        before, used = self.ceiling(), self.desk.processor_seconds()
        per_second = run()
        used = self.desk.processor_seconds() - used
        return Measured(what, per_second, statistics.mean((before, self.ceiling())), used / count)

    def _approval(self, request_id: str) -> bytes:
        headers = self.desk.client_certificate
        return post(f"/api/v1/requests/{request_id}/approve", b'{"comment": "called back"}', headers=headers)

    def _questions(self, fleet: str) -> list[bytes]:
        """Return an OCSP request about each certificate of a fleet."""
        issuing = x509.load_pem_x509_certificate((self.desk.data / "ca" / "issuing.pem").read_bytes())
        questions = []
        for pem in self.desk.certificates(fleet):
            certificate = x509.load_pem_x509_certificate(pem.encode())
            question = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuing, SHA1()).build()  # noqa: S303
            body = question.public_bytes(Encoding.DER)
            questions.append(post("/ocsp", body, media_type="application/ocsp-request"))
        return questions
