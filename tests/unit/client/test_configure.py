"""Whose settings are believed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from certdesk.client.home import Home
from tests.unit.client.authority import Authority, pem
from tests.unit.client.conftest import Client
from tests.unit.client.fake_desk import FakeDesk, Fault, body, status


@pytest.fixture
def plain_desk(authority: Authority, tmp_path: Path) -> Iterator[FakeDesk]:
    """Return a desk that speaks plain HTTP."""
    with FakeDesk(authority, tmp_path, tls=False) as running:
        yield running


def _fingerprint(authority: Authority) -> str:
    return hashlib.sha256(authority.root_der).hexdigest()


def test_a_file_with_the_authority_vouches_for_the_desk(
    blank_client: Client, desk: FakeDesk, anchor_file: Path
) -> None:
    """`--trust` accepts a desk with a certificate by its own authority, and says what was learned."""
    outcome = blank_client.succeed("configure", f"{desk.url}/settings/FRA1.xml", "--trust", str(anchor_file), "--json")
    assert outcome.document["organisation"] == "FRA1"
    assert outcome.document["trust_anchors_sha256"] == [_fingerprint(desk.authority)]
    assert not Home(blank_client.home).configuration().trust_system


def test_a_fingerprint_vouches_for_the_desk(blank_client: Client, desk: FakeDesk) -> None:
    """`--fingerprint`, in any usual spelling, picks the trust anchor, which then has to prove itself in TLS."""
    spelt = ":".join(_fingerprint(desk.authority).upper()[at : at + 2] for at in range(0, 64, 2))
    blank_client.succeed("configure", f"{desk.url}/settings/FRA1.xml", "--fingerprint", spelt)
    assert blank_client.request().code == 0
    assert desk.calls[0] == desk.calls[1] == "GET /settings/FRA1.xml"


def test_a_system_authority_vouches_for_the_desk(
    blank_client: Client, desk: FakeDesk, anchor_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without either option the system's authorities are trusted, then and later."""
    monkeypatch.setenv("SSL_CERT_FILE", str(anchor_file))
    blank_client.succeed("configure", f"{desk.url}/settings/FRA1.xml")
    assert Home(blank_client.home).configuration().trust_system


def test_a_stranger_is_not_believed(blank_client: Client, desk: FakeDesk) -> None:
    """A desk that nobody vouches for is refused, with a hint at the two options."""
    outcome = blank_client("configure", f"{desk.url}/settings/FRA1.xml")
    assert outcome.code == 1
    assert "does not prove that it is the desk" in outcome.err
    assert "--trust or --fingerprint" in outcome.err
    assert not blank_client.home.exists()


def test_another_fingerprint_is_not_believed(blank_client: Client, desk: FakeDesk) -> None:
    """Settings without the trust anchor that was read over the telephone are refused."""
    outcome = blank_client("configure", f"{desk.url}/settings/FRA1.xml", "--fingerprint", "ab" * 32)
    assert outcome.code == 1
    assert "no trust anchor in these settings has this fingerprint" in outcome.err


def test_a_fingerprint_does_not_vouch_for_a_man_in_the_middle(blank_client: Client, tmp_path: Path) -> None:
    """Someone with another authority who repeats the right trust anchor still cannot prove to be the desk."""
    authority = Authority()
    with FakeDesk(Authority(), tmp_path) as impostor:
        impostor.settings_xml = impostor.settings(trust_anchors=(authority.root_der,))
        url = f"{impostor.url}/settings/FRA1.xml"
        outcome = blank_client("configure", url, "--fingerprint", _fingerprint(authority))
    assert outcome.code == 1
    assert "does not prove that it is the desk" in outcome.err


def test_plain_http_reaches_this_machine_only(blank_client: Client, plain_desk: FakeDesk) -> None:
    """Settings may come over http from a loopback address."""
    blank_client.succeed("configure", f"{plain_desk.url}/settings/FRA1.xml")
    outcome = blank_client("configure", "http://desk.example.org/settings/FRA1.xml")
    assert outcome.code == 2
    assert "plain http is accepted for this machine only" in outcome.err


def test_a_file_will_do(blank_client: Client, desk: FakeDesk, tmp_path: Path) -> None:
    """Settings that came by another way are read from a path, and checked against a fingerprint if one is given."""
    file = tmp_path / "settings.xml"
    file.write_bytes(desk.settings())
    blank_client.succeed("configure", str(file))
    blank_client.succeed("configure", str(file), "--fingerprint", _fingerprint(desk.authority))
    assert blank_client("configure", str(file), "--fingerprint", "ab" * 32).code == 1


def test_new_settings_of_the_same_organisation_are_taken(client: Client, desk: FakeDesk, anchor_file: Path) -> None:
    """A desk that moves publishes new settings, which replace the old ones even with enrollments there."""
    client.request()
    desk.settings_xml = desk.settings(support_contact="new@example.org")
    outcome = client.succeed("configure", f"{desk.url}/settings/FRA1.xml", "--trust", str(anchor_file))
    assert "new@example.org" in outcome.out


def test_another_organisation_needs_another_home(client: Client, desk: FakeDesk, anchor_file: Path) -> None:
    """Settings of another organisation are refused while an enrollment with the first one is there."""
    client.request()
    before = Home(client.home).configuration()
    desk.settings_xml = desk.settings(organisation="SWE2")
    outcome = client("configure", f"{desk.url}/settings/FRA1.xml", "--trust", str(anchor_file))
    assert outcome.code == 1
    assert "these are settings of SWE2" in outcome.err
    assert Home(client.home).configuration() == before


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (status(404), 1, "there are no settings at"),
        (status(301, Location="https://elsewhere.example/"), 1, "there are no settings at"),
        (body(b"<html></html>"), 2, "its root element is not settings"),
        (body(b"{}"), 2, "not well-formed XML"),
        (body(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), 2, "must not hold a document type"),
        (status(503, Retry_After="9999"), 12, "busy or out of service"),
    ],
)
def test_other_answers_change_nothing(
    client: Client,
    desk: FakeDesk,
    anchor_file: Path,
    fault: Fault,
    code: int,
    words: str,
) -> None:
    """What is not settings is refused in one sentence, and the settings that are there stay."""
    before = Home(client.home).configuration()
    desk.faults.append(fault)
    outcome = client("configure", f"{desk.url}/settings/FRA1.xml", "--trust", str(anchor_file))
    assert outcome.code == code
    assert words in outcome.err
    assert Home(client.home).configuration() == before


def test_a_trust_file_is_trusted_later_too(blank_client: Client, tmp_path: Path) -> None:
    """The authority of the desk's own TLS certificate need not be the federation's trust anchor."""
    with FakeDesk(Authority(), tmp_path) as running:
        federation = Authority("Federation")
        running.settings_xml = running.settings(trust_anchors=(federation.root_der,))
        trust = tmp_path / "tls-root.pem"
        trust.write_text(pem(running.authority.root))
        blank_client.succeed("configure", f"{running.url}/settings/FRA1.xml", "--trust", str(trust))
        assert blank_client.request().code == 0
