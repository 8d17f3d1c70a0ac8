"""What messages have in common: certificates without a signature, and how a message names a certificate."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates, serialize_certificates

from certdesk.wire import der
from certdesk.wire.cms import Party, certs_only, parse_certificate
from certdesk.wire.cms.content import SIGNED_DATA, content_of, issuer_and_serial_number, parse_party
from tests.unit.wire.cms.message_maker import CURVED, DEVICE, ENVELOPED_DATA, OTHER, in_ber
from tests.unit.wire.csr_maker import NULL, integer, oid, rsa_spki, sequence, tlv

EVERY = [DEVICE.der, OTHER.der, CURVED.der]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_certificates_alone_are_read_by_others(count: int) -> None:
    """In whatever order they are given they come in DER's, octet for octet as cryptography writes them."""
    octets = certs_only(EVERY[:count])
    loaded = load_der_pkcs7_certificates(octets)
    assert {each.public_bytes(Encoding.DER) for each in loaded} == set(EVERY[:count])
    assert octets == certs_only(reversed(EVERY[:count])) == serialize_certificates(loaded, Encoding.DER)


def test_lists_alone_leave_no_room_for_certificates() -> None:
    """The certificates' field is left out, and so is that of the lists."""
    crl = sequence(sequence(), sequence(), NULL)
    octets, content = content_of(certs_only((), (crl,)), SIGNED_DATA)
    tags = [each.tag for each in der.parts(octets, content)]
    assert tags == [der.INTEGER, der.SET, der.SEQUENCE, 0xA1, der.SET]
    octets, content = content_of(certs_only(()), SIGNED_DATA)
    assert [each.tag for each in der.parts(octets, content)] == [der.INTEGER, der.SET, der.SEQUENCE, der.SET]


def test_the_outermost_layer_is_read_in_ber_too() -> None:
    """Content comes in definite lengths, if it is of the type that was asked for."""
    octets = certs_only(EVERY)
    assert content_of(in_ber(octets), SIGNED_DATA) == content_of(octets, SIGNED_DATA)
    with pytest.raises(ValueError, match="another type"):
        content_of(octets, ENVELOPED_DATA)


def test_a_certificate_is_read_as_far_as_needed() -> None:
    """Issuer, serial number and key, as cryptography sees them."""
    for party in (DEVICE, OTHER, CURVED):
        read = parse_certificate(party.der)
        assert read.issuer == party.certificate.issuer.public_bytes()
        assert int.from_bytes(read.serial_number, signed=True) == party.certificate.serial_number
        assert read.public_key() == party.certificate.public_key()
        assert Party(read.issuer, read.serial_number).is_of(read)


def crooked_certificate(*, version: bytes = b"", serial: bytes = integer(5), spki: bytes = b"") -> bytes:
    """Return a certificate that no strict reader takes."""
    key = spki or rsa_spki((1 << 2047) + 1)
    names = sequence(tlv(der.SET, sequence(oid("2.5.4.3"), tlv(0x13, b"*@_"))))
    return sequence(
        sequence(version, serial, sequence(), names, sequence(), names, key), sequence(), tlv(0x03, b"\0" * 9)
    )


@pytest.mark.parametrize("version", [b"", tlv(0xA0, integer(0)), tlv(0xA0, integer(2)), tlv(0xA0, integer(77))])
@pytest.mark.parametrize("serial", [integer(0), integer(-1), integer(5), integer(2**700)], ids=lambda each: each[:6])
def test_crooked_certificates_are_read(version: bytes, serial: bytes) -> None:
    """What devices sign themselves need not be sound: any version, any serial number, any dates, any names."""
    octets = crooked_certificate(version=version, serial=serial)
    assert der.tlv(der.INTEGER, parse_certificate(octets).serial_number) == serial


@pytest.mark.parametrize(
    "spki", [sequence(), sequence(sequence(oid("1.2.3.4")), tlv(0x03, b"\0")), rsa_spki(7), tlv(0x30, b"\xff")]
)
def test_a_key_that_cannot_be_used_is_none(spki: bytes) -> None:
    """It is for the verdict to say, not for the reader."""
    key = parse_certificate(crooked_certificate(spki=spki)).public_key()
    assert key is None or key.key_size < 16  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "octets",
    [b"", NULL, sequence(), sequence(sequence()), sequence(sequence(tlv(0xA0))), DEVICE.der[:-1], DEVICE.der + b"\0"],
)
def test_what_is_no_certificate(octets: bytes) -> None:
    """Too few parts, or more than one element."""
    with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
        parse_certificate(octets)


def test_parties_are_named_by_certificate_or_key() -> None:
    """By issuer and serial number, which only that certificate has, or by a key identifier, which none has here."""
    device, other = parse_certificate(DEVICE.der), parse_certificate(OTHER.der)
    octets = issuer_and_serial_number(device)
    assert octets == DEVICE.named
    party = parse_party(octets, der.whole(octets))
    assert (party.is_of(device), party.is_of(other)) == (True, False)
    octets = tlv(0x80, b"identifier")
    party = parse_party(octets, der.whole(octets))
    assert (party.key_identifier, party.is_of(device)) == (b"identifier", False)
