"""PKCS#10 certification requests (RFC 2986), from PEM or DER.

    >>> csr = parse_csr(unverified_csr)  # doctest: +SKIP
    >>> csr.verify()  # doctest: +SKIP

`parse_csr` only reads. What the key and the names are worth is policy's to say. That costs far less than
loading the key and checking the signature, and tells a weak key from a forged request, so `verify` is best called last.

Devices in the field send CSRs that a strict reader refuses: attributes or parts of a name that are not in DER's
order, a subject with characters that its string type does not have, no attributes where there must be an empty set.
Such a CSR is put in order for reading, and its signature is verified over the octets that were sent.
"""

import binascii
import re
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certdesk.domain.enrollment import Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.text import N_
from certdesk.wire import der as asn1
from certdesk.wire.names import Name, parse_name, text_of
from certdesk.wire.spki import is_fixed_size_key, spki_of

LARGEST_CSR = 32 * 1024
"""Bytes of PEM or DER. An RSA 8192 key with a hundred long names stays below; RFC 2986 sets no limit."""
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 - the attribute's OID
BAD_EXPONENT = N_("an RSA key's public exponent is an odd number from 3 to 2147483647")
"""Shared with policy, which sees only the exponents that cryptography lets through."""

_LABELS = frozenset({b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"})  # RFC 7468 §7
_SHOWABLE_LABEL = re.compile(rb"[A-Z0-9 ]{1,32}")
_WHITESPACE = b" \t\r\n\v\f"
_BEGIN = b"-----BEGIN "
_SEQUENCE = b"\x30"
_ATTRIBUTES = 0xA0
_ED25519 = x509.SignatureAlgorithmOID.ED25519


@dataclass(frozen=True, slots=True)
class CSR:
    """A certification request that could be read; its signature is unverified until `verify` returns."""

    der: bytes
    spki: bytes
    """DER SubjectPublicKeyInfo, byte for byte as in the request."""
    spki_sha256: bytes
    signature_hash: str | None
    """The hash's name as cryptography spells it (`sha256`); None for Ed25519 and Ed448, which bring their own."""
    names: Names
    """DNS names and IP addresses of the requested subject_alt_name, as written there."""
    emails: tuple[str, ...]
    other_names: tuple[str, ...]
    """The types of the names that are none of these, such as `OtherName`."""
    info: bytes = field(repr=False)
    """DER CertificationRequestInfo: what the requester signed, octet for octet."""
    _request: x509.CertificateSigningRequest = field(repr=False, compare=False)

    @property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The requested key, loaded each time; raises `BAD_CSR` for a point that is not on its curve."""
        return _public_key(self._request)

    def subject(self) -> Name:
        """Return the subject that the CSR asks for; raise `BAD_CSR` if there is none to read."""
        try:
            return parse_name(self.info, asn1.parts(self.info, asn1.whole(self.info))[1])
        except ValueError:
            raise _bad(N_("the CSR's subject cannot be read")) from None

    def attribute(self, dotted: str) -> str | None:
        """Return the text of an attribute, such as the challengePassword (RFC 2985 §5.4.1); None if it has none.

        Raises `BAD_CSR` for attributes that are not in pairs.
        """
        values = self._attribute(dotted)
        return None if values is None else "".join(text_of(self.info, each) for each in values)

    def _attribute(self, dotted: str) -> list[asn1.Element] | None:
        wanted = asn1.oid(dotted)
        if wanted not in self.info:
            return None
        try:
            for some in asn1.parts(self.info, asn1.whole(self.info))[3:]:
                for attribute in asn1.parts(self.info, some, _ATTRIBUTES):
                    kind, values = asn1.parts(self.info, attribute)
                    if asn1.taken(self.info, kind) == wanted:
                        return asn1.parts(self.info, values, asn1.SET)
        except ValueError:
            raise _bad(N_("the CSR's attributes cannot be read")) from None
        return None

    @property
    def is_redacted(self) -> bool:
        """Tell whether its challengePassword was taken out, so that its signature verifies no more."""
        return self.attribute(CHALLENGE_PASSWORD) == ""

    def redacted(self) -> bytes:
        """Return the CSR (DER) to be kept: its challengePassword, which may be worth something, is not kept in it.

        In its place stand as many zeros, as an octet string, so that every length stays what it was.
        """
        values = self._attribute(CHALLENGE_PASSWORD)
        if not values:
            return self.der
        begin = self.der.index(self.info)
        kept = bytearray(self.der)
        for value in values:
            kept[begin + value.begin] = asn1.OCTET_STRING
            kept[begin + value.content : begin + value.end] = bytes(value.end - value.content)
        return bytes(kept)

    def verify(self) -> None:
        """Check the key and the proof of possession, the signature by it (RFC 2986 §4.2); else raise `BAD_CSR`."""
        try:
            valid = self._signature_verifies()
        except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
            valid = False
        if not valid:
            raise _bad(N_("the CSR's signature does not verify: it was not made by the CSR's own key, or was altered"))

    def _signature_verifies(self) -> bool:
        # Not `is_signature_valid`: the octets that were signed may be in another order than those that were read.
        key, signature = self.public_key, self._request.signature
        algorithm = self._request.signature_algorithm_parameters
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(algorithm, ec.ECDSA):
            key.verify(signature, self.info, algorithm)
            return True
        digest = self._request.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and isinstance(algorithm, padding.PKCS1v15 | padding.PSS) and digest:
            key.verify(signature, self.info, algorithm, digest)
            return True
        if isinstance(key, ed25519.Ed25519PublicKey) and self._request.signature_algorithm_oid == _ED25519:
            key.verify(signature, self.info)
            return True
        return False


def parse_csr(unverified_csr: bytes | str) -> CSR:
    """Read a CSR from PEM (text around the block is ignored) or DER.

    Raises `BAD_CSR`, or `WEAK_KEY` for a key that no one should use and that cryptography refuses to load.
    """
    if len(unverified_csr) > LARGEST_CSR:
        raise _bad(N_("a CSR may have {most} bytes, this one has {size}"), most=LARGEST_CSR, size=len(unverified_csr))
    octets = unverified_csr.encode("utf-8", "replace") if isinstance(unverified_csr, str) else bytes(unverified_csr)
    der = _der_of_pem(octets) if _BEGIN in octets or octets[:1] != _SEQUENCE else octets
    request, info = _load(der)
    _version, _subject, third, *_attributes = asn1.parts(info, asn1.whole(info))
    spki = asn1.taken(info, third)
    if not (is_fixed_size_key(spki) or spki == spki_of(_public_key(request))):
        # Explicit curve parameters and hybrid points MUST NOT be used (RFC 5480 §2.1.1, §2.2); compressed points and
        # id-RSASSA-PSS keys go with them, because the device shows the verification code of the bytes that it sent.
        raise _bad(N_("the CSR's key is not encoded as usual: a named curve and an uncompressed point, or plain RSA"))
    names, emails, others = _requested_names(request)
    return CSR(der, spki, sha256(spki), _signature_hash(request), names, emails, others, info, request)


def _bad(message: str, **values: object) -> CertdeskError:
    return CertdeskError(ErrorKind.BAD_CSR, message, field="csr", **values)


def _der_of_pem(octets: bytes) -> bytes:
    """Decode the only PEM block (RFC 7468 §3, lax in whitespace alone)."""
    _before, *blocks = octets.split(_BEGIN)
    if b"PRIVATE KEY-----" in octets:
        raise _bad(N_("this holds a private key, which must never be sent: make a new key, and send only its CSR"))
    if not blocks:
        raise _bad(N_("this is not a CSR: a PKCS#10 request in PEM or DER is expected"))
    if len(blocks) > 1:
        raise _bad(N_("one CSR is expected, these are {count} PEM blocks"), count=len(blocks))
    label, _dashes, rest = blocks[0].partition(b"-----")
    if label not in _LABELS:
        shown = label.decode() if _SHOWABLE_LABEL.fullmatch(label) else "?"
        raise _bad(N_("this PEM block is a {label}, a CERTIFICATE REQUEST is expected"), label=shown)
    text, end, _after = rest.partition(b"-----END " + label + b"-----")
    if not end:
        raise _bad(N_("the CSR's PEM block has no end: it was cut off"))
    try:
        return binascii.a2b_base64(text.translate(None, _WHITESPACE), strict_mode=True)
    except ValueError:
        raise _bad(N_("the CSR's PEM block is not base64")) from None


def _load(der: bytes) -> tuple[x509.CertificateSigningRequest, bytes]:
    """Return a CSR, put in order if need be, and what the requester signed."""
    try:
        request = x509.load_der_x509_csr(der)
    except (ValueError, x509.InvalidVersion):
        pass
    else:
        return request, request.tbs_certrequest_bytes
    try:
        ordered, info = _in_order(der)
        return x509.load_der_x509_csr(ordered), info
    except (ValueError, x509.InvalidVersion):
        raise _bad(N_("the CSR is damaged, or is not a PKCS#10 request in DER")) from None


def _in_order(der: bytes) -> tuple[bytes, bytes]:
    """Return a CSR as a strict reader wants it, and the CertificationRequestInfo as it was sent.

    The subject is left out: nothing but `CSR.subject` reads it, which takes it from the original.
    """
    info, algorithm, signature = asn1.parts(der, asn1.whole(der))
    version, subject, spki, *attributes = asn1.parts(der, info)
    parse_name(der, subject)
    if len(attributes) > 1:
        raise ValueError("something follows the attributes")
    values = [der[each.begin : each.end] for some in attributes for each in asn1.parts(der, some, _ATTRIBUTES)]
    ordered = asn1.sequence(
        asn1.sequence(
            der[version.begin : version.end],
            asn1.sequence(),
            der[spki.begin : spki.end],
            asn1.tlv(_ATTRIBUTES, b"".join(sorted(values))),
        ),
        der[algorithm.begin : signature.end],
    )
    return ordered, der[info.begin : info.end]


def _public_key(request: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    try:
        return request.public_key()
    except UnsupportedAlgorithm:
        raise CertdeskError(
            ErrorKind.WEAK_KEY, N_("the key's algorithm or curve is not known to the desk: use EC P-256"), field="csr"
        ) from None
    except ValueError as error:
        if str(error).startswith("e must be"):  # a test holds cryptography to these words
            raise CertdeskError(ErrorKind.WEAK_KEY, BAD_EXPONENT, field="csr") from None
        raise _bad(N_("the CSR's public key is damaged")) from None


def _signature_hash(request: x509.CertificateSigningRequest) -> str | None:
    try:
        algorithm = request.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        raise _bad(N_("the CSR's signature algorithm is not known to the desk")) from None
    return algorithm.name if algorithm else None


def _requested_names(request: x509.CertificateSigningRequest) -> tuple[Names, tuple[str, ...], tuple[str, ...]]:
    """Return the names, e-mail addresses and other types in the extensionRequest (RFC 2985 §5.4.2)."""
    try:
        extensions = request.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise _bad(N_("the CSR's requested extensions cannot be read")) from None
    found: dict[str, list[str]] = {"DNSName": [], "IPAddress": [], "RFC822Name": []}
    others = []
    for extension in extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in extension.value:
                kind = type(name).__name__
                if kind in found:
                    found[kind].append(str(name.value))
                else:
                    others.append(kind)
    return Names(tuple(found["DNSName"]), tuple(found["IPAddress"])), tuple(found["RFC822Name"]), tuple(others)
