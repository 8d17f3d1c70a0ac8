"""A throwaway certification authority, which also makes the certificates that a client must not accept."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def name(text: str) -> x509.Name:
    """Return a subject or issuer with a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


@dataclass
class Authority:
    """A root, an issuing authority under it, and whatever end entities a test wants."""

    label: str = "Test"
    path_length: int | None = None
    root_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    issuing_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.root = self._authority(f"{self.label} root", self.root_key, f"{self.label} root", self.root_key)
        self.issuing = self._authority(f"{self.label} issuing", self.issuing_key, f"{self.label} root", self.root_key)

    @property
    def root_der(self) -> bytes:
        """Return the root, DER."""
        return self.root.public_bytes(Encoding.DER)

    @property
    def chain(self) -> str:
        """Return the issuing certificate and the root, PEM, as the desk sends them."""
        return pem(self.issuing) + pem(self.root)

    def _authority(
        self, subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        builder = self.builder(subject, key.public_key(), issuer, days=3650)
        constraints = x509.BasicConstraints(ca=True, path_length=self.path_length)
        return (
            builder.add_extension(constraints, critical=True)
            .add_extension(_key_usage(sign=True), critical=True)
            .sign(signer, hashes.SHA256())
        )

    @staticmethod
    def builder(
        subject: str, key: CertificatePublicKeyTypes, issuer: str, *, days: int = 365, begins: int = -1
    ) -> x509.CertificateBuilder:
        """Return a certificate that lacks its extensions; `begins` is in days from now."""
        start = datetime.now(UTC) + timedelta(days=begins)
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
        )

    def issue(
        self,
        key: CertificatePublicKeyTypes,
        subject: str = "FRA1",
        *,
        purposes: tuple[x509.ObjectIdentifier, ...] = (CLIENT,),
        names: tuple[x509.GeneralName, ...] = (),
        days: int = 365,
        begins: int = -1,
        is_authority: bool = False,
    ) -> x509.Certificate:
        """Return an end entity's certificate."""
        builder = self.builder(subject, key, f"{self.label} issuing", days=days, begins=begins)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.issuing_key, hashes.SHA256())

    def issue_for_tls(self, key: CertificatePublicKeyTypes) -> x509.Certificate:
        """Return the certificate of a server on this machine."""
        here = (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))
        return self.issue(key, "localhost", purposes=(SERVER,), names=here)


def _key_usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
