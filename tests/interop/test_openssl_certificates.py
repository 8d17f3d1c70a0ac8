"""OpenSSL accepts the certificates, each for its purposes and no other, until they are revoked."""

from pathlib import Path

import pytest

from certdesk.ca.profiles import PROFILES
from certdesk.domain.enrollment import Kind
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.signer import KeyAlgorithm
from tests.interop.validating_desk import ISSUING_ALGORITHMS, ValidatingDesk, run
from tests.unit.ca.authorities import SUBJECT_KEYS

CHAIN = ("-x509_strict", "-CAfile", "root.pem", "-untrusted", "issuing.pem")


def verify(desk: ValidatingDesk, name: str, *options: str) -> str:
    """Return what `openssl verify` says of a certificate."""
    return desk.run("openssl", "verify", *CHAIN, *options, f"{name}.pem").stdout


@pytest.mark.parametrize("algorithm", [*ISSUING_ALGORITHMS, KeyAlgorithm.ED25519])
@pytest.mark.parametrize("key", SUBJECT_KEYS)
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_serves_its_purposes(tmp_path: Path, kind: Kind, key: str, algorithm: KeyAlgorithm) -> None:
    """Every kind is a TLS client, servers are TLS servers too, and nothing else."""
    desk = ValidatingDesk(tmp_path, algorithm)
    desk.issue("subject", kind, key)
    assert verify(desk, "subject", "-purpose", "sslclient") == "subject.pem: OK\n"
    as_server = verify(desk, "subject", "-purpose", "sslserver")
    assert (as_server == "subject.pem: OK\n") is (kind is Kind.SERVER)
    assert "unsuitable certificate purpose" in verify(desk, "subject", "-purpose", "smimesign")


@pytest.mark.parametrize("algorithm", ISSUING_ALGORITHMS)
def test_the_desk_s_own_certificates_verify(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    """The desk's TLS certificate is a server's for its names, the responder's an OCSP helper's."""
    desk = ValidatingDesk(tmp_path, algorithm)
    desk.write_own_certificates()
    for name in (("-verify_hostname", "pki.example.org"), ("-verify_ip", "127.0.0.1")):
        assert verify(desk, "desk", "-purpose", "sslserver", *name) == "desk.pem: OK\n"
    assert verify(desk, "responder", "-purpose", "ocsphelper") == "responder.pem: OK\n"
    assert "unsuitable certificate purpose" in verify(desk, "responder", "-purpose", "sslserver")


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_its_policy(tmp_path: Path, kind: Kind) -> None:
    """A certificate is valid under its own kind's policy, and under no other's."""
    desk = ValidatingDesk(tmp_path)
    desk.issue("subject", kind)
    for other in Kind:
        said = verify(desk, "subject", "-explicit_policy", "-policy", PROFILES[other].policy)
        assert (said == "subject.pem: OK\n") is (other is kind), said


def test_a_name_in_any_script_is_shown(tmp_path: Path) -> None:
    """OpenSSL shows a subject in Greek and Chinese as it was ordered."""
    desk = ValidatingDesk(tmp_path)
    desk.issue("subject", organisation_name="Ελληνικά Ταχυδρομεία", locality="北京")
    subject = desk.run("openssl", "x509", "-in", "subject.pem", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus")
    assert "L=北京,O=Ελληνικά Ταχυδρομεία" in subject.stdout


def test_revocation_takes_effect_with_the_next_list(tmp_path: Path) -> None:
    """With the CRLs of both CAs, a certificate verifies until it is revoked."""
    desk = ValidatingDesk(tmp_path)
    serial_number = desk.issue("subject")
    desk.issue("other")
    checked = ("-crl_check_all", "-CRLfile", "issuing.crl", "-CRLfile", "root.crl")
    desk.publish()
    assert verify(desk, "subject", *checked) == "subject.pem: OK\n"
    desk.revoke(serial_number)
    desk.publish()
    assert "certificate revoked" in verify(desk, "subject", *checked)
    assert verify(desk, "other", *checked) == "other.pem: OK\n"


@pytest.mark.parametrize("algorithm", ISSUING_ALGORITHMS)
def test_lists_verify_and_show_their_entries(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    """`openssl crl` verifies the lists of both CAs and reads number, entries and reasons."""
    desk = ValidatingDesk(tmp_path, algorithm)
    serial_number = desk.issue("subject")
    desk.revoke(serial_number)
    desk.publish()
    shown = desk.run(
        "openssl", "crl", "-in", "issuing.crl", "-CAfile", "issuing.pem", "-noout", "-text", "-nameopt", "RFC2253"
    )
    assert "verify OK" in shown.stdout
    assert f"Serial Number: {serial_number.hex().upper()}" in shown.stdout
    assert "Key Compromise" in shown.stdout
    assert "X509v3 CRL Number: \n                2" in shown.stdout
    shown = desk.run("openssl", "crl", "-in", "root.crl", "-CAfile", "root.pem", "-noout", "-text")
    assert "verify OK" in shown.stdout
    assert "No Revoked Certificates." in shown.stdout


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_key_files_open_with_their_passphrase(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    """OpenSSL reads a private key's file with the passphrase, at its real cost, and not with another."""
    keys = KeyDirectory(tmp_path, b"correct horse")
    keys.create("issuing", algorithm)
    right = run(tmp_path, "openssl", "pkey", "-in", "issuing.pem", "-passin", "pass:correct horse", "-noout", "-check")
    assert right.stdout == "Key is valid\n"
    wrong = run(tmp_path, "openssl", "pkey", "-in", "issuing.pem", "-passin", "pass:other", "-noout")
    assert wrong.returncode != 0
