"""pkilint finds nothing at WARNING or above in certificates, lists and OCSP answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

from certdesk.domain.enrollment import Kind, Names
from certdesk.domain.states import RevocationReason
from certdesk.keys.signer import KeyAlgorithm
from tests.interop.validating_desk import ISSUING_ALGORITHMS, ValidatingDesk
from tests.unit.ca.authorities import SUBJECT_KEYS, finish
from tests.unit.va.questions import SHA256, cert_id, nonce_extension, question

Main = Callable[[list[str]], int]

# pkilint's commands leave the files that they read to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

SERVER = Names(("api.poste.example", "www.poste.example"), ("192.0.2.7", "2001:db8::7"))


def findings(main: Main, path: Path, *options: str) -> int:
    """Run a linter; return how much it found, after printing it for the test's report."""
    return main(["lint", "--severity", "WARNING", *options, str(path)])


@pytest.fixture(params=[*ISSUING_ALGORITHMS, KeyAlgorithm.ED25519])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> ValidatingDesk:
    """Return a desk."""
    algorithm: KeyAlgorithm = request.param
    return ValidatingDesk(tmp_path, algorithm)


@pytest.mark.parametrize("key", SUBJECT_KEYS)
@pytest.mark.parametrize("kind", Kind)
def test_each_profile_is_clean(desk: ValidatingDesk, kind: Kind, key: str) -> None:
    """A certificate of each kind, with each kind of key, has no finding."""
    desk.issue("subject", kind, key, names=SERVER if kind is Kind.SERVER else Names())
    assert findings(lint_pkix_cert.main, desk.directory / "subject.pem") == 0


@pytest.mark.parametrize("name", ["root", "issuing", "responder", "desk"])
def test_the_authority_s_own_certificates_are_clean(desk: ValidatingDesk, name: str) -> None:
    """Root, issuing CA, OCSP responder and the desk's TLS certificate have no finding."""
    desk.write_own_certificates()
    assert findings(lint_pkix_cert.main, desk.directory / f"{name}.pem") == 0


def test_certificates_fit_their_issuer(desk: ValidatingDesk) -> None:
    """Subject and issuer of every pair in a chain fit together."""
    desk.issue("subject")
    for signer, signee in (("root", "issuing"), ("issuing", "subject")):
        paths = [str(desk.directory / f"{name}.pem") for name in (signer, signee)]
        assert lint_pkix_signer_signee_cert_chain.main(["lint", "--severity", "WARNING", *paths]) == 0


def test_subjects_of_any_script_are_clean(desk: ValidatingDesk) -> None:
    """Names at their longest, in other scripts, have no finding."""
    desk.issue("subject", organisation_name="邮" * 64, state_or_province="Ελ" * 64, country="")
    assert findings(lint_pkix_cert.main, desk.directory / "subject.pem") == 0


def test_a_wildcard_is_all_that_is_found(desk: ValidatingDesk, capsys: pytest.CaptureFixture[str]) -> None:
    """A wildcard has one finding: RFC 5280 §4.2.1.6 leaves wildcards to others (RFC 9525), pkilint to nobody."""
    desk.issue("subject", Kind.SERVER, names=Names(("*.poste.example",)))
    assert findings(lint_pkix_cert.main, desk.directory / "subject.pem", "--format", "CSV") == 1
    assert "pkix.invalid_domain_name_syntax" in capsys.readouterr().out


@pytest.mark.parametrize("reasons", [[], list(RevocationReason)], ids=["empty", "every reason"])
@pytest.mark.parametrize("profile", ["PKIX", "BR"])
def test_lists_are_clean(desk: ValidatingDesk, profile: str, reasons: list[RevocationReason]) -> None:
    """The lists of both CAs have no finding, empty or with every reason, not even by the Baseline Requirements."""
    for reason in reasons:
        desk.revoke(desk.issue("subject"), reason)
    desk.publish()
    kinds = ("--profile", profile, "--type")
    assert findings(lint_crl.main, desk.directory / "issuing.crl", *kinds, "CRL") == 0
    assert findings(lint_crl.main, desk.directory / "root.crl", *kinds, "ARL") == 0


@pytest.mark.parametrize("presigned", [False, True])
def test_answers_are_clean(desk: ValidatingDesk, *, presigned: bool) -> None:
    """Answers have no finding: good, revoked, unknown, about several certificates, and with a nonce."""
    issuing = desk.ca.hierarchy.issuing
    good, revoked, unknown = desk.issue("good"), desk.issue("revoked"), bytes([7] * 16)
    desk.revoke(revoked)
    if presigned:
        finish(desk.va.presign(100))
    questions = {
        "good": question(cert_id(good, issuing)),
        "revoked": question(cert_id(revoked, issuing)),
        "unknown": question(cert_id(unknown, issuing)),
        "sha256": question(cert_id(good, issuing, SHA256)),
        "several": question(*(cert_id(each, issuing) for each in (good, revoked, unknown))),
        "nonce": question(cert_id(good, issuing), extensions=nonce_extension(b"n" * 32)),
    }
    for name, request in questions.items():
        path = desk.directory / f"{name}.der"
        path.write_bytes(finish(desk.va.ocsp(request)).der)
        assert findings(lint_ocsp_response.main, path) == 0, name
