"""SignedData (RFC 5652 §5) with exactly one signer and signed attributes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certdesk.wire import der
from certdesk.wire.cms.algorithms import (
    DIGEST_OIDS,
    DIGESTS,
    ECDSA,
    HASHES,
    PSS,
    RSA,
    RSA_ENCRYPTION,
    SIGNATURES,
    CMSError,
    Digest,
    Why,
    algorithm_oid,
)
from certdesk.wire.cms.content import (
    CONTEXT_0,
    DATA,
    SIGNED_DATA,
    VERSION_1,
    Certificate,
    Party,
    content_info,
    content_of,
    issuer_and_serial_number,
    parse_certificate,
    parse_party,
)

CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")


@dataclass(frozen=True, slots=True)
class Signed:
    """What was read, and is unverified until `verify` returns."""

    content: bytes
    """The signed octets; empty if there are none."""
    certificates: tuple[Certificate, ...]
    signer: Party
    digest: Digest | None
    """What the signer hashed with; None if it is not known here."""
    attributes: Mapping[bytes, bytes]
    """The only value (DER) of each signed attribute, by its OID (DER)."""
    _octets: tuple[bytes, ...] = field(repr=False)
    """What the signature may be over: the attributes as they came and, if that is another order, as DER has them."""
    _algorithm: bytes = field(repr=False)
    _signature: bytes = field(repr=False)

    def verify(self, digests: frozenset[Digest]) -> Certificate:
        """Return the certificate of whoever signed this; raise `CMSError` if that cannot be told.

        Nothing is said about the certificate itself: devices make theirs themselves.
        """
        family, digest = SIGNATURES.get(self._algorithm, ("", None))
        digest = digest or self.digest
        if not family or self.digest is None or digest is None or not {self.digest, digest} <= digests:
            raise CMSError(Why.ALGORITHM)
        certificate = next((each for each in self.certificates if self.signer.is_of(each)), None)
        if certificate is None or not self._holds_content(self.digest):
            raise CMSError(Why.SIGNATURE)
        key = certificate.public_key()
        if not any(_verifies(key, family, HASHES[digest], self._signature, octets) for octets in self._octets):
            raise CMSError(Why.SIGNATURE)
        return certificate

    def _holds_content(self, digest: Digest) -> bool:
        """Tell whether the signed attributes are about this content (RFC 5652 §5.4)."""
        stated, actual = self.attributes.get(MESSAGE_DIGEST, b""), der.octet_string(digest_of(self.content, digest))
        return compare_digest(stated, actual) and self.attributes.get(CONTENT_TYPE) == DATA


def digest_of(content: bytes, digest: Digest) -> bytes:
    """Return the hash of octets."""
    hashing = hashes.Hash(HASHES[digest])
    hashing.update(content)
    return hashing.finalize()


def _verifies(
    key: PublicKeyTypes | None, family: str, algorithm: hashes.HashAlgorithm, signature: bytes, octets: bytes
) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey) and family == RSA:
            key.verify(signature, octets, padding.PKCS1v15(), algorithm)
        elif isinstance(key, rsa.RSAPublicKey) and family == PSS:
            key.verify(signature, octets, padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and family == ECDSA:
            key.verify(signature, octets, ec.ECDSA(algorithm))
        else:
            return False
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def parse_signed(unverified_octets: bytes) -> Signed:
    """Read a SignedData in a ContentInfo; raises `ValueError`, also if it has not exactly one signer."""
    octets, content = content_of(unverified_octets, SIGNED_DATA)
    _version, _digests, encapsulated, *optional, signers = der.parts(octets, content)
    [signer] = der.parts(octets, signers, der.SET)
    certificates = [each for some in optional if some.tag == CONTEXT_0 for each in der.parts(octets, some, CONTEXT_0)]
    _version, party, digest, attributes, algorithm, signature, *_unsigned = der.parts(octets, signer)
    members = [der.taken(octets, each) for each in der.parts(octets, attributes, CONTEXT_0)]
    return Signed(
        _encapsulated(octets, encapsulated),
        tuple(parse_certificate(der.taken(octets, each)) for each in certificates if each.tag == der.SEQUENCE),
        parse_party(octets, party),
        DIGESTS.get(algorithm_oid(octets, digest)),
        _values(members),
        tuple(dict.fromkeys(der.tlv(der.SET, b"".join(each)) for each in (members, sorted(members)))),
        algorithm_oid(octets, algorithm),
        der.content(octets, signature, der.OCTET_STRING),
    )


def _encapsulated(octets: bytes, element: der.Element) -> bytes:
    """Return the signed octets; none if there is no content, or an empty one."""
    kind, *wrapped = der.parts(octets, element)
    if der.taken(octets, kind) != DATA or len(wrapped) > 1:
        raise ValueError("data is expected here")
    inner = [each for some in wrapped for each in der.parts(octets, some, CONTEXT_0)]
    return b"".join(der.content(octets, each, der.OCTET_STRING) for each in inner)


def _values(members: list[bytes]) -> dict[bytes, bytes]:
    """Return the attributes' values; each attribute stands there once and has one value (RFC 5652 §11)."""
    found: dict[bytes, bytes] = {}
    for member in members:
        kind, values = der.parts(member, der.whole(member))
        [value] = der.parts(member, values, der.SET)
        found[der.taken(member, kind)] = der.taken(member, value)
    if len(found) < len(members):
        raise ValueError("an attribute stands there twice")
    return found


def signed(
    content: bytes,
    attributes: Mapping[bytes, bytes],
    key: rsa.RSAPrivateKey,
    certificate: Certificate,
    digest: Digest,
    others: tuple[bytes, ...] = (),
) -> bytes:
    """Return a SignedData in a ContentInfo: content, attributes (values in DER by their DER OIDs), one RSA signature.

    Without content there is an empty one: some readers stumble over none. The signer's certificate goes along, and
    others (DER).
    """
    every = {**attributes, CONTENT_TYPE: DATA, MESSAGE_DIGEST: der.octet_string(digest_of(content, digest))}
    members = b"".join(sorted(der.sequence(kind, der.tlv(der.SET, value)) for kind, value in every.items()))
    algorithm = der.sequence(DIGEST_OIDS[digest], der.NULL)
    signature = key.sign(der.tlv(der.SET, members), padding.PKCS1v15(), HASHES[digest])
    return content_info(
        SIGNED_DATA,
        der.sequence(
            VERSION_1,
            der.tlv(der.SET, algorithm),
            der.sequence(DATA, der.explicit(0, der.octet_string(content))),
            der.explicit(0, b"".join(sorted((certificate.der, *others)))),
            der.tlv(
                der.SET,
                der.sequence(
                    VERSION_1,
                    issuer_and_serial_number(certificate),
                    algorithm,
                    der.explicit(0, members),
                    RSA_ENCRYPTION,
                    der.octet_string(signature),
                ),
            ),
        ),
    )
