"""The composition root: the only place that puts the desk together.

    desk = await open_desk(data, passphrase, "sqlite:///…/desk.sqlite")
    ...
    await desk.close()

A data directory holds `keys/` (encrypted, owner only), `ca/` (public certificates) and, unless the facts
are in PostgreSQL, `desk.sqlite`. The first `open_desk` with a `Founding` makes all of it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from certdesk.audit import AuditLog, seal
from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.crl import CRLPublisher
from certdesk.ca.hierarchy import Hierarchy, create_hierarchy, following_certificates, load_hierarchy
from certdesk.ca.scep_identity import SCEPIdentities
from certdesk.domain.clock import Clock, system_clock
from certdesk.domain.enrollment import Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import Randomness, sha256
from certdesk.domain.text import N_
from certdesk.jobs import Job
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm
from certdesk.ra import RegistrationAuthority
from certdesk.ra.registry import DESK_URL
from certdesk.store import Store, open_store
from certdesk.va.authority import ValidationAuthority
from certdesk.va.responder import Responder

_AUDIT_KEY = "audit"
_PKI_URL = "pki_url"
_ISSUER = "issuer"
_PRESIGNED_AT_ONCE = 200

FOUNDER = Principal("operator:first start", Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Founding:
    """What a desk is told at its start; names and algorithms count at the first one only."""

    name: str
    country: str
    desk_url: str
    pki_url: str
    root_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P384
    issuing_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk that is open: its authorities over its store."""

    data: Path
    keys: KeyDirectory
    store: Store
    log: AuditLog
    ca: CertificateAuthority
    crl: CRLPublisher
    ra: RegistrationAuthority
    va: ValidationAuthority
    scep: SCEPIdentities
    clock: Clock

    async def ready(self) -> Mapping[str, bool]:
        """Tell of everything that the desk needs whether it can be used; an open desk has been migrated."""
        try:
            await self.store.ready()
            crl = await self.store.validation.latest_crl(self.ca.issuer)
        except CertdeskError:
            return {"database": False, "ca": False, "migrations": True}
        return {"database": True, "ca": crl is not None and crl.next_update > self.clock(), "migrations": True}

    async def seal(self) -> int:
        """Seal a batch of the audit log."""
        return await seal(self.store.events, self.log.signer, self.clock)

    async def presign(self) -> int:
        """Sign a slice of the OCSP answers that are due."""
        return await self.va.presign(_PRESIGNED_AT_ONCE)

    def next_ca(self) -> tuple[bytes, ...]:
        """Return the certificates (DER) of the CA that is going to follow, from `ca/next.pem`, if there is one."""
        return following_certificates(self.data / "ca")

    async def close(self) -> None:
        """Seal what is left of the audit log and close the store."""
        try:
            while await self.seal():
                pass
        finally:
            await self.store.close()


def database_of(data: Path, database: str | None) -> str:
    """Return the database's URL: the given one, or SQLite's in the data directory."""
    return database or f"sqlite://{(data / 'desk.sqlite').absolute()}"


async def open_desk(
    data: Path,
    passphrase: bytes,
    database: str | None = None,
    founding: Founding | None = None,
    *,
    clock: Clock = system_clock,
    randomness: Randomness = os.urandom,
) -> Desk:
    """Open a desk; with a `Founding`, make whatever of it does not exist yet.

    Raises `NOT_FOUND` if there is no desk and no founding, `UNAVAILABLE` if the passphrase is wrong or the
    database cannot be reached, `INCOMPATIBLE` if the database is of a newer version or of another desk.
    """
    keys = KeyDirectory(data / "keys", passphrase)
    if founding is None and not keys.exists(_AUDIT_KEY):
        raise no_desk(data)
    audit_signer = keys.load_or_create(_AUDIT_KEY, KeyAlgorithm.ED25519)
    store = await open_store(database_of(data, database))
    try:
        hierarchy = await _open_hierarchy(data, keys, store, founding, clock)

        async def record(serial_number: bytes, purpose: str) -> None:
            await store.certificates.record_own(serial_number, purpose, hierarchy.issuing.issuer, clock())

        ca = CertificateAuthority(hierarchy, randomness, record)
        await _check_ownership(data, store, ca)
        log = AuditLog(audit_signer, clock, randomness)
        crl = CRLPublisher(ca, store.validation, clock)
        ra = RegistrationAuthority(store, ca, log, publish_crl=crl.publish, clock=clock, randomness=randomness)
        va = ValidationAuthority(ca, Responder(ca, clock), store.validation, clock)
        scep = SCEPIdentities(ca, keys, store.scep, clock)
        desk = Desk(data, keys, store, log, ca, crl, ra, va, scep, clock)
        if founding:
            await _found(desk, founding)
    except BaseException:
        await store.close()
        raise
    return desk


def no_desk(data: Path) -> CertdeskError:
    """Say that there is no desk in a directory."""
    return CertdeskError(
        ErrorKind.NOT_FOUND, N_("there is no desk in {data}: start one with `certdesk serve --data {data}`"), data=data
    )


async def _open_hierarchy(
    data: Path, keys: KeyDirectory, store: Store, founding: Founding | None, clock: Clock
) -> Hierarchy:
    if founding is None:
        return load_hierarchy(keys, data / "ca", await store.organisations.property(_PKI_URL) or "")
    return create_hierarchy(
        keys,
        data / "ca",
        founding.name,
        founding.pki_url,
        clock,
        root_algorithm=founding.root_algorithm,
        issuing_algorithm=founding.issuing_algorithm,
    )


async def _check_ownership(data: Path, store: Store, ca: CertificateAuthority) -> None:
    """Make the database this CA's, or raise `INCOMPATIBLE` if it is another's."""
    if await store.organisations.add_property(_ISSUER, ca.issuer) != ca.issuer:
        raise CertdeskError(
            ErrorKind.INCOMPATIBLE, N_("this database belongs to another desk than the keys in {data}"), data=data
        )


async def _found(desk: Desk, founding: Founding) -> None:
    """Write down what the start was told, and make what the first one needs."""
    await desk.store.organisations.put_property(_PKI_URL, founding.pki_url)
    await desk.store.organisations.put_property(DESK_URL, founding.desk_url)
    await desk.ra.add_operator(founding.name, founding.country, FOUNDER)
    for authority in (desk.ca.hierarchy.root, desk.ca.hierarchy.issuing):
        await desk.store.certificates.own_key(sha256(authority.spki), "ca")
    await desk.crl.renew_if_due()


def jobs_of(desk: Desk) -> list[Job]:
    """Return the desk's jobs. Any number of processes may run them on one database at once."""
    return [
        Job("seal the audit log", 1, desk.seal, patience=5),
        Job("sign OCSP answers", 5, desk.presign, patience=30),  # who asks before gets one signed for the occasion
        Job("write search words", 5, desk.ra.index, patience=10),
        Job("resume issuance", 10, desk.ra.resume),
        Job("let requests lapse", 60, desk.ra.lapse),
        Job("renew revocation lists", 60, desk.crl.renew_if_due),
        Job("renew the SCEP door's certificate", 3600, desk.scep.renew_if_due),
        Job("forget sessions", 300, desk.ra.forget_sessions),
        Job("forget uploads", 60, desk.ra.forget_uploads),
        Job("verify the audit log", 5, desk.ra.verify_if_asked),
        Job("forget challenges", 300, desk.ra.forget_challenges),
        Job("forget links", 3600, desk.ra.forget_links),
    ]
