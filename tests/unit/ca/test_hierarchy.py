"""The root and the issuing CA."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from certdesk.ca.hierarchy import Hierarchy, create_hierarchy, following_certificates, load_hierarchy
from certdesk.domain.clock import HOUR
from certdesk.domain.enrollment import DAY
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.keys.signer import KeyAlgorithm
from tests.unit.ca.authorities import NAME, NOW, PKI_URL, Time, hierarchy_of, key_directory
from tests.unit.ca.builder import moment

T = TypeVar("T", bound=x509.ExtensionType)


def make(directory: Path, name: str = NAME, url: str = PKI_URL) -> Hierarchy:
    """Make a hierarchy in a directory."""
    return create_hierarchy(key_directory(directory / "keys"), directory / "ca", name, url, Time())


def load(directory: Path) -> Hierarchy:
    """Load the hierarchy of a directory."""
    return load_hierarchy(key_directory(directory / "keys"), directory / "ca", PKI_URL)


def value_of(certificate: x509.Certificate, kind: type[T]) -> T:
    """Return an extension's value."""
    return certificate.extensions.get_extension_for_class(kind).value


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_the_issuing_ca_is_signed_by_the_root(algorithm: KeyAlgorithm) -> None:
    """With any issuing algorithm, root and issuing certificate verify one by the other."""
    hierarchy = hierarchy_of(algorithm)
    hierarchy.root.certificate.verify_directly_issued_by(hierarchy.root.certificate)
    hierarchy.issuing.certificate.verify_directly_issued_by(hierarchy.root.certificate)
    assert hierarchy.issuing.certificate.public_key() == hierarchy.issuing_signer.public_key
    assert hierarchy.root.certificate.public_key() == hierarchy.root_signer().public_key


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.RSA_4096, KeyAlgorithm.ED25519])
def test_the_root_may_have_another_algorithm(algorithm: KeyAlgorithm) -> None:
    """The root's algorithm is chosen apart from the issuing CA's."""
    hierarchy = hierarchy_of(root=algorithm)
    hierarchy.issuing.certificate.verify_directly_issued_by(hierarchy.root.certificate)


def test_defaults_are_p384_over_p256() -> None:
    """A hierarchy has a P-384 root and a P-256 issuing CA unless told otherwise."""
    hierarchy = hierarchy_of()
    keys = (hierarchy.root.certificate.public_key(), hierarchy.issuing.certificate.public_key())
    assert [key.key_size for key in keys] == [384, 256]  # type: ignore[union-attr]


def test_the_root_has_the_profile_of_a_root() -> None:
    """A root signs certificates and CRLs for 20 years, and points to nothing above it."""
    certificate = hierarchy_of().root.certificate
    assert certificate.subject.rfc4514_string() == "CN=Universal Post Root CA,O=Universal Post"
    assert certificate.not_valid_before_utc == moment(NOW - HOUR)
    assert certificate.not_valid_after_utc == moment(NOW + 7305 * DAY)
    assert {type(extension.value) for extension in certificate.extensions} == {
        x509.SubjectKeyIdentifier,
        x509.KeyUsage,
        x509.BasicConstraints,
    }
    assert value_of(certificate, x509.BasicConstraints) == x509.BasicConstraints(ca=True, path_length=None)
    assert {extension.critical for extension in certificate.extensions} == {True, False}


def test_the_issuing_ca_has_the_profile_of_a_subordinate() -> None:
    """The issuing CA signs end entities only, for 10 years, and tells where the root and its CRL are."""
    hierarchy = hierarchy_of()
    certificate = hierarchy.issuing.certificate
    assert certificate.not_valid_after_utc == moment(NOW + 3652 * DAY)
    assert value_of(certificate, x509.BasicConstraints) == x509.BasicConstraints(ca=True, path_length=0)
    usage = value_of(certificate, x509.KeyUsage)
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    [point] = value_of(certificate, x509.CRLDistributionPoints)
    assert [name.value for name in point.full_name] == ["http://pki.example.org/crl/root.crl"]
    [access] = value_of(certificate, x509.AuthorityInformationAccess)
    assert access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    assert access.access_location.value == "http://pki.example.org/ca/root.cer"
    [policy] = value_of(certificate, x509.CertificatePolicies)
    assert policy.policy_identifier.dotted_string == "2.5.29.32.0"
    identifier = value_of(certificate, x509.AuthorityKeyIdentifier).key_identifier
    assert identifier == hierarchy.root.key_identifier


def test_an_authority_is_filed_under_its_key_identifier() -> None:
    """`issuer` is the subject key identifier in hexadecimal."""
    issuing = hierarchy_of().issuing
    assert issuing.issuer == value_of(issuing.certificate, x509.SubjectKeyIdentifier).digest.hex()


def test_the_chain_is_issuing_then_root() -> None:
    """`chain_pem` holds the issuing certificate, then the root's."""
    hierarchy = hierarchy_of()
    chain = x509.load_pem_x509_certificates(hierarchy.chain_pem.encode())
    assert chain == [hierarchy.issuing.certificate, hierarchy.root.certificate]


def test_a_made_hierarchy_is_loaded_again(tmp_path: Path) -> None:
    """Loading gives the certificates that were made, and the certificates are public files."""
    made, loaded = make(tmp_path), load(tmp_path)
    assert (loaded.root.der, loaded.issuing.der) == (made.root.der, made.issuing.der)
    assert stat.S_IMODE((tmp_path / "ca" / "root.pem").stat().st_mode) == 0o644


def test_making_it_again_changes_nothing(tmp_path: Path) -> None:
    """A hierarchy that is complete stays as it is."""
    assert make(tmp_path).issuing.der == make(tmp_path).issuing.der


@pytest.mark.parametrize(
    "lost", [["ca/issuing.pem"], ["ca/issuing.pem", "keys/issuing.pem"], ["ca/issuing.pem", "ca/root.pem"]]
)
def test_an_interrupted_start_is_continued(tmp_path: Path, lost: list[str]) -> None:
    """Whatever step the first start reached, the next one goes on with the keys and certificates that exist."""
    made = make(tmp_path)
    for name in lost:
        (tmp_path / name).unlink()
    again = make(tmp_path)
    assert again.root.spki == made.root.spki
    assert (again.issuing.spki == made.issuing.spki) is ("keys/issuing.pem" not in lost)
    again.issuing.certificate.verify_directly_issued_by(again.root.certificate)


async def test_two_first_starts_at_once_agree(tmp_path: Path) -> None:
    """Processes that make a hierarchy at the same time all end with the same one."""
    hierarchies = await asyncio.gather(*(asyncio.to_thread(make, tmp_path) for _ in range(8)))
    assert len({(hierarchy.root.der, hierarchy.issuing.der) for hierarchy in hierarchies}) == 1


def unavailable(directory: Path, action: Callable[[Path], object]) -> str:
    """Return why a hierarchy cannot be used."""
    with pytest.raises(CertdeskError) as caught:
        action(directory)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    return str(caught.value)


@pytest.mark.parametrize("action", [make, load])
def test_a_lost_key_is_not_made_anew(tmp_path: Path, action: Callable[[Path], object]) -> None:
    """A certificate without its key is an error that names the missing file, never a reason for a new key."""
    make(tmp_path)
    (tmp_path / "keys" / "issuing.pem").unlink()
    assert "keys/issuing.pem cannot be read" in unavailable(tmp_path, action)
    assert not (tmp_path / "keys" / "issuing.pem").exists()


@pytest.mark.parametrize("name", ["root", "issuing"])
def test_a_missing_certificate_is_named(tmp_path: Path, name: str) -> None:
    """Loading without one of the certificates says which."""
    make(tmp_path)
    (tmp_path / "ca" / f"{name}.pem").unlink()
    assert f"ca/{name}.pem cannot be read" in unavailable(tmp_path, load)


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_damaged_certificate_is_named(tmp_path: Path, content: bytes) -> None:
    """Loading something else than a certificate says which file it is."""
    make(tmp_path)
    (tmp_path / "ca" / "root.pem").write_bytes(content)
    assert unavailable(tmp_path, load).endswith("ca/root.pem is not a CA's certificate")


def test_a_foreign_key_is_refused(tmp_path: Path) -> None:
    """A key that is not the certificate's is not used."""
    make(tmp_path / "one")
    make(tmp_path / "two")
    (tmp_path / "one/keys/issuing.pem").replace(tmp_path / "two/keys/issuing.pem")
    assert unavailable(tmp_path / "two", load).endswith("is not the key of the CA's certificate")


def test_a_foreign_root_is_refused(tmp_path: Path) -> None:
    """A root that did not sign the issuing CA is not used."""
    make(tmp_path / "one")
    make(tmp_path / "two")
    (tmp_path / "one/ca/root.pem").replace(tmp_path / "two/ca/root.pem")
    assert unavailable(tmp_path / "two", load).startswith("the certificate of the issuing CA was not signed by")


def test_the_root_s_key_is_read_only_when_needed(tmp_path: Path) -> None:
    """A hierarchy loads without the root's key, which may be kept elsewhere, and misses it only when it signs."""
    make(tmp_path)
    (tmp_path / "keys" / "root.pem").unlink()
    hierarchy = load(tmp_path)
    assert "keys/root.pem cannot be read" in unavailable(tmp_path, lambda _: hierarchy.root_signer())


@pytest.mark.parametrize("name", ["", "x" * 54, "a\x07b"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    """A federation's name that cannot stand in a certificate is refused before any file is made."""
    with pytest.raises(CertdeskError) as caught:
        make(tmp_path, name=name)
    assert (caught.value.kind, caught.value.problem.field) == (ErrorKind.INVALID_FIELD, "name")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:Attribute's length must be")  # cryptography counts octets
def test_the_longest_name_fits(tmp_path: Path) -> None:
    """A name of 53 characters leaves room for what is added to it."""
    [common_name] = make(tmp_path, name="é" * 53).issuing.certificate.subject.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    assert common_name.value == "é" * 53 + " Issuing CA"


@pytest.mark.parametrize("url", ["", "pki.example.org", "ldap://pki.example.org", "http://", "http://a b", "http://é"])
def test_a_bad_url_is_refused(tmp_path: Path, url: str) -> None:
    """What is not an http URL cannot tell relying parties where to go."""
    with pytest.raises(CertdeskError) as caught:
        make(tmp_path, url=url)
    assert caught.value.problem.field == "pki_url"


def test_a_slash_at_the_end_of_the_url_is_dropped(tmp_path: Path) -> None:
    """The URL may be given with a slash."""
    assert make(tmp_path, url="http://pki.example.org:8080/pki/").pki_url == "http://pki.example.org:8080/pki"


def test_the_ca_that_follows_is_in_a_file_beside(tmp_path: Path) -> None:
    """Whatever certificates `next.pem` has are those of the CA that follows; without the file there are none."""
    assert following_certificates(tmp_path) == ()
    hierarchy = hierarchy_of(KeyAlgorithm.EC_P256)
    (tmp_path / "next.pem").write_text(hierarchy.chain_pem)
    assert following_certificates(tmp_path) == (hierarchy.issuing.der, hierarchy.root.der)


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_has_no_ca_that_follows_is_named(tmp_path: Path, content: bytes) -> None:
    """A desk does not start with a file that is something else."""
    (tmp_path / "next.pem").write_bytes(content)
    with pytest.raises(CertdeskError, match=r"next\.pem is not a CA's certificate"):
        following_certificates(tmp_path)
