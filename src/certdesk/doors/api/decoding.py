"""From a request's bytes to domain values; whatever is wrong becomes an error that names the field."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET

from certdesk.domain.enrollment import Conditions, Device, Kind, Names, Submission
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.text import N_
from certdesk.doors.api import shapes
from certdesk.doors.asgi import Receive, Scope
from certdesk.doors.bodies import read_body

Shape = TypeVar("Shape")

_CLAIM = re.compile(r"[A-Za-z0-9_-]{43}")
_SERIAL_NUMBER = re.compile(r"[0-9A-Fa-f]{32}")

_AT = r"(?: - at `\$\.?(?P<path>[^`]*)`)?"
_MISSING = re.compile(rf"Object missing required field `(?P<name>[^`]*)`{_AT}")
_UNKNOWN = re.compile(rf"Object contains unknown field `(?P<name>.*?)`{_AT}", re.DOTALL)
_TYPE = re.compile(rf"Expected `(?P<expected>[^`]*)`(?:, got `(?P<found>[^`]*)`)?{_AT}")
_VALUE = re.compile(rf"Invalid (?:enum )?value (?P<value>'.*?'){_AT}", re.DOTALL)

_JSON_NAMES = {"str": "string", "int": "number", "float": "number", "bool": "boolean"}
_LONGEST_NAME = 40


class BodyDecoder(Generic[Shape]):
    """Decodes a JSON body of one shape."""

    def __init__(self, shape: Any) -> None:  # noqa: ANN401 - a struct's class, or a union of several
        self._decode: Callable[[bytes], Shape] = msgspec.json.Decoder(shape).decode

    async def read(self, scope: Scope, receive: Receive) -> Shape:
        """Return the body, or raise `MALFORMED`, `TOO_LARGE` or, naming the field, `INVALID_FIELD`.

        The media type must be JSON's: no web page can make a browser, which would show its user's
        certificate, send that to another site without being allowed to (Fetch standard, CORS-safelisted headers).
        """
        _check_media_type(scope)
        body = await read_body(scope, receive)
        try:
            return self._decode(body)
        except msgspec.ValidationError as error:
            raise _field_error(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise CertdeskError(ErrorKind.MALFORMED, N_("the body is not JSON in UTF-8")) from None


def _check_media_type(scope: Scope) -> None:
    for name, value in scope["headers"]:
        if name == b"content-type":
            if value == b"application/json" or value.partition(b";")[0].strip().lower() == b"application/json":
                return
            break
    raise CertdeskError(ErrorKind.MALFORMED, N_("the body must be JSON, with Content-Type: application/json"))


def _field_error(sentence: str) -> CertdeskError:
    """Turn msgspec's sentence into ours, which can be translated and has the field beside it."""
    if match := _MISSING.fullmatch(sentence):
        return _invalid(N_("this field is missing"), _field(match["path"], match["name"]))
    if match := _UNKNOWN.fullmatch(sentence):
        name = _shown(match["name"])
        return _invalid(N_("there is no field “{name}” here"), _field(match["path"], name), name=name)
    if match := _TYPE.fullmatch(sentence):
        expected = " | ".join(_JSON_NAMES.get(name, name) for name in match["expected"].split(" | "))
        return _invalid(N_("a JSON {expected} is expected here"), _field(match["path"]), expected=expected)
    if match := _VALUE.fullmatch(sentence):
        return _invalid(
            N_("{value} is not one of the values that are possible here"),
            _field(match["path"]),
            value=_shown(match["value"]),
        )
    return _invalid(N_("this value cannot be right"), "")


def _field(path: str | None, name: str = "") -> str:
    return ".".join(filter(None, (path, name)))


def _shown(unverified_text: str) -> str:
    cut = unverified_text[:_LONGEST_NAME]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)


def _invalid(message: str, field: str, **values: object) -> CertdeskError:
    return CertdeskError(ErrorKind.INVALID_FIELD, message, field=field, **values)


def claim_sha256(unverified_claim: str, field: str = "claim") -> bytes:
    """Return the SHA-256 of a claim's 32 bytes, which is all that the desk ever keeps of it."""
    if not _CLAIM.fullmatch(unverified_claim):
        raise _invalid(N_("a claim is 32 random bytes, written as 43 base64url characters"), field)
    return sha256(base64.urlsafe_b64decode(unverified_claim + "="))


def serial_number(unverified_serial_number: str) -> bytes:
    """Return a serial number from its 32 hexadecimal digits, or raise `MALFORMED`."""
    if not _SERIAL_NUMBER.fullmatch(unverified_serial_number):
        raise CertdeskError(ErrorKind.MALFORMED, N_("a serial number has 32 hexadecimal digits"), field="serial_number")
    return bytes.fromhex(unverified_serial_number)


def proof(sent: shapes.Renewal) -> bytes | None:
    """Return a renewal's signature, if it has one."""
    if not sent.proof:
        return None
    try:
        return binascii.a2b_base64(sent.proof, strict_mode=True)
    except ValueError:
        raise _invalid(N_("the proof is not base64"), "proof") from None


def submission(sent: shapes.AnySubmission) -> Submission:
    """Return what was sent as the domain has it, not yet judged."""
    location = None if isinstance(sent, shapes.ManagerSubmission) else sent.location
    return Submission(
        organisation=sent.organisation,
        kind=_KINDS[type(sent)],
        csr=sent.csr.encode(),
        claim_sha256=claim_sha256(sent.claim),
        email=sent.contact.email,
        phone=sent.contact.phone,
        description=sent.description,
        state_or_province=location.state_or_province if location else "",
        locality=location.locality if location else "",
        device=_device(sent.device),
        names=Names(sent.names.dns, sent.names.ip) if isinstance(sent, shapes.ServerSubmission) else _NO_NAMES,
        common_name=sent.common_name if isinstance(sent, shapes.ManagerSubmission) else "",
    )


def _device(sent: shapes.Device) -> Device:
    found = sent.conditions
    if found is UNSET or (found.screen_lock is UNSET and found.rooted is UNSET):
        return Device(sent.id, sent.model, sent.platform, sent.app)
    conditions = Conditions(
        None if found.screen_lock is UNSET else found.screen_lock, None if found.rooted is UNSET else found.rooted
    )
    return Device(sent.id, sent.model, sent.platform, sent.app, conditions)


_NO_NAMES = Names()
_KINDS: dict[type[shapes.AnySubmission], Kind] = {
    shapes.MobileSubmission: Kind.MOBILE,
    shapes.WorkstationSubmission: Kind.WORKSTATION,
    shapes.ServerSubmission: Kind.SERVER,
    shapes.ManagerSubmission: Kind.MANAGER,
}
