"""Keys are of the type that the settings name, and open with the registration password only."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from certdesk.client.failures import ClientError
from certdesk.client.keystore import decrypt_key, encrypt_key, new_csr, new_key
from certdesk.domain.enrollment import KeyType, Names
from certdesk.domain.errors import ErrorKind
from certdesk.wire.pkcs10 import parse_csr

KEY = new_key(KeyType.EC_P256)


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048, KeyType.ED25519])
def test_each_type_is_made_encrypted_and_asked_for(key_type: KeyType) -> None:
    """A key of each type comes back from its encrypted form, and its CSR proves its possession."""
    key = new_key(key_type)
    opened = decrypt_key(encrypt_key(key, "secret 1!", cost=2), "secret 1!")
    assert opened.public_key() == key.public_key()
    csr = parse_csr(new_csr(key, Names(("a.example",), ("192.0.2.1", "2001:db8::1"))).public_bytes(Encoding.PEM))
    csr.verify()
    assert csr.names == Names(("a.example",), ("192.0.2.1", "2001:db8::1"))


def test_types_are_what_they_say() -> None:
    """P-256, RSA of its size with exponent 65537, and Ed25519."""
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    assert isinstance(KEY.curve, ec.SECP256R1)
    rsa_key = new_key(KeyType.RSA_3072)
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    assert rsa_key.key_size == 3072
    assert rsa_key.public_key().public_numbers().e == 65537
    assert isinstance(new_key(KeyType.ED25519), ed25519.Ed25519PrivateKey)


@settings(max_examples=30)
@given(
    st.text(min_size=1, alphabet=st.characters(codec="utf-8")),
    st.text(min_size=1, alphabet=st.characters(codec="utf-8")),
)
def test_only_the_password_opens_it(password: str, other: str) -> None:
    """Another password is an error and nothing else."""
    stored = encrypt_key(KEY, password, cost=2)
    assert decrypt_key(stored, password).public_key() == KEY.public_key()
    if other != password:
        with pytest.raises(ClientError) as raised:
            decrypt_key(stored, other)
        assert raised.value.kind is ErrorKind.UNAUTHENTICATED


def test_openssl_reads_it_at_full_cost(tmp_path: Path) -> None:
    """The usual cost stays below the memory that OpenSSL grants, and is scrypt with N = 16384."""
    file = tmp_path / "key.pem"
    file.write_text(encrypt_key(KEY, "secret 1!"))
    command = ["openssl", "pkey", "-in", str(file), "-passin", "pass:secret 1!", "-noout", "-text"]
    assert b"prime256v1" in subprocess.run(command, check=True, capture_output=True).stdout
    shown = subprocess.run(["openssl", "asn1parse", "-in", str(file)], check=True, capture_output=True).stdout
    assert b":scrypt" in shown
    assert b":4000\n" in shown  # 16384 in hexadecimal


def test_each_encryption_is_its_own() -> None:
    """Salt and initialisation vector are fresh, so equal keys do not look equal."""
    assert encrypt_key(KEY, "secret 1!", cost=2) != encrypt_key(KEY, "secret 1!", cost=2)
