"""The algorithms of messages: what is understood, and what of it is strong enough without being asked for."""

from collections.abc import Mapping
from enum import StrEnum

from cryptography.hazmat.primitives import hashes

from certdesk.wire import der


class Why(StrEnum):
    """What is wrong with a message that could be read."""

    ALGORITHM = "algorithm"
    """It uses an algorithm that is too weak or not known."""
    SIGNATURE = "signature"
    """Nobody signed it, somebody else did, or it was altered."""
    CONTENT = "content"
    """It cannot be decrypted. Which step failed is not told: an answer that depends on it is an oracle."""


class CMSError(Exception):
    """A message is not to be trusted."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why.value)


class Digest(StrEnum):
    """What is hashed with."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Cipher(StrEnum):
    """What content is encrypted with, in cipher block chaining."""

    TRIPLE_DES = "des3"
    AES_128 = "aes128"
    AES_192 = "aes192"
    AES_256 = "aes256"


STRONG_DIGESTS = frozenset({Digest.SHA256, Digest.SHA384, Digest.SHA512})
STRONG_CIPHERS = frozenset({Cipher.AES_128, Cipher.AES_192, Cipher.AES_256})

HASHES: Mapping[Digest, hashes.HashAlgorithm] = {
    Digest.SHA1: hashes.SHA1(),  # noqa: S303 - only where an organisation turns the legacy switch on
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
    Digest.SHA512: hashes.SHA512(),
}
DIGEST_OIDS = {
    Digest.SHA1: der.oid("1.3.14.3.2.26"),
    Digest.SHA256: der.oid("2.16.840.1.101.3.4.2.1"),
    Digest.SHA384: der.oid("2.16.840.1.101.3.4.2.2"),
    Digest.SHA512: der.oid("2.16.840.1.101.3.4.2.3"),
}
DIGESTS = {oid: digest for digest, oid in DIGEST_OIDS.items()}
CIPHER_OIDS = {
    Cipher.TRIPLE_DES: der.oid("1.2.840.113549.3.7"),
    Cipher.AES_128: der.oid("2.16.840.1.101.3.4.1.2"),
    Cipher.AES_192: der.oid("2.16.840.1.101.3.4.1.22"),
    Cipher.AES_256: der.oid("2.16.840.1.101.3.4.1.42"),
}
CIPHERS = {oid: cipher for cipher, oid in CIPHER_OIDS.items()}

RSA_ENCRYPTION_OID = der.oid("1.2.840.113549.1.1.1")
RSA_ENCRYPTION = der.sequence(RSA_ENCRYPTION_OID, der.NULL)

RSA, PSS, ECDSA = "RSA", "RSASSA-PSS", "ECDSA"
SIGNATURES: dict[bytes, tuple[str, Digest | None]] = {
    RSA_ENCRYPTION_OID: (RSA, None),
    der.oid("1.2.840.113549.1.1.5"): (RSA, Digest.SHA1),
    der.oid("1.2.840.113549.1.1.11"): (RSA, Digest.SHA256),
    der.oid("1.2.840.113549.1.1.12"): (RSA, Digest.SHA384),
    der.oid("1.2.840.113549.1.1.13"): (RSA, Digest.SHA512),
    der.oid("1.2.840.113549.1.1.10"): (PSS, None),
    der.oid("1.2.840.10045.4.3.2"): (ECDSA, Digest.SHA256),
    der.oid("1.2.840.10045.4.3.3"): (ECDSA, Digest.SHA384),
    der.oid("1.2.840.10045.4.3.4"): (ECDSA, Digest.SHA512),
}
"""What a signature algorithm's OID means; None takes the hash that the message says beside it (RFC 3370 §3.2)."""


def algorithm_oid(octets: bytes, element: der.Element) -> bytes:
    """Return the OID (DER) of an AlgorithmIdentifier."""
    oid, *_parameters = der.parts(octets, element)
    return der.taken(octets, oid)
