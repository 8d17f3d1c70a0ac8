"""Encode certificate and CRL extensions (RFC 5280 §4.2 and §5.2), each as a whole DER Extension."""

from certdesk.wire import der

CLIENT_AUTH = der.oid("1.3.6.1.5.5.7.3.2")
SERVER_AUTH = der.oid("1.3.6.1.5.5.7.3.1")
CMC_RA = der.oid("1.3.6.1.5.5.7.3.28")
OCSP_SIGNING = der.oid("1.3.6.1.5.5.7.3.9")

DIGITAL_SIGNATURE, KEY_ENCIPHERMENT, KEY_CERT_SIGN, CRL_SIGN = 0, 2, 5, 6
"""Bits of the key usage (RFC 5280 §4.2.1.3)."""

ANY_POLICY = "2.5.29.32.0"

_AUTHORITY_KEY_IDENTIFIER = der.oid("2.5.29.35")
_SUBJECT_KEY_IDENTIFIER = der.oid("2.5.29.14")
_KEY_USAGE = der.oid("2.5.29.15")
_EXTENDED_KEY_USAGE = der.oid("2.5.29.37")
_BASIC_CONSTRAINTS = der.oid("2.5.29.19")
_CERTIFICATE_POLICIES = der.oid("2.5.29.32")
_CRL_DISTRIBUTION_POINTS = der.oid("2.5.29.31")
_AUTHORITY_INFORMATION_ACCESS = der.oid("1.3.6.1.5.5.7.1.1")
_SUBJECT_ALT_NAME = der.oid("2.5.29.17")
_OCSP_NO_CHECK = der.oid("1.3.6.1.5.5.7.48.1.5")
_NO_REVOCATION_AVAILABLE = der.oid("2.5.29.56")
_CRL_NUMBER = der.oid("2.5.29.20")
_REASON_CODE = der.oid("2.5.29.21")

_URI = 6
_OCSP = der.oid("1.3.6.1.5.5.7.48.1")
_CA_ISSUERS = der.oid("1.3.6.1.5.5.7.48.2")


def extension(oid: bytes, value: bytes, *, critical: bool = False) -> bytes:
    """Return an Extension around a DER value."""
    return der.sequence(oid, der.TRUE if critical else b"", der.octet_string(value))


def authority_key_identifier(key_identifier: bytes) -> bytes:
    """Return the AKI, by key identifier only."""
    return extension(_AUTHORITY_KEY_IDENTIFIER, der.sequence(der.implicit(0, key_identifier)))


def subject_key_identifier(key_identifier: bytes) -> bytes:
    """Return the SKI."""
    return extension(_SUBJECT_KEY_IDENTIFIER, der.octet_string(key_identifier))


def key_usage(*bits: int) -> bytes:
    """Return the key usage, critical."""
    return extension(_KEY_USAGE, der.named_bits(*bits), critical=True)


def extended_key_usage(*purposes: bytes) -> bytes:
    """Return the extended key usage."""
    return extension(_EXTENDED_KEY_USAGE, der.sequence(*purposes))


def end_entity() -> bytes:
    """Return basic constraints that say: not a CA."""
    return extension(_BASIC_CONSTRAINTS, der.sequence(), critical=True)


def certificate_authority(path_length: int | None = None) -> bytes:
    """Return basic constraints that say: a CA, with at most so many CAs below it."""
    limit = b"" if path_length is None else der.integer(path_length)
    return extension(_BASIC_CONSTRAINTS, der.sequence(der.TRUE, limit), critical=True)


def certificate_policies(dotted_oid: str) -> bytes:
    """Return one policy without qualifiers."""
    return extension(_CERTIFICATE_POLICIES, der.sequence(der.sequence(der.oid(dotted_oid))))


def crl_distribution_point(url: str) -> bytes:
    """Return where the issuer's CRL is."""
    names = der.explicit(0, der.implicit(_URI, url.encode("ascii")))
    return extension(_CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(der.explicit(0, names))))


def authority_information_access(*, ocsp: str = "", ca_issuers: str) -> bytes:
    """Return where the OCSP responder, if any, and the issuer's certificate are."""
    access = [(_OCSP, ocsp), (_CA_ISSUERS, ca_issuers)]
    return extension(
        _AUTHORITY_INFORMATION_ACCESS,
        der.sequence(*(der.sequence(method, der.implicit(_URI, url.encode("ascii"))) for method, url in access if url)),
    )


def subject_alt_name(general_names: bytes) -> bytes:
    """Return the subject alternative names; not critical, since every subject here has a name too."""
    return extension(_SUBJECT_ALT_NAME, general_names)


def ocsp_no_check() -> bytes:
    """Return the mark of a responder whose certificate needs no revocation check (RFC 6960 §4.2.2.2.1)."""
    return extension(_OCSP_NO_CHECK, der.NULL)


def no_revocation_available() -> bytes:
    """Return the mark of a short-lived certificate about which no revocation is ever published (RFC 9608)."""
    return extension(_NO_REVOCATION_AVAILABLE, der.NULL)


def crl_number(number: int) -> bytes:
    """Return a CRL's number."""
    return extension(_CRL_NUMBER, der.integer(number))


def reason_code(code: int) -> bytes:
    """Return the reason of a CRL entry."""
    return extension(_REASON_CODE, der.integer(code, der.ENUMERATED))
