"""Devices that enroll with PyScep, in a process of their own because one of its libraries has to be mended first.

    python pyscep_device.py URL

reads what to do line by line, and prints in JSON what came of each:

    enroll NAME [CODE]    makes a key and asks for a certificate
    poll NAME             asks how that stands
    renew NAME            makes another key and signs with the certificate
    get NAME              asks for the certificate again
    list NAME             asks for the revocation list
"""

import base64
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

_search = re.search


def _tolerant_search(pattern: Any, text: Any, flags: int = 0) -> "re.Match[Any] | None":
    """Find versions whose last part has two digits: oscrypto 1.3.0 takes OpenSSL 3.0.10 and newer for none at all."""
    found = pattern.replace(r"\d\.\d\.\d[", r"\d\.\d\.\d+[") if isinstance(pattern, str) else pattern
    return _search(found, text, flags)


re.search = _tolerant_search  # type: ignore[assignment]
import oscrypto.asymmetric  # noqa: E402, F401 - looks at the version

re.search = _search

from scep.Client.client import Client  # noqa: E402
from scep.Client.enums import FailInfo  # noqa: E402
from scep.Client.signingrequest import SigningRequest  # noqa: E402

IDENTIFIER = "split"
"""With this CA identifier the desk has a certificate that enciphers and nothing else: PyScep encrypts for no other."""
USAGE = {"digital_signature", "key_encipherment"}


@dataclass
class Device:
    """A key, its certificate or what the device signs itself until it has one, and the transaction."""

    key: Any
    identity: Any
    transaction: str = ""


class Devices:
    """The devices by their names."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)
        self._known: dict[str, Device] = {}

    def do(self, what: str, name: str, code: str = "") -> dict[str, str]:
        """Do something and return what came of it."""
        if what == "enroll":
            return self._enroll(name, code)
        device = self._known[name]
        who = (device.identity, device.key)
        match what:
            case "poll":
                subject = device.identity.subject
                return self._outcome(device, self._client.poll(*who, subject, device.transaction, IDENTIFIER))
            case "renew":
                csr, key = SigningRequest.generate_csr(name, USAGE)
                return self._outcome(Device(key, None), self._client.enrol(csr, *who, identifier=IDENTIFIER))
            case "get":
                return self._outcome(device, self._client.get_cert(*who, device.identity.serial_number, IDENTIFIER))
        crl = self._client.get_crl(*who, device.identity.serial_number, IDENTIFIER).crl
        return {"list": base64.b64encode(crl.to_der()).decode()}

    def _enroll(self, name: str, code: str) -> dict[str, str]:
        csr, key = SigningRequest.generate_csr(name, USAGE, password=code or None)
        identity, _ = SigningRequest.generate_self_signed(name, USAGE, private_key=key)
        device = self._known[name] = Device(key, identity)
        return self._outcome(device, self._client.enrol(csr, identity, key, identifier=IDENTIFIER))

    def _outcome(self, device: Device, answer: Any) -> dict[str, str]:
        told = {"status": answer.status.name}
        if told["status"] == "FAILURE":
            told["fail_info"] = FailInfo(answer.fail_info).name
        elif told["status"] == "PENDING":
            device.transaction = answer.transaction_id
        else:
            [device.identity] = answer.certificates
            told["certificate"] = device.identity.to_pem().decode()
        return told


if __name__ == "__main__":
    devices = Devices(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(devices.do(*line.split())), flush=True)  # noqa: T201 - whoever asked reads it
