"""Puts keys, CSRs and certificates into words, as people know them from a browser's certificate window."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from certdesk.domain.enrollment import Kind
from certdesk.domain.text import N_

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_ATTRIBUTES = {
    NameOID.COUNTRY_NAME: N_("Country (C)"),
    NameOID.STATE_OR_PROVINCE_NAME: N_("State or province (ST)"),
    NameOID.LOCALITY_NAME: N_("Locality (L)"),
    NameOID.ORGANIZATION_NAME: N_("Organisation (O)"),
    NameOID.ORGANIZATIONAL_UNIT_NAME: N_("Unit (OU)"),
    NameOID.COMMON_NAME: N_("Common name (CN)"),
}
_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: N_("sign in to servers (TLS client)"),
    ExtendedKeyUsageOID.SERVER_AUTH: N_("answer as a server (TLS server)"),
}
_USAGES = {
    "digital_signature": N_("digital signature"),
    "content_commitment": N_("non-repudiation"),
    "key_encipherment": N_("key encipherment"),
    "data_encipherment": N_("data encipherment"),
    "key_agreement": N_("key agreement"),
    "key_cert_sign": N_("certificate signing"),
    "crl_sign": N_("CRL signing"),
}


def key_name(key: CertificatePublicKeyTypes) -> str:
    """Return a key's type and size, such as `EC P-256`."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else type(key).__name__


def requested_subject(csr_der: bytes) -> str:
    """Return the subject that a CSR asks for (RFC 4514), of which nothing is taken over."""
    try:
        return x509.load_der_x509_csr(csr_der).subject.rfc4514_string()
    except ValueError:
        return "?"


def purposes_of(kind: Kind) -> tuple[str, ...]:
    """Return what a certificate of a kind is for, as message ids."""
    client, server = _PURPOSES[ExtendedKeyUsageOID.CLIENT_AUTH], _PURPOSES[ExtendedKeyUsageOID.SERVER_AUTH]
    return (server, client) if kind is Kind.SERVER else (client,)


@dataclass(frozen=True, slots=True)
class Description:
    """A certificate in words; labels, usages and purposes are message ids where the desk has a word for them."""

    version: str
    serial_number: str
    subject: tuple[tuple[str, str], ...]
    issuer: tuple[tuple[str, str], ...]
    not_before: int
    not_after: int
    key: str
    signature: str
    names: tuple[str, ...]
    usages: tuple[str, ...]
    purposes: tuple[str, ...]
    policies: tuple[str, ...]
    crls: tuple[str, ...]
    ocsp: tuple[str, ...]
    issuers: tuple[str, ...]
    sha256: str
    sha1: str


def describe(der: bytes) -> Description:
    """Return a certificate of our own CA in words."""
    certificate = x509.load_der_x509_certificate(der)
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    access = extensions.get(x509.AuthorityInformationAccess.oid)
    usage = extensions.get(x509.KeyUsage.oid)
    return Description(
        version=str(certificate.version.value + 1),
        serial_number=f"{certificate.serial_number:032x}",
        subject=_attributes(certificate.subject),
        issuer=_attributes(certificate.issuer),
        not_before=int(certificate.not_valid_before_utc.timestamp()) * 1000,
        not_after=int(certificate.not_valid_after_utc.timestamp()) * 1000,
        key=key_name(certificate.public_key()),
        signature=_signature(certificate),
        names=_names(extensions.get(x509.SubjectAlternativeName.oid)),
        usages=_usages(usage) if isinstance(usage, x509.KeyUsage) else (),
        purposes=_purposes(extensions.get(x509.ExtendedKeyUsage.oid)),
        policies=_policies(extensions.get(x509.CertificatePolicies.oid)),
        crls=_crls(extensions.get(x509.CRLDistributionPoints.oid)),
        ocsp=_access(access, AuthorityInformationAccessOID.OCSP),
        issuers=_access(access, AuthorityInformationAccessOID.CA_ISSUERS),
        sha256=certificate.fingerprint(SHA256()).hex(":"),
        sha1=certificate.fingerprint(SHA1()).hex(":"),  # noqa: S303 - browsers show it, so people compare it
    )


def chain_names(chain_pem: str) -> tuple[str, ...]:
    """Return the subjects of a chain's certificates (RFC 4514), the root first."""
    certificates = x509.load_pem_x509_certificates(chain_pem.encode())
    return tuple(certificate.subject.rfc4514_string() for certificate in reversed(certificates))


def _attributes(name: x509.Name) -> tuple[tuple[str, str], ...]:
    return tuple((_ATTRIBUTES.get(each.oid, each.oid.dotted_string), str(each.value)) for each in name)


def _signature(certificate: x509.Certificate) -> str:
    """Return a signature's algorithm, such as `ECDSA SHA-256`; Ed25519 brings its own hash."""
    digest = certificate.signature_hash_algorithm
    if digest is None:
        return "Ed25519"
    kind = "ECDSA" if isinstance(certificate.signature_algorithm_parameters, ec.ECDSA) else "RSA"
    return f"{kind} {digest.name.upper().replace('SHA', 'SHA-')}"


def _names(value: x509.ExtensionType | None) -> tuple[str, ...]:
    if not isinstance(value, x509.SubjectAlternativeName):
        return ()
    return tuple(str(name.value) for name in value)


def _usages(usage: x509.KeyUsage) -> tuple[str, ...]:
    return tuple(word for attribute, word in _USAGES.items() if getattr(usage, attribute))


def _purposes(value: x509.ExtensionType | None) -> tuple[str, ...]:
    if not isinstance(value, x509.ExtendedKeyUsage):
        return ()
    return tuple(_PURPOSES.get(purpose, purpose.dotted_string) for purpose in value)


def _policies(value: x509.ExtensionType | None) -> tuple[str, ...]:
    if not isinstance(value, x509.CertificatePolicies):
        return ()
    return tuple(policy.policy_identifier.dotted_string for policy in value)


def _crls(value: x509.ExtensionType | None) -> tuple[str, ...]:
    if not isinstance(value, x509.CRLDistributionPoints):
        return ()
    return tuple(str(name.value) for point in value for name in point.full_name or ())


def _access(value: x509.ExtensionType | None, method: x509.ObjectIdentifier) -> tuple[str, ...]:
    if not isinstance(value, x509.AuthorityInformationAccess):
        return ()
    return tuple(str(entry.access_location.value) for entry in value if entry.access_method == method)
