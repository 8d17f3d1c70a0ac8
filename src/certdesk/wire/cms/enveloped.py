"""EnvelopedData (RFC 5652 §6): content for one recipient whose RSA key transports the content's key."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from certdesk.wire import der
from certdesk.wire.cms.algorithms import (
    CIPHER_OIDS,
    CIPHERS,
    RSA_ENCRYPTION,
    RSA_ENCRYPTION_OID,
    Cipher,
    CMSError,
    Why,
    algorithm_oid,
)
from certdesk.wire.cms.content import (
    CONTEXT_0,
    DATA,
    ENVELOPED_DATA,
    IMPLICIT_0,
    VERSION_0,
    Certificate,
    Party,
    content_info,
    content_of,
    issuer_and_serial_number,
    parse_party,
)

_KEY_LENGTHS = {Cipher.TRIPLE_DES: 24, Cipher.AES_128: 16, Cipher.AES_192: 24, Cipher.AES_256: 32}
_BLOCKS: dict[Cipher, tuple[Callable[[bytes], AES | TripleDES], int]] = {
    Cipher.TRIPLE_DES: (TripleDES, 8),
    Cipher.AES_128: (AES, 16),
    Cipher.AES_192: (AES, 16),
    Cipher.AES_256: (AES, 16),
}
"""The block cipher and the length of its blocks in octets."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a content's key was encrypted for."""

    party: Party
    algorithm: bytes
    """DER OID."""
    encrypted_key: bytes


@dataclass(frozen=True, slots=True)
class Enveloped:
    """What was read of an envelope."""

    recipients: tuple[Recipient, ...]
    cipher: Cipher | None
    """None if it is not known here."""
    _vector: bytes = field(repr=False)
    _ciphertext: bytes = field(repr=False)

    def decrypt(self, key: rsa.RSAPrivateKey, recipient: Recipient, allowed: frozenset[Cipher]) -> bytes:
        """Return the content; raise `CMSError`.

        The error does not say whether the key, its length or the padding was wrong: a key that does not decrypt
        is replaced by a random one (RFC 3218 §2.3.2), and what comes of that is not distinguished either.
        """
        if self.cipher is None or self.cipher not in allowed or recipient.algorithm != RSA_ENCRYPTION_OID:
            raise CMSError(Why.ALGORITHM)
        content_key = os.urandom(_KEY_LENGTHS[self.cipher])
        try:
            decrypted = key.decrypt(recipient.encrypted_key, padding.PKCS1v15())
            if len(decrypted) == len(content_key):
                content_key = decrypted
        except ValueError:
            pass
        block, length = _BLOCKS[self.cipher]
        try:
            decryptor = ciphers.Cipher(block(content_key), modes.CBC(self._vector)).decryptor()
            unpadder = block_padding.PKCS7(length * 8).unpadder()
            padded = decryptor.update(self._ciphertext) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise CMSError(Why.CONTENT) from None


def parse_enveloped(unverified_octets: bytes) -> Enveloped:
    """Read an EnvelopedData in a ContentInfo; raises `ValueError`."""
    octets, content = content_of(unverified_octets, ENVELOPED_DATA)
    _version, *rest = der.parts(octets, content)
    if rest and rest[0].tag == CONTEXT_0:  # originatorInfo
        del rest[0]
    recipients, encrypted, *_unprotected = rest
    kind, algorithm, ciphertext = der.parts(octets, encrypted)
    if der.taken(octets, kind) != DATA:
        raise ValueError("data is expected here")
    oid, vector = der.parts(octets, algorithm)
    return Enveloped(
        tuple(
            _recipient(octets, each)
            for each in der.parts(octets, recipients, der.SET)
            if each.tag == der.SEQUENCE  # the other kinds have context tags
        ),
        CIPHERS.get(der.taken(octets, oid)),
        octets[vector.content : vector.end],
        _ciphertext(octets, ciphertext),
    )


def _recipient(octets: bytes, element: der.Element) -> Recipient:
    _version, party, algorithm, key = der.parts(octets, element)
    return Recipient(
        parse_party(octets, party), algorithm_oid(octets, algorithm), der.content(octets, key, der.OCTET_STRING)
    )


def _ciphertext(octets: bytes, element: der.Element) -> bytes:
    """Return the encrypted octets, which BER may have in pieces under the context tag."""
    if element.tag == IMPLICIT_0:
        return octets[element.content : element.end]
    pieces = der.parts(octets, element, CONTEXT_0)
    return b"".join(der.content(octets, each, der.OCTET_STRING) for each in pieces)


def enveloped(content: bytes, key: rsa.RSAPublicKey, recipient: Certificate, cipher: Cipher) -> bytes:
    """Return an EnvelopedData in a ContentInfo: content for the holder of a certificate's RSA key."""
    block, length = _BLOCKS[cipher]
    content_key, vector = os.urandom(_KEY_LENGTHS[cipher]), os.urandom(length)
    padder = block_padding.PKCS7(length * 8).padder()
    encryptor = ciphers.Cipher(block(content_key), modes.CBC(vector)).encryptor()
    ciphertext = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    return content_info(
        ENVELOPED_DATA,
        der.sequence(
            VERSION_0,
            der.tlv(
                der.SET,
                der.sequence(
                    VERSION_0,
                    issuer_and_serial_number(recipient),
                    RSA_ENCRYPTION,
                    der.octet_string(key.encrypt(content_key, padding.PKCS1v15())),
                ),
            ),
            der.sequence(
                DATA,
                der.sequence(CIPHER_OIDS[cipher], der.octet_string(vector)),
                der.implicit(0, ciphertext),
            ),
        ),
    )
