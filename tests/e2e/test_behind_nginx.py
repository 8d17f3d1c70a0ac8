"""A desk behind nginx, with the configuration of the operator's page."""

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.nginx import proxy_before
from tests.e2e.server import PASSWORD, DeskServer


@pytest.fixture
def proxy(sqlite_server: DeskServer, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an nginx before a desk."""
    sqlite_server.options = ("--no-tls", "--trusted-proxy=127.0.0.1")
    sqlite_server.start()
    with proxy_before(tmp_path, sqlite_server) as url:
        yield url


def client(proxy: str, folder: Path, certificate: Path | None = None) -> httpx.Client:
    """Return a caller that trusts the proxy, and shows a certificate if it has one."""
    context = ssl.create_default_context(cafile=folder / "desk.pem")
    if certificate:
        context.load_cert_chain(certificate, password=PASSWORD)
    return httpx.Client(base_url=proxy, verify=context, trust_env=False)


def test_a_manager_is_known_by_the_certificate_that_nginx_passes_on(
    proxy: str, sqlite_server: DeskServer, tmp_path: Path
) -> None:
    """`Client-Cert` arrives as RFC 9440 has it."""
    with client(proxy, tmp_path, sqlite_server.folder / "claire.pem") as claire:
        assert claire.get("/api/v1/requests").status_code == 200


def test_nobody_is_a_manager_without_a_certificate(proxy: str, tmp_path: Path) -> None:
    """Without a client certificate a manager's call is refused, and everybody's works."""
    with client(proxy, tmp_path) as stranger:
        assert stranger.get("/api/v1/requests").status_code == 401
        assert stranger.get("/settings/FRA1.xml").status_code == 200


def test_what_a_client_sends_as_client_cert_does_not_pass(
    proxy: str, sqlite_server: DeskServer, tmp_path: Path
) -> None:
    """Nobody becomes a manager by knowing a manager's certificate."""
    pem = (sqlite_server.folder / "claire.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") : pem.index("-----END CERTIFICATE") + 25])
    forged = {"Client-Cert": f":{base64.b64encode(der).decode()}:"}
    with client(proxy, tmp_path) as stranger:
        assert stranger.get("/api/v1/requests", headers=forged).status_code == 401


def test_metrics_are_not_for_the_world(proxy: str, tmp_path: Path) -> None:
    """The counts do not pass the proxy."""
    with client(proxy, tmp_path) as stranger:
        assert stranger.get("/metrics").status_code == 404
