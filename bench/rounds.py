"""What is measured of a desk, round by round: submit, approve, collect, the full cycle, OCSP."""

from collections.abc import Iterator
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
class Round:
    """One round on one desk with some connections."""

    desk: Desk
    fleets: Fleets
    connections: int
    folder: Path

    def measure(self) -> Iterator[tuple[str, float]]:
        """Yield what was measured, and how many of it were done per second."""
        devices = self.fleets.single
        yield "submit", self._replay("submit", [device.submission() for device in devices], 201, '"status":"requested"')
        fleet = devices[0].id.rpartition("-")[0]
        ids = self.desk.request_ids(fleet)
        yield "approve", self._replay("approve", [self._approval(ids[device.id]) for device in devices], 200, _PEM)
        yield "collect", self._replay("collect", [device.collection(ids[device.id]) for device in devices], 200, _PEM)
        yield "full cycle", self._cycle()
        self.desk.wait_for_ocsp_answers()
        questions = self._questions(ids)
        yield "OCSP", self._replay("ocsp", questions, 200, _BASIC_RESPONSE, answers=2 * len(questions))
        with openssl_responder(self.desk) as url:
            yield (
                "openssl ocsp",
                self._replay("ocsp", questions, 200, _BASIC_RESPONSE, answers=len(questions) // 2, url=url),
            )

    def _replay(
        self, name: str, requests: list[bytes], status: int, marker: str, *, answers: int = 0, url: str = ""
    ) -> float:
        path = wrk.write_requests(self.folder / name, requests)
        load = wrk.Load(url or self.desk.url, path, answers or len(requests), status, marker)
        return wrk.replay(load, self.connections)

    def _cycle(self) -> float:
        devices = self.fleets.cycle
        submissions = wrk.write_requests(self.folder / "cycle", [device.submission() for device in devices])
        approval, claims = self.folder / "approval", self.folder / "claims"
        approval.write_bytes(self._approval("REQUEST-ID"))
        claims.write_text("\n".join(device.claim for device in devices))
        return wrk.cycle(self.desk.url, submissions, approval, claims, self.connections)

    def _approval(self, request_id: str) -> bytes:
        headers = self.desk.client_certificate
        return post(f"/api/v1/requests/{request_id}/approve", b'{"comment": "called back"}', headers=headers)

    def _questions(self, ids: dict[str, str]) -> list[bytes]:
        """Return an OCSP request for each certificate."""
        issuing = x509.load_pem_x509_certificate((self.desk.data / "ca" / "issuing.pem").read_bytes())
        questions = []
        for request_id in ids.values():
            pem = self.desk.get(f"/api/v1/requests/{request_id}")["certificate"]["pem"]
            certificate = x509.load_pem_x509_certificate(pem.encode())
            question = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuing, SHA1()).build()  # noqa: S303
            body = question.public_bytes(Encoding.DER)
            questions.append(post("/ocsp", body, media_type="application/ocsp-request"))
        return questions
