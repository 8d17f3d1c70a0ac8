"""Public keys as certificates carry them (RFC 5280 §4.1.2.7), told by their octets."""

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certdesk.wire import der


def spki_of(public_key: PublicKeyTypes) -> bytes:
    """Return the DER SubjectPublicKeyInfo."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _fixed_size_key(algorithm: bytes, head: bytes, size: int) -> tuple[int, bytes]:
    """Return a SubjectPublicKeyInfo's length, and its beginning up to the key itself of `size` octets."""
    example = der.sequence(algorithm, der.bit_string(head + bytes(size)))
    return len(example), example[: len(example) - size]


def _point(curve: str, size: int) -> tuple[int, bytes]:
    """Return the same for uncompressed points on a named curve (RFC 5480 §2.1.1 and §2.2)."""
    return _fixed_size_key(der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(curve)), b"\x04", 2 * size)


_BEGINS = dict(
    [
        _point("1.2.840.10045.3.1.7", 32),  # P-256
        _point("1.3.132.0.34", 48),  # P-384
        _point("1.3.132.0.35", 66),  # P-521
        _fixed_size_key(der.sequence(der.oid("1.3.101.112")), b"", 32),  # Ed25519
    ]
)
"""By length: each has another."""


def is_fixed_size_key(spki: bytes) -> bool:
    """Tell whether a DER SubjectPublicKeyInfo is of P-256, P-384, P-521 or Ed25519, in the one encoding that is usual.

    Whether the octets in the place of the point are one on the curve is not looked at: loading the key tells.
    """
    begin = _BEGINS.get(len(spki))
    return begin is not None and spki.startswith(begin)
