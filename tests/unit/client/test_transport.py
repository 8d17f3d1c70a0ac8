"""HTTP that does not hang, swell or give up too early, over real sockets."""

import httpx
import pytest

from certdesk.client.failures import ClientError
from certdesk.client.transport import (
    LARGEST_ANSWER,
    Patience,
    Reply,
    Transport,
    check_url,
    is_loopback,
    tls_context,
    unverified_tls_context,
)
from certdesk.domain.errors import ErrorKind
from tests.unit.client.authority import Authority
from tests.unit.client.conftest import Client
from tests.unit.client.fake_desk import FakeDesk, Fault, body, cut_off, huge, lost_answer, status


def _get(client: Client, desk: FakeDesk) -> Reply:
    tls = tls_context((desk.authority.root_der,), system=False)
    with Transport(tls, patience=client.patience) as transport:
        return transport.exchange("GET", httpx.URL(f"{desk.url}/settings/FRA1.xml"))


@pytest.mark.parametrize("fault", [lost_answer, cut_off, *map(status, (429, 502, 503, 504))])
def test_what_may_pass_is_tried_again(blank_client: Client, desk: FakeDesk, fault: Fault) -> None:
    """A broken connection and the statuses that mean *later* are tried again, with growing pauses."""
    desk.faults.extend([fault, fault])
    assert _get(blank_client, desk).status == 200
    assert blank_client.pauses == [0.5, 1.0]


@pytest.mark.parametrize("fault", [lost_answer, cut_off, status(503)])
def test_it_gives_up_after_five_tries(blank_client: Client, desk: FakeDesk, fault: Fault) -> None:
    """What does not pass is reported as unavailable, after five tries."""
    desk.faults.extend([fault] * 9)
    with pytest.raises(ClientError) as raised:
        _get(blank_client, desk)
    assert raised.value.kind is ErrorKind.UNAVAILABLE
    assert len(desk.calls) == 5


def test_retry_after_is_obeyed(blank_client: Client, desk: FakeDesk) -> None:
    """The desk's own wish replaces the usual pause."""
    desk.faults.append(status(429, Retry_After="17"))
    assert _get(blank_client, desk).status == 200
    assert blank_client.pauses == [17.0]


def test_a_long_retry_after_is_not_waited_for(blank_client: Client, desk: FakeDesk) -> None:
    """A desk that wants to be left alone for an hour is reported at once."""
    desk.faults.append(status(503, Retry_After="3600"))
    with pytest.raises(ClientError, match=r"busy or out of service \(HTTP 503\)"):
        _get(blank_client, desk)
    assert blank_client.pauses == []


@pytest.mark.parametrize("value", ["soon", "", "-1", "1.5", "²", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_another_retry_after_is_ignored(value: str) -> None:
    """What is not a number of seconds leaves the usual pause."""
    assert Reply(503, {"Retry-After": value}, b"").retry_after is None


def test_other_statuses_are_answers(blank_client: Client, desk: FakeDesk) -> None:
    """A 404 or 500 is returned as it is; asking again would not change it."""
    desk.faults.extend([status(404), status(500)])
    assert _get(blank_client, desk).status == 404
    assert _get(blank_client, desk).status == 500
    assert blank_client.pauses == []


def test_a_huge_answer_is_refused(blank_client: Client, desk: FakeDesk) -> None:
    """Reading stops at the limit."""
    desk.faults.append(huge)
    with pytest.raises(ClientError, match=f"larger than {LARGEST_ANSWER} bytes"):
        _get(blank_client, desk)


def test_a_dripping_answer_ends(blank_client: Client, desk: FakeDesk) -> None:
    """An answer that takes longer than the limit counts as none, however alive the connection is."""
    ticks = iter(range(0, 10_000, 61))
    patience = Patience(tries=1, sleep=lambda _: None, monotonic=lambda: next(ticks))
    desk.faults.append(body(b"x" * 1000))
    tls = tls_context((desk.authority.root_der,), system=False)
    with Transport(tls, patience=patience) as transport, pytest.raises(ClientError, match="did not answer in time"):
        transport.exchange("GET", httpx.URL(f"{desk.url}/settings/FRA1.xml"))


def test_pauses_are_shortened_by_chance() -> None:
    """Clients that were cut off together do not come back together."""
    assert list(Patience(tries=3, chance=lambda: 0.0).pauses()) == [0.5, 1.0]
    assert list(Patience(tries=3, chance=lambda: 1.0).pauses()) == [0.25, 0.5]


def test_nobody_listening_is_unavailable(blank_client: Client, free_port: int) -> None:
    """A refused connection is told in the system's words."""
    with (
        Transport(tls_context((), system=True), patience=blank_client.patience) as transport,
        pytest.raises(ClientError, match="connection refused") as raised,
    ):
        transport.exchange("GET", httpx.URL(f"https://127.0.0.1:{free_port}/"))
    assert raised.value.kind is ErrorKind.UNAVAILABLE


def test_a_stranger_is_not_talked_to(blank_client: Client, desk: FakeDesk) -> None:
    """A desk whose certificate comes from elsewhere is refused at once, not tried again."""
    with (
        Transport(tls_context((Authority().root_der,), system=False), patience=blank_client.patience) as transport,
        pytest.raises(ClientError, match="does not prove that it is the desk") as raised,
    ):
        transport.exchange("GET", httpx.URL(desk.url))
    assert raised.value.kind is ErrorKind.UNAUTHENTICATED
    assert blank_client.pauses == []
    assert desk.calls == []


def test_the_name_in_the_certificate_counts(blank_client: Client, desk: FakeDesk) -> None:
    """A certificate of the right authority for another name is refused."""
    tls = tls_context((desk.authority.root_der,), system=False)
    with Transport(tls, patience=blank_client.patience) as transport, pytest.raises(ClientError, match=r"127\.0\.0\.2"):
        transport.exchange("GET", httpx.URL(f"https://127.0.0.2:{desk.port}/"))


def test_the_unverified_context_believes_anybody(blank_client: Client, desk: FakeDesk) -> None:
    """The context for comparing fingerprints connects to whoever is there."""
    with Transport(unverified_tls_context(), patience=blank_client.patience) as transport:
        assert transport.exchange("GET", httpx.URL(f"{desk.url}/settings/FRA1.xml")).status == 200


def test_broken_trust_is_a_clear_error() -> None:
    """A PEM file without a certificate is named as such."""
    with pytest.raises(ClientError, match="cannot be read as PEM"):
        tls_context((), system=False, pem="nothing")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("desk.localhost", True),
        ("localhost.example.org", False),
        ("192.0.2.1", False),
    ],
)
def test_this_machine_is_recognised(host: str, here: bool) -> None:
    """Plain HTTP is for loopback addresses and names only."""
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    "url", ["", "desk.example.org", "ftp://desk.example.org/", "https://", "https://[", "http://a/"]
)
def test_other_addresses_are_refused(url: str) -> None:
    """What is not https, or http to this machine, is no address of a desk."""
    with pytest.raises(ClientError) as raised:
        check_url(url)
    assert raised.value.kind is ErrorKind.INVALID_FIELD
