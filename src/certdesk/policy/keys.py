"""Which public keys may be certified, and which signatures prove their possession."""

import math

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.wire.pkcs10 import BAD_EXPONENT, CSR
from certdesk.wire.spki import is_fixed_size_key

LEAST_RSA_BITS = 2048
"""112 bits of strength (NIST SP 800-57 part 1, table 2)."""
MOST_RSA_BITS = 8192
"""Beyond, each handshake costs the verifier milliseconds for nothing: use P-384. OpenSSL itself stops at 16384."""
MOST_RSA_EXPONENT = 2**31 - 1
"""Go's crypto/rsa and older CryptoAPI load no larger one, so such a certificate would fail at some verifiers."""

# SHA-1 and MD5 collide; the 224 bit hashes are below the strength of P-256. None is Ed25519's.
_HASHES = frozenset({"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512", None})
_LEGACY_HASHES = _HASHES | {"sha1"}
_SMALL_PRIMES = math.prod(
    number for number in range(2, 752) if all(number % factor for factor in range(2, math.isqrt(number) + 1))
)
"""The product of the primes that no sound modulus has as a factor (CA/Browser Forum BR §6.1.6)."""


def judge_key(csr: CSR, *, legacy: bool = False) -> list[Problem]:
    """Return what speaks against a CSR's key and the hash of its signature, which may be SHA-1 of a legacy device."""
    problems = [] if is_fixed_size_key(csr.spki) else _judge_public_key(csr.public_key)
    if csr.signature_hash not in (_LEGACY_HASHES if legacy else _HASHES):
        problems.append(
            Problem(
                ErrorKind.WEAK_SIGNATURE,
                N_("the CSR is signed with {hash}, which is too weak: use SHA-256"),
                "csr",
                {"hash": csr.signature_hash},
            )
        )
    return problems


def _judge_public_key(key: CertificatePublicKeyTypes) -> list[Problem]:
    """Judge a key that is not of a fixed size, all of which are accepted."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return [_weak(N_("the curve {curve} is not accepted: use P-256, P-384 or P-521"), curve=key.curve.name)]
    if isinstance(key, rsa.RSAPublicKey):
        return _judge_rsa(key)
    return [_weak(N_("this kind of key is not accepted: use EC P-256, P-384, P-521, RSA or Ed25519"))]


def _judge_rsa(key: rsa.RSAPublicKey) -> list[Problem]:
    bits = key.key_size
    if bits < LEAST_RSA_BITS:
        message = N_("an RSA key needs at least {least} bits, this one has {bits}")
        return [_weak(message, least=LEAST_RSA_BITS, bits=bits)]
    if bits > MOST_RSA_BITS:
        message = N_("an RSA key may have at most {most} bits, this one has {bits}")
        return [_weak(message, most=MOST_RSA_BITS, bits=bits)]
    numbers = key.public_numbers()
    if numbers.e > MOST_RSA_EXPONENT:  # one too small or even does not get past the parser
        return [_weak(BAD_EXPONENT)]
    if math.gcd(numbers.n, _SMALL_PRIMES) != 1:
        return [_weak(N_("the RSA key's modulus has a small factor, so anyone can compute its private key"))]
    return []


def _weak(message: str, **values: object) -> Problem:
    return Problem(ErrorKind.WEAK_KEY, message, "csr", values)
