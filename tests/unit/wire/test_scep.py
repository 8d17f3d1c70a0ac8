"""SCEP's messages: the attributes that make a CMS message one, and those of the answers."""

import pytest

from certdesk.wire.cms import Digest, parse_certificate, parse_signed, signed
from certdesk.wire.scep import (
    FailInfo,
    MessageType,
    PKIStatus,
    answer_attributes,
    parse_issuer_and_serial_number,
    parse_message,
)
from tests.unit.wire.cms.message_maker import DEVICE, attribute, in_ber, make_signed, usual_members
from tests.unit.wire.csr_maker import NULL, integer, oid, sequence, tlv

ARC = "2.16.840.1.113733.1.9"
TYPE, STATUS, FAIL, SENDER, RECIPIENT, TRANSACTION = (oid(f"{ARC}.{number}") for number in range(2, 8))
NONCE = bytes(range(16))


def make_message(**changes: bytes | None) -> bytes:
    """Return a pkiMessage; `type`, `transaction` and `nonce` are values in DER, None leaves one out."""
    values = {"type": tlv(0x13, b"19"), "transaction": tlv(0x13, b"t1"), "nonce": tlv(0x04, NONCE), **changes}
    kinds = {"type": TYPE, "transaction": TRANSACTION, "nonce": SENDER}
    members = [attribute(kinds[name], value) for name, value in values.items() if value is not None]
    return make_signed(members=[*usual_members(), *members])


@pytest.mark.parametrize("write", [lambda octets: octets, in_ber], ids=["DER", "BER"])
def test_a_message_is_read(write: object) -> None:
    """Type, transaction and nonce, and the signature around them."""
    message = parse_message(write(make_message()))  # type: ignore[operator]
    assert (message.type, message.transaction_id, message.sender_nonce) == (MessageType.PKCS_REQ, "t1", NONCE)
    assert message.signed.verify(frozenset({Digest.SHA256})).der == DEVICE.der


@pytest.mark.parametrize(
    ("transaction", "expected"),
    [
        (tlv(0x13, b"x" * 255), "x" * 255),
        (tlv(0x0C, b"a b/c+d=~"), "a b/c+d=~"),
        (tlv(0x16, b"IA5"), "IA5"),
        (tlv(0x1E, "BMP".encode("utf-16-be")), "BMP"),
    ],
)
def test_transaction_ids_of_every_string_type(transaction: bytes, expected: str) -> None:
    """Clients write it as whatever string; its characters count."""
    assert parse_message(make_message(transaction=transaction)).transaction_id == expected


@pytest.mark.parametrize("length", [8, 16, 20, 32, 64])
def test_nonces_of_other_lengths(length: int) -> None:
    """Some clients do not have sixteen octets."""
    assert parse_message(make_message(nonce=tlv(0x04, bytes(length)))).sender_nonce == bytes(length)


def test_a_type_that_is_not_known_is_read() -> None:
    """It can be answered, so it is not for the reader to refuse."""
    for value, expected in ((tlv(0x13, b"99"), "99"), (tlv(0x13), ""), (integer(19), ""), (tlv(0x13, b"x" * 999), "x")):
        assert parse_message(make_message(type=value)).type.startswith(expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": None},
        {"transaction": None},
        {"nonce": None},
        {"transaction": tlv(0x13)},
        {"transaction": tlv(0x13, b"x" * 256)},
        {"transaction": tlv(0x13, b"a\nb")},
        {"transaction": tlv(0x13, b"a\0")},
        {"transaction": tlv(0x0C, "é".encode())},
        {"transaction": tlv(0x0C, b"\xff")},
        {"transaction": integer(7)},
        {"transaction": tlv(0x04, b"t1")},
        {"nonce": tlv(0x04)},
        {"nonce": tlv(0x04, bytes(7))},
        {"nonce": tlv(0x04, bytes(65))},
        {"nonce": tlv(0x13, bytes(16))},
        {"nonce": NULL},
    ],
    ids=str,
)
def test_what_says_too_little_cannot_be_answered(changes: dict[str, bytes | None]) -> None:
    """Without a type, a printable transaction ID and a nonce that can be repeated it is no message."""
    with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
        parse_message(make_message(**changes))


@pytest.mark.parametrize("status", PKIStatus)
def test_an_answer_repeats_what_was_asked(status: PKIStatus) -> None:
    """Its transaction and nonce come back, beside a nonce of the desk's, the status, and why it failed."""
    message = parse_message(make_message())
    failed = status is PKIStatus.FAILURE
    fail_info, text = (FailInfo.BAD_REQUEST, "pas de code, désolé") if failed else (None, "")
    attributes = answer_attributes(message, status, b"\1" * 16, fail_info, text)
    octets = signed(b"", attributes, DEVICE.rsa, parse_certificate(DEVICE.der), Digest.SHA256)
    read = parse_signed(octets).attributes
    assert read[TYPE] == tlv(0x13, MessageType.CERT_REP.encode())
    assert read[STATUS] == tlv(0x13, status.encode())
    assert read[TRANSACTION] == tlv(0x13, b"t1")
    assert (read[RECIPIENT], read[SENDER]) == (tlv(0x04, NONCE), tlv(0x04, b"\1" * 16))
    assert read.get(FAIL) == (tlv(0x13, b"2") if failed else None)
    assert read.get(oid("1.3.6.1.5.5.7.24.1")) == (tlv(0x0C, text.encode()) if failed else None)


def test_what_get_cert_asks_for() -> None:
    """Issuer and serial number, and nothing behind them."""
    party = parse_issuer_and_serial_number(DEVICE.named)
    assert party.is_of(parse_certificate(DEVICE.der))
    for octets in (b"", sequence(), sequence(sequence()), sequence(sequence(), NULL), DEVICE.named + b"\0"):
        with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
            parse_issuer_and_serial_number(octets)
