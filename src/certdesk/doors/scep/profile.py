"""Apple's configuration profile (`.mobileconfig`): it lets an iPhone or a Mac enroll through this door.

A profile carries the trust anchors and a SCEP payload. Each that is given out has an identity of its own, so that
two devices whose users fetched one do not take each other's place at the desk.
"""

import plistlib
import uuid
from dataclasses import dataclass

from certdesk.domain.enrollment import Kind, Organisation
from certdesk.domain.identifiers import CROCKFORD, Randomness

MEDIA_TYPE = b"application/x-apple-aspen-config"
KINDS = frozenset({Kind.MOBILE, Kind.WORKSTATION})
"""What such devices may be."""

_DIGITAL_SIGNATURE_AND_ENCIPHERMENT = 5
_RSA_BITS = 2048
"""What every device that reads such a profile can make; macOS 10.14 and older cannot make more for SCEP."""
_MOST_POLLS = 120
"""How often a device asks again while a manager decides."""
_NAME_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Authority:
    """What a profile says of the desk."""

    desk_url: str
    issuing: bytes
    """DER."""
    root: bytes
    """DER."""


def profile(organisation: Organisation, authority: Authority, code: str, randomness: Randomness) -> bytes:
    """Return a profile for one device of an organisation, with an enrollment code or without."""
    name = "".join(CROCKFORD[octet & 31] for octet in randomness(_NAME_LENGTH))
    identifier = f"certdesk.{organisation.code.lower()}.{name.lower()}"
    payloads = [
        _certificate("com.apple.security.root", f"{identifier}.root", authority.root, randomness),
        _certificate("com.apple.security.pkcs1", f"{identifier}.issuing", authority.issuing, randomness),
        _scep(organisation, authority, f"{identifier}.scep", name, code, randomness),
    ]
    return plistlib.dumps(
        {
            "PayloadContent": payloads,
            "PayloadDisplayName": organisation.name,
            "PayloadOrganization": organisation.name,
            "PayloadRemovalDisallowed": False,
            **_head("Configuration", identifier, randomness),
        }
    )


def _head(kind: str, identifier: str, randomness: Randomness) -> dict[str, object]:
    identity = str(uuid.UUID(bytes=randomness(16), version=4)).upper()
    return {"PayloadType": kind, "PayloadIdentifier": identifier, "PayloadUUID": identity, "PayloadVersion": 1}


def _certificate(kind: str, identifier: str, der: bytes, randomness: Randomness) -> dict[str, object]:
    return {"PayloadContent": der, **_head(kind, identifier, randomness)}


def _scep(
    organisation: Organisation, authority: Authority, identifier: str, name: str, code: str, randomness: Randomness
) -> dict[str, object]:
    kind = Kind.MOBILE if Kind.MOBILE in organisation.kinds else Kind.WORKSTATION
    content: dict[str, object] = {
        "URL": f"{authority.desk_url}/scep/{organisation.code}/{kind}",
        "Name": organisation.code,
        "Subject": [[["O", organisation.name]], [["CN", f"Apple {name}"]]],
        "Key Type": "RSA",
        "Keysize": _RSA_BITS,
        "Key Usage": _DIGITAL_SIGNATURE_AND_ENCIPHERMENT,
        "Retries": _MOST_POLLS,
        "RetryDelay": organisation.poll_seconds,
    }
    if code:
        content["Challenge"] = code
    return {"PayloadContent": content, **_head("com.apple.security.scep", identifier, randomness)}
