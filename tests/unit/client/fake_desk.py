"""A desk with as much sense as the client's tests need, on a loopback socket, that can be told to misbehave.

with FakeDesk(authority, directory) as desk:
    desk.faults.append(lost_answer)      # the next call is answered into the void
    desk.decide("approve")
"""

import base64
import hashlib
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from certdesk.domain.identifiers import new_request_id, sha256, verification_code
from certdesk.wire.pkcs10 import parse_csr
from certdesk.wire.renewal import verify_renewal
from certdesk.wire.settings import Settings, write_settings
from tests.unit.client.authority import CLIENT, SERVER, Authority, pem

Document = dict[str, Any]


@dataclass
class Reply:
    """What goes back; faults may change it or throw it away."""

    status: int
    document: Document | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_length: int | None = None
    """Another than the body's."""
    lost: bool = False

    def octets(self) -> bytes:
        """Return the body that is sent."""
        return json.dumps(self.document).encode() if self.document is not None else self.body


Fault = Callable[[Reply], None]


def lost_answer(reply: Reply) -> None:
    """Close the connection after the desk has done its work."""
    reply.lost = True


def cut_off(reply: Reply) -> None:
    """Promise more bytes than are sent."""
    reply.content_length = len(reply.octets()) + 100


def huge(reply: Reply) -> None:
    """Send more than anybody should read."""
    reply.document, reply.body = None, b" " * 1_000_000


def status(code: int, **headers: str) -> Fault:
    """Answer with a status, as a proxy does."""

    def fault(reply: Reply) -> None:
        reply.status, reply.document, reply.body = code, None, b"<html>not the desk</html>"
        reply.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return fault


def changed(**members: object) -> Fault:
    """Answer with some members changed; None removes one."""

    def fault(reply: Reply) -> None:
        document = {**(reply.document or {}), **members}
        reply.document = {key: value for key, value in document.items() if value is not None}

    return fault


def body(octets: bytes) -> Fault:
    """Answer 200 with any body."""

    def fault(reply: Reply) -> None:
        reply.status, reply.document, reply.body = 200, None, octets

    return fault


def problem(status_code: int, kind: str, detail: str, *errors: Document) -> Fault:
    """Answer with a problem document of the desk."""

    def fault(reply: Reply) -> None:
        kind_urn = f"urn:certdesk:error:{kind}"
        reply.status = status_code
        reply.document = {"type": kind_urn, "title": "?", "status": status_code, "detail": detail, "errors": errors}

    return fault


@dataclass
class Record:
    """A request as the desk knows it."""

    id: str
    body: Document
    csr: x509.CertificateSigningRequest
    state: str = "requested"
    certificate: x509.Certificate | None = None
    reason: str = ""
    superseded_by: str = ""
    installed: int = 0

    subject: str = ""
    """The common name; the request ID unless it is a renewal."""

    @property
    def spki(self) -> bytes:
        """Return the key, DER."""
        return self.csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class FakeDesk:
    """The desk; one organisation, FRA1."""

    def __init__(self, authority: Authority, directory: Path, *, tls: bool = True, organisation: str = "FRA1") -> None:
        self.authority = authority
        self.organisation = organisation
        self.records: dict[str, Record] = {}
        """By SHA-256 of the claim."""
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.faults: deque[Fault | None] = deque()
        """One for each of the next calls."""
        self.settings_xml: bytes | None = None
        self._directory = directory
        self._tls = tls
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.desk = self
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        if tls:
            self._server.socket = self._context().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _context(self) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        file = self._directory / "tls.pem"
        clear = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        file.write_text(clear + pem(self.authority.issue_for_tls(key.public_key())) + pem(self.authority.issuing))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def settings(self, **changes: Any) -> bytes:
        """Return the settings.xml of the organisation."""
        values: dict[str, Any] = {
            "organisation": self.organisation,
            "name": "La Poste",
            "country": "FR",
            "desk_url": self.url,
            "trust_anchors": (self.authority.root_der,),
            "state_or_province": "Île-de-France",
            "locality": "Paris",
            "support_contact": "help@example.org",
            "poll_seconds": 7,
        }
        return write_settings(Settings(**{**values, **changes}))

    @property
    def only(self) -> Record:
        """Return the only request that there is."""
        (record,) = self.records.values()
        return record

    @property
    def last(self) -> Record:
        """Return the newest request."""
        return list(self.records.values())[-1]

    def approve(self, record: Record | None = None) -> None:
        """Issue a request's certificate."""
        record = record or self.last
        sent = record.body
        purposes = (SERVER, CLIENT) if sent["kind"] == "server" else (CLIENT,)
        record.certificate = self.authority.issue(
            record.csr.public_key(), record.subject or record.id, purposes=purposes, names=self._names(record)
        )
        record.state = "issued"

    def _names(self, record: Record) -> tuple[x509.GeneralName, ...]:
        if record.body["kind"] != "server":
            return (x509.RFC822Name(record.body["contact"]["email"]),)
        wanted = record.body.get("names", {"dns": [], "ip": []})
        in_csr = parse_csr(record.body["csr"]).names
        dns = dict.fromkeys((*in_csr.dns, *wanted["dns"]))
        addresses = dict.fromkeys((*in_csr.ip, *wanted["ip"]))
        return (*map(x509.DNSName, dns), *(x509.IPAddress(ip_address(each)) for each in addresses))

    def reject(self, reason: str) -> None:
        """Reject the newest request."""
        self.last.state, self.last.reason = "rejected", reason

    def answer(self, method: str, path: str, claim: str, sent: Document) -> Reply:
        """Do what is called for and return the reply."""
        if path == f"/settings/{self.organisation}.xml":
            return Reply(200, body=self.settings_xml or self.settings())
        if path.endswith("/renew"):
            return self._renew(path.split("/")[-2], sent)
        if method == "POST" and path == "/api/v1/requests":
            return self._submit(sent)
        record = self.records.get(_digest(claim)) if claim else None
        if record is None or record.id not in path:
            return self._refusal(404, "not-found", "there is no such request")
        if path.endswith("/installed"):
            record.installed += 1
        headers = {"Retry-After": "3"} if record.state in {"requested", "approved"} else {}
        return Reply(200, self._view(record), headers=headers)

    def _submit(self, sent: Document) -> Reply:
        known = self.records.get(_digest(sent["claim"]))
        if known:
            if known.body["csr"] != sent["csr"]:
                return self._refusal(409, "conflict", "this claim belongs to another CSR")
            return Reply(200, self._view(known))
        return Reply(201, self._view(self._recorded(sent)))

    def _recorded(self, sent: Document) -> Record:
        request_id = new_request_id(
            self.organisation, lambda count: hashlib.sha256(sent["csr"].encode()).digest()[:count]
        )
        record = Record(request_id, sent, x509.load_pem_x509_csr(sent["csr"].encode()))
        for older in self.records.values():
            if older.state == "requested" and older.body["device"] == sent["device"]:
                older.state, older.superseded_by = "cancelled", request_id
        self.records[_digest(sent["claim"])] = record
        return record

    def _renew(self, serial_number: str, sent: Document) -> Reply:
        if known := self.records.get(_digest(sent["claim"])):
            return Reply(200, self._view(known))
        holders = [
            each
            for each in self.records.values()
            if each.certificate and each.certificate.serial_number == int(serial_number, 16)
        ]
        if not holders:
            return self._refusal(404, "not-found", "there is no such certificate")
        old = holders[0]
        csr_der = parse_csr(sent["csr"]).der
        verify_renewal(old.csr.public_key(), csr_der, base64.b64decode(sent["proof"]))
        record = self._recorded(
            {**old.body, "csr": sent["csr"], "claim": sent["claim"], "device": {"id": sent["claim"]}}
        )
        record.subject = old.subject or old.id
        self.approve(record)
        return Reply(201, self._view(record))

    def _view(self, record: Record) -> Document:
        view: Document = {
            "id": record.id,
            "status": record.state,
            "organisation": self.organisation,
            "kind": record.body["kind"],
            "verification_code": verification_code(sha256(record.spki)),
            "lapses_at": "2031-01-01T00:00:00Z",
        }
        if record.reason:
            view["reason"] = record.reason
        if record.superseded_by:
            view["superseded_by"] = record.superseded_by
        if record.certificate:
            view |= {"certificate": {"pem": pem(record.certificate)}, "chain": self.authority.chain}
        return view

    def _refusal(self, code: int, kind: str, detail: str) -> Reply:
        reply = Reply(code)
        problem(code, kind, detail)(reply)
        return reply


def _digest(claim: str) -> str:
    return hashlib.sha256(base64.urlsafe_b64decode(claim + "=")).hexdigest()


class _Server(ThreadingHTTPServer):
    desk: FakeDesk
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that hang up or distrust us."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""

    def _answer(self) -> None:
        desk = self.server.desk
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        desk.calls.append(f"{self.command} {self.path}")
        desk.headers.append(dict(self.headers))
        claim = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        reply = desk.answer(self.command, self.path, claim, json.loads(sent) if sent else {})
        fault = desk.faults.popleft() if desk.faults else None
        if fault:
            fault(reply)
        self.close_connection = True
        if not reply.lost:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        octets = reply.octets()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(reply.content_length or len(octets)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(octets)
