"""A certificate with its key in the forms that other programs read: PKCS#12 and PEM."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.client.keystore import PrivateKey, clear_pem, decrypt_key
from certdesk.client.records import Issued
from certdesk.wire.pkcs12 import encode_pkcs12


@dataclass(frozen=True, slots=True)
class Credential:
    """What is installed or exported: a certificate, its issuers, the trust anchors and, if it is here, the key."""

    request_id: str
    certificate: x509.Certificate
    chain: list[x509.Certificate]
    anchors: list[x509.Certificate]
    key: PrivateKey | None
    encrypted_key: bytes
    """PEM, under the registration password; empty when the key lives elsewhere."""

    @property
    def nickname(self) -> str:
        """Return the name under which programs show it."""
        return f"certdesk {self.request_id}"

    def pkcs12(self, password: str, *, legacy: bool = False) -> bytes:
        """Return key, certificate and issuers in one password-protected file.

        The trust anchors are left out: some importers would make them trusted without asking.
        """
        return encode_pkcs12(self.nickname, self.key, self.certificate, self.chain, password, legacy=legacy)

    def key_pem(self, *, plain: bool) -> bytes:
        """Return the key in PEM, encrypted as it is stored or without protection; empty when it lives elsewhere."""
        return clear_pem(self.key) if plain and self.key else self.encrypted_key

    def certificate_pem(self) -> bytes:
        """Return the certificate in PEM."""
        return _pem([self.certificate])

    def chain_pem(self) -> bytes:
        """Return the issuing certificates in PEM, without the trust anchor."""
        return _pem(self.chain)

    def anchors_pem(self) -> bytes:
        """Return the trust anchors in PEM."""
        return _pem(self.anchors)


def _pem(certificates: list[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def credential(issued: Issued, anchors: tuple[bytes, ...], password: str | None) -> Credential:
    """Return the credential of an enrollment; `password` opens the key, None leaves it closed."""
    return Credential(
        issued.id,
        x509.load_pem_x509_certificate(issued.certificate.encode()),
        x509.load_pem_x509_certificates(issued.chain.encode()) if issued.chain else [],
        [x509.load_der_x509_certificate(anchor) for anchor in anchors],
        decrypt_key(issued.key, password) if password is not None and issued.key else None,
        issued.key.encode(),
    )
