"""Private keys in encrypted files."""

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.files import PRIVATE
from certdesk.keys.directory import KeyDirectory
from certdesk.keys.files import write_durably
from certdesk.keys.signer import KeyAlgorithm, SoftwareSigner, generate
from certdesk.wire.pkcs8 import encrypted_pem

PASSPHRASE = "pâss".encode()


@pytest.fixture
def keys(tmp_path: Path) -> KeyDirectory:
    """Return an empty key directory that is quick."""
    return KeyDirectory(tmp_path / "keys", PASSPHRASE, cost=2)


def refused(keys: KeyDirectory, name: str = "issuing") -> str:
    """Return why a key cannot be loaded."""
    with pytest.raises(CertdeskError) as caught:
        keys.load(name)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    return str(caught.value)


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_created_key_is_loaded_again(keys: KeyDirectory, algorithm: KeyAlgorithm) -> None:
    """A key of each algorithm is the same after loading."""
    created = keys.create("issuing", algorithm)
    assert keys.exists("issuing")
    assert keys.load("issuing").public_key == created.public_key


def test_files_are_private(keys: KeyDirectory) -> None:
    """The directory is 0700, a key's file 0600, and nothing else is left in it."""
    keys.create("issuing", KeyAlgorithm.EC_P256)
    path = keys.path("issuing")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [path] == list(path.parent.iterdir())


def test_a_file_is_encrypted_with_scrypt(keys: KeyDirectory) -> None:
    """A key's file is encrypted PKCS#8 that does not open without the passphrase."""
    keys.create("issuing", KeyAlgorithm.EC_P256)
    pem = keys.path("issuing").read_bytes()
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(TypeError):
        load_pem_private_key(pem, None)


def test_the_default_cost_opens_again() -> None:
    """A key encrypted at the real cost opens with its passphrase."""
    private_key = generate(KeyAlgorithm.EC_P256)
    assert (
        load_pem_private_key(encrypted_pem(private_key, PASSPHRASE, parallelism=1), PASSPHRASE).public_key()
        == private_key.public_key()
    )


def test_a_key_is_never_replaced(keys: KeyDirectory) -> None:
    """Creating a key of a name that exists is a conflict and leaves the first one."""
    first = keys.create("issuing", KeyAlgorithm.EC_P256)
    with pytest.raises(CertdeskError) as caught:
        keys.create("issuing", KeyAlgorithm.EC_P256)
    assert caught.value.kind is ErrorKind.CONFLICT
    assert keys.load("issuing").public_key == first.public_key
    assert len(list(keys.path("issuing").parent.iterdir())) == 1


def test_an_existing_key_is_not_made_anew(keys: KeyDirectory) -> None:
    """A key that is loaded or created is made the first time only, whatever algorithm is asked for later."""
    first = keys.load_or_create("audit", KeyAlgorithm.ED25519)
    assert keys.load_or_create("audit", KeyAlgorithm.EC_P256).public_key == first.public_key


async def test_of_two_makers_both_get_one_key(keys: KeyDirectory) -> None:
    """Processes that load or create the same key at once all have the same one."""
    made = await asyncio.gather(
        *(asyncio.to_thread(keys.load_or_create, "audit", KeyAlgorithm.EC_P256) for _ in range(8))
    )
    loaded = keys.load("audit").public_key
    assert all(signer.public_key == loaded for signer in made)


def test_a_failed_creation_is_told(keys: KeyDirectory, tmp_path: Path) -> None:
    """Where a key cannot be written, loading or creating it says so."""
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(CertdeskError, match="cannot be written"):
        keys.load_or_create("audit", KeyAlgorithm.ED25519)


def test_a_missing_key_is_named(keys: KeyDirectory) -> None:
    """Loading a key that is not there says which file is missing."""
    assert not keys.exists("issuing")
    assert refused(keys) == f"{keys.path('issuing')} cannot be read: No such file or directory"


def test_a_wrong_passphrase_is_refused(keys: KeyDirectory) -> None:
    """Another passphrase does not open a key."""
    path = keys.path("issuing")
    keys.create("issuing", KeyAlgorithm.EC_P256)
    other = KeyDirectory(path.parent, b"other", cost=2)
    assert refused(other) == f"{path} cannot be decrypted: wrong passphrase, or a damaged file"


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    """There is no key directory without a passphrase."""
    with pytest.raises(CertdeskError, match="passphrase of the private keys is empty"):
        KeyDirectory(tmp_path, b"")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_key_that_others_can_read_is_refused(keys: KeyDirectory, mode: int) -> None:
    """A key file with any permission for group or others is not used, and the error says how to mend it."""
    keys.create("issuing", KeyAlgorithm.EC_P256)
    keys.path("issuing").chmod(mode)
    assert f"chmod 600 {keys.path('issuing')}" in refused(keys)


def keep(keys: KeyDirectory, content: bytes) -> None:
    """Put something in a key's place."""
    keys.keep("issuing", content)


def test_a_key_in_clear_is_refused(keys: KeyDirectory) -> None:
    """A key that is not encrypted is not used."""
    clear = generate(KeyAlgorithm.EC_P256).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    keep(keys, clear)
    assert refused(keys).endswith("is not encrypted, so it is not used")


def test_a_damaged_file_is_refused(keys: KeyDirectory) -> None:
    """A file that is no key says so."""
    keep(keys, b"nonsense")
    assert "a damaged file" in refused(keys)


def test_a_key_that_cannot_sign_is_refused(keys: KeyDirectory) -> None:
    """A key for key agreement only is not used."""
    encryption = BestAvailableEncryption(PASSPHRASE)
    keep(keys, x25519.X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    assert refused(keys).endswith("holds a key that cannot sign here")


def test_a_key_on_another_curve_is_refused(keys: KeyDirectory) -> None:
    """A key on a curve without a signature algorithm here is not used."""
    encryption = BestAvailableEncryption(PASSPHRASE)
    keep(keys, ec.generate_private_key(ec.SECP521R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    assert refused(keys) == "a key on the curve secp521r1 cannot sign here"


def test_a_foreign_encryption_is_read(keys: KeyDirectory) -> None:
    """A key that another program encrypted under the same passphrase is used."""
    private_key = generate(KeyAlgorithm.EC_P256)
    keep(keys, private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)))
    assert keys.load("issuing").public_key == private_key.public_key()


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.EC_P256, KeyAlgorithm.EC_P384])
def test_an_elliptic_signer_uses_the_hash_of_its_curve(algorithm: KeyAlgorithm) -> None:
    """P-256 signs with SHA-256, P-384 with SHA-384."""
    signer = SoftwareSigner(generate(algorithm))
    assert isinstance(signer.public_key, ec.EllipticCurvePublicKey)
    digest = SHA256() if algorithm is KeyAlgorithm.EC_P256 else SHA384()
    signer.public_key.verify(signer.sign(b"tbs"), b"tbs", ec.ECDSA(digest))


def test_an_rsa_signer_uses_pkcs1_with_sha256() -> None:
    """RSA keys make sha256WithRSAEncryption signatures."""
    signer = SoftwareSigner(rsa.generate_private_key(65537, 2048))
    assert isinstance(signer.public_key, rsa.RSAPublicKey)
    signer.public_key.verify(signer.sign(b"tbs"), b"tbs", padding.PKCS1v15(), SHA256())


def test_a_file_replaces_another_whole(tmp_path: Path) -> None:
    """With leave to replace, the new content takes the old one's place."""
    path = tmp_path / "tls.pem"
    write_durably(path, b"one", mode=PRIVATE)
    write_durably(path, b"two", mode=PRIVATE, replace=True)
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails says why, and leaves neither the file nor a part of it."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CertdeskError) as caught:
        write_durably(tmp_path / "issuing.pem", b"key", mode=PRIVATE)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert str(caught.value).endswith("cannot be written: No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where a file stands in the directory's way, the error names what could not be written."""
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(CertdeskError) as caught:
        write_durably(tmp_path / "keys" / "issuing.pem", b"key", mode=PRIVATE)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert str(caught.value).startswith(f"{tmp_path}/keys/issuing.pem cannot be written: ")
