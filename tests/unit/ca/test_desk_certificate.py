"""The desk's own TLS certificate."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtensionOID

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.desk_certificate import DeskCertificate
from certdesk.domain.enrollment import DAY, Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.keys.signer import KeyAlgorithm
from certdesk.wire.spki import spki_of
from tests.unit.ca.authorities import Time, authority_of, finish, key_directory, order_for

NAMES = Names(("desk.example.org", "localhost"), ("127.0.0.1", "::1"))


def desk_certificate(
    directory: Path, ca: CertificateAuthority | None = None, time: Time | None = None
) -> DeskCertificate:
    """Return the desk's certificate in a directory."""
    return DeskCertificate(ca or authority_of(), key_directory(directory), time or Time())


def chain(desk: DeskCertificate) -> list[x509.Certificate]:
    """Return the certificates in the file."""
    return x509.load_pem_x509_certificates(desk.path.read_bytes())


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_3072])
def test_the_file_is_what_a_tls_server_loads(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    """The standard library's TLS loads key and chain from the one file, which is private."""
    ca = authority_of(algorithm)
    desk = desk_certificate(tmp_path, ca)
    assert finish(desk.renew_if_due(NAMES)) is True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(desk.path, password=b"correct horse")
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600
    leaf, issuing = chain(desk)
    assert issuing == ca.issuing_certificate
    leaf.verify_directly_issued_by(issuing)


def test_it_has_the_profile_of_a_short_lived_server(tmp_path: Path) -> None:
    """It names the desk, serves TLS only, and points to no revocation since there is none (RFC 9608)."""
    desk = desk_certificate(tmp_path)
    finish(desk.renew_if_due(NAMES))
    certificate = chain(desk)[0]
    assert certificate.subject.rfc4514_string() == "CN=desk.example.org,O=Universal Post"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(NAMES.dns)
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == list(NAMES.ip)
    oids = {extension.oid.dotted_string for extension in certificate.extensions}
    assert "2.5.29.56" in oids
    assert ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string not in oids
    [access] = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert access.access_location.value == "http://pki.example.org/ca/issuing.cer"


def test_it_is_kept_while_it_is_good(tmp_path: Path) -> None:
    """In the first half of its life and for the same names, the certificate stays."""
    time = Time()
    desk = desk_certificate(tmp_path, time=time)
    finish(desk.renew_if_due(NAMES))
    before = desk.path.read_bytes()
    time.now += 14 * DAY
    assert finish(desk.renew_if_due(NAMES)) is False
    assert finish(desk_certificate(tmp_path, time=time).renew_if_due(NAMES)) is False
    assert desk.path.read_bytes() == before


def test_it_is_renewed_at_half_of_its_life(tmp_path: Path) -> None:
    """After 15 of its 30 days it is made anew, with a new key."""
    time = Time()
    desk = desk_certificate(tmp_path, time=time)
    finish(desk.renew_if_due(NAMES))
    first = chain(desk)[0]
    time.now += 16 * DAY
    assert finish(desk.renew_if_due(NAMES)) is True
    second = chain(desk)[0]
    assert second.public_key() != first.public_key()
    key = load_pem_private_key(desk.path.read_bytes(), b"correct horse")
    assert key.public_key() == second.public_key()


def test_other_names_make_another(tmp_path: Path) -> None:
    """When the desk is called by other names, it gets another certificate."""
    desk = desk_certificate(tmp_path)
    finish(desk.renew_if_due(NAMES))
    assert finish(desk.renew_if_due(Names(("other.example.org",)))) is True


def test_another_authority_makes_another(tmp_path: Path) -> None:
    """A certificate of another CA is replaced, also when that CA has the same name."""
    finish(desk_certificate(tmp_path, authority_of(KeyAlgorithm.RSA_3072)).renew_if_due(NAMES))
    assert finish(desk_certificate(tmp_path).renew_if_due(NAMES)) is True


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    """A file that holds no certificate is made anew."""
    desk = desk_certificate(tmp_path)
    desk.path.write_bytes(b"nonsense")
    assert finish(desk.renew_if_due(NAMES)) is True


def test_it_ends_with_its_issuer(tmp_path: Path) -> None:
    """Near the end of the issuing CA the certificate ends with it."""
    ca = authority_of()
    time = Time(ca.not_after - DAY)
    desk = desk_certificate(tmp_path, time=time)
    finish(desk.renew_if_due(NAMES))
    assert chain(desk)[0].not_valid_after_utc == ca.issuing_certificate.not_valid_after_utc


def test_the_desk_s_key_is_no_subject_s(tmp_path: Path) -> None:
    """Nobody gets a certificate for the desk's TLS key."""
    ca = CertificateAuthority(authority_of().hierarchy)
    desk = desk_certificate(tmp_path, ca)
    finish(desk.renew_if_due(NAMES))
    with pytest.raises(CertdeskError) as caught:
        finish(ca.issue(order_for(ca, spki=spki_of(chain(desk)[0].public_key()))))
    assert caught.value.kind is ErrorKind.KEY_IN_USE


@pytest.mark.parametrize("names", [Names(), Names(("desk_1.example",)), Names(("é.example",)), Names(ip=("1.2.3",))])
def test_it_is_for_good_names_only(tmp_path: Path, names: Names) -> None:
    """Names that no server can have are refused, and no file is written."""
    desk = desk_certificate(tmp_path)
    with pytest.raises(CertdeskError) as caught:
        finish(desk.renew_if_due(names))
    assert caught.value.kind is ErrorKind.NAME_NOT_ALLOWED
    assert not desk.path.exists()
