"""Decide whether what the desk delivered is the certificate that was asked for, before anything is replaced by it.

    verify_certificate(unverified_certificate, unverified_chain, key=spki, anchors=anchors, kind=kind, now=now)

The path is checked link by link rather than with `cryptography.x509.verification`, which follows the web's
profile and refuses a federation's own choices, such as Ed25519 (RFC 8410).
"""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from certdesk.client.failures import unusable_answer
from certdesk.domain.enrollment import Kind
from certdesk.domain.text import N_
from certdesk.wire.spki import spki_of

LONGEST_CHAIN = 5
"""Certificates between the end entity and the trust anchor."""

_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,  # no policy is required of the path, so any will do (RFC 5280 §6.1.1)
}


def read_certificates(unverified_pem: str) -> list[x509.Certificate]:
    """Return the certificates in a PEM text, none included; raise when it cannot be read."""
    try:
        return x509.load_pem_x509_certificates(unverified_pem.encode()) if unverified_pem.strip() else []
    except ValueError as error:
        raise unusable_answer(N_("the desk's answer holds a certificate that cannot be read")) from error


def verify_certificate(
    unverified_certificate: str,
    unverified_chain: str,
    *,
    spki: bytes,
    anchors: tuple[bytes, ...],
    kind: Kind,
    now: datetime,
) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """Return the certificate and its issuers, end entity's issuer first, without the trust anchor; or raise.

    `spki` is the DER SubjectPublicKeyInfo of the key that we hold, `anchors` are the settings' certificates in DER.
    """
    found = read_certificates(unverified_certificate)
    if len(found) != 1:
        raise unusable_answer(N_("the desk's answer holds {count} certificates, not one"), count=len(found))
    certificate = found[0]
    try:
        if spki_of(certificate.public_key()) != spki:
            raise unusable_answer(N_("the desk's certificate is for another key than ours"))
        _check_time(certificate, now)
        _check_purpose(certificate, kind)
        trusted = [x509.load_der_x509_certificate(anchor) for anchor in anchors]
        return certificate, _path(certificate, read_certificates(unverified_chain), trusted, now)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise unusable_answer(N_("the desk's answer holds a certificate that cannot be read")) from error


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    if now < certificate.not_valid_before_utc:
        raise unusable_answer(
            N_("the certificate is valid only from {date} on; is this machine's clock right?"),
            date=f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
        )
    if now > certificate.not_valid_after_utc:
        raise unusable_answer(
            N_("the certificate has expired at {date}; is this machine's clock right?"),
            date=f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
        )


def _check_purpose(certificate: x509.Certificate, kind: Kind) -> None:
    """Check the extended key usage (RFC 5280 §4.2.1.12), and that this is an end entity's certificate."""
    wanted = ExtendedKeyUsageOID.SERVER_AUTH if kind is Kind.SERVER else ExtendedKeyUsageOID.CLIENT_AUTH
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    if wanted not in purposes:
        raise unusable_answer(N_("the desk's certificate is not made for a {purpose}"), purpose=kind)
    if _constraints(certificate).ca:
        raise unusable_answer(N_("the desk's certificate is a certification authority's, not an end entity's"))


def _path(
    certificate: x509.Certificate, chain: list[x509.Certificate], anchors: list[x509.Certificate], now: datetime
) -> list[x509.Certificate]:
    """Build the path from the certificate to a trust anchor (RFC 5280 §6.1), checking every link."""
    path: list[x509.Certificate] = []
    current = certificate
    while not any(_issued(anchor, current, below=len(path)) for anchor in anchors):
        issuers = [each for each in chain if each not in path and _issued(each, current, below=len(path))]
        if not issuers or len(path) == LONGEST_CHAIN:
            raise unusable_answer(N_("the desk's certificate does not come from the authority that the settings trust"))
        current = issuers[0]
        _check_time(current, now)
        path.append(current)
    return path


def _issued(issuer: x509.Certificate, subject: x509.Certificate, *, below: int) -> bool:
    """Tell whether one certificate may and did sign another, with `below` authorities between it and the end entity."""
    constraints = _constraints(issuer)
    if not constraints.ca or (constraints.path_length is not None and constraints.path_length < below):
        return False
    if not _may_sign(issuer) or _has_unknown_critical_extension(subject):
        return False
    try:
        subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return x509.BasicConstraints(ca=False, path_length=None)


def _may_sign(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _has_unknown_critical_extension(certificate: x509.Certificate) -> bool:
    return any(each.critical and each.oid not in _UNDERSTOOD for each in certificate.extensions)
