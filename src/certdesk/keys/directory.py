"""A directory of private keys, one encrypted PEM file each.

    keys = KeyDirectory(data / "keys", passphrase)
    signer = keys.create("issuing", KeyAlgorithm.EC_P256)

The directory is 0700 and its files are 0600. Where the passphrase comes from is the command line's business.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.files import PRIVATE
from certdesk.keys.files import write_durably
from certdesk.keys.signer import KeyAlgorithm, Signer, SigningKey, SoftwareSigner, generate
from certdesk.wire import pkcs8

_OTHERS = 0o077
_PARALLELISM = 1
"""scrypt's p, as OpenSSL writes key files: every start of a desk opens several."""


class KeyDirectory:
    """The private keys of one desk, all under one passphrase.

    `cost` is scrypt's N; only a test has a reason to lower it.
    """

    def __init__(self, path: Path, passphrase: bytes, *, cost: int = pkcs8.COST) -> None:
        if not passphrase:
            raise CertdeskError(ErrorKind.UNAVAILABLE, N_("the passphrase of the private keys is empty"))
        self._path = path
        self._passphrase = passphrase
        self._cost = cost

    def path(self, name: str) -> Path:
        """Return where a key is or would be."""
        return self._path / f"{name}.pem"

    def exists(self, name: str) -> bool:
        """Tell whether there is a key of this name."""
        return self.path(name).exists()

    def create(self, name: str, algorithm: KeyAlgorithm) -> Signer:
        """Make a key and keep it; raise `CONFLICT` rather than replace one, and keep nothing then."""
        private_key = generate(algorithm)
        self.keep(name, self.encrypted(private_key))
        return SoftwareSigner(private_key)

    def load_or_create(self, name: str, algorithm: KeyAlgorithm) -> Signer:
        """Return the key of a name; make it if there is none. Processes that do so at once all get the same one."""
        if self.exists(name):
            return self.load(name)
        try:
            return self.create(name, algorithm)
        except CertdeskError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
            return self.load(name)

    def encrypted(self, private_key: SigningKey) -> bytes:
        """Return a key in PEM, encrypted under this directory's passphrase."""
        return pkcs8.encrypted_pem(private_key, self._passphrase, parallelism=_PARALLELISM, cost=self._cost)

    def decrypted(self, pem: bytes, path: Path) -> SigningKey:
        """Return a key from PEM that was encrypted under this directory's passphrase; raise `UNAVAILABLE`.

        `path` is what the error calls it.
        """
        try:
            private_key = serialization.load_pem_private_key(pem, self._passphrase)
        except ValueError as error:
            raise CertdeskError(
                ErrorKind.UNAVAILABLE, N_("{path} cannot be decrypted: wrong passphrase, or a damaged file"), path=path
            ) from error
        except TypeError as error:
            raise CertdeskError(
                ErrorKind.UNAVAILABLE, N_("{path} is not encrypted, so it is not used"), path=path
            ) from error
        if not isinstance(private_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise CertdeskError(ErrorKind.UNAVAILABLE, N_("{path} holds a key that cannot sign here"), path=path)
        return private_key

    def keep(self, name: str, pem: bytes, *, replace: bool = False) -> None:
        """Write a file that holds an encrypted key, readable by its owner only."""
        write_durably(self.path(name), pem, mode=PRIVATE, replace=replace)

    def load(self, name: str) -> Signer:
        """Read a key.

        Raises `UNAVAILABLE` if the file is missing, readable by others, not encrypted or damaged, or if the
        passphrase is not the right one.
        """
        path = self.path(name)
        return SoftwareSigner(self.decrypted(_read_private(path), path))


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if os.name != "nt" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise CertdeskError(
                    ErrorKind.UNAVAILABLE,
                    N_("{path} can be read by others than its owner; correct it with: chmod 600 {path}"),
                    path=path,
                )
            return file.read()
    except OSError as error:
        raise CertdeskError(
            ErrorKind.UNAVAILABLE, N_("{path} cannot be read: {cause}"), path=path, cause=error.strerror
        ) from error
