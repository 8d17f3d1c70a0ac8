"""What each kind of certificate looks like, and the CA's own check that an order fits its kind.

The registration authority has judged the request by policy before. The CA does not take its word for it:
it checks whatever it is about to sign against the profile, with the same rules for texts and names.
"""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certdesk.ca import extensions, names
from certdesk.ca.order import CertificateOrder
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.policy.contact import judge_email
from certdesk.policy.countries import COUNTRIES
from certdesk.policy.fields import (
    LONGEST_COMMON_NAME,
    LONGEST_LOCALITY,
    LONGEST_ORGANISATION_NAME,
    LONGEST_STATE,
    judge_text,
)
from certdesk.policy.keys import LEAST_RSA_BITS, MOST_RSA_BITS
from certdesk.policy.names import judge_names
from certdesk.wire.spki import is_fixed_size_key, spki_of

POLICY_ARC = "1.2.840.113556.1.8000.2554.5084.8238.8356.19742.47922.7000283.5807182"
"""The arc of Certdesk's certificate policies, made from UUID 13dc202e-20a4-4d1e-bb32-6ad0db589c4e.

It is the UUID in pieces under the arc that Microsoft opened to everyone for that. The UUID arc of X.667 (2.25)
would do in theory; in practice an arc of 128 bits makes Go before 1.22 and Windows refuse the certificate.
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """What distinguishes one kind of certificate from the others."""

    policy: str
    """The certificate policy's OID."""
    purposes: tuple[bytes, ...]
    """Extended key usages, DER OIDs."""


PROFILES = {
    Kind.MOBILE: Profile(f"{POLICY_ARC}.1.1", (extensions.CLIENT_AUTH,)),
    Kind.WORKSTATION: Profile(f"{POLICY_ARC}.1.2", (extensions.CLIENT_AUTH,)),
    Kind.SERVER: Profile(f"{POLICY_ARC}.1.3", (extensions.SERVER_AUTH, extensions.CLIENT_AUTH)),
    Kind.MANAGER: Profile(f"{POLICY_ARC}.1.4", (extensions.CLIENT_AUTH,)),
}

DESK_PROFILE = Profile(f"{POLICY_ARC}.1.5", (extensions.SERVER_AUTH,))
"""The desk's own TLS server certificate."""


def constant_extensions(profile: Profile, *, encipherment: bool = False) -> bytes:
    """Return the extensions that all certificates of a profile share.

    An RSA key of a server also enciphers keys: TLS 1.2 with RSA key exchange asks for it (RFC 5246 §7.4.2).
    """
    bits = (extensions.DIGITAL_SIGNATURE,) + ((extensions.KEY_ENCIPHERMENT,) if encipherment else ())
    return (
        extensions.end_entity()
        + extensions.key_usage(*bits)
        + extensions.extended_key_usage(*profile.purposes)
        + extensions.certificate_policies(profile.policy)
    )


def subject(order: CertificateOrder) -> bytes:
    """Return the DER subject of an order."""
    return names.distinguished_name(*_subject_attributes(order))


def subject_text(order: CertificateOrder) -> str:
    """Return the subject of an order as RFC 4514 writes it, without a detour by its DER."""
    return names.distinguished_name_text(*_subject_attributes(order))


def _subject_attributes(order: CertificateOrder) -> tuple[tuple[bytes, str], ...]:
    common_name = names.server_common_name(order.names) if order.kind is Kind.SERVER else order.common_name
    return (
        (names.COUNTRY, order.country),
        (names.STATE_OR_PROVINCE, order.state_or_province),
        (names.LOCALITY, order.locality),
        (names.ORGANISATION, order.organisation_name),
        (names.COMMON_NAME, common_name),
    )


def subject_alt_name(order: CertificateOrder) -> bytes:
    """Return the extension with an order's subject alternative names; nothing for a device without an address."""
    if order.kind is Kind.SERVER:
        return extensions.subject_alt_name(names.server_names(order.names))
    return extensions.subject_alt_name(names.email_name(order.email)) if order.email else b""


def judge_order(order: CertificateOrder) -> list[Problem]:
    """Return what speaks against an order's subject and names."""
    problems = [
        *judge_text("state_or_province", order.state_or_province, LONGEST_STATE, required=False),
        *judge_text("locality", order.locality, LONGEST_LOCALITY, required=False),
        *judge_text("organisation_name", order.organisation_name, LONGEST_ORGANISATION_NAME),
    ]
    if order.country and order.country not in COUNTRIES:
        problems.append(
            Problem(
                ErrorKind.INVALID_FIELD,
                N_("a country is one of the two-letter codes of ISO 3166-1, such as FR"),
                "country",
            )
        )
    if order.kind is Kind.SERVER:
        # Whether the organisation may have wildcards is policy's to know.
        return problems + judge_names(order.names, allow_wildcards=True)
    problems += judge_text("common_name", order.common_name, LONGEST_COMMON_NAME)
    problems += judge_email("email", order.email, required=order.kind is Kind.MANAGER)
    if order.names:
        problems.append(Problem(ErrorKind.NAME_NOT_ALLOWED, N_("only a server's certificate carries names"), "names"))
    return problems


def check_key(spki: bytes) -> bool:
    """Check a subject's key (DER SubjectPublicKeyInfo) and tell whether it is RSA.

    Raises `WEAK_KEY` if it is not one of the kinds, sizes and encodings that are certified. A second encoding of a key
    is refused, or the key could come back under another digest. That there is a private key to it is not
    asked again: the registration authority has verified the proof of possession over these very octets.
    """
    if is_fixed_size_key(spki):
        return False
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey) and LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS and spki_of(key) == spki:
        return True
    raise CertdeskError(ErrorKind.WEAK_KEY, N_("this kind, size or encoding of key is not certified"), field="csr")
