"""Encrypt a private key under a passphrase: PKCS#8 with PBES2, scrypt and AES-256-CBC (RFC 7914 §7, RFC 8018).

cryptography reads this form and does not write it: what it writes stretches the passphrase with 2,048 rounds
of PBKDF2, which is too little for a key under a passphrase that a person chose. OpenSSL reads it too.
"""

import base64
import os

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from certdesk.wire import der

COST = 1 << 14
"""scrypt's N. With r = 8 each guess at the passphrase takes 16 MiB, and 40 ms for each unit of p.

OpenSSL grants a key file no more than 32 MiB.
"""
_BLOCK_SIZE = 8
_KEY_LENGTH = 32
_AES_BLOCK = 16

_PBES2 = der.oid("1.2.840.113549.1.5.13")
_SCRYPT = der.oid("1.3.6.1.4.1.11591.4.11")
_AES_256_CBC = der.oid("2.16.840.1.101.3.4.1.42")


def encrypted_pem(private_key: PrivateKeyTypes, passphrase: bytes, *, parallelism: int, cost: int = COST) -> bytes:
    """Return an `ENCRYPTED PRIVATE KEY` in PEM; salt and initialisation vector are fresh.

    `cost` and `parallelism` are scrypt's N and p.
    """
    salt, vector = os.urandom(_AES_BLOCK), os.urandom(_AES_BLOCK)
    key = Scrypt(salt, _KEY_LENGTH, cost, _BLOCK_SIZE, parallelism).derive(passphrase)
    clear = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    padder = padding.PKCS7(_AES_BLOCK * 8).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    ciphertext = encryptor.update(padder.update(clear) + padder.finalize()) + encryptor.finalize()
    stretching = der.sequence(
        der.octet_string(salt), der.integer(cost), der.integer(_BLOCK_SIZE), der.integer(parallelism)
    )
    return _pem(
        der.sequence(
            der.sequence(
                _PBES2,
                der.sequence(der.sequence(_SCRYPT, stretching), der.sequence(_AES_256_CBC, der.octet_string(vector))),
            ),
            der.octet_string(ciphertext),
        )
    )


def _pem(octets: bytes) -> bytes:
    label = b"ENCRYPTED PRIVATE KEY"
    body = base64.b64encode(octets)
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, b"\n".join(lines), label)
