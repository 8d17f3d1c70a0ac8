"""Bringing BER into definite lengths: what is read, what is refused, and how little that costs."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.wire import ber, der
from certdesk.wire.ber import DEEPEST, MOST_ELEMENTS, definite
from tests.unit.wire.cms.message_maker import in_ber, in_pieces, indefinite
from tests.unit.wire.csr_maker import tlv
from tests.unit.wire.effort import peak, steps

LARGEST_BODY = 64 * 1024

primitives = st.builds(tlv, st.sampled_from([0x02, 0x04, 0x06, 0x0C, 0x80, 0x82]), st.binary(max_size=200))
trees = st.recursive(
    primitives,
    lambda inner: st.builds(lambda tag, parts: tlv(tag, *parts), st.sampled_from([0x30, 0x31, 0xA0]), st.lists(inner)),
    max_leaves=12,
)


def nested(depth: int, tag: int = 0x30) -> bytes:
    """Return elements of indefinite length inside each other, all with their ends."""
    return bytes([tag, 0x80]) * depth + b"\0\0" * depth


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("3000", "3000"),
        ("3080 0000", "3000"),
        ("3080 020107 0000", "3003020107"),
        ("3080 3180 0000 0000", "30023100"),
        ("2480 0000", "0400"),
        ("2400", "0400"),
        ("2480 0401 61 0400 0401 62 0000", "04026162"),
        ("2404 0402 6162", "04026162"),
        ("2480 2480 0401 61 0000 0401 62 0000", "04026162"),
        ("a080 0401 61 0401 62 0000", "a006040161040162"),
        ("0481 01 61", "040161"),
        ("0484 00000001 61", "040161"),
        ("3082 0003 020107", "3003020107"),
        ("3004 0500 0500", "300405000500"),
        ("3102 0000", "31020000"),
    ],
)
def test_ber_becomes_definite(octets: str, expected: str) -> None:
    """Indefinite and padded lengths become short ones, octet strings whole; nothing else changes."""
    assert definite(bytes.fromhex(octets)).hex() == expected


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        ("", "cut short"),
        ("30", "cut short"),
        ("3001", "longer than what holds it"),
        ("3001 02", "cut short"),
        ("3003 0202 07", "longer than what holds it"),
        ("3080", "has no end"),
        ("3080 020107", "has no end"),
        ("3080 020107 00", "cut short"),
        ("3004 3080 0500 00 00", "has no end"),
        ("3003 2480 00 00", "cut short"),
        ("0480 61 0000", "only a constructed element"),
        ("3000 00", "something follows"),
        ("3080 0000 0000", "something follows"),
        ("1f8101 00", "long tag"),
        ("3f01 00", "long tag"),
        ("3084 ffffffff", "longer than what holds it"),
        ("3085 0100000000", "absurd"),
        ("3088 ffffffffffffffff", "absurd"),
        ("3085 0000000000", "absurd"),
        ("30ff" + "ff" * 127, "absurd"),
        ("30fe", "absurd"),
        ("3082 01", "longer than what holds it"),
        ("2403 020107", "is expected here"),
        ("2480 020107 0000", "is expected here"),
        ("2480 3000 0000", "is expected here"),
    ],
)
def test_what_is_not_ber_is_refused(octets: str, sentence: str) -> None:
    """Cut, endless, absurd and misplaced elements are errors, and none reaches beyond what holds it."""
    with pytest.raises(ValueError, match=sentence):
        definite(bytes.fromhex(octets))


@pytest.mark.parametrize("tag", [0x30, 0x24, 0xA0])
def test_nesting_has_an_end(tag: int) -> None:
    """As deep as messages are is fine; one level more is refused, and ten thousand cost no more than that."""
    assert definite(nested(DEEPEST, tag))
    with pytest.raises(ValueError, match="nested too deep"):
        definite(nested(DEEPEST + 1, tag))
    with pytest.raises(ValueError, match="nested too deep"):
        definite(nested(10_000, tag))
    assert steps(lambda: definite(nested(10_000, tag))) <= steps(lambda: definite(nested(DEEPEST + 1, tag))) + 2


def test_the_number_of_elements_has_an_end() -> None:
    """As many as a message with fifty certificates has are read; a body full of empty ones is given up early."""
    assert definite(indefinite(0x30, b"\x05\x00" * (MOST_ELEMENTS - 1)))
    for octets in (indefinite(0x30, b"\x05\x00" * MOST_ELEMENTS), in_pieces(bytes(MOST_ELEMENTS), 1)):
        with pytest.raises(ValueError, match="too many elements"):
            definite(octets)
    full = indefinite(0x24, b"\x04\x00" * (LARGEST_BODY // 2 - 3))
    assert steps(lambda: definite(full)) < 20 * MOST_ELEMENTS


def deepest_bomb() -> bytes:
    """Return a body that is copied as often as can be: an octet string inside as many others as are read."""
    shell = nested(DEEPEST, 0x24)
    content = tlv(0x04, bytes(LARGEST_BODY - len(shell) - 4))
    return shell[: 2 * DEEPEST] + content + shell[2 * DEEPEST :]


@pytest.mark.parametrize(
    "bomb",
    [
        deepest_bomb,
        lambda: in_pieces(bytes(LARGEST_BODY // 16), 12),
        lambda: indefinite(0x24, *(tlv(0x24, tlv(0x04, bytes(25))) for _ in range(2000))),
        lambda: b"\x30\x84\xff\xff\xff\xff" + bytes(LARGEST_BODY - 6),
        lambda: b"\x30\x80" * (LARGEST_BODY // 2),
        lambda: nested(LARGEST_BODY // 4, 0x24),
    ],
    ids=["deep", "pieces", "pieces in pieces", "2^32", "openings", "nested"],
)
def test_bombs_fizzle(bomb: Callable[[], bytes]) -> None:
    """However a body is folded, what is read of it is not larger, and memory stays within a few times its size."""
    octets = bomb()
    assert len(octets) <= LARGEST_BODY
    assert peak(lambda: definite(octets)) < 12 * LARGEST_BODY
    assert steps(lambda: definite(octets)) < 20 * MOST_ELEMENTS
    with contextlib.suppress(ValueError):
        assert len(definite(octets)) <= len(octets)


@given(trees)
@example(tlv(0x04))
def test_der_stays_and_ber_of_it_comes_back(octets: bytes) -> None:
    """What was DER stays octet for octet, and its BER becomes the same DER again."""
    assert definite(octets) == octets
    assert definite(in_ber(octets)) == octets


@given(st.binary(max_size=80))
@example(b"\x24\x80\x00")
@example(bytes.fromhex("30042480000000"))
def test_reading_anything_ends_well(octets: bytes) -> None:
    """Whatever is read, the answer is one definite element, which stays as it is, or a `ValueError`."""
    try:
        element = definite(octets)
    except ValueError:
        return
    assert der.whole(element).end == len(element)
    assert definite(element) == element


def test_the_limits_are_those_of_messages() -> None:
    """Nobody loosens them by accident."""
    assert (ber.DEEPEST, ber.MOST_ELEMENTS) == (24, 4096)
