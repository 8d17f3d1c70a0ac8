"""The ceiling: what one process can do at best when it only verifies CSRs and signs certificates, in a tight loop.

Two loops. In the one that ratios are to, cryptography's own builder makes certificates with the content of the desk's,
with all that they have in common prepared. The other calls the desk's own `parse_csr`, `verify` and `issue`, which is
what the request path does of the same job.
"""

import asyncio
import itertools
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bench.fleet import make_csr
from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.hierarchy import create_hierarchy
from certdesk.ca.order import CertificateOrder
from certdesk.domain.clock import system_clock
from certdesk.domain.enrollment import DAY, Kind, Names
from certdesk.keys.directory import KeyDirectory
from certdesk.wire.pkcs10 import parse_csr

SECONDS = 0.25
"""How long each loop runs."""
_CSRS = 200
_EMAIL = "jeanne.dupont@poste.example"
_SUBJECT = (
    (NameOID.COUNTRY_NAME, "FR"),
    (NameOID.STATE_OR_PROVINCE_NAME, "Auvergne-Rhône-Alpes"),
    (NameOID.LOCALITY_NAME, "Lyon"),
    (NameOID.ORGANIZATION_NAME, "La Poste"),
)


class Ceiling:
    """A CA of its own, and CSRs that it works on again and again."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            keys = KeyDirectory(Path(folder, "keys"), os.urandom(16), cost=2)
            hierarchy = create_hierarchy(keys, Path(folder, "ca"), "Bench", "http://127.0.0.1:8080", system_clock)
        self._ca = CertificateAuthority(hierarchy)
        self._key = hierarchy.issuing_signer.private_key
        self._csrs = [parse_csr(make_csr()).der for _ in range(_CSRS)]
        self._subject = [x509.NameAttribute(oid, value) for oid, value in _SUBJECT]
        issued = x509.load_der_x509_certificate(asyncio.run(self._issue(self._csrs[0])))
        own = (x509.SubjectAlternativeName, x509.SubjectKeyIdentifier)
        self._constant = [extension for extension in issued.extensions if not isinstance(extension.value, own)]

    def builder(self) -> float:
        """Return how many certificates a second cryptography's builder makes, each from a CSR that it verified."""
        csrs, done, began = itertools.cycle(self._csrs), 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < SECONDS:
            self._build(next(csrs))
            done += 1
        return done / seconds

    def desk(self) -> float:
        """Return the same of the desk's own code."""
        return asyncio.run(self._issue_for_a_while())

    def _build(self, der: bytes) -> bytes:
        csr = x509.load_der_x509_csr(der)
        assert csr.is_signature_valid
        key, now = csr.public_key(), datetime.now(UTC)
        serial_number = int.from_bytes(os.urandom(15)) + 1
        name = x509.NameAttribute(NameOID.COMMON_NAME, "FRA1-7GQ4-2KXT")
        builder = x509.CertificateBuilder(
            issuer_name=self._ca.issuing_certificate.subject,
            subject_name=x509.Name([*self._subject, name]),
            public_key=key,
            serial_number=serial_number,
            not_valid_before=now,
            not_valid_after=now + timedelta(days=365),
            extensions=[
                *self._constant,
                _extension(x509.SubjectAlternativeName([x509.RFC822Name(_EMAIL)])),
                _extension(x509.SubjectKeyIdentifier.from_public_key(key)),
            ],
        )
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.DER)

    async def _issue_for_a_while(self) -> float:
        csrs, done, began = itertools.cycle(self._csrs), 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < SECONDS:
            await self._issue(next(csrs))
            done += 1
        return done / seconds

    async def _issue(self, der: bytes) -> bytes:
        csr = parse_csr(der)
        csr.verify()
        (_, country), (_, state), (_, locality), (_, organisation) = _SUBJECT
        now = system_clock()
        return await self._ca.issue(
            CertificateOrder(
                serial_number=self._ca.new_serial_number(),
                kind=Kind.WORKSTATION,
                country=country,
                organisation_name=organisation,
                state_or_province=state,
                locality=locality,
                common_name="FRA1-7GQ4-2KXT",
                email=_EMAIL,
                names=Names(),
                spki=csr.spki,
                not_before=now,
                not_after=now + 365 * DAY,
            )
        )


def _extension(value: x509.ExtensionType) -> "x509.Extension[x509.ExtensionType]":
    return x509.Extension(value.oid, critical=False, value=value)
