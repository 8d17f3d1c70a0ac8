"""Whatever bytes come, reading a CSR ends in a CSR or in a `CertdeskError`, and soon."""

from hypothesis import example, given
from hypothesis import strategies as st

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.wire.pkcs10 import LARGEST_CSR, parse_csr
from tests.unit.wire.csr_maker import (
    bits,
    dns,
    ec_spki,
    email,
    ip,
    make_csr,
    names,
    oid,
    other_name,
    pem,
    requested,
    rsa_spki,
    sequence,
    tlv,
    uri,
)

SEEDS = [
    make_csr(),
    make_csr(attributes=names(dns("a.example"), ip(192, 0, 2, 1), email("a@b.example"), uri("x:y"), other_name())),
    make_csr(spki=rsa_spki((1 << 2047) + 1)),
]
seeds = st.sampled_from(SEEDS)
elements = st.recursive(
    st.builds(tlv, st.integers(0, 255), st.binary(max_size=20)),
    lambda inner: st.builds(lambda tag, parts: tlv(tag, *parts), st.sampled_from([0x30, 0x31, 0xA0]), st.lists(inner)),
    max_leaves=12,
)


def read(unverified_csr: bytes | str) -> None:
    """Read and verify a CSR; let no error pass but the kinds that a CSR can earn, with a sentence."""
    refusal = None
    try:
        parse_csr(unverified_csr).verify()
    except CertdeskError as error:
        refusal = error
    assert refusal is None or (refusal.kind in {ErrorKind.BAD_CSR, ErrorKind.WEAK_KEY} and str(refusal))


@given(st.binary(max_size=400))
@example(b"\x30")
@example(b"\x30" * LARGEST_CSR)
@example(b"-----BEGIN " * (LARGEST_CSR // 11))
@example(b"-----BEGIN CERTIFICATE REQUEST-----" * (LARGEST_CSR // 35))
def test_arbitrary_bytes(octets: bytes) -> None:
    """Arbitrary bytes are refused, not tripped over."""
    read(octets)


@given(st.text(max_size=400))
def test_arbitrary_text(text: str) -> None:
    """Arbitrary text is refused, not tripped over."""
    read(text)


@given(st.text(max_size=40), st.binary(max_size=200), st.text(max_size=40))
def test_arbitrary_octets_in_pem(before: str, octets: bytes, after: str) -> None:
    """A good PEM block around nonsense, with text on both sides, is refused, not tripped over."""
    read(before + pem(octets) + after)


@given(seeds, st.data())
def test_good_csr_with_changed_bytes(csr: bytes, data: st.DataObject) -> None:
    """A good CSR with a piece cut out and another put in its place is refused, not tripped over."""
    start = data.draw(st.integers(0, len(csr)))
    end = data.draw(st.integers(start, min(len(csr), start + 8)))
    changed = csr[:start] + data.draw(st.binary(max_size=8)) + csr[end:]
    read(changed)
    read(pem(changed))


@given(elements, elements)
def test_well_formed_der_in_the_wrong_places(attributes: bytes, spki: bytes) -> None:
    """DER that is well-formed and means nothing is refused as key, as attributes and as extensions."""
    read(make_csr(attributes=attributes))
    read(make_csr(attributes=requested(attributes)))
    read(make_csr(attributes=names(attributes)))
    read(make_csr(spki=spki))
    read(make_csr(spki=sequence(sequence(oid("1.2.840.113549.1.1.1"), attributes), bits(spki))))
    read(make_csr(spki=ec_spki(attributes, spki)))


@given(st.integers(-(2**2050), 2**2050), st.integers(-(2**70), 2**2050))
@example(2**250_000 + 1, 65537)
@example(2**16_384 - 1, 2**16_383 + 1)
def test_arbitrary_rsa_numbers(modulus: int, exponent: int) -> None:
    """An RSA key of any two numbers is refused or verifies nothing, however large it is."""
    read(make_csr(spki=rsa_spki(modulus, exponent)))
