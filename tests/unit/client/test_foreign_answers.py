"""Answers that are not the desk's to us: nothing that is stored is replaced by them."""

import pytest

from certdesk.client.failures import FAILED, UNREACHABLE
from certdesk.domain.identifiers import new_request_id
from tests.unit.client.authority import CLIENT, SERVER, Authority, pem
from tests.unit.client.conftest import Client
from tests.unit.client.fake_desk import FakeDesk, Fault, body, changed, cut_off, huge, lost_answer, status

IMPOSTOR = Authority()
NEVER = 9
"""More faults than there are tries."""

FOREIGN_ANSWERS: list[tuple[str, Fault, int, str]] = [
    ("huge", huge, FAILED, "larger than 262144 bytes"),
    ("not JSON", body(b"<html>"), FAILED, "no JSON object"),
    ("deep JSON", body(b"[" * 100_000), FAILED, "no JSON object"),
    ("a list", body(b"[]"), FAILED, "no JSON object"),
    ("empty", body(b""), FAILED, "no JSON object"),
    ("no ID", changed(id=None), FAILED, "its id is missing"),
    ("an ID with an error", changed(id="FRA1-0000-0001"), FAILED, "its request ID or status cannot be read"),
    ("a number as ID", changed(id=7), FAILED, "its id is missing or no text"),
    ("an unknown status", changed(status="blessed"), FAILED, "its request ID or status cannot be read"),
    ("another organisation", changed(organisation="SWE2"), FAILED, "about another request than ours"),
    ("another kind", changed(kind="server"), FAILED, "about another request than ours"),
    ("another key's code", changed(verification_code="xxxxxx"), FAILED, "about another request than ours"),
    ("a redirection", status(302, Location="https://evil.example/"), FAILED, "sends us elsewhere, to https://evil"),
    ("a proxy's page", status(403), FAILED, "answers HTTP 403, and not in the desk's words"),
    ("a proxy's trouble", status(500), UNREACHABLE, "answers HTTP 500, and not in the desk's words"),
    ("cut off", cut_off, UNREACHABLE, "broke off its answer"),
    ("nothing", lost_answer, UNREACHABLE, "broke off its answer"),
    ("overload", status(503), UNREACHABLE, "busy or out of service"),
]

FOREIGN_CERTIFICATES: list[tuple[str, Fault, str]] = [
    ("no certificate", changed(certificate=None), "holds 0 certificates"),
    ("an empty chain", changed(chain=""), "does not come from the authority"),
    ("a garbled certificate", changed(certificate={"pem": "-----BEGIN CERTIFICATE-----"}), "certificate"),
    ("a number", changed(certificate={"pem": 1}), "its pem is missing or no text"),
    ("a chain of an impostor", changed(chain=IMPOSTOR.chain), "does not come from the authority"),
]


@pytest.mark.parametrize(
    ("fault", "code", "words"), [each[1:] for each in FOREIGN_ANSWERS], ids=[each[0] for each in FOREIGN_ANSWERS]
)
def test_a_submit_is_not_acknowledged_by_a_foreign_answer(
    client: Client, desk: FakeDesk, fault: Fault, code: int, words: str
) -> None:
    """The request stays prepared, and the next run submits the same: the desk has one request in the end."""
    desk.faults.extend([fault] * NEVER)
    outcome = client.request()
    assert (outcome.code, words in outcome.err) == (code, True), outcome
    prepared = client.enrollment()
    assert prepared.prepared
    assert prepared.requested is None
    desk.faults.clear()
    assert client.request().code == 0
    assert client.enrollment().requested
    assert desk.only.body["claim"] == prepared.prepared.claim


@pytest.mark.parametrize(
    ("fault", "code", "words"), [each[1:] for each in FOREIGN_ANSWERS], ids=[each[0] for each in FOREIGN_ANSWERS]
)
def test_a_status_is_not_changed_by_a_foreign_answer(
    client: Client, desk: FakeDesk, fault: Fault, code: int, words: str
) -> None:
    """What the desk said before stays, and the next look is answered."""
    client.request()
    before = client.enrollment()
    desk.faults.extend([fault] * NEVER)
    outcome = client("status")
    assert (outcome.code, words in outcome.err) == (code, True), outcome
    assert client.enrollment() == before
    desk.faults.clear()
    assert client("status").code == 10


def test_another_requests_answer_is_refused(client: Client, desk: FakeDesk) -> None:
    """An answer about somebody else's request, well-formed as it is, is not ours."""
    client.request()
    other = new_request_id("FRA1", bytes)
    desk.faults.append(changed(id=other))
    outcome = client("status")
    assert outcome.code == FAILED
    assert f"the desk's answer is about request {other}, not" in outcome.err


@pytest.mark.parametrize(
    ("fault", "words"), [each[1:] for each in FOREIGN_CERTIFICATES], ids=[each[0] for each in FOREIGN_CERTIFICATES]
)
def test_a_foreign_certificate_is_not_collected(client: Client, desk: FakeDesk, fault: Fault, words: str) -> None:
    """The request stays as it is, and the right certificate is collected later."""
    client.request()
    desk.approve()
    before = client.enrollment()
    desk.faults.append(fault)
    outcome = client("collect")
    assert (outcome.code, words in outcome.err) == (FAILED, True), outcome
    assert "nothing that is stored here was changed" in outcome.err
    assert client.enrollment() == before
    assert client("collect").code == 0


def test_a_certificate_for_another_key_is_not_collected(client: Client, desk: FakeDesk) -> None:
    """The right authority, the wrong key."""
    client.request()
    desk.approve()
    other = desk.authority.issue(IMPOSTOR.root_key.public_key())
    desk.faults.append(changed(certificate={"pem": pem(other)}))
    assert "for another key than ours" in client("collect").err
    assert client.enrollment().issued is None


def test_a_certificate_by_an_impostor_is_not_collected(client: Client, desk: FakeDesk) -> None:
    """The right key, the wrong authority."""
    client.request()
    desk.approve()
    forged = IMPOSTOR.issue(desk.only.csr.public_key())
    desk.faults.append(changed(certificate={"pem": pem(forged)}, chain=IMPOSTOR.chain))
    assert "does not come from the authority that the settings trust" in client("collect").err
    assert client.enrollment().issued is None


def test_a_certificate_for_another_purpose_is_not_collected(client: Client, desk: FakeDesk) -> None:
    """A workstation has no use for a server's certificate."""
    client.request()
    desk.approve()
    server = desk.authority.issue(desk.only.csr.public_key(), purposes=(SERVER,))
    desk.faults.append(changed(certificate={"pem": pem(server)}))
    assert "not made for a workstation" in client("collect").err


def test_a_foreign_renewal_leaves_the_old_certificate(client: Client, desk: FakeDesk) -> None:
    """A renewal that is answered with another key's certificate keeps the old one, and is finished later."""
    client.enroll(desk)
    before = client.enrollment().issued
    other = desk.authority.issue(IMPOSTOR.root_key.public_key(), purposes=(CLIENT,))
    desk.faults.append(changed(certificate={"pem": pem(other)}))
    command = ("renew", "--password-file", str(client.password_file))
    outcome = client(*command)
    assert outcome.code == FAILED
    assert client.enrollment().issued == before
    client.succeed(*command)
    after = client.enrollment()
    assert after.issued != before
    assert after.prepared is None
    assert len(desk.records) == 2


def test_a_refused_renewal_leaves_the_old_certificate(client: Client, desk: FakeDesk) -> None:
    """When the desk refuses to renew, the certificate and its key stay, and the refusal is told."""
    client.enroll(desk)
    before = client.enrollment()
    desk.only.certificate = desk.authority.issue(desk.only.csr.public_key())
    outcome = client("renew", "--password-file", str(client.password_file))
    assert outcome.code == FAILED
    assert "there is no such certificate" in outcome.err
    assert client.enrollment() == before
