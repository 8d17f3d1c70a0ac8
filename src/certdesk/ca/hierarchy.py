"""The two CAs of a desk: a root that only signs the issuing CA and its own CRL, and the issuing CA.

    hierarchy = create_hierarchy(keys, data / "ca", "Universal Post", "http://pki.example.org", system_clock)

The certificates are public files, `root.pem` and `issuing.pem`; the keys are in the key directory under the same
names. The root's key stays unread until something needs its signature.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.ca import extensions, names
from certdesk.ca.signing import Validity, key_identifier, new_serial_number, sign_certificate
from certdesk.domain.clock import HOUR, SECOND, Clock
from certdesk.domain.enrollment import DAY
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import Randomness
from certdesk.domain.text import N_
from certdesk.files import PUBLIC
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.files import write_durably
from certdesk.keys.signer import KeyAlgorithm, Signer
from certdesk.policy.fields import LONGEST_COMMON_NAME, judge_text, shown
from certdesk.wire.spki import spki_of

ROOT, ISSUING = "root", "issuing"
"""Names of the two CAs: of their keys, certificate files and places in URLs."""
_FOLLOWING = "next"
"""The name of the file with the certificates of the CA that is going to follow."""

_ROOT_VALIDITY = 7305 * DAY
"""20 years."""
_ISSUING_VALIDITY = 3652 * DAY
"""10 years."""
_BACKDATING = HOUR
"""So that a certificate is valid at once on a device whose clock is late."""
_LONGEST_NAME = LONGEST_COMMON_NAME - len(" Issuing CA")
_URL = re.compile(r"https?://[!-.0-~]+(/[!-~]*)?")


@dataclass(frozen=True, slots=True)
class CACertificate:
    """A CA's certificate, and what of it is needed over and over."""

    der: bytes
    certificate: x509.Certificate
    subject: bytes
    """DER Name."""
    spki: bytes
    """DER SubjectPublicKeyInfo."""
    key_identifier: bytes
    """The SKI, 20 octets."""
    not_before: int
    not_after: int

    @property
    def issuer(self) -> str:
        """What certificates and CRLs of this CA are filed under: the key identifier in hexadecimal."""
        return self.key_identifier.hex()

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()


def parse_ca_certificate(der: bytes) -> CACertificate:
    """Read a CA's certificate; raises `ValueError` if it is not one."""
    certificate = x509.load_der_x509_certificate(der)
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return CACertificate(
        der,
        certificate,
        certificate.subject.public_bytes(),
        spki_of(certificate.public_key()),
        identifier,
        int(certificate.not_valid_before_utc.timestamp()) * SECOND,
        int(certificate.not_valid_after_utc.timestamp()) * SECOND,
    )


class Hierarchy:
    """The root and the issuing CA of one desk."""

    def __init__(
        self,
        root: CACertificate,
        issuing: CACertificate,
        issuing_signer: Signer,
        pki_url: str,
        load_root_signer: Callable[[], Signer],
    ) -> None:
        self.root = root
        self.issuing = issuing
        self.issuing_signer = issuing_signer
        self.pki_url = pki_url
        """Where relying parties find CRLs, OCSP and CA certificates; without a slash at the end."""
        self._load_root_signer = load_root_signer

    @property
    def chain_pem(self) -> str:
        """The issuing and the root certificate in PEM."""
        return self.issuing.pem + self.root.pem

    def root_signer(self) -> Signer:
        """Read the root's key from where it is kept; hold it no longer than its one signature takes."""
        return self._load_root_signer()


def create_hierarchy(
    keys: KeyDirectory,
    directory: Path,
    name: str,
    pki_url: str,
    clock: Clock,
    *,
    randomness: Randomness = os.urandom,
    root_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P384,
    issuing_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
) -> Hierarchy:
    """Make whatever is missing of a hierarchy and return it.

    A start that died half-way is continued by the next one, and of two that run at once both end with the same
    hierarchy: keys and certificates are only ever added. A key is never made anew beside a certificate that
    exists without it; that is an `UNAVAILABLE`, since only a backup can help.
    """
    _check_name(name)
    maker = _Maker(keys, directory, _checked_url(pki_url), name, clock, randomness)
    maker.make_root(root_algorithm)
    maker.make_issuing(issuing_algorithm)
    return load_hierarchy(keys, directory, pki_url)


def load_hierarchy(keys: KeyDirectory, directory: Path, pki_url: str) -> Hierarchy:
    """Read a hierarchy; raise `UNAVAILABLE` if any of it is missing or does not belong together."""
    url = _checked_url(pki_url)
    root, issuing = _load_certificate(directory, ROOT), _load_certificate(directory, ISSUING)
    signer = _signer_of(keys, ISSUING, issuing)
    try:
        issuing.certificate.verify_directly_issued_by(root.certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("the certificate of the issuing CA was not signed by the root beside it")
        ) from error
    return Hierarchy(root, issuing, signer, url, lambda: _signer_of(keys, ROOT, root))


def following_certificates(directory: Path) -> tuple[bytes, ...]:
    """Return the certificates (DER) of the CA that is going to follow, from `next.pem`; none if there is no such file.

    Raises `UNAVAILABLE` for a file that holds anything else.
    """
    path = _certificate_path(directory, _FOLLOWING)
    if not path.exists():
        return ()
    with _refusing(path):
        found = x509.load_pem_x509_certificates(path.read_bytes())
        return tuple(parse_ca_certificate(each.public_bytes(Encoding.DER)).der for each in found)


def _check_name(name: str) -> None:
    if problems := judge_text("name", name, _LONGEST_NAME):
        raise CertdeskError.of(problems)


def _checked_url(pki_url: str) -> str:
    if not _URL.fullmatch(pki_url):
        raise CertdeskError(
            ErrorKind.INVALID_FIELD, N_("{url} is not an http URL"), field="pki_url", url=shown(pki_url)
        )
    return pki_url.rstrip("/")


def _load_certificate(directory: Path, name: str) -> CACertificate:
    path = _certificate_path(directory, name)
    with _refusing(path):
        return parse_ca_certificate(x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER))


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Raise `UNAVAILABLE` with the file's path if it cannot be read, or holds something else than it should."""
    try:
        yield
    except OSError as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} cannot be read: {cause}"), path=path, cause=error.strerror
        ) from error
    except (ValueError, x509.ExtensionNotFound) as error:
        raise CertdeskError(ErrorKind.UNAVAILABLE, N_("{path} is not a CA's certificate"), path=path) from error


def _certificate_path(directory: Path, name: str) -> Path:
    return directory / f"{name}.pem"


def _signer_of(keys: KeyDirectory, name: str, ca: CACertificate) -> Signer:
    signer = keys.load(name)
    if spki_of(signer.public_key) != ca.spki:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} is not the key of the CA's certificate"), path=keys.path(name)
        )
    return signer


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the certificates of the two CAs."""

    keys: KeyDirectory
    directory: Path
    pki_url: str
    name: str
    clock: Clock
    randomness: Randomness

    def make_root(self, algorithm: KeyAlgorithm) -> None:
        if _certificate_path(self.directory, ROOT).exists():
            return
        signer = self.keys.load_or_create(ROOT, algorithm)
        spki = spki_of(signer.public_key)
        subject = self._subject("Root CA")
        encoded = self._ca_extensions(spki) + extensions.certificate_authority()
        self._certify(ROOT, signer, subject, _ROOT_VALIDITY, subject, spki, encoded)

    def make_issuing(self, algorithm: KeyAlgorithm) -> None:
        if _certificate_path(self.directory, ISSUING).exists():
            return
        root = _load_certificate(self.directory, ROOT)
        spki = spki_of(self.keys.load_or_create(ISSUING, algorithm).public_key)
        encoded = (
            extensions.authority_key_identifier(root.key_identifier)
            + self._ca_extensions(spki)
            + extensions.certificate_authority(path_length=0)
            + extensions.certificate_policies(extensions.ANY_POLICY)
            + extensions.crl_distribution_point(f"{self.pki_url}/crl/{ROOT}.crl")
            + extensions.authority_information_access(ca_issuers=f"{self.pki_url}/ca/{ROOT}.cer")
        )
        signer = _signer_of(self.keys, ROOT, root)
        self._certify(ISSUING, signer, root.subject, _ISSUING_VALIDITY, self._subject("Issuing CA"), spki, encoded)

    def _subject(self, suffix: str) -> bytes:
        return names.distinguished_name((names.ORGANISATION, self.name), (names.COMMON_NAME, f"{self.name} {suffix}"))

    def _ca_extensions(self, spki: bytes) -> bytes:
        return extensions.subject_key_identifier(key_identifier(spki)) + extensions.key_usage(
            extensions.KEY_CERT_SIGN, extensions.CRL_SIGN
        )

    def _certify(
        self, name: str, signer: Signer, issuer: bytes, lifetime: int, subject: bytes, spki: bytes, encoded: bytes
    ) -> None:
        """Sign a certificate and keep it, unless another process has just kept one."""
        now = self.clock()
        validity = Validity(now - _BACKDATING, now + lifetime)
        serial_number = new_serial_number(self.randomness)
        der = sign_certificate(signer, issuer, serial_number, validity, subject, spki, encoded)
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        try:
            write_durably(_certificate_path(self.directory, name), pem, mode=PUBLIC)
        except CertdeskError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
