"""The desk's own TLS server certificate, for when the operator gives it none."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.names import server_names
from certdesk.ca.signing import Validity
from certdesk.domain.clock import MINUTE, SECOND, Clock
from certdesk.domain.enrollment import DAY, Names
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm, generate
from certdesk.wire.spki import spki_of

_VALIDITY = 30 * DAY
_BACKDATING = 5 * MINUTE
_KEY_NAME = "tls"


class DeskCertificate:
    """A key with its certificate in one file, which `ssl.SSLContext.load_cert_chain` reads as it is.

    The file holds the key, encrypted under the passphrase of the key directory, then the certificate and the
    issuing CA's. Being one file, it is replaced in one step, and key and certificate always match.
    """

    def __init__(self, ca: CertificateAuthority, keys: KeyDirectory, clock: Clock) -> None:
        self._ca = ca
        self._keys = keys
        self._clock = clock

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._keys.path(_KEY_NAME)

    async def renew_if_due(self, names: Names) -> bool:
        """Make a new key and certificate if there are none, they are for other names, or half their life is over.

        Return whether it did, so that a running server can load the file again. `names` are the DNS names and
        addresses at which the desk is called.
        """
        now = self._clock()
        if self._serves(names, now):
            return False
        private_key = generate(KeyAlgorithm.EC_P256)
        validity = Validity(now - _BACKDATING, min(now + _VALIDITY, self._ca.not_after))
        der = await self._ca.certify_desk(names, spki_of(private_key.public_key()), validity)
        certificate = x509.load_der_x509_certificate(der)
        pem = self._keys.encrypted(private_key) + certificate.public_bytes(Encoding.PEM)
        self._keys.keep(_KEY_NAME, pem + self._ca.hierarchy.issuing.pem.encode(), replace=True)
        return True

    def _serves(self, names: Names, now: int) -> bool:
        try:
            certificate, issuing = x509.load_pem_x509_certificates(self.path.read_bytes())
        except (OSError, ValueError):
            return False
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.public_bytes()
        return (
            found == server_names(names)
            and issuing == self._ca.issuing_certificate
            and now + _VALIDITY // 2 <= int(certificate.not_valid_after_utc.timestamp()) * SECOND
        )
