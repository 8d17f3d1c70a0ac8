"""Apple's configuration profile, beside Apple's description of it."""

import os
import plistlib
import re
from dataclasses import replace
from typing import Any

import pytest

from certdesk.domain.enrollment import Kind, Organisation
from certdesk.doors.scep.profile import Authority, profile

ORGANISATION = Organisation("FRA1", "La Poste", "FR", poll_seconds=30)
AUTHORITY = Authority("https://desk.example", b"issuing", b"root")
COMMON = {
    "PayloadDisplayName": str,
    "PayloadIdentifier": str,
    "PayloadType": str,
    "PayloadUUID": str,
    "PayloadVersion": int,
}
"""developer.apple.com/documentation/devicemanagement/commonpayloadkeys"""
TOP = COMMON | {"PayloadContent": list, "PayloadOrganization": str, "PayloadRemovalDisallowed": bool}
"""developer.apple.com/documentation/devicemanagement/toplevel"""
SCEP = {
    "AllowAllAppsAccess": bool,
    "CAFingerprint": bytes,
    "Challenge": str,
    "Key Type": str,
    "Key Usage": int,
    "KeyIsExtractable": bool,
    "Keysize": int,
    "Name": str,
    "Retries": int,
    "RetryDelay": int,
    "Subject": list,
    "SubjectAltName": dict,
    "URL": str,
}
"""developer.apple.com/documentation/devicemanagement/scep/payloadcontent"""
_UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def read(organisation: Organisation = ORGANISATION, code: str = "") -> dict[str, Any]:
    """Return a profile as a device reads it."""
    found: dict[str, Any] = plistlib.loads(profile(organisation, AUTHORITY, code, os.urandom))
    return found


def described(found: dict[str, Any], keys: dict[str, type]) -> bool:
    """Tell whether a dictionary has only keys that Apple describes, with values of the types that it describes."""
    return all(type(value) is keys.get(name) for name, value in found.items())


@pytest.mark.parametrize("code", ["", "7GQ4-2KXM-9VTB-QQ3N-ZD0R"])
def test_every_key_is_one_of_apple_s(code: str) -> None:
    """With a code and without, the profile and its payloads have no other keys, and those of the right types."""
    found = read(code=code)
    assert described(found, TOP)
    root, issuing, scep = found["PayloadContent"]
    for certificate in (root, issuing):
        assert described(certificate, COMMON | {"PayloadContent": bytes})
    assert described(scep, COMMON | {"PayloadContent": dict})
    assert described(scep["PayloadContent"], SCEP)
    types = [each["PayloadType"] for each in (found, root, issuing, scep)]
    assert types == ["Configuration", "com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.scep"]


def test_payloads_can_be_told_apart() -> None:
    """Every payload of every profile has its own identifier and UUID, as Apple asks."""
    every = [part for found in (read(), read()) for part in (found, *found["PayloadContent"])]
    assert len({each["PayloadIdentifier"] for each in every}) == len(every)
    assert len({each["PayloadUUID"] for each in every}) == len(every)
    assert all(_UUID.fullmatch(each["PayloadUUID"]) for each in every)
    assert {each["PayloadVersion"] for each in every} == {1}


def test_the_payload_is_for_the_organisation() -> None:
    """It says where to ask, how often, in whose name, and for a key that signs and enciphers."""
    content = read()["PayloadContent"][-1]["PayloadContent"]
    assert content["URL"] == "https://desk.example/scep/FRA1/mobile"
    assert content["RetryDelay"] == 30
    assert content["Subject"][0] == [["O", "La Poste"]]
    assert content["Key Usage"] == 1 + 4


def test_where_no_phones_are_enrolled_it_is_a_workstation_s() -> None:
    """An organisation of Macs gets a profile for workstations."""
    macs = replace(ORGANISATION, kinds=frozenset({Kind.WORKSTATION}))
    assert read(macs)["PayloadContent"][-1]["PayloadContent"]["URL"].endswith("/scep/FRA1/workstation")
