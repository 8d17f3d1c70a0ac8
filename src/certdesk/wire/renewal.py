"""The proof of a renewal: the old key signs the new CSR, so that no one else can renew.

The signature is over the octets `certdesk renewal 1`, a line feed and the DER CSR: ECDSA with the
curve's usual hash, RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PrivateKeyTypes

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

_CONTEXT = b"certdesk renewal 1\n"


def _hash_of(curve: ec.EllipticCurve) -> hashes.HashAlgorithm:
    if curve.key_size <= 256:  # noqa: PLR2004 - P-256; RFC 5480 §4 pairs curves and hashes by strength
        return hashes.SHA256()
    return hashes.SHA384() if curve.key_size <= 384 else hashes.SHA512()  # noqa: PLR2004 - P-384


def sign_renewal(old_key: PrivateKeyTypes, csr_der: bytes) -> bytes:
    """Sign a new CSR with the key of the certificate that is being renewed."""
    octets = _CONTEXT + csr_der
    if isinstance(old_key, ec.EllipticCurvePrivateKey):
        return old_key.sign(octets, ec.ECDSA(_hash_of(old_key.curve)))
    if isinstance(old_key, rsa.RSAPrivateKey):
        return old_key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(old_key, ed25519.Ed25519PrivateKey):
        return old_key.sign(octets)
    raise CertdeskError(ErrorKind.WEAK_KEY, N_("a key of this type cannot prove a renewal"))


def verify_renewal(old_key: CertificatePublicKeyTypes, csr_der: bytes, unverified_proof: bytes) -> None:
    """Check the proof, or raise `UNAUTHENTICATED`."""
    octets = _CONTEXT + csr_der
    try:
        if isinstance(old_key, ec.EllipticCurvePublicKey):
            old_key.verify(unverified_proof, octets, ec.ECDSA(_hash_of(old_key.curve)))
        elif isinstance(old_key, rsa.RSAPublicKey):
            old_key.verify(unverified_proof, octets, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(old_key, ed25519.Ed25519PublicKey):
            old_key.verify(unverified_proof, octets)
        else:
            raise unproven()
    except InvalidSignature:
        raise unproven() from None


def unproven() -> CertdeskError:
    """Say that a renewal's proof is missing or wrong, or that there is no such certificate; which, is not told."""
    return CertdeskError(
        ErrorKind.UNAUTHENTICATED, N_("the proof was not made by the key of the certificate to be renewed")
    )
