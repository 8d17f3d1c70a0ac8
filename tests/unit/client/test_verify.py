"""No certificate is kept that was not asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certdesk.client.failures import ClientError
from certdesk.client.verify import verify_certificate
from certdesk.domain.enrollment import Kind
from tests.unit.client.authority import CLIENT, SERVER, Authority, pem

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePublicKey:
    """Return our key."""
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def _verify(
    certificate: x509.Certificate | str,
    key: ec.EllipticCurvePublicKey,
    authority: Authority,
    *,
    chain: str | None = None,
    kind: Kind = Kind.WORKSTATION,
    now: datetime = NOW,
) -> list[x509.Certificate]:
    text = certificate if isinstance(certificate, str) else pem(certificate)
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    chain = authority.chain if chain is None else chain
    _, path = verify_certificate(text, chain, spki=spki, anchors=(authority.root_der,), kind=kind, now=now)
    return path


def test_the_right_certificate_is_accepted(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """The path is returned without the trust anchor."""
    assert _verify(authority.issue(key), key, authority) == [authority.issuing]


def test_another_key_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """A certificate for somebody else's key is useless, whoever signed it."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(ClientError, match="for another key than ours"):
        _verify(authority.issue(other), key, authority)


def test_another_authority_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """A chain to a root of the same name and another key is not trusted."""
    impostor = Authority()
    with pytest.raises(ClientError, match="does not come from the authority"):
        _verify(impostor.issue(key), key, authority, chain=impostor.chain)


def test_a_missing_link_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """Without the issuing certificate there is no path."""
    with pytest.raises(ClientError, match="does not come from the authority"):
        _verify(authority.issue(key), key, authority, chain="")


def test_an_end_entity_cannot_issue(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """A certificate signed by somebody's workstation certificate is refused."""
    workstation = ec.generate_private_key(ec.SECP256R1())
    middle = authority.issue(workstation.public_key(), "FRA1-M")
    forged = (
        authority.builder("FRA1-X", key, "FRA1-M")
        .add_extension(x509.ExtendedKeyUsage([CLIENT]), critical=False)
        .sign(workstation, hashes.SHA256())
    )
    with pytest.raises(ClientError, match="does not come from the authority"):
        _verify(forged, key, authority, chain=pem(middle) + authority.chain)


def test_an_authoritys_certificate_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """The desk has no business to make us an authority."""
    with pytest.raises(ClientError, match="certification authority's"):
        _verify(authority.issue(key, is_authority=True), key, authority)


def test_the_path_length_is_respected(key: ec.EllipticCurvePublicKey) -> None:
    """A root that allows no further authority is obeyed (RFC 5280 §4.2.1.9)."""
    strict = Authority(path_length=0)
    with pytest.raises(ClientError, match="does not come from the authority"):
        _verify(strict.issue(key), key, strict)


@pytest.mark.parametrize(
    ("days", "words"), [(-10, "valid only from"), (400, "has expired"), (4000, "has expired")], ids=str
)
def test_another_time_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority, days: int, words: str) -> None:
    """A certificate that is not valid yet, or no longer, points to the clock."""
    with pytest.raises(ClientError, match=words):
        _verify(authority.issue(key), key, authority, now=NOW + timedelta(days=days))


def test_an_expired_issuer_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """Every certificate of the path has to be valid now."""
    with pytest.raises(ClientError, match="has expired"):
        _verify(authority.issue(key, days=9000), key, authority, now=NOW + timedelta(days=4000))


@pytest.mark.parametrize(
    ("kind", "purposes"),
    [(Kind.WORKSTATION, (SERVER,)), (Kind.SERVER, (CLIENT,)), (Kind.MOBILE, ()), (Kind.SERVER, ())],
)
def test_another_purpose_is_refused(
    key: ec.EllipticCurvePublicKey, authority: Authority, kind: Kind, purposes: tuple[x509.ObjectIdentifier, ...]
) -> None:
    """The extended key usage has to fit the kind that was asked for."""
    with pytest.raises(ClientError, match="not made for a"):
        _verify(authority.issue(key, purposes=purposes), key, authority, kind=kind)


def test_an_unknown_critical_extension_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """What is marked critical and not understood must not be ignored (RFC 5280 §4.2)."""
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    certificate = (
        authority.builder("FRA1", key, authority.issuing.subject.rfc4514_string().removeprefix("CN="))
        .add_extension(x509.ExtendedKeyUsage([CLIENT]), critical=False)
        .add_extension(strange, critical=True)
        .sign(authority.issuing_key, hashes.SHA256())
    )
    with pytest.raises(ClientError, match="does not come from the authority"):
        _verify(certificate, key, authority)


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(key: ec.EllipticCurvePublicKey, authority: Authority, text: str) -> None:
    """An answer without a readable certificate says so."""
    with pytest.raises(ClientError, match="certificate"):
        _verify(text, key, authority)


def test_several_certificates_are_refused(key: ec.EllipticCurvePublicKey, authority: Authority) -> None:
    """Which of two would be ours is not for us to guess."""
    certificate = pem(authority.issue(key))
    with pytest.raises(ClientError, match="holds 2 certificates"):
        _verify(certificate + certificate, key, authority)


def test_a_federation_may_use_ed25519(key: ec.EllipticCurvePublicKey) -> None:
    """Authorities with Ed25519 keys, which the web's profile refuses, are accepted."""
    root = ed25519.Ed25519PrivateKey.generate()
    certificate = (
        Authority.builder("root", root.public_key(), "root", days=3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root, None)
    )
    leaf = (
        Authority.builder("FRA1", key, "root")
        .add_extension(x509.ExtendedKeyUsage([CLIENT]), critical=False)
        .sign(root, None)
    )
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    anchors = (certificate.public_bytes(Encoding.DER),)
    _, path = verify_certificate(pem(leaf), "", spki=spki, anchors=anchors, kind=Kind.MOBILE, now=NOW)
    assert path == []
