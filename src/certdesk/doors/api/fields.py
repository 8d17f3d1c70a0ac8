"""The fields of the API as types: what the OpenAPI document says about each.

The limits stand in the document, and policy holds callers to them: all fields of a submission at once, each with
its own sentence. Decoding asks for the right JSON types only, so that it does not get in policy's way. The
formats that JSON Schema does not know are the desk's own, so that generators of test data can be taught them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from certdesk.policy.codes import DAYS, DEVICES, LONGEST_NOTE
from certdesk.policy.fields import (
    LONGEST_COMMON_NAME,
    LONGEST_DESCRIPTION,
    LONGEST_DEVICE_TEXT,
    LONGEST_EMAIL,
    LONGEST_LOCALITY,
    LONGEST_STATE,
)
from certdesk.wire.pkcs10 import LARGEST_CSR


def _documented(description: str, **schema: Any) -> Meta:  # noqa: ANN401 - JSON Schema
    return Meta(description=description, extra_json_schema=schema)


def _line(description: str, most: int, least: int = 1) -> Meta:
    return _documented(
        f"{description} One line of text without control, invisible or bidirectional characters.",
        minLength=least,
        maxLength=most,
        format="line",
    )


CODE_ID = "^[0-9A-HJKMNP-TV-Z]{8}$"

# What callers send.

OrganisationCode = Annotated[
    str, _documented("An organisation's code.", pattern="^[A-Z0-9]{2,12}$", format="organisation-code")
]
RequestID = Annotated[
    str,
    _documented(
        "A request ID; its last character checks the others. Lower case, missing hyphens, and I, L, O are understood.",
        pattern="^[A-Z0-9]{2,12}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$",
        format="request-id",
        examples=["FRA1-7GQ4-2KXT"],
    ),
]
SerialNumber = Annotated[
    str, _documented("A certificate's serial number, 16 bytes in hexadecimal.", pattern="^[0-9a-f]{32}$")
]
CSR = Annotated[
    str,
    _documented("A PKCS#10 certification request (RFC 2986) in PEM.", maxLength=LARGEST_CSR, format="pkcs10-pem"),
]
Claim = Annotated[
    str,
    _documented(
        "32 random bytes in base64url without padding, chosen by the device: its right to this request.",
        pattern="^[A-Za-z0-9_-]{43}$",
        format="claim",
    ),
]
Email = Annotated[str, _documented("An e-mail address (RFC 5321).", maxLength=LONGEST_EMAIL, format="email")]
_PHONE = "(\\+|00)[1-9]([ .()-]*[0-9]){6,14}"
_PHONE_DESCRIPTION = (
    "A telephone number with + and the country code (E.164); spaces, dots, hyphens and parentheses are ignored."
)
Phone = Annotated[str, _documented(_PHONE_DESCRIPTION, pattern=f"^{_PHONE}$")]
OptionalPhone = Annotated[str, _documented(_PHONE_DESCRIPTION, pattern=f"^({_PHONE})?$")]
Description = Annotated[str, _line("What helps the manager to recognise the requester.", LONGEST_DESCRIPTION)]
OptionalDescription = Annotated[str, _line("What else there is to say.", LONGEST_DESCRIPTION, least=0)]
StateOrProvince = Annotated[str, _line("State or province.", LONGEST_STATE)]
Locality = Annotated[str, _line("City or locality.", LONGEST_LOCALITY)]
DeviceID = Annotated[str, _line("What the device calls itself, the same every time.", LONGEST_DEVICE_TEXT)]
DeviceText = Annotated[str, _line("Reported by the device.", LONGEST_DEVICE_TEXT, least=0)]
ScreenLock = Annotated[bool, _documented("Whether it asks for a pattern, PIN or password before it can be used.")]
Rooted = Annotated[bool, _documented("Whether it found signs that its system was tampered with.")]
CommonName = Annotated[str, _line("The manager's name.", LONGEST_COMMON_NAME)]
DNSName = Annotated[
    str, _documented("A DNS name; a wildcard only where the organisation allows it.", format="dns-name")
]
IPAddress = Annotated[str, _documented("The IPv4 or IPv6 address of one host.", format="host-address")]
Comment = Annotated[str, _line("For colleagues; the requester does not see it.", LONGEST_DESCRIPTION, least=0)]
Reason = Annotated[str, _line("Shown to the requester word for word.", LONGEST_DESCRIPTION)]
CodeKind = Literal["mobile", "workstation", "server"]
CodeCount = Annotated[
    int, Meta(description="How many devices it is for.", extra_json_schema={"minimum": 1, "maximum": DEVICES[-1]})
]
CodeDays = Annotated[
    int, Meta(description="How long it is good.", extra_json_schema={"minimum": 1, "maximum": DAYS[-1]})
]
CodeNote = Annotated[str, _line("What it is for; shown in lists.", LONGEST_NOTE, least=0)]
Proof = Annotated[
    str,
    _documented(
        "Base64 of the signature by the certificate's key over `certdesk renewal 1`, a line feed and the new CSR's DER:"
        " ECDSA (DER) with SHA-256 for P-256, SHA-384 for P-384, SHA-512 for P-521; RSA PKCS #1 v1.5 with SHA-256; or"
        " Ed25519. Not needed over TLS with that very certificate.",
        contentEncoding="base64",
        pattern="^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        maxLength=2048,
    ),
]

# What the desk says.

CodeID = Annotated[str, _documented("What an enrollment code is called; not the code itself.", pattern=CODE_ID)]
Code = Annotated[
    str,
    _documented(
        "The enrollment code, to be given to the devices: EST's password, SCEP's challengePassword. The desk keeps its"
        " hash only.",
        pattern="^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){4}$",
    ),
]

Time = Annotated[datetime, Meta(tz=True, description="UTC.")]
VerificationCode = Annotated[
    str, _documented("Six digits of the key's SHA-256, to be compared by telephone.", pattern="^[0-9]{6}$")
]
Fingerprint = Annotated[str, _documented("SHA-256 of the DER in hexadecimal.", pattern="^[0-9a-f]{64}$")]
PEM = Annotated[str, Meta(description="One or more certificates in PEM.")]
