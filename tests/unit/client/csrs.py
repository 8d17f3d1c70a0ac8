"""CSRs of machines that are not here."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.client.authority import name


def csr_pem(*dns: str) -> str:
    """Return a CSR with DNS names, PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name("elsewhere"))
    if dns:
        names = x509.SubjectAlternativeName([x509.DNSName(each) for each in dns])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
