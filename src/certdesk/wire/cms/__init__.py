"""Cryptographic Message Syntax (RFC 5652): the messages that EST and SCEP are made of.

    signed = parse_signed(unverified_octets)      # only reads
    certificate = signed.verify(STRONG_DIGESTS)   # by whose key it was signed; who that is, others must find out
    envelope = parse_enveloped(signed.content)
    content = envelope.decrypt(private_key, STRONG_CIPHERS)

Readers take BER as well as DER, and no more than the one signer and the one content that these protocols have. They
raise `ValueError`; the verdicts raise `CMSError`, whose `why` a protocol puts into its own words.
"""

from certdesk.wire.cms.algorithms import STRONG_CIPHERS, STRONG_DIGESTS, Cipher, CMSError, Digest, Why
from certdesk.wire.cms.content import Certificate, Party, certs_only, parse_certificate
from certdesk.wire.cms.enveloped import Enveloped, enveloped, parse_enveloped
from certdesk.wire.cms.signed import Signed, parse_signed, signed

__all__ = [
    "STRONG_CIPHERS",
    "STRONG_DIGESTS",
    "CMSError",
    "Certificate",
    "Cipher",
    "Digest",
    "Enveloped",
    "Party",
    "Signed",
    "Why",
    "certs_only",
    "enveloped",
    "parse_certificate",
    "parse_enveloped",
    "parse_signed",
    "signed",
]
