"""A private key that signs for an authority, and the algorithms an authority's key may have."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.wire import der

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
VerifyingKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class KeyAlgorithm(StrEnum):
    """What kind of key an authority signs with."""

    EC_P256 = "EC P-256"
    EC_P384 = "EC P-384"
    RSA_3072 = "RSA 3072"
    RSA_4096 = "RSA 4096"
    ED25519 = "Ed25519"


class Signer(Protocol):
    """A key that signs, wherever it lives."""

    @property
    def public_key(self) -> VerifyingKey:
        """The public half."""
        ...

    @property
    def private_key(self) -> SigningKey:
        """The private half, for what cryptography builds itself; it need not be exportable."""
        ...

    @property
    def signature_algorithm(self) -> bytes:
        """DER AlgorithmIdentifier of the signatures."""
        ...

    def sign(self, tbs: bytes) -> bytes:
        """Sign octets and return the signature as it stands in a certificate's BIT STRING."""
        ...


_RSA = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.NULL)
"""sha256WithRSAEncryption, whose parameters are NULL (RFC 4055 §5)."""
_ED25519 = der.sequence(der.oid("1.3.101.112"))
"""id-Ed25519, whose parameters are absent (RFC 8410 §3)."""
_ECDSA: dict[str, tuple[bytes, hashes.HashAlgorithm]] = {
    # ecdsa-with-SHA256 and -SHA384, whose parameters are absent (RFC 5758 §3.2).
    "secp256r1": (der.sequence(der.oid("1.2.840.10045.4.3.2")), hashes.SHA256()),
    "secp384r1": (der.sequence(der.oid("1.2.840.10045.4.3.3")), hashes.SHA384()),
}


class SoftwareSigner:
    """A signer whose key is in this process's memory."""

    def __init__(self, private_key: SigningKey) -> None:
        self.private_key = private_key
        self.public_key: VerifyingKey = private_key.public_key()
        self.signature_algorithm, self.sign = _signing(private_key)


def _signing(private_key: SigningKey) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return the AlgorithmIdentifier and the function that signs, with everything constant prepared."""
    if isinstance(private_key, ed25519.Ed25519PrivateKey):
        return _ED25519, private_key.sign
    if isinstance(private_key, rsa.RSAPrivateKey):
        scheme, digest = padding.PKCS1v15(), hashes.SHA256()
        return _RSA, lambda tbs: private_key.sign(tbs, scheme, digest)
    if private_key.curve.name not in _ECDSA:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("a key on the curve {curve} cannot sign here"), curve=private_key.curve.name
        )
    identifier, curve_digest = _ECDSA[private_key.curve.name]
    algorithm = ec.ECDSA(curve_digest)
    return identifier, lambda tbs: private_key.sign(tbs, algorithm)


def generate(algorithm: KeyAlgorithm) -> SigningKey:
    """Make a new private key."""
    match algorithm:
        case KeyAlgorithm.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyAlgorithm.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyAlgorithm.RSA_3072:
            return rsa.generate_private_key(65537, 3072)
        case KeyAlgorithm.RSA_4096:
            return rsa.generate_private_key(65537, 4096)
        case KeyAlgorithm.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
