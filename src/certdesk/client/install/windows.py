"""The certificate stores of Windows, of the user or of the machine, through PowerShell's PKI module."""

from certdesk.client.install.program import handed_over, run
from certdesk.client.portable import Credential
from certdesk.domain.text import N_

_POWERSHELL = N_("PowerShell is part of Windows; is it on the PATH?")

# The file's name comes in the environment and its password on standard input, so neither needs quoting and
# the password is in no process list.
_IMPORT = (
    "$ErrorActionPreference = 'Stop'; "
    "$password = [Console]::In.ReadLine() | ConvertTo-SecureString -AsPlainText -Force; "
    "$null = Import-PfxCertificate -FilePath $env:CERTDESK_FILE -CertStoreLocation $env:CERTDESK_STORE "
    "-Password $password"
)


def store(*, machine: bool) -> str:
    """Return the name of the user's or the machine's store; the latter needs an administrator."""
    return r"Cert:\LocalMachine\My" if machine else r"Cert:\CurrentUser\My"


def install(credential: Credential, *, machine: bool) -> None:
    """Import key, certificate and issuers."""
    with handed_over(credential) as handover:
        run(
            "powershell",
            "-NoProfile",
            "-NonInteractive",
            "-Command",
            _IMPORT,
            hint=_POWERSHELL,
            stdin=handover.password + "\n",
            environment={"CERTDESK_FILE": str(handover.file), "CERTDESK_STORE": store(machine=machine)},
        )
