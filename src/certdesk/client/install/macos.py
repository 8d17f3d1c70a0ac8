"""The keychains of macOS, of the user or of the system, through `security`."""

from pathlib import Path

from certdesk.client.install.program import handed_over, run
from certdesk.client.portable import Credential
from certdesk.domain.text import N_

_SECURITY = N_("security is part of macOS; is /usr/bin on the PATH?")
_SYSTEM_KEYCHAIN = Path("/Library/Keychains/System.keychain")


def keychain(user_home: Path, *, machine: bool) -> Path:
    """Return the user's or the system's keychain; the latter needs an administrator."""
    return _SYSTEM_KEYCHAIN if machine else user_home / "Library" / "Keychains" / "login.keychain-db"


def install(credential: Credential, *, keychain: Path) -> None:
    """Import key, certificate and issuers.

    `security` before macOS 15 opens the old form of PKCS#12 only, and takes the password as an argument that
    other processes see; that is why it is one made for this file, which lives for the moment of the import.
    """
    with handed_over(credential, legacy=True) as handover:
        arguments = ("-k", str(keychain), "-f", "pkcs12", "-P", handover.password, "-x")
        run("security", "import", str(handover.file), *arguments, hint=_SECURITY)
