"""Devices that will ask for certificates: their keys, claims and signed CSRs, made before any clock starts."""

import base64
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

ORGANISATION = "FRA1"
PROXY_HEADERS = "Host: desk\r\nX-Forwarded-For: 192.0.2.7\r\n"
"""What a TLS-terminating proxy would say."""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Device:
    """One device with a key of its own."""

    id: str
    """Its last part, after the hyphen, is its number within the fleet."""
    claim: str
    csr: str
    """PEM."""

    def submission(self) -> bytes:
        """Return the HTTP request that submits."""
        body = {
            "organisation": ORGANISATION,
            "kind": "workstation",
            "csr": self.csr,
            "claim": self.claim,
            "contact": {"email": "jeanne.dupont@poste.example", "phone": "+33 1 23 45 67 89"},
            "location": {"state_or_province": "Auvergne-Rhône-Alpes", "locality": "Lyon"},
            "description": "Counter 3, post office Lyon Bellecour",
            "device": {"id": self.id, "model": "OptiPlex 7010", "platform": "Debian 12", "app": "certdesk-client 0.1"},
        }
        return post("/api/v1/requests", json.dumps(body, ensure_ascii=False).encode())

    def collection(self, request_id: str) -> bytes:
        """Return the HTTP request that follows and collects."""
        head = f"GET /api/v1/requests/{request_id} HTTP/1.1\r\n{PROXY_HEADERS}Authorization: Bearer {self.claim}\r\n"
        return f"{head}\r\n".encode()


def post(path: str, body: bytes, *, media_type: str = "application/json", headers: str = "") -> bytes:
    """Return a POST."""
    head = f"POST {path} HTTP/1.1\r\n{PROXY_HEADERS}{headers}Content-Type: {media_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def make_fleet(name: str, size: int) -> list[Device]:
    """Return new devices, made on all cores."""
    chunks = [range(begin, min(begin + _CHUNK, size)) for begin in range(0, size, _CHUNK)]
    with ProcessPoolExecutor() as pool:
        return [device for part in pool.map(_make, [name] * len(chunks), chunks) for device in part]


def _make(name: str, numbers: range) -> list[Device]:
    return [Device(f"{name}-{number}", _claim(), make_csr()) for number in numbers]


def _claim() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def make_csr() -> str:
    """Return a PEM CSR by a new P-256 key, as the client makes it."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM).decode()
