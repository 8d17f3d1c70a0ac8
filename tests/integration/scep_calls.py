"""Calls the SCEP door in this process, as devices do."""

import base64
import datetime as dt
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from cryptography.x509.oid import AttributeOID, NameOID

from certdesk.ca import scep_identity
from certdesk.ca.scep_identity import SCEPIdentities
from certdesk.ca.signing import SERIAL_NUMBER_LENGTH
from certdesk.doors.asgi import ASGIApp
from certdesk.doors.http import listener_app
from certdesk.doors.scep import PREFIX, scep_app
from certdesk.doors.settings import HTTPSettings
from certdesk.keys.directory import KeyDirectory
from certdesk.va.authority import ValidationAuthority
from certdesk.va.responder import Responder
from certdesk.wire import der
from certdesk.wire.cms import (
    STRONG_CIPHERS,
    STRONG_DIGESTS,
    Certificate,
    Cipher,
    Digest,
    Signed,
    enveloped,
    parse_certificate,
    parse_enveloped,
    parse_signed,
    signed,
)
from certdesk.wire.names import text_of
from certdesk.wire.scep import FailInfo, MessageType, PKIStatus
from tests.desks import TestDesk
from tests.integration.api_calls import Journal
from tests.integration.est_calls import nothing
from tests.integration.protocol_doors import ProtocolDoor

ARC = "2.16.840.1.113733.1.9"
EVERY_CIPHER = STRONG_CIPHERS | {Cipher.TRIPLE_DES}
EVERY_DIGEST = STRONG_DIGESTS | {Digest.SHA1}


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return one of a few keys: making one takes a fifth of a second."""
    return rsa.generate_private_key(65537, bits)


def printable(text: str) -> bytes:
    """Return a PrintableString."""
    return der.text(text, der.PRINTABLE_STRING)


@dataclass(frozen=True)
class Message:
    """What a device says; a test changes what it is about."""

    content: bytes
    type: str = MessageType.PKCS_REQ
    transaction_id: str = "t1"
    nonce: bytes = b"0123456789abcdef"
    digest: Digest = Digest.SHA256
    cipher: Cipher = Cipher.AES_128


@dataclass
class Answer:
    """A CertRep, verified and decrypted."""

    status: PKIStatus
    transaction_id: str
    fail_info: FailInfo | None
    text: str
    signed: Signed
    content: bytes

    @property
    def certificates(self) -> list[x509.Certificate]:
        """The certificates in it."""
        return load_der_pkcs7_certificates(self.content)


class SCEPDevice:
    """A device with an RSA key and a certificate that it has signed itself, until it has a better one."""

    def __init__(self, name: str = "router-7", key: rsa.RSAPrivateKey | None = None) -> None:
        self.name = name
        self.key = key or rsa.generate_private_key(65537, 2048)
        self.certificate = parse_certificate(self._self_signed())

    def _self_signed(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 1, now, now + dt.timedelta(1))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def csr(self, password: str = "", *dns: str, key: rsa.RSAPrivateKey | None = None) -> bytes:
        """Return a CSR (DER)."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        if password:
            builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, password.encode())
        if dns:
            names = x509.SubjectAlternativeName([x509.DNSName(each) for each in dns])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def write(self, message: Message, recipient: Certificate) -> bytes:
        """Return a pkiMessage (DER) for a recipient."""
        key = recipient.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        attributes = {
            der.oid(f"{ARC}.2"): printable(message.type),
            der.oid(f"{ARC}.7"): printable(message.transaction_id),
            der.oid(f"{ARC}.5"): der.octet_string(message.nonce),
        }
        envelope = enveloped(message.content, key, recipient, message.cipher)
        return signed(envelope, attributes, self.key, self.certificate, message.digest)

    def read(self, octets: bytes, message: Message, identity: bytes) -> Answer:
        """Verify an answer by the desk's certificate (DER), decrypt it, and check what must be in it."""
        received = parse_signed(octets)
        assert received.verify(EVERY_DIGEST).der == identity
        attributes = {
            name: received.attributes.get(der.oid(f"{ARC}.{number}"))
            for number, name in enumerate(("type", "status", "fail", "sender", "recipient", "transaction"), start=2)
        }
        assert attributes["recipient"] == der.octet_string(message.nonce)
        assert attributes["sender"] not in {None, attributes["recipient"]}
        assert attributes["type"] == printable("3")
        content = b""
        status = PKIStatus(text(attributes["status"]))
        if status is PKIStatus.SUCCESS:
            envelope = parse_enveloped(received.content)
            assert envelope.cipher is message.cipher
            [recipient] = envelope.recipients
            assert recipient.party.is_of(self.certificate)
            content = envelope.decrypt(self.key, recipient, EVERY_CIPHER)
        else:
            assert received.content == b""
        fail_info = FailInfo(text(attributes["fail"])) if attributes["fail"] else None
        is_too_weak = fail_info is FailInfo.BAD_ALG and message.digest is Digest.SHA1
        assert received.digest is (Digest.SHA256 if is_too_weak else message.digest)
        return Answer(
            status,
            text(attributes["transaction"]),
            fail_info,
            text(received.attributes.get(der.oid("1.3.6.1.5.5.7.24.1"))),
            received,
            content,
        )


def text(value: bytes | None) -> str:
    """Return the text of a string's DER."""
    return text_of(value, der.whole(value)) if value else ""


def serial_number_of(certificate: x509.Certificate) -> bytes:
    """Return a serial number as the desk has it."""
    return certificate.serial_number.to_bytes(SERIAL_NUMBER_LENGTH)


class SCEP(ProtocolDoor):
    """A desk behind its SCEP door."""

    name = "scep"

    def __init__(self, desk: TestDesk, app: ASGIApp, identities: SCEPIdentities, journal: Journal) -> None:
        super().__init__(desk, app, journal)
        self.identities = identities

    async def call(
        self,
        operation: str = "PKIOperation",
        body: bytes | None = None,
        *,
        place: str = "FRA1",
        query: Mapping[str, str] | None = None,
        address: str = "192.0.2.7",
        method: str = "",
    ) -> httpx.Response:
        """Call an operation; a body is posted."""
        transport = httpx.ASGITransport(self.app, client=(address, 50000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
            parameters = {"operation": operation, **(query or {})} if operation else dict(query or {})
            kind = method or ("GET" if body is None else "POST")
            return await client.request(kind, f"{PREFIX}{place}", params=parameters, content=body)

    async def say(self, device: SCEPDevice, message: Message, *, place: str = "FRA1", by_get: bool = False) -> Answer:
        """Send a device's message and return the answer."""
        identity = (await self.identities.current()).certificate
        octets = device.write(message, identity)
        if by_get:
            answer = await self.call(query={"message": base64.b64encode(octets).decode()}, place=place)
        else:
            answer = await self.call(body=octets, place=place)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/x-pki-message"
        return device.read(answer.content, message, identity.der)

    async def enroll(self, device: SCEPDevice, password: str = "", **changes: Any) -> Answer:
        """Send a device's PKCSReq."""
        place = changes.pop("place", "FRA1")
        return await self.say(device, replace(Message(device.csr(password)), **changes), place=place)

    async def poll(self, device: SCEPDevice, transaction_id: str = "t1", place: str = "FRA1") -> Answer:
        """Send a device's CertPoll."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device.name)]).public_bytes()
        content = der.sequence(self.desk.ca.hierarchy.issuing.subject, subject)
        return await self.say(device, Message(content, MessageType.CERT_POLL, transaction_id), place=place)

    async def issue(self, device: SCEPDevice, place: str = "FRA1") -> x509.Certificate:
        """Enroll a device, approve it, and return its certificate, which the device uses from then on."""
        assert (await self.enroll(device, place=place)).status is PKIStatus.PENDING
        await self.approve()
        [certificate] = (await self.enroll(device, place=place)).certificates
        device.certificate = parse_certificate(certificate.public_bytes(Encoding.DER))
        return certificate


@asynccontextmanager
async def open_scep(desk: TestDesk, folder: Path, **settings: Any) -> AsyncIterator[SCEP]:
    """Return a desk's SCEP door; without a rate limit unless told otherwise."""
    journal = Journal()
    next_ca = settings.pop("next_ca", ())
    http = HTTPSettings(log=journal, **{"public_calls_per_minute": 0, **settings})
    va = ValidationAuthority(desk.ca, Responder(desk.ca, desk.time), desk.store.validation, desk.time)
    keys = KeyDirectory(folder / "scep-keys", os.urandom(8), cost=2)
    identities = SCEPIdentities(desk.ca, keys, desk.store.scep, desk.time)
    app = scep_app(
        desk.ra,
        va,
        identities,
        ca=desk.ca.hierarchy,
        desk_url="https://desk.example",
        settings=http,
        next_ca=next_ca,
    )
    yield SCEP(desk, listener_app(nothing, {PREFIX: app}, http), identities, journal)


def quick_keys(monkeypatch: Any) -> None:
    """Give the door a key that is there already instead of making one for every test."""
    monkeypatch.setattr(scep_identity, "generate", lambda _algorithm: rsa_key(-1, 3072))
