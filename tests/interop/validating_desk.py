"""A CA with certificates of every kind, one revoked and one unknown, as files for programs to look at."""

import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.crl import CRLPublisher
from certdesk.ca.desk_certificate import DeskCertificate
from certdesk.domain.clock import system_clock
from certdesk.domain.enrollment import Kind, Names
from certdesk.domain.states import RevocationReason
from certdesk.keys.signer import KeyAlgorithm
from certdesk.va.authority import ValidationAuthority
from certdesk.va.responder import Responder
from tests.unit.ca.authorities import authority_of, finish, issue, key_directory, order_for
from tests.unit.ca.memory import MemoryValidationStore

ISSUING_ALGORITHMS = (KeyAlgorithm.EC_P256, KeyAlgorithm.EC_P384, KeyAlgorithm.RSA_3072)


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a directory and return what it printed on both of its outputs, as `stdout`."""
    return subprocess.run(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


class ValidatingDesk:
    """A CA and validation authority over a store in memory, and a directory of what they made.

    The directory has `root.pem`, `issuing.pem`, `chain.pem`, and whatever is issued or written later.
    """

    def __init__(self, directory: Path, algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256) -> None:
        self.directory = directory
        self.ca: CertificateAuthority = authority_of(algorithm)
        self.store = MemoryValidationStore(self.ca.issuer)
        self.responder = Responder(self.ca, system_clock)
        self.va = ValidationAuthority(self.ca, self.responder, self.store, system_clock)
        self.publisher = CRLPublisher(self.ca, self.store, system_clock)
        (directory / "root.pem").write_text(self.ca.hierarchy.root.pem)
        (directory / "issuing.pem").write_text(self.ca.hierarchy.issuing.pem)
        (directory / "chain.pem").write_text(self.ca.chain_pem)

    def issue(self, name: str, kind: Kind = Kind.MOBILE, key: str = "EC P-256", **changes: object) -> bytes:
        """Issue a certificate, write it to `{name}.pem` and return its serial number."""
        certificate = issue(self.ca, order_for(self.ca, kind, key, **changes))
        self.write(name, certificate)
        return self.store.add(certificate.serial_number.to_bytes(16))

    def revoke(self, serial_number: bytes, reason: RevocationReason = RevocationReason.KEY_COMPROMISE) -> None:
        """Revoke a certificate."""
        self.store.revoke(serial_number, reason)

    def issue_one_of_each_status(self) -> None:
        """Issue `good.pem`, `revoked.pem` (keyCompromise), `superseded.pem` and `unknown.pem`, which is forgotten."""
        self.issue("good")
        self.revoke(self.issue("revoked"))
        self.store.supersede(self.issue("superseded"))
        del self.store.certificates[self.issue("unknown")]

    def write(self, name: str, certificate: x509.Certificate) -> None:
        """Write a certificate to `{name}.pem`."""
        (self.directory / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    def write_own_certificates(self) -> None:
        """Write the responder's certificate to `responder.pem` and the desk's TLS certificate to `desk.pem`."""
        self.write("responder", x509.load_der_x509_certificate(finish(self.responder.credential()).certificate))
        desk = DeskCertificate(self.ca, key_directory(self.directory / "keys"), system_clock)
        finish(desk.renew_if_due(Names(("desk.example.org", "pki.example.org"), ("127.0.0.1", "::1"))))
        self.write("desk", x509.load_pem_x509_certificate(desk.path.read_bytes()))

    def publish(self) -> None:
        """Write new lists of both CAs to `issuing.crl` and `root.crl`, in PEM."""
        finish(self.publisher.renew_if_due())
        finish(self.publisher.publish())
        for name in ("issuing", "root"):
            crl = x509.load_der_x509_crl(finish(self.va.crl(name)).der)
            (self.directory / f"{name}.crl").write_bytes(crl.public_bytes(Encoding.PEM))

    def answer(self, request: str, response: str) -> None:
        """Answer the OCSP request in a file, into another file."""
        answer = finish(self.va.ocsp((self.directory / request).read_bytes()))
        (self.directory / response).write_bytes(answer.der)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the directory."""
        return run(self.directory, *command)
