"""A desk to test with: real store, policy, CA and audit log, and a clock that tests can turn."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.audit import AuditLog
from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.crl import CRLPublisher
from certdesk.ca.hierarchy import create_hierarchy
from certdesk.domain.enrollment import Device, Kind, Organisation, Principal, Role, Submission
from certdesk.domain.identifiers import Randomness, sha256
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm
from certdesk.ra import RegistrationAuthority
from certdesk.ra.registry import DESK_URL
from certdesk.store import Store, open_store

OPERATOR = Principal("operator:test", Role.ADMINISTRATOR)
ADMINISTRATOR = Principal("admin@operator.example", Role.ADMINISTRATOR)
FRENCH_MANAGER = Principal("manager@poste.example", Role.REGISTRATION_MANAGER, "FRA1")
GERMAN_MANAGER = Principal("manager@post.example", Role.REGISTRATION_MANAGER, "DEU1")
FRENCH_AUDITOR = Principal("auditor@poste.example", Role.AUDITOR, "FRA1")
SOURCE = "192.0.2.7"
PASSPHRASE = b"correct horse"
"""Of every test desk's keys."""


@dataclass
class Time:
    """A clock that stands still until it is turned."""

    now: int = 1_790_000_000_000

    def __call__(self) -> int:
        """Return the time in milliseconds."""
        return self.now


@dataclass
class TestDesk:
    """What a test needs of a desk."""

    __test__ = False

    store: Store
    ca: CertificateAuthority
    log: AuditLog
    ra: RegistrationAuthority
    crl: CRLPublisher
    time: Time = field(default_factory=Time)

    async def close(self) -> None:
        """Close the store."""
        await self.store.close()


async def make_desk(
    url: str, directory: Path, *, name: str = "Test Federation", randomness: Randomness = os.urandom
) -> TestDesk:
    """Return a new desk with two organisations on a database that is empty."""
    time = Time()
    keys = KeyDirectory(directory / "keys", PASSPHRASE, cost=2)
    hierarchy = create_hierarchy(keys, directory / "ca", name, "http://pki.example", time)
    store = await open_store(url)
    ca = CertificateAuthority(hierarchy, randomness)
    log = AuditLog(keys.create("audit", KeyAlgorithm.ED25519), time, os.urandom)
    crl = CRLPublisher(ca, store.validation, time)
    ra = RegistrationAuthority(store, ca, log, publish_crl=crl.publish, clock=time, randomness=randomness)
    await store.organisations.put_property(DESK_URL, "https://desk.example")
    await ra.add_operator(name, "", OPERATOR)
    for authority in (hierarchy.root, hierarchy.issuing):
        await store.certificates.own_key(sha256(authority.spki), "ca")
    await ra.add_organisation(Organisation("FRA1", "La Poste", "FR"), OPERATOR)
    await ra.add_organisation(Organisation("DEU1", "Deutsche Post", "DE"), OPERATOR)
    return TestDesk(store, ca, log, ra, crl, time)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_csr(private_key: CertificateIssuerPrivateKeyTypes | None = None, *dns: str) -> bytes:
    """Return a DER CSR by a key, with DNS names if any."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if dns:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in dns]), critical=False
        )
    return builder.sign(private_key or new_key(), SHA256()).public_bytes(Encoding.DER)


def make_submission(**changes: Any) -> Submission:
    """Return a good submission of a workstation of FRA1 with a key and claim of its own, changed as told."""
    submission = Submission(
        organisation="FRA1",
        kind=Kind.WORKSTATION,
        csr=make_csr(),
        claim_sha256=os.urandom(32),
        email="jeanne@poste.example",
        phone="+33 1 23 45 67 89",
        description="Counter 3, Lyon Bellecour",
        state_or_province="Rhône",
        locality="Lyon",
        device=Device(id=os.urandom(8).hex(), model="OptiPlex", platform="Debian 12", app="certdesk-client"),
    )
    return replace(submission, **changes)
