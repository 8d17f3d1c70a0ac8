"""An authenticator in software: makes passkeys and signs with them, and lies where a test tells it to."""

import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from certdesk.domain.identifiers import sha256
from tests.desks import new_key
from tests.integration.console_calls import URL

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def base64url(octets: bytes) -> str:
    """Return base64url without padding, as WebAuthn's JSON has it."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(text: str) -> bytes:
    """Return the octets of such a text."""
    return base64.urlsafe_b64decode(text + "==")


@dataclass
class Authenticator:
    """One discoverable credential, and what is said about it."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    credential_id: bytes = field(default_factory=lambda: os.urandom(20))
    user_handle: bytes = b""
    sign_count: int = 0
    verified: bool = True
    origin: str = URL
    rp_id: str = "desk.example"

    def create(self, options: dict[str, Any], **lies: Any) -> str:
        """Answer the options of a registration, as the page's script would send it."""
        self.user_handle = octets(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cose
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(_ATTESTED) + attested}
        return self._credential(
            {
                "clientDataJSON": base64url(self._client_data("webauthn.create", options["challenge"])),
                "attestationObject": base64url(encode_cbor(statement)),
                "transports": ["internal", "hybrid", "telepathy"],
            }
            | lies
        )

    def get(self, options: dict[str, Any], **lies: Any) -> str:
        """Answer the options of a sign-in."""
        self.sign_count += 1
        data = self._data(0)
        client_data = self._client_data("webauthn.get", options["challenge"])
        return self._credential(
            {
                "clientDataJSON": base64url(client_data),
                "authenticatorData": base64url(data),
                "signature": base64url(self.key.sign(data + sha256(client_data), ec.ECDSA(SHA256()))),
                "userHandle": base64url(self.user_handle),
            }
            | lies
        )

    def _data(self, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verified else 0)
        return sha256(self.rp_id.encode()) + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _credential(self, response: dict[str, Any]) -> str:
        name = base64url(self.credential_id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )
