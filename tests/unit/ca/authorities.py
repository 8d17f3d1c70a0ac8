"""Certificate authorities and orders to test with, made once for each pair of algorithms."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.hierarchy import Hierarchy, create_hierarchy
from certdesk.ca.order import CertificateOrder
from certdesk.domain.clock import MINUTE, system_clock
from certdesk.domain.enrollment import DAY, Kind, Names
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm
from certdesk.wire.spki import spki_of

PKI_URL = "http://pki.example.org"
NAME = "Universal Post"
NOW = system_clock()
"""When the hierarchies are made; third parties judge them by the real time."""

T = TypeVar("T")


@dataclass
class Time:
    """A clock that stands still until it is turned."""

    now: int = NOW

    def __call__(self) -> int:
        """Return the time in milliseconds."""
        return self.now


def key_directory(path: Path, passphrase: bytes = b"correct horse") -> KeyDirectory:
    """Return a key directory that stretches its passphrase as little as possible."""
    return KeyDirectory(path, passphrase, cost=2)


@cache
def _hierarchy(issuing: KeyAlgorithm, root: KeyAlgorithm, now: int) -> Hierarchy:
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    keys = key_directory(directory / "keys")
    return create_hierarchy(
        keys, directory / "ca", NAME, PKI_URL, Time(now), root_algorithm=root, issuing_algorithm=issuing
    )


def hierarchy_of(
    issuing: KeyAlgorithm = KeyAlgorithm.EC_P256, root: KeyAlgorithm = KeyAlgorithm.EC_P384, now: int = NOW
) -> Hierarchy:
    """Return the hierarchy with keys of some algorithms that was made at some time."""
    return _hierarchy(issuing, root, now)


def authority_of(issuing: KeyAlgorithm = KeyAlgorithm.EC_P256, now: int = NOW) -> CertificateAuthority:
    """Return a new CA over the hierarchy that signs with some algorithm."""
    return CertificateAuthority(hierarchy_of(issuing, now=now))


@cache
def subject_key(name: str) -> CertificateIssuerPrivateKeyTypes:
    """Return a key that a subject may have."""
    match name:
        case "EC P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EC P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EC P-521":
            return ec.generate_private_key(ec.SECP521R1())
        case "RSA 2048":
            return rsa.generate_private_key(65537, 2048)
        case _:
            return ed25519.Ed25519PrivateKey.generate()


SUBJECT_KEYS = ("EC P-256", "EC P-384", "EC P-521", "RSA 2048", "Ed25519")


def order_for(
    ca: CertificateAuthority, kind: Kind = Kind.MOBILE, key: str = "EC P-256", /, **changes: object
) -> CertificateOrder:
    """Return a good order of a kind, changed as told."""
    server = kind is Kind.SERVER
    order = CertificateOrder(
        serial_number=ca.new_serial_number(),
        kind=kind,
        country="FR",
        organisation_name="La Poste",
        state_or_province="Rhône",
        locality="Lyon",
        common_name="Jeanne Martin" if kind is Kind.MANAGER else "FRA1-7GQ4-2KXM",
        email="" if server else "jeanne@poste.example",
        names=Names(("api.poste.example", "*.poste.example"), ("192.0.2.7", "2001:db8::7")) if server else Names(),
        spki=spki_of(subject_key(key).public_key()),
        not_before=NOW - 5 * MINUTE,
        not_after=NOW + 365 * DAY,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(coroutine)


def issue(ca: CertificateAuthority, order: CertificateOrder) -> x509.Certificate:
    """Return the certificate that a CA issues to an order."""
    return x509.load_der_x509_certificate(finish(ca.issue(order)))
