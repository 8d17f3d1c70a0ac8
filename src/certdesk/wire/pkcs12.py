"""A certificate with its key in one password-protected file that browsers and systems import (RFC 7292)."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import KeySerializationEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    PKCS12PrivateKeyTypes,
    serialize_key_and_certificates,
)

_ROUNDS = 100_000
_LEGACY_ROUNDS = 2_000
"""Windows and Android refuse, or take minutes for, many rounds of the old key derivation."""


def encode_pkcs12(
    name: str,
    key: PKCS12PrivateKeyTypes | None,
    certificate: x509.Certificate,
    issuers: Sequence[x509.Certificate],
    password: str,
    *,
    legacy: bool = False,
) -> bytes:
    """Return a PKCS#12 file; `name` is what programs call the certificate, and the key stays out if there is none.

    The usual form has AES-256 and SHA-256. The `legacy` one has triple DES and SHA-1, the most that Android
    before 13, macOS before 15 and Windows before 10 version 1709 can open.
    """
    protection = _protection(password, legacy=legacy)
    return serialize_key_and_certificates(name.encode(), key, certificate, issuers, protection)


def _protection(password: str, *, legacy: bool) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder()
    if legacy:
        builder = builder.kdf_rounds(_LEGACY_ROUNDS).key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        builder = builder.hmac_hash(hashes.SHA1())  # noqa: S303 - what old importers know
    else:
        builder = builder.kdf_rounds(_ROUNDS).key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
        builder = builder.hmac_hash(hashes.SHA256())
    return builder.build(password.encode())
