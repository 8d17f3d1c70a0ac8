"""Put certificates together and sign them (RFC 5280 §4.1)."""

import hashlib
from dataclasses import dataclass

from certdesk.domain.identifiers import Randomness
from certdesk.keys.signer import Signer
from certdesk.wire import der

SERIAL_NUMBER_LENGTH = 16

_VERSION_3 = der.explicit(0, der.integer(2))


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when, in milliseconds; certificates keep whole seconds, the rest is cut off."""

    not_before: int
    not_after: int


def key_identifier(spki: bytes) -> bytes:
    """Return the key identifier of a SubjectPublicKeyInfo (DER): SHA-256 of the key's bits, cut to 20 octets.

    That is RFC 7093 §2 method 1. The bits are the content of the last element, without its leading octet,
    which counts unused bits.
    """
    return hashlib.sha256(key_bits(spki)).digest()[:20]


def key_bits(spki: bytes) -> bytes:
    """Return the public key inside a SubjectPublicKeyInfo (DER), the content of its BIT STRING."""
    _algorithm, bits = der.parts(spki, der.whole(spki))
    return der.content(spki, bits, der.BIT_STRING)[1:]


def new_serial_number(randomness: Randomness) -> bytes:
    """Return 16 random octets, the first of them from 01 to 7f, so they are a positive DER INTEGER as they stand.

    Their 127 bits, almost, are more than the 64 that RFC 5280 and the CA/Browser Forum ask for against chosen prefixes.
    """
    octets = randomness(SERIAL_NUMBER_LENGTH)
    return bytes((octets[0] % 0x7F + 1,)) + octets[1:]


def sign(signer: Signer, tbs: bytes, *unsigned: bytes) -> bytes:
    """Return the sequence of what is signed, the algorithm, the signature, and whatever stands unsigned behind them."""
    return der.sequence(tbs, signer.signature_algorithm, der.bit_string(signer.sign(tbs)), *unsigned)


def sign_certificate(
    signer: Signer,
    issuer: bytes,
    serial_number: bytes,
    validity: Validity,
    subject: bytes,
    spki: bytes,
    encoded_extensions: bytes,
) -> bytes:
    """Return a DER certificate, version 3; names, key and extensions come encoded."""
    return sign(
        signer,
        der.sequence(
            _VERSION_3,
            der.tlv(der.INTEGER, serial_number),
            signer.signature_algorithm,
            issuer,
            der.sequence(der.time(validity.not_before), der.time(validity.not_after)),
            subject,
            spki,
            der.explicit(3, der.sequence(encoded_extensions)),
        ),
    )
