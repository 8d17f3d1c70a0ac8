"""Fetch an organisation's settings from someone who has proved to be the desk, or from a file.

Over https the system's certification authorities vouch for the desk. A desk with a certificate of its
own authority is accepted in two ways: by a file with that authority (`trust`), or by the SHA-256
fingerprint of a trust anchor in the settings, which people can read to each other over the telephone.
"""

import hashlib
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx

from certdesk.client.failures import ClientError
from certdesk.client.home import Configuration
from certdesk.client.transport import Transport, check_url, tls_context, unverified_tls_context
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_
from certdesk.wire.settings import LARGEST_SETTINGS, parse_settings

Connect = Callable[[ssl.SSLContext], Transport]
"""Opens HTTP with a choice of whom to trust."""


def configure(source: str, connect: Connect, *, trust_pem: str = "", fingerprint: str = "") -> Configuration:
    """Return the settings at a URL or path, and how the desk is to prove itself from now on."""
    wanted = _digest(fingerprint) if fingerprint else None
    # Whoever names a certificate to trust does not want to depend on the rest of the world.
    tls = tls_context((), system=not trust_pem, pem=trust_pem)
    if "://" not in source:
        settings_xml = _read(Path(source))
    else:
        url = check_url(source)
        if wanted and url.scheme == "https":
            anchor = _anchor_pem(_fetch(url, connect, unverified_tls_context()), wanted)
            tls = tls_context((), system=False, pem=anchor)
        settings_xml = _fetch(url, connect, tls)
    if wanted:
        trust_pem = _anchor_pem(settings_xml, wanted)
    return Configuration(source, settings_xml, trust_system=not trust_pem, trust_pem=trust_pem)


def _digest(fingerprint: str) -> bytes:
    compact = re.sub(r"[\s:]", "", fingerprint)
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", compact):
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("a SHA-256 fingerprint has 64 hexadecimal digits; colons and spaces may stand between them"),
            field="fingerprint",
        )
    return bytes.fromhex(compact)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_SETTINGS + 1)


def _fetch(url: httpx.URL, connect: Connect, tls: ssl.SSLContext) -> bytes:
    with connect(tls) as transport:
        reply = transport.exchange("GET", url, headers={"Accept": "application/xml"})
    if reply.status != 200:  # noqa: PLR2004
        raise ClientError(
            ErrorKind.NOT_FOUND,
            N_("there are no settings at {url} (HTTP {status})"),
            hint=N_("the organisation's registration manager knows the right address"),
            url=url,
            status=reply.status,
        )
    return reply.octets


def _anchor_pem(settings_xml: bytes, wanted: bytes) -> str:
    """Return the trust anchor with a fingerprint, PEM, or raise when the settings do not hold it."""
    for anchor in parse_settings(settings_xml).trust_anchors:
        if hashlib.sha256(anchor).digest() == wanted:
            return ssl.DER_cert_to_PEM_cert(anchor)
    raise ClientError(
        ErrorKind.UNAUTHENTICATED,
        N_("no trust anchor in these settings has this fingerprint"),
        hint=N_("check every digit with the person who told you; if they are right, these settings are forged"),
        field="fingerprint",
    )
