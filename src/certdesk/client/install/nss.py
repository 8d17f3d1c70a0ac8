"""NSS databases, where Chromium and Firefox on Linux look for client certificates.

Uses `certutil` and `pk12util` of libnss3-tools. Chromium shares one database per user; every Firefox
profile has its own.
"""

import configparser
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.client.failures import ClientError
from certdesk.client.install.program import Handover, ProgramError, handed_over, run
from certdesk.client.portable import Credential
from certdesk.domain.errors import ErrorKind
from certdesk.domain.text import N_
from certdesk.files import make_private_directory

_CHROMIUM = Path(".pki", "nssdb")
_CHROMIUM_SNAP = Path("snap", "chromium", "current", ".pki", "nssdb")
_FIREFOX = (
    Path(".mozilla", "firefox"),
    Path(".config", "mozilla", "firefox"),
    Path("snap", "firefox", "common", ".mozilla", "firefox"),
    Path(".var", "app", "org.mozilla.firefox", ".mozilla", "firefox"),
)
_TOOLS = N_("install certutil and pk12util: apt install libnss3-tools, or dnf install nss-tools")
_NO_PASSWORD = N_("the database {database} is protected by a password of its own")


def browser_databases(user_home: Path) -> list[Path]:
    """Return the databases of a user's browsers: Chromium's, made if need be, and one per Firefox profile."""
    found = [user_home / _CHROMIUM]
    if (user_home / _CHROMIUM_SNAP.parent.parent).is_dir():
        found.append(user_home / _CHROMIUM_SNAP)
    for directory in _FIREFOX:
        found += _profiles(user_home / directory)
    return found


def _profiles(directory: Path) -> list[Path]:
    """Return the profiles that Firefox lists, and those that it has left unlisted but that hold a database."""
    listed = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        listed.read(directory / "profiles.ini", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        listed.clear()
    named = [directory / listed[each]["Path"] for each in listed.sections() if "Path" in listed[each]]
    with_database = [database.parent for database in directory.glob("*/cert9.db")]
    return sorted({profile.resolve() for profile in (*named, *with_database) if profile.is_dir()})


def install(
    credential: Credential,
    *,
    database: Path,
    password_file: Path | None = None,
    trust_servers: bool = False,
    retired: tuple[str, ...] = (),
) -> None:
    """Import key, certificate and issuers into a database, and remove the keys of predecessors.

    Doing it twice changes nothing. `password_file` holds the database's own password (Firefox: primary password). With
    `trust_servers` the
    trust anchors come too, so that the browser believes servers that have a certificate by them.
    """
    access = ["-d", f"sql:{database}", *(["-f", str(password_file)] if password_file else [])]
    try:
        if not (database / "cert9.db").exists():
            make_private_directory(database)
            run("certutil", "-N", "--empty-password", "-d", f"sql:{database}", hint=_TOOLS)
        with handed_over(credential) as handover:
            _import(handover, database, password_file)
            if trust_servers:
                _trust(credential, handover, access)
        _remove(retired, access)
    except ProgramError as error:
        raise _explained(error, database) from error


def _import(handover: Handover, database: Path, password_file: Path | None) -> None:
    unlock = ["-k", str(password_file)] if password_file else []
    arguments = ("-i", str(handover.file), "-w", "/dev/stdin", "-d", f"sql:{database}", *unlock)
    run("pk12util", *arguments, stdin=handover.password, hint=_TOOLS)


def _trust(credential: Credential, handover: Handover, access: list[str]) -> None:
    for number, anchor in enumerate(credential.anchors, 1):
        file = handover.file.with_name(f"anchor-{number}.der")
        file.write_bytes(anchor.public_bytes(Encoding.DER))
        name = f"certdesk trust anchor {anchor.fingerprint(SHA256()).hex()[:16]}"
        run("certutil", "-A", "-n", name, "-t", "C,,", "-i", str(file), *access, hint=_TOOLS)


def _remove(retired: tuple[str, ...], access: list[str]) -> None:
    """Remove the keys of predecessors, so that the browser offers one certificate and not two.

    A renewed certificate has the subject of the old, and NSS one nickname for both, so only the key can be named.
    """
    for certificate in retired:
        key_id = _key_id(certificate)
        if key_id in run("certutil", "-K", *access, hint=_TOOLS):
            run("certutil", "-F", "-k", key_id, *access, hint=_TOOLS)


def _key_id(certificate: str) -> str:
    """Return what NSS calls a certificate's key: SHA-1 of the modulus or the curve's point, hexadecimal."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        modulus = key.public_numbers().n
        return hashlib.sha1(modulus.to_bytes((modulus.bit_length() + 7) // 8)).hexdigest()  # noqa: S324 - a name
    return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()


def _explained(error: ProgramError, database: Path) -> ClientError:
    """Return the error in our words where NSS's are hard to understand."""
    if "BAD_PASSWORD" in error.reason or "USER_CANCELLED" in error.reason:
        return ClientError(
            ErrorKind.UNAUTHENTICATED,
            _NO_PASSWORD,
            hint=N_("give it with --nss-password-file"),
            database=database,
        )
    if "UNABLE_TO_IMPORT_KEY" in error.reason:
        return ClientError(ErrorKind.CONFLICT, N_("this version of NSS cannot use a key of this type"))
    return ClientError(
        ErrorKind.CONFLICT,
        N_("the database {database} cannot be used: {reason}"),
        hint=N_("close the browser and try again"),
        database=database,
        reason=error.reason,
    )
