"""Client addresses and certificates, directly and through proxies."""

import base64
import ssl

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.asgi import Header
from certdesk.doors.peers import Peers
from tests.unit.doors.asgi_calls import make_scope

DER = b"\x30\x03\x02\x01\x05"
PROXY = ("10.0.0.7", 40000)
STRANGER = ("192.0.2.7", 40000)


def _client_cert(der: bytes = DER) -> Header:
    return b"client-cert", b":" + base64.b64encode(der) + b":"


@pytest.fixture
def peers() -> Peers:
    """Return peers with proxies in 10.0.0.0/24 and at ::1."""
    return Peers(("10.0.0.0/24", "::1"))


def test_a_stranger_is_the_peer_whatever_it_claims(peers: Peers) -> None:
    """X-Forwarded-For and Client-Cert count for nothing unless a configured proxy sends them."""
    scope = make_scope(headers=[(b"x-forwarded-for", b"203.0.113.1"), _client_cert()], client=STRANGER)
    assert peers.address(scope) == "192.0.2.7"
    assert peers.certificate(scope) is None


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([b"203.0.113.1"], "203.0.113.1"),
        ([b"198.51.100.1, 203.0.113.1"], "203.0.113.1"),
        ([b"198.51.100.1", b"203.0.113.1, 10.0.0.8"], "203.0.113.1"),
        ([b"2001:db8::5"], "2001:db8::5"),
        ([b"[2001:db8::5]"], "2001:db8::5"),
        ([b"::ffff:203.0.113.1"], "203.0.113.1"),
        ([b"203.0.113.1, unknown"], "10.0.0.7"),
        ([b""], "10.0.0.7"),
        ([], "10.0.0.7"),
        ([b"10.0.0.9, 10.0.0.8"], "10.0.0.7"),
    ],
)
def test_the_last_address_before_the_proxies_is_the_client(peers: Peers, forwarded: list[bytes], address: str) -> None:
    """What stands further left came from the client itself; what cannot be read ends the search."""
    scope = make_scope(headers=[(b"x-forwarded-for", value) for value in forwarded], client=PROXY)
    assert peers.address(scope) == address


def test_a_proxy_forwards_the_client_certificate(peers: Peers) -> None:
    """RFC 9440 §2.2: one byte sequence."""
    assert peers.certificate(make_scope(headers=[_client_cert()], client=PROXY)) == DER
    assert peers.certificate(make_scope(headers=[_client_cert()], client=("::1", 1))) == DER


def test_no_header_from_a_proxy_means_no_certificate(peers: Peers) -> None:
    """The proxy's own TLS certificate does not become its clients'."""
    tls = {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(DER)]}
    assert peers.certificate(make_scope(client=PROXY, extensions={"tls": tls})) is None


@pytest.mark.parametrize(
    "headers",
    [
        [(b"client-cert", b"")],
        [(b"client-cert", b"::")],
        [(b"client-cert", base64.b64encode(DER))],
        [(b"client-cert", b":no base64:")],
        [(b"client-cert", b":MAMCAQU=:, :MAMCAQU=:")],
        [(b"client-cert", b"-----BEGIN%20CERTIFICATE-----")],
        [_client_cert(), _client_cert()],
    ],
)
def test_a_damaged_header_from_a_proxy_is_refused(peers: Peers, headers: list[Header]) -> None:
    """A proxy that is configured wrongly must be noticed, not be taken for a client without a certificate."""
    with pytest.raises(CertdeskError) as caught:
        peers.certificate(make_scope(headers=headers, client=PROXY))
    assert caught.value.kind is ErrorKind.MALFORMED


def test_our_own_tls_shows_the_certificate(peers: Peers) -> None:
    """It comes in PEM in the ASGI extension."""
    tls = {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(DER)]}
    assert peers.certificate(make_scope(client=STRANGER, extensions={"tls": tls})) == DER
    assert peers.certificate(make_scope(client=STRANGER, extensions={"tls": {"client_cert_chain": []}})) is None
    assert peers.certificate(make_scope(client=STRANGER)) is None


def test_a_unix_socket_has_no_address(peers: Peers) -> None:
    """Neither a client address nor a proxy's rights."""
    scope = make_scope(headers=[_client_cert(), (b"x-forwarded-for", b"127.0.0.1")], client=None)
    assert peers.address(scope) == ""
    assert peers.certificate(scope) is None
    assert not peers.is_operator(scope)


@pytest.mark.parametrize(
    ("client", "forwarded", "is_operator"),
    [
        (("127.0.0.1", 1), None, True),
        (("::1", 1), None, True),
        (PROXY, None, True),
        (PROXY, b"203.0.113.1", False),
        (STRANGER, None, False),
        (STRANGER, b"127.0.0.1", False),
    ],
)
def test_the_operator_is_near(
    peers: Peers, client: tuple[str, int], forwarded: bytes | None, *, is_operator: bool
) -> None:
    """Loopback and the proxies themselves, but nobody whose call they forward."""
    headers = [(b"x-forwarded-for", forwarded)] if forwarded else []
    assert peers.is_operator(make_scope(headers=headers, client=client)) is is_operator


def test_without_proxies_loopback_is_no_proxy() -> None:
    """Nothing is believed by default."""
    scope = make_scope(headers=[(b"x-forwarded-for", b"203.0.113.1"), _client_cert()], client=("127.0.0.1", 1))
    assert Peers().address(scope) == "127.0.0.1"
    assert Peers().certificate(scope) is None
