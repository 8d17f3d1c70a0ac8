"""The requester's private keys: made here, kept only encrypted under the registration password.

    key = new_key(KeyType.EC_P256)
    stored = encrypt_key(key, password)      # "-----BEGIN ENCRYPTED PRIVATE KEY-----…"
    decrypt_key(stored, password)

The form is PKCS#8 with PBES2, scrypt and AES-256-CBC (RFC 7914 §7, RFC 8018 §6.2), which OpenSSL and
cryptography read. cryptography does not write it: it would stretch the password with 2,048 rounds of
PBKDF2, too few for a password of eight characters.
"""

import base64
import os
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from certdesk.client.failures import ClientError
from certdesk.domain.enrollment import KeyType, Names
from certdesk.domain.errors import ErrorKind
from certdesk.domain.identifiers import Randomness
from certdesk.domain.text import N_
from certdesk.wire import der

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

COST = 1 << 14
"""scrypt's N; with r = 8 it takes 16 MiB, the most that OpenSSL grants a key file."""
_BLOCK_SIZE = 8
_PARALLELISM = 5
"""scrypt's p; 5 at this N is the least that OWASP advises for passwords."""
_AES_BLOCK = 16

_PBES2 = der.oid("1.2.840.113549.1.5.13")
_SCRYPT = der.oid("1.3.6.1.4.1.11591.4.11")
_AES_256_CBC = der.oid("2.16.840.1.101.3.4.1.42")


def new_key(key_type: KeyType) -> PrivateKey:
    """Return a fresh private key of the type that the organisation's settings name."""
    if key_type is KeyType.EC_P256:
        return ec.generate_private_key(ec.SECP256R1())
    if key_type is KeyType.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.value.removeprefix("RSA ")))


def encrypt_key(key: PrivateKey, password: str, *, cost: int = COST, randomness: Randomness = os.urandom) -> str:
    """Return the key as an `ENCRYPTED PRIVATE KEY` in PEM."""
    salt, vector = randomness(_AES_BLOCK), randomness(_AES_BLOCK)
    secret = Scrypt(salt, 32, cost, _BLOCK_SIZE, _PARALLELISM).derive(password.encode())
    padder = padding.PKCS7(_AES_BLOCK * 8).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
    clear = padder.update(_pkcs8(key)) + padder.finalize()
    stretching = der.sequence(
        der.octet_string(salt), der.integer(cost), der.integer(_BLOCK_SIZE), der.integer(_PARALLELISM)
    )
    scheme = der.sequence(der.sequence(_SCRYPT, stretching), der.sequence(_AES_256_CBC, der.octet_string(vector)))
    ciphertext = encryptor.update(clear) + encryptor.finalize()
    return _pem(der.sequence(der.sequence(_PBES2, scheme), der.octet_string(ciphertext)))


def _pkcs8(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pem(octets: bytes) -> str:
    body = base64.b64encode(octets).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join(("-----BEGIN ENCRYPTED PRIVATE KEY-----", *lines, "-----END ENCRYPTED PRIVATE KEY-----", ""))


def decrypt_key(stored: str, password: str) -> PrivateKey:
    """Return the key that was encrypted, or raise `UNAUTHENTICATED` when the password is another."""
    try:
        key = serialization.load_pem_private_key(stored.encode(), password.encode())
    except (ValueError, TypeError) as error:
        raise ClientError(
            ErrorKind.UNAUTHENTICATED,
            N_("this is not the registration password of the enrollment"),
            hint=N_("it is the one that was chosen when the certificate was requested; nobody else knows it"),
        ) from error
    if not isinstance(key, PrivateKey):
        raise ClientError(ErrorKind.INCOMPATIBLE, N_("the stored key is of a type that certdesk-client never makes"))
    return key


def clear_pem(key: PrivateKey) -> bytes:
    """Return the key in PEM without any protection, for a server that starts without a person."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def new_csr(key: PrivateKey, names: Names) -> x509.CertificateSigningRequest:
    """Return a CSR with the key and a server's names; the desk builds the subject itself."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        general_names = [x509.DNSName(name) for name in names.dns]
        addresses = [x509.IPAddress(ip_address(address)) for address in names.ip]
        builder = builder.add_extension(x509.SubjectAlternativeName([*general_names, *addresses]), critical=True)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
