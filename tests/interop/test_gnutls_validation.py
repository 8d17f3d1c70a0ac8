"""GnuTLS as a second opinion: `ocsptool` and `certtool` accept answers, lists and chains."""

from pathlib import Path

import pytest

from certdesk.domain.enrollment import Kind
from certdesk.keys.signer import KeyAlgorithm
from tests.interop.validating_desk import ISSUING_ALGORITHMS, ValidatingDesk
from tests.unit.ca.authorities import finish


@pytest.fixture(params=ISSUING_ALGORITHMS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> ValidatingDesk:
    """Return a desk with a certificate of each status."""
    algorithm: KeyAlgorithm = request.param
    desk = ValidatingDesk(tmp_path, algorithm)
    desk.issue_one_of_each_status()
    return desk


@pytest.mark.parametrize("presigned", [False, True])
@pytest.mark.parametrize("nonce", ["--nonce", "--no-nonce"])
@pytest.mark.parametrize("status", ["good", "revoked", "superseded", "unknown"])
def test_ocsptool_verifies_the_answers(desk: ValidatingDesk, status: str, nonce: str, *, presigned: bool) -> None:
    """`ocsptool` asks about a certificate and verifies the answer against the issuing CA."""
    if presigned:
        finish(desk.va.presign(100))
    question = ("--generate-request", "--load-issuer", "issuing.pem", "--load-cert", f"{status}.pem")
    desk.run("ocsptool", *question, nonce, "--outfile", "request.der")
    desk.answer("request.der", "response.der")
    said = desk.run("ocsptool", "--verify-response", "--load-response", "response.der", "--load-trust", "issuing.pem")
    assert said.returncode == 0, said.stdout
    assert said.stdout.rstrip().endswith("Verifying OCSP Response: Success.")
    assert f"Certificate Status: {'good' if status == 'superseded' else status}\n" in said.stdout


@pytest.mark.parametrize("kind", Kind)
def test_certtool_verifies_the_chain(desk: ValidatingDesk, kind: Kind) -> None:
    """`certtool` verifies a certificate of each kind for TLS clients."""
    desk.issue("subject", kind)
    chain = "".join((desk.directory / name).read_text() for name in ("subject.pem", "chain.pem"))
    (desk.directory / "all.pem").write_text(chain)
    purpose = ("--verify-purpose", "1.3.6.1.5.5.7.3.2", "--verify-profile", "medium")
    said = desk.run("certtool", "--verify", "--load-ca-certificate", "root.pem", *purpose, "--infile", "all.pem")
    assert said.returncode == 0, said.stdout
    assert "Chain verification output: Verified. The certificate is trusted." in said.stdout


@pytest.mark.parametrize("name", ["issuing", "root"])
def test_certtool_verifies_the_lists(desk: ValidatingDesk, name: str) -> None:
    """`certtool` verifies the list of each CA."""
    desk.publish()
    said = desk.run("certtool", "--verify-crl", "--load-ca-certificate", f"{name}.pem", "--infile", f"{name}.crl")
    assert said.returncode == 0, said.stdout
    assert "Verification output: Verified." in said.stdout
