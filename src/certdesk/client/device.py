"""What this machine says of itself when it asks for a certificate."""

import hashlib
import platform
import sys
from pathlib import Path

from certdesk import __version__

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_PRODUCT = Path("/sys/class/dmi/id/product_name")
_LONGEST = 128


def device_id(organisation: str, machine_ids: tuple[Path, ...] = _MACHINE_IDS) -> str:
    """Return a stable name for this machine within an organisation.

    machine-id(5) asks not to pass the machine ID on as it is, so it is hashed together with the
    organisation's code; where there is none, the host name has to do.
    """
    identity = _machine_id(machine_ids)
    if not identity:
        return platform.node()[:_LONGEST] or "unnamed"
    return hashlib.sha256(f"certdesk device {organisation} {identity}".encode()).hexdigest()[:32]


def _machine_id(paths: tuple[Path, ...]) -> str:
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415 - exists there only

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    for path in paths:
        if identity := _first_line(path):
            return identity
    return ""


def this_device() -> dict[str, str]:
    """Return the machine's model, its platform and this program, as the API names them."""
    return {
        "model": (_first_line(_PRODUCT) or platform.machine())[:_LONGEST],
        "platform": _platform()[:_LONGEST],
        "app": f"certdesk-client {__version__}",
    }


def _platform() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "".join(filter(str.isprintable, lines[0])).strip() if lines else ""
