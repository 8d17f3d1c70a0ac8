"""Devices that come by EST and SCEP with an enrollment code: their messages, made before any clock starts."""

import base64
import datetime as dt
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import AttributeOID, NameOID

from bench.fleet import ORGANISATION, post
from certdesk.wire import der
from certdesk.wire.cms import Cipher, Digest, enveloped, parse_certificate, signed
from certdesk.wire.scep import MessageType

ARC = "2.16.840.1.113733.1.9"
_CHUNK = 100


def est_messages(name: str, size: int, code: str, path: str = f"/.well-known/est/{ORGANISATION}") -> list[bytes]:
    """Return the HTTP requests by which devices enroll with a code."""
    credentials = base64.b64encode(f"device:{code}".encode()).decode()
    headers = f"Authorization: Basic {credentials}\r\nContent-Transfer-Encoding: base64\r\n"
    with ProcessPoolExecutor() as pool:
        csrs = pool.map(_csr, [f"{name}-{number}" for number in range(size)], [""] * size, chunksize=_CHUNK)
        return [
            post(f"{path}/simpleenroll", base64.b64encode(csr), media_type="application/pkcs10", headers=headers)
            for csr in csrs
        ]


class SCEPSigner:
    """Who signs a fleet's messages: one RSA key, as finding one takes a tenth of a second, for many devices' keys."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 1, now, now + dt.timedelta(1))
        self.certificate = builder.sign(self.key, SHA256()).public_bytes(Encoding.DER)

    def messages(self, name: str, size: int, code: str, recipient: bytes) -> list[bytes]:
        """Return the HTTP requests by which devices enroll with a code, for a recipient's certificate (DER)."""
        key = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        write = partial(_message, key, self.certificate, recipient, code)
        path = f"/scep/{ORGANISATION}?operation=PKIOperation"
        with ProcessPoolExecutor() as pool:
            octets = pool.map(write, [f"{name}-{number}" for number in range(size)], chunksize=_CHUNK)
            return [post(path, each, media_type="application/x-pki-message") for each in octets]


def _message(key: bytes, certificate: bytes, recipient: bytes, code: str, name: str) -> bytes:
    signing, whom = load_der_private_key(key, None), parse_certificate(recipient)
    public = whom.public_key()
    assert isinstance(signing, rsa.RSAPrivateKey)
    assert isinstance(public, rsa.RSAPublicKey)
    attributes = {
        der.oid(f"{ARC}.2"): der.text(MessageType.PKCS_REQ, der.PRINTABLE_STRING),
        der.oid(f"{ARC}.7"): der.text(name, der.PRINTABLE_STRING),
        der.oid(f"{ARC}.5"): der.octet_string(name.encode().ljust(16, b"-")[:16]),
    }
    envelope = enveloped(_csr(name, code), public, whom, Cipher.AES_128)
    return signed(envelope, attributes, signing, parse_certificate(certificate), Digest.SHA256)


def _csr(name: str, password: str) -> bytes:
    """Return a DER CSR by a new P-256 key, with a challenge password if there is any."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    if password:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, password.encode())
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.DER)
