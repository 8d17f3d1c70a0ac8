"""Whatever bytes come, reading a message ends in a message, a `ValueError` or a `CMSError`, and soon."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.wire import der
from certdesk.wire.ber import MOST_ELEMENTS
from certdesk.wire.cms import (
    STRONG_CIPHERS,
    STRONG_DIGESTS,
    Cipher,
    CMSError,
    Digest,
    certs_only,
    enveloped,
    parse_certificate,
    parse_enveloped,
    parse_signed,
)
from certdesk.wire.scep import parse_issuer_and_serial_number, parse_message
from tests.unit.wire.cms.message_maker import (
    CONTENT,
    CURVED,
    DATA,
    DEVICE,
    OTHER,
    SHA256,
    attribute,
    in_ber,
    in_pieces,
    indefinite,
    make_signed,
    make_signer,
    usual_members,
)
from tests.unit.wire.csr_maker import NULL, integer, make_csr, oid, rsa_spki, sequence, tlv
from tests.unit.wire.effort import peak, steps

LARGEST_BODY = 64 * 1024
EVERY_DIGEST = STRONG_DIGESTS | {Digest.SHA1}
EVERY_CIPHER = STRONG_CIPHERS | {Cipher.TRIPLE_DES}
ECDSA = oid("1.2.840.10045.4.3.2")
ARC = "2.16.840.1.113733.1.9"
SCEP = [
    attribute(oid(f"{ARC}.2"), tlv(0x13, b"19")),
    attribute(oid(f"{ARC}.7"), tlv(0x13, b"t1")),
    attribute(oid(f"{ARC}.5"), tlv(0x04, bytes(16))),
]
ENVELOPE = enveloped(make_csr(), OTHER.rsa.public_key(), parse_certificate(OTHER.der), Cipher.AES_128)


def message_of(content: bytes = CONTENT) -> bytes:
    """Return a pkiMessage by an elliptic curve's key, which is short and verifies fast."""
    signer = make_signer(CURVED, algorithm=ECDSA, members=[*usual_members(content), *SCEP])
    return make_signed(content, signers=[signer], certificates=[CURVED.der])


MESSAGE = message_of()
SIGNER = make_signer(CURVED, algorithm=ECDSA)
SEEDS = [MESSAGE, in_ber(MESSAGE), message_of(ENVELOPE), ENVELOPE, in_ber(ENVELOPE), make_csr()]
elements = st.recursive(
    st.builds(tlv, st.integers(0, 255), st.binary(max_size=20)),
    lambda inner: st.builds(
        lambda write, tag, parts: write(tag, *parts),
        st.sampled_from([tlv, indefinite]),
        st.sampled_from([0x24, 0x30, 0x31, 0xA0, 0xA1]),
        st.lists(inner),
    ),
    max_leaves=12,
)


def read(unverified_octets: bytes) -> set[bytes]:
    """Read octets as whatever they might be, and return what was found signed or encrypted there.

    `ValueError` and `CMSError` are what readers and verdicts may raise; everything else passes.
    """
    found: set[bytes] = set()
    for each in (_signed_in, _message_in, _enveloped_in, _names_in):
        try:
            found.update(each(unverified_octets))
        except (ValueError, CMSError):
            continue
    return found


def _signed_in(octets: bytes) -> Iterator[bytes]:
    message = parse_signed(octets)
    message.verify(EVERY_DIGEST)
    yield message.content


def _message_in(octets: bytes) -> Iterator[bytes]:
    message = parse_message(octets)
    message.signed.verify(EVERY_DIGEST)
    yield from _enveloped_in(message.signed.content)


def _enveloped_in(octets: bytes) -> Iterator[bytes]:
    envelope = parse_enveloped(octets)
    for recipient in envelope.recipients[:2]:
        yield envelope.decrypt(OTHER.rsa, recipient, EVERY_CIPHER)


def _names_in(octets: bytes) -> Iterator[bytes]:
    parse_issuer_and_serial_number(octets)
    parse_certificate(octets).public_key()
    yield from ()


@given(st.binary(max_size=300))
@example(b"\x30")
@example(b"\x30\x80" * 10_000)
@example(b"\x24\x80" * 10_000 + b"\0\0" * 10_000)
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\x30\x85\x01\x00\x00\x00\x00")
@example(b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\x30\x89\x01" + bytes(8))
@example(b"\x30\xff" + b"\xff" * 127)
@example(MESSAGE + MESSAGE)
def test_arbitrary_bytes(octets: bytes) -> None:
    """Arbitrary bytes are refused, not tripped over."""
    assert read(octets) == set()


@given(elements, elements)
def test_well_formed_elements_in_the_wrong_places(first: bytes, second: bytes) -> None:
    """BER that is well-formed and means nothing is refused in every place of a message."""
    for octets in (
        sequence(DATA, tlv(0xA0, first)),
        make_signed(encapsulated=sequence(DATA, tlv(0xA0, first, second)), signers=[SIGNER]),
        make_signed(signers=[SIGNER], certificates=[CURVED.der, first, second]),
        make_signed(signers=[SIGNER], certificates=[CURVED.der], crls=first),
        make_signed(signers=[first]),
        make_signed(signers=[sequence(integer(1), CURVED.named, first, tlv(0xA0, second), sequence(SHA256), NULL)]),
        make_signed(signers=[make_signer(CURVED, named=first, members=[*usual_members(), second])]),
    ):
        assert read(octets) <= {CONTENT}
    read(message_of(first))


@given(st.sampled_from(SEEDS), st.data())
def test_good_messages_with_a_piece_changed(octets: bytes, data: st.DataObject) -> None:
    """A piece cut out and another in its place: refused, or what was signed is what it was."""
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, min(len(octets), start + 8)))
    changed = octets[:start] + data.draw(st.binary(max_size=8)) + octets[end:]
    read(changed)
    assert verified(changed) in {None, CONTENT, ENVELOPE}


def verified(octets: bytes) -> bytes | None:
    """Return the content of a signed message that verifies; None for what does not, or is none."""
    try:
        message = parse_signed(octets)
        message.verify(EVERY_DIGEST)
    except (ValueError, CMSError):
        return None
    return message.content


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_truncation_at_every_offset(seed: int) -> None:
    """Nothing that was cut off anywhere is read."""
    for end in range(len(SEEDS[seed])):
        cut = SEEDS[seed][:end]
        for reader in (parse_signed, parse_enveloped, parse_certificate):
            with pytest.raises(ValueError):  # noqa: PT011 - which of them is nobody's business
                reader(cut)


@pytest.mark.parametrize("write", [bytes, in_ber], ids=["DER", "BER"])
def test_a_bit_turned_in_every_byte_of_a_signed_message(write: Callable[[bytes], bytes]) -> None:
    """It cannot be read, does not verify, or was in a part that nobody signs: then nothing else came of it."""
    octets, harmless = write(MESSAGE), 0
    for at in range(len(octets)):
        changed = bytearray(octets)
        changed[at] ^= 1 << at % 8
        content = verified(bytes(changed))
        assert content in {None, CONTENT}
        harmless += content is not None
    assert 0 < harmless < len(octets) / 2


def test_a_bit_turned_in_every_byte_of_an_envelope() -> None:
    """It cannot be read, or does not decrypt, or decrypts to what CBC makes of it: nobody signs an envelope itself."""
    for at in range(len(ENVELOPE)):
        changed = bytearray(ENVELOPE)
        changed[at] ^= 1 << at % 8
        read(bytes(changed))


def filled(piece: bytes, around: Callable[[bytes], bytes]) -> bytes:
    """Return a message that is as large as a body may be, filled with one piece over and over."""
    room = LARGEST_BODY - len(around(b"")) - 64
    return around(piece * (room // len(piece)))


def signed_parts(before: bytes = b"", content: bytes = b"", certificates: bytes = b"", signers: bytes = b"") -> bytes:
    """Return a SignedData of any parts."""
    inner = sequence(
        integer(1), tlv(der.SET, before), sequence(DATA, content), tlv(0xA0, certificates), tlv(der.SET, signers)
    )
    return sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, inner))


def signer_parts(attributes: bytes = b"", signature: bytes = b"") -> bytes:
    """Return a SignerInfo of any parts."""
    return sequence(
        integer(1), CURVED.named, sequence(SHA256), tlv(0xA0, attributes), sequence(ECDSA), tlv(0x04, signature)
    )


def enveloped_parts(recipients: bytes = b"", ciphertext: bytes = b"") -> bytes:
    """Return an EnvelopedData of any parts."""
    inner = sequence(
        integer(0),
        tlv(der.SET, recipients),
        sequence(DATA, sequence(oid("2.16.840.1.101.3.4.1.2"), tlv(0x04, bytes(16))), tlv(0xA0, ciphertext)),
    )
    return sequence(oid("1.2.840.113549.1.7.3"), tlv(0xA0, inner))


RECIPIENT = sequence(integer(0), OTHER.named, sequence(oid("1.2.840.113549.1.1.1"), NULL), tlv(0x04, b"\1" * 256))
HUGE_OID = tlv(der.OID, b"\xff" * 60_000 + b"\x7f")
BOMBS: dict[str, bytes] = {
    "algorithms": filled(sequence(SHA256, NULL), lambda piece: signed_parts(before=piece)),
    "pieces of content": filled(tlv(0x04), lambda piece: signed_parts(content=tlv(0xA0, indefinite(0x24, piece)))),
    "certificates": filled(CURVED.der, lambda piece: signed_parts(certificates=piece, signers=signer_parts())),
    "empty certificates": filled(sequence(), lambda piece: signed_parts(certificates=piece)),
    "signers": filled(signer_parts(), lambda piece: signed_parts(signers=piece)),
    "attributes": filled(
        attribute(oid("1.2.3"), NULL), lambda piece: signed_parts(signers=signer_parts(attributes=piece))
    ),
    "different attributes": signed_parts(
        signers=signer_parts(attributes=b"".join(attribute(oid(f"1.2.{n}"), NULL) for n in range(4500)))
    ),
    "a huge OID": signed_parts(signers=signer_parts(attributes=attribute(HUGE_OID, NULL))),
    "a huge type": sequence(HUGE_OID, tlv(0xA0)),
    "a huge serial number": signed_parts(certificates=sequence(sequence(tlv(der.INTEGER, b"\x7f" * 60_000)))),
    "a huge signature": signed_parts(certificates=CURVED.der, signers=signer_parts(signature=b"\xff" * 60_000)),
    "a huge key": make_signed(
        signers=[make_signer(CURVED)],
        certificates=[
            sequence(
                sequence(
                    integer(7), sequence(), CURVED.certificate.issuer.public_bytes(), NULL, NULL,
                    rsa_spki((1 << 400_000) + 1, (1 << 100_000) + 1),
                )
            )
        ],
    ),
    "recipients": filled(RECIPIENT, lambda piece: enveloped_parts(recipients=piece, ciphertext=tlv(0x04, bytes(16)))),
    "empty recipients": filled(sequence(), lambda piece: enveloped_parts(recipients=piece)),
    "pieces of ciphertext": filled(tlv(0x04, b"\0"), lambda piece: enveloped_parts(ciphertext=piece)),
    "a message in a message": filled(b"\x24\x80", lambda piece: make_signed(encapsulated=sequence(DATA, piece))),
    "lists": filled(sequence(), lambda piece: certs_only((), (piece,))),
    "openings": b"\x30\x80" * (LARGEST_BODY // 2),
    "nothing but zeros": bytes(LARGEST_BODY),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_fizzle(name: str) -> None:
    """However a body is filled, reading it takes a bounded number of steps, and memory of a few times its size."""
    octets = BOMBS[name]
    assert len(octets) <= LARGEST_BODY
    assert steps(lambda: read(octets)) < 30 * MOST_ELEMENTS
    assert peak(lambda: read(octets)) < 8 * LARGEST_BODY


def test_a_bomb_is_read_at_the_price_of_its_layers() -> None:
    """Content that is folded at every layer grows with the number of layers, not with its powers."""
    flat = steps(lambda: read(make_signed(bytes(20_000), members=usual_members(bytes(20_000)))))
    folded = make_signed(
        encapsulated=indefinite(0x30, DATA, indefinite(0xA0, in_pieces(bytes(20_000), 50))),
        members=usual_members(bytes(20_000)),
    )
    assert read(folded) == {bytes(20_000)}
    assert steps(lambda: read(folded)) < flat + 100 * (20_000 // 50)


def test_the_seeds_are_good() -> None:
    """What is turned and cut above was whole before."""
    assert read(MESSAGE) == {CONTENT}
    assert read(in_ber(MESSAGE)) == {CONTENT}
    assert read(SEEDS[2]) == {ENVELOPE, make_csr_in_envelope()}
    assert DEVICE.der != CURVED.der


def make_csr_in_envelope() -> bytes:
    """Return what the envelope holds."""
    envelope = parse_enveloped(ENVELOPE)
    return envelope.decrypt(OTHER.rsa, envelope.recipients[0], STRONG_CIPHERS)
