"""The certificate authority: it turns an order into a signed certificate.

    ca = CertificateAuthority(hierarchy)
    certificate = await ca.issue(order)

Serial numbers come from `new_serial_number`; whoever orders records the serial number and the intent before `issue`
is called, so no certificate can exist that the desk does not know.
"""

import os
from collections.abc import Awaitable, Callable

from cryptography import x509

from certdesk.ca import extensions, names
from certdesk.ca.hierarchy import ISSUING, Hierarchy
from certdesk.ca.order import CertificateOrder
from certdesk.ca.profiles import (
    DESK_PROFILE,
    PROFILES,
    check_key,
    constant_extensions,
    judge_order,
    subject,
    subject_alt_name,
)
from certdesk.ca.signing import (
    SERIAL_NUMBER_LENGTH,
    Validity,
    key_identifier,
    new_serial_number,
    sign_certificate,
)
from certdesk.domain.enrollment import Kind, Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import Randomness
from certdesk.domain.text import N_
from certdesk.policy.names import judge_names

Record = Callable[[bytes, str], Awaitable[None]]
"""Writes down the serial number of a certificate that the desk is about to issue to itself, and what it is for."""


async def _nowhere(_serial_number: bytes, _purpose: str) -> None:
    """Record nothing, for a CA that is not a desk's."""


class CertificateAuthority:
    """Issues certificates with the issuing CA's key."""

    def __init__(self, hierarchy: Hierarchy, randomness: Randomness = os.urandom, record: Record = _nowhere) -> None:
        self.hierarchy = hierarchy
        self.issuer = hierarchy.issuing.issuer
        """The issuing CA's key identifier, hexadecimal."""
        self.chain_pem = hierarchy.chain_pem
        """The issuing and the root certificate."""
        self.not_after = hierarchy.issuing.not_after
        """Milliseconds; no certificate may be ordered to outlive it."""
        self._randomness = randomness
        self._record = record
        self._own_keys = {hierarchy.root.spki, hierarchy.issuing.spki}
        self._constant = {
            (kind, is_rsa): self._constant_extensions(kind, is_rsa=is_rsa) for kind in Kind for is_rsa in (False, True)
        }
        self._operator = _organisation_of(hierarchy.issuing.certificate)

    @property
    def issuing_certificate(self) -> x509.Certificate:
        """The certificate of the issuing CA."""
        return self.hierarchy.issuing.certificate

    @property
    def root_der(self) -> bytes:
        """The root's certificate, DER: the trust anchor."""
        return self.hierarchy.root.der

    def new_serial_number(self) -> bytes:
        """Return a random serial number of 16 octets."""
        return new_serial_number(self._randomness)

    async def issue(self, order: CertificateOrder) -> bytes:
        """Sign the certificate that an order describes and return it in DER.

        It is a coroutine because a CA may be remote; this one signs at once. Raises what `judge_order` and
        `check_key` find, `KEY_IN_USE` for a key of the desk itself, `INTERNAL` for a serial number or a validity
        that the caller should not have asked for.
        """
        self._check_frame(order)
        if problems := judge_order(order):
            raise CertdeskError.of(problems)
        is_rsa = check_key(order.spki)
        return self._sign(
            order.serial_number,
            Validity(order.not_before, order.not_after),
            subject(order),
            order.spki,
            self._constant[order.kind, is_rsa] + subject_alt_name(order),
        )

    async def certify_responder(self, spki: bytes, validity: Validity) -> bytes:
        """Return a certificate (DER) with which a key may answer OCSP for the issuing CA (RFC 6960 §4.2.2.2)."""
        encoded = (
            extensions.authority_key_identifier(self.hierarchy.issuing.key_identifier)
            + extensions.end_entity()
            + extensions.key_usage(extensions.DIGITAL_SIGNATURE)
            + extensions.extended_key_usage(extensions.OCSP_SIGNING)
            + extensions.ocsp_no_check()
        )
        return await self._certify_own(spki, validity, "OCSP responder", encoded)

    async def certify_scep(self, spki: bytes, validity: Validity, *, signs: bool = True) -> bytes:
        """Return the certificate (DER) of a key that opens SCEP messages, and signs them too (RFC 8894 §2.1.2).

        Devices encrypt to it, so it enciphers keys; nobody asks for its revocation (RFC 9608).
        """
        usage = (extensions.DIGITAL_SIGNATURE, extensions.KEY_ENCIPHERMENT) if signs else (extensions.KEY_ENCIPHERMENT,)
        encoded = (
            extensions.authority_key_identifier(self.hierarchy.issuing.key_identifier)
            + extensions.end_entity()
            + extensions.key_usage(*usage)
            + extensions.extended_key_usage(extensions.CMC_RA)
            + extensions.no_revocation_available()
        )
        return await self._certify_own(spki, validity, "SCEP", encoded)

    async def certify_desk(self, server_names: Names, spki: bytes, validity: Validity) -> bytes:
        """Return a TLS server certificate (DER) for the desk itself.

        It is like a server's, except that nobody asks for its revocation (RFC 9608): it is short-lived, and not one
        of the certificates that the desk administers, so OCSP would call it unknown. Raises `NAME_NOT_ALLOWED`.
        """
        if problems := judge_names(server_names, allow_wildcards=True):
            raise CertdeskError.of(problems)
        encoded = (
            extensions.authority_key_identifier(self.hierarchy.issuing.key_identifier)
            + constant_extensions(DESK_PROFILE)
            + extensions.authority_information_access(ca_issuers=self._url("ca", "cer"))
            + extensions.no_revocation_available()
            + extensions.subject_alt_name(names.server_names(server_names))
        )
        return await self._certify_own(spki, validity, names.server_common_name(server_names), encoded)

    async def _certify_own(self, spki: bytes, validity: Validity, common_name: str, encoded_extensions: bytes) -> bytes:
        """Certify one of the desk's own keys; its serial number is on record before, as everybody's is."""
        self._own_keys.add(spki)
        serial_number = self.new_serial_number()
        await self._record(serial_number, common_name)
        name = names.distinguished_name((names.ORGANISATION, self._operator), (names.COMMON_NAME, common_name))
        return self._sign(serial_number, validity, name, spki, encoded_extensions)

    def _sign(
        self, serial_number: bytes, validity: Validity, name: bytes, spki: bytes, encoded_extensions: bytes
    ) -> bytes:
        return sign_certificate(
            self.hierarchy.issuing_signer,
            self.hierarchy.issuing.subject,
            serial_number,
            validity,
            name,
            spki,
            encoded_extensions + extensions.subject_key_identifier(key_identifier(spki)),
        )

    def _check_frame(self, order: CertificateOrder) -> None:
        """Check what the order's maker chose, not the requester: a mistake here is a defect."""
        if len(order.serial_number) != SERIAL_NUMBER_LENGTH or not 0 < order.serial_number[0] < 0x80:  # noqa: PLR2004
            raise CertdeskError(ErrorKind.INTERNAL, N_("a serial number has 16 octets and is positive"))
        issuing = self.hierarchy.issuing
        if not issuing.not_before <= order.not_before < order.not_after <= issuing.not_after:
            raise CertdeskError(ErrorKind.INTERNAL, N_("a certificate is valid only while its issuer is"))
        if order.spki in self._own_keys:
            raise CertdeskError(ErrorKind.KEY_IN_USE, N_("this key belongs to the certificate authority"), field="csr")

    def _constant_extensions(self, kind: Kind, *, is_rsa: bool) -> bytes:
        """Return what is the same in every certificate of a kind and key family; encoded once."""
        return (
            extensions.authority_key_identifier(self.hierarchy.issuing.key_identifier)
            + constant_extensions(PROFILES[kind], encipherment=is_rsa and kind is Kind.SERVER)
            + extensions.crl_distribution_point(self._url("crl", "crl"))
            + extensions.authority_information_access(
                ocsp=f"{self.hierarchy.pki_url}/ocsp", ca_issuers=self._url("ca", "cer")
            )
        )

    def _url(self, folder: str, suffix: str) -> str:
        return f"{self.hierarchy.pki_url}/{folder}/{ISSUING}.{suffix}"


def _organisation_of(certificate: x509.Certificate) -> str:
    [attribute] = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return str(attribute.value)
