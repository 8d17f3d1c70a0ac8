"""The commands as a person uses them, one after the other."""

from pathlib import Path

import pytest

from certdesk.client.failures import DONE, FAILED, PENDING_DECISION, REJECTED
from certdesk.client.keystore import decrypt_key
from tests.unit.client.conftest import FORM, PASSWORD, Client
from tests.unit.client.csrs import csr_pem
from tests.unit.client.fake_desk import FakeDesk, changed, problem


def test_a_request_waits_is_collected_and_shown(client: Client, desk: FakeDesk) -> None:
    """Request, status, collect and show lead from nothing to a certificate, with the promised exit codes."""
    requested = client.request("--json")
    assert requested.code == DONE
    assert requested.document["request_id"] == desk.only.id
    assert requested.document["status"] == "requested"
    assert len(requested.document["verification_code"]) == 6
    assert client("status").code == PENDING_DECISION
    assert client("collect").code == PENDING_DECISION
    desk.approve()
    waiting_here = client("status", "--json")
    assert (waiting_here.code, waiting_here.document["certificate"]) == (DONE, None)
    collected = client("collect", "--json")
    assert (collected.code, collected.document["status"]) == (DONE, "issued")
    shown = client.succeed("show")
    assert collected.document["certificate"]["serial_number"] in shown.out
    assert "status" in shown.out
    assert len(desk.records) == 1


def test_the_desk_gets_what_was_filled_in(client: Client, desk: FakeDesk) -> None:
    """The body holds the options, the settings' subject defaults, and what the machine says of itself."""
    client.request("--locality", "Lyon")
    sent = desk.only.body
    assert sent["contact"] == {"email": "ann@example.org", "phone": "+33123456789"}
    assert sent["location"] == {"state_or_province": "Île-de-France", "locality": "Lyon"}
    assert sent["organisation"] == "FRA1"
    assert len(sent["claim"]) == 43
    assert sent["device"]["app"].startswith("certdesk-client ")
    assert "names" not in sent


def test_a_rejection_shows_the_reason_word_for_word(client: Client, desk: FakeDesk) -> None:
    """Status and collect of a rejected request end with 11 and the manager's words."""
    client.request()
    desk.reject("I do not know you")
    assert client("collect").code == REJECTED
    outcome = client("status")
    assert outcome.code == REJECTED
    assert "I do not know you" in outcome.out


def test_a_reason_cannot_steer_the_terminal(client: Client, desk: FakeDesk) -> None:
    """Escape sequences and bidirectional controls from the network are not printed."""
    client.request()
    desk.reject("no\x1b[2J\u202eway")
    outcome = client("status")
    assert "\x1b" not in outcome.out
    assert "\u202e" not in outcome.out


def test_requesting_again_is_harmless(client: Client, desk: FakeDesk) -> None:
    """The same request run again shows the waiting one and makes none."""
    client.request()
    again = client.request()
    assert again.code == DONE
    assert desk.only.id in again.out


def test_a_correction_replaces_the_waiting_request(client: Client, desk: FakeDesk) -> None:
    """Another value makes a new request, of which the desk cancels the older; the rest is kept from before."""
    client.request()
    first = client.enrollment()
    assert client("request", "--phone", "+33987654321", "--password-file", str(client.password_file)).code == DONE
    corrected = client.enrollment()
    assert first.requested
    assert corrected.requested
    assert corrected.requested.id != first.requested.id
    assert corrected.requested.order.claim != first.requested.order.claim
    assert desk.last.body["contact"] == {"email": "ann@example.org", "phone": "+33987654321"}
    assert [each.state for each in desk.records.values()] == ["cancelled", "requested"]


def test_after_a_rejection_a_new_request_can_be_made(client: Client, desk: FakeDesk) -> None:
    """Request after a rejection takes a new key and the values of the last time."""
    client.request()
    desk.reject("wrong phone")
    client("status")
    assert client("request", "--phone", "+33987654321", "--password-file", str(client.password_file)).code == DONE
    assert len({each.spki for each in desk.records.values()}) == 2
    assert desk.last.body["description"] == "Ann's laptop"


def test_a_certificate_is_not_requested_over(client: Client, desk: FakeDesk) -> None:
    """With a valid certificate, request refuses; with --new it asks for another."""
    client.enroll(desk)
    refused = client.request()
    assert refused.code == FAILED
    assert "has a certificate already" in refused.err
    assert client.request("--new").code == DONE
    enrollment = client.enrollment()
    assert enrollment.issued
    assert enrollment.requested


def test_several_enrollments_live_side_by_side(client: Client, desk: FakeDesk) -> None:
    """Each has its name; show lists them, and other commands ask which one is meant."""
    client.request()
    client.request("--kind", "server", "--dns", "www.example.org")
    listed = client.succeed("show")
    assert "workstation" in listed.out
    assert "www.example.org" in listed.out
    assert client("status").code == 2
    assert client("status", "--name", "www.example.org").code == PENDING_DECISION
    assert len(client("show", "--json").document["enrollments"]) == 2


def test_two_servers_of_one_person_do_not_replace_each_other(client: Client, desk: FakeDesk) -> None:
    """The name of the enrollment and the device ID come from the server's first name."""
    client.request("--kind", "server", "--dns", "a.example.org")
    client.request("--kind", "server", "--dns", "b.example.org", "--ip", "2001:DB8::1")
    assert [each.state for each in desk.records.values()] == ["requested", "requested"]
    assert desk.last.body["device"]["id"] == "b.example.org"
    assert desk.last.body["names"] == {"dns": ["b.example.org"], "ip": ["2001:db8::1"]}


def test_the_key_is_stored_only_under_the_password(client: Client) -> None:
    """The stored key opens with the registration password and is nowhere in clear."""
    client.request()
    stored = (client.home / "enrollment-workstation.json").read_text()
    assert "BEGIN ENCRYPTED PRIVATE KEY" in stored
    assert "BEGIN PRIVATE KEY" not in stored
    assert PASSWORD not in stored
    enrollment = client.enrollment()
    assert enrollment.requested
    decrypt_key(enrollment.requested.order.key, PASSWORD)


def test_every_file_is_the_owners_alone(client: Client, desk: FakeDesk) -> None:
    """The home directory is 0700 and everything in it 0600."""
    client.enroll(desk)
    assert client.home.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in client.home.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_waiting_follows_the_desks_wish_and_ends_with_the_decision(
    client: Client, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status --wait` looks again when Retry-After has passed, and ends when it is issued."""
    client.request()
    sleep = client._sleep

    def sleep_and_approve(seconds: float) -> None:
        sleep(seconds)
        if len(client.pauses) == 3:
            desk.approve()

    monkeypatch.setattr(client, "_sleep", sleep_and_approve)
    assert client("status", "--wait").code == DONE
    assert client.pauses == [3.0, 3.0, 3.0]


def test_waiting_ends_when_its_time_is_up(client: Client) -> None:
    """`status --wait --timeout` of a request nobody decides ends with 10."""
    client.request()
    outcome = client("status", "--wait", "--timeout", "10")
    assert outcome.code == PENDING_DECISION
    assert sum(client.pauses) == 10


def test_collect_can_wait_too(client: Client, desk: FakeDesk) -> None:
    """`collect --wait` returns with the certificate."""
    client.request()
    desk.approve()
    assert client("collect", "--wait").code == DONE
    assert client.enrollment().issued


def test_a_renewal_needs_nobody(client: Client, desk: FakeDesk) -> None:
    """Renew makes a new key, proves the old one, and keeps the new certificate."""
    client.enroll(desk)
    before = client.enrollment().issued
    renewed = client.succeed("renew", "--password-file", str(client.password_file), "--json")
    after = client.enrollment().issued
    assert before
    assert after
    assert renewed.document["status"] == "issued"
    assert after.certificate != before.certificate
    assert after.key != before.key
    decrypt_key(after.key, PASSWORD)


def test_a_renewal_that_is_not_due_does_nothing(client: Client, desk: FakeDesk) -> None:
    """`renew --within 30` leaves a certificate alone that is valid for a year, without the password."""
    client.enroll(desk)
    outcome = client.succeed("renew", "--within", "30")
    assert "not due" in outcome.err
    assert len(desk.records) == 1
    client.succeed("renew", "--within", "400", "--password-file", str(client.password_file))
    assert len(desk.records) == 2


def test_a_servers_renewal_keeps_its_names(client: Client, desk: FakeDesk) -> None:
    """The new CSR of a server asks for the names of the certificate that it renews."""
    client.request("--kind", "server", "--dns", "www.example.org", "--ip", "192.0.2.1")
    desk.approve()
    client.succeed("collect")
    client.succeed("renew", "--password-file", str(client.password_file))
    names = client("show", "--json").document["certificate"]["names"]
    assert names == ["www.example.org", "192.0.2.1"]


def test_a_wrong_password_renews_nothing(client: Client, desk: FakeDesk, tmp_path: Path) -> None:
    """Renew with another password ends with 1 and changes nothing."""
    client.enroll(desk)
    before = client.enrollment()
    other = tmp_path / "other"
    other.write_text("another one 2?")
    outcome = client("renew", "--password-file", str(other))
    assert outcome.code == FAILED
    assert "error: this is not the registration password" in outcome.err
    assert client.enrollment() == before


def test_a_refused_field_is_named_by_its_option(client: Client, desk: FakeDesk) -> None:
    """A refusal by the desk ends with 2, names the option, and the next try needs only that option."""
    error = {"type": "urn:certdesk:error:invalid-field", "field": "contact.phone", "detail": "not a phone number"}
    desk.faults.append(problem(422, "invalid-field", "a field is wrong", error))
    outcome = client.request("--phone", "12")
    assert outcome.code == 2
    assert "error: --phone: not a phone number" in outcome.err
    assert client("status").code == FAILED
    again = client("request", "--phone", "+33123456789", "--password-file", str(client.password_file))
    assert again.code == DONE
    assert desk.last.body["contact"]["email"] == "ann@example.org"


def test_the_language_reaches_the_desk(client: Client, desk: FakeDesk) -> None:
    """Every call says which language the person reads."""
    client.request()
    assert {headers["Accept-Language"] for headers in desk.headers} == {"en"}


def test_an_approved_request_is_still_pending(client: Client, desk: FakeDesk) -> None:
    """While the authority is away, an approved request is told to wait."""
    client.request()
    desk.faults.append(changed(status="approved"))
    assert client("collect").code == PENDING_DECISION


def test_a_csr_of_another_machine_needs_no_password(client: Client, desk: FakeDesk, tmp_path: Path) -> None:
    """A server's CSR is sent as it is; its certificate is collected, and there is no key here."""
    file = tmp_path / "www.csr"
    file.write_text(csr_pem("www.example.org"))
    outcome = client("request", *FORM, "--kind", "server", "--csr", str(file))
    assert outcome.code == DONE, outcome
    desk.approve()
    client.succeed("collect", "--name", "www.example.org")
    issued = client.enrollment("www.example.org").issued
    assert issued
    assert issued.key == ""
    refused = client("renew")
    assert refused.code == FAILED
    assert "the key of this certificate lives elsewhere" in refused.err
