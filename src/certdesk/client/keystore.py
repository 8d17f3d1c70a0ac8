"""The requester's private keys: made here, kept only encrypted under the registration password.

    key = new_key(KeyType.EC_P256)
    stored = encrypt_key(key, password)      # "-----BEGIN ENCRYPTED PRIVATE KEY-----…"
    decrypt_key(stored, password)

The form is `certdesk.wire.pkcs8`'s, which OpenSSL and cryptography read.
"""

from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from certdesk.client.failures import ClientError
from certdesk.domain.enrollment import KeyType, Names
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_
from certdesk.wire.pkcs8 import COST, encrypted_pem

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_PARALLELISM = 5
"""scrypt's p; 5 is the least that OWASP advises for passwords at this N."""


def new_key(key_type: KeyType) -> PrivateKey:
    """Return a fresh private key of the type that the organisation's settings name."""
    if key_type is KeyType.EC_P256:
        return ec.generate_private_key(ec.SECP256R1())
    if key_type is KeyType.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.value.removeprefix("RSA ")))


def encrypt_key(key: PrivateKey, password: str, *, cost: int = COST) -> str:
    """Return the key as an `ENCRYPTED PRIVATE KEY` in PEM."""
    return encrypted_pem(key, password.encode(), parallelism=_PARALLELISM, cost=cost).decode()


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
