"""SCEP messages (RFC 8894 §3): a pkiMessage is a CMS message with a few attributes, around an encrypted one.

message = parse_message(unverified_octets)
certificate = message.signed.verify(STRONG_DIGESTS)
envelope = parse_enveloped(message.signed.content)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from certdesk.wire import der
from certdesk.wire.cms import Signed, parse_signed
from certdesk.wire.cms.content import Party, parse_party
from certdesk.wire.names import text_of


class MessageType(StrEnum):
    """What a message is (RFC 8894 §3.2.1.2)."""

    CERT_REP = "3"
    RENEWAL_REQ = "17"
    PKCS_REQ = "19"
    CERT_POLL = "20"
    GET_CERT = "21"
    GET_CRL = "22"


class PKIStatus(StrEnum):
    """How an answer turns out (§3.2.1.3)."""

    SUCCESS = "0"
    FAILURE = "2"
    PENDING = "3"


class FailInfo(StrEnum):
    """Why a message failed (§3.2.1.4)."""

    BAD_ALG = "0"
    BAD_MESSAGE_CHECK = "1"
    BAD_REQUEST = "2"
    BAD_TIME = "3"
    BAD_CERT_ID = "4"


_ARC = "2.16.840.1.113733.1.9"
_MESSAGE_TYPE = der.oid(f"{_ARC}.2")
_PKI_STATUS = der.oid(f"{_ARC}.3")
_FAIL_INFO = der.oid(f"{_ARC}.4")
_SENDER_NONCE = der.oid(f"{_ARC}.5")
_RECIPIENT_NONCE = der.oid(f"{_ARC}.6")
_TRANSACTION_ID = der.oid(f"{_ARC}.7")
_FAIL_INFO_TEXT = der.oid("1.3.6.1.5.5.7.24.1")

_TRANSACTION = re.compile(r"[\x20-\x7e]{1,255}")
_NONCE_LENGTHS = range(8, 65)
"""RFC 8894 §3.2.1.5 wants 16 octets; some clients have others."""


@dataclass(frozen=True, slots=True)
class PKIMessage:
    """A message that could be read, and is unverified."""

    type: str
    """One of `MessageType`, or something that is not known here."""
    transaction_id: str
    sender_nonce: bytes
    signed: Signed


def parse_message(unverified_octets: bytes) -> PKIMessage:
    """Read a message from DER or BER; raises `ValueError`."""
    signed = parse_signed(unverified_octets)
    transaction_id = _text(signed.attributes, _TRANSACTION_ID)
    if not _TRANSACTION.fullmatch(transaction_id):
        raise ValueError("a transaction ID is printable")
    nonce = signed.attributes.get(_SENDER_NONCE, b"")
    sender_nonce = der.content(nonce, der.whole(nonce), der.OCTET_STRING)
    if len(sender_nonce) not in _NONCE_LENGTHS:
        raise ValueError("a nonce has sixteen octets")
    return PKIMessage(_text(signed.attributes, _MESSAGE_TYPE), transaction_id, sender_nonce, signed)


def _text(attributes: Mapping[bytes, bytes], kind: bytes) -> str:
    value = attributes.get(kind, b"")
    return text_of(value, der.whole(value))


def parse_issuer_and_serial_number(octets: bytes) -> Party:
    """Read what GetCert and GetCRL ask for (§3.3.4); raises `ValueError`."""
    return parse_party(octets, der.whole(octets))


def answer_attributes(
    message: PKIMessage, status: PKIStatus, sender_nonce: bytes, fail_info: FailInfo | None = None, text: str = ""
) -> dict[bytes, bytes]:
    """Return the attributes of a CertRep to a message; `text` says to people why it failed (§3.2.1.4.1)."""
    attributes = {
        _MESSAGE_TYPE: _printable(MessageType.CERT_REP),
        _PKI_STATUS: _printable(status),
        _TRANSACTION_ID: _printable(message.transaction_id),
        _RECIPIENT_NONCE: der.octet_string(message.sender_nonce),
        _SENDER_NONCE: der.octet_string(sender_nonce),
    }
    if fail_info is not None:
        attributes[_FAIL_INFO] = _printable(fail_info)
    if text:
        attributes[_FAIL_INFO_TEXT] = der.text(text)
    return attributes


def _printable(text: str) -> bytes:
    return der.text(text, der.PRINTABLE_STRING)
