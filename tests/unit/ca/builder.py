"""What cryptography's own CertificateBuilder makes of an order: the second opinion on our assembly."""

import hashlib
import ipaddress
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.order import CertificateOrder
from certdesk.ca.profiles import POLICY_ARC
from certdesk.domain.enrollment import Kind
from certdesk.keys.signer import SigningKey

POLICIES = {Kind.MOBILE: 1, Kind.WORKSTATION: 2, Kind.SERVER: 3, Kind.MANAGER: 4}


def built(ca: CertificateAuthority, order: CertificateOrder) -> x509.Certificate:
    """Return the certificate that an order should become."""
    issuing = ca.issuing_certificate
    key = load_der_public_key(order.spki)
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey)
    private_key = ca.hierarchy.issuing_signer.private_key
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(order))
        .issuer_name(issuing.subject)
        .serial_number(int.from_bytes(order.serial_number))
        .public_key(key)
        .not_valid_before(moment(order.not_before))
        .not_valid_after(moment(order.not_after))
    )
    for value, critical in _extensions(ca, order, encipherment=isinstance(key, rsa.RSAPublicKey)):
        builder = builder.add_extension(value, critical)
    return builder.sign(private_key, signature_hash(private_key))


def signature_hash(private_key: SigningKey) -> hashes.SHA256 | hashes.SHA384 | None:
    """Return the hash that an issuing key signs with."""
    if isinstance(private_key, ed25519.Ed25519PrivateKey):
        return None
    return hashes.SHA384() if private_key.key_size == 384 else hashes.SHA256()


def moment(milliseconds: int) -> datetime:
    """Return a time with whole seconds."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC)


def _subject(order: CertificateOrder) -> x509.Name:
    common_name = order.common_name
    if order.kind is Kind.SERVER:
        common_name = next((name for name in order.names.dns[:1] if len(name) <= 64), "")
    attributes = [
        (NameOID.COUNTRY_NAME, order.country),
        (NameOID.STATE_OR_PROVINCE_NAME, order.state_or_province),
        (NameOID.LOCALITY_NAME, order.locality),
        (NameOID.ORGANIZATION_NAME, order.organisation_name),
        (NameOID.COMMON_NAME, common_name),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes if value])


def _extensions(
    ca: CertificateAuthority, order: CertificateOrder, *, encipherment: bool
) -> list[tuple[x509.ExtensionType, bool]]:
    url, server = ca.hierarchy.pki_url, order.kind is Kind.SERVER
    issuer_ski = ca.issuing_certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] if server else []
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{url}/crl/issuing.crl")], None, None, None)
    policy = x509.ObjectIdentifier(f"{POLICY_ARC}.1.{POLICIES[order.kind]}")
    ocsp, issuers = f"{url}/ocsp", f"{url}/ca/issuing.cer"
    return [
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_ski), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(encipherment=server and encipherment), True),
        (x509.ExtendedKeyUsage([*purposes, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.CertificatePolicies([x509.PolicyInformation(policy, None)]), False),
        (x509.CRLDistributionPoints([point]), False),
        (
            x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp)),
                    x509.AccessDescription(
                        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuers)
                    ),
                ]
            ),
            False,
        ),
        *((x509.SubjectAlternativeName(names), False) for names in [_general_names(order)] if names),
        (x509.SubjectKeyIdentifier(_key_identifier(order.spki)), False),
    ]


def _general_names(order: CertificateOrder) -> list[x509.GeneralName]:
    if order.kind is not Kind.SERVER:
        return [x509.RFC822Name(order.email)] if order.email else []
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in order.names.ip]
    return [*map(x509.DNSName, order.names.dns), *addresses]


def _key_identifier(spki: bytes) -> bytes:
    key = load_der_public_key(spki)
    if isinstance(key, rsa.RSAPublicKey):
        bits = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        bits = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        assert isinstance(key, ed25519.Ed25519PublicKey)
        bits = key.public_bytes_raw()
    return hashlib.sha256(bits).digest()[:20]


def _key_usage(*, encipherment: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=encipherment,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
