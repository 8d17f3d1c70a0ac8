"""Proofs of possession that were verified are remembered, and nothing else is."""

from dataclasses import dataclass

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.ra import proofs
from certdesk.ra.proofs import Proofs
from certdesk.wire.pkcs10 import CSR, parse_csr
from tests.desks import make_csr


@dataclass
class Counted:
    """A CSR that counts how often it was verified."""

    der: bytes
    is_forged: bool = False
    verified: int = 0

    def verify(self) -> None:
        """Verify."""
        self.verified += 1
        if self.is_forged:
            raise CertdeskError(ErrorKind.BAD_CSR, "forged")


def check(remembered: Proofs, csr: Counted) -> None:
    """Check a CSR that only counts."""
    stand_in: object = csr
    remembered.check(stand_in)  # type: ignore[arg-type]


def test_the_same_octets_are_verified_once() -> None:
    """The next CSR of the same octets is known, another one is not."""
    remembered, first, same, other = Proofs(), Counted(b"1"), Counted(b"1"), Counted(b"2")
    for csr in (first, same, other):
        check(remembered, csr)
    assert (first.verified, same.verified, other.verified) == (1, 0, 1)


def test_a_forged_one_is_refused_every_time() -> None:
    """What does not verify is not remembered."""
    remembered, forged = Proofs(), Counted(b"1", is_forged=True)
    for _ in range(2):
        with pytest.raises(CertdeskError):
            check(remembered, forged)
    assert forged.verified == 2


def test_the_oldest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; what was forgotten is verified again."""
    monkeypatch.setattr(proofs, "MOST", 2)
    remembered, oldest, newest = Proofs(), Counted(b"1"), Counted(b"3")
    for csr in (oldest, Counted(b"2"), newest, oldest, newest):
        check(remembered, csr)
    assert (oldest.verified, newest.verified) == (2, 1)


def test_an_altered_csr_is_not_taken_for_the_one_that_verified() -> None:
    """A single octet of the signature makes another CSR."""
    der = make_csr()
    remembered = Proofs()
    remembered.check(parse_csr(der))
    altered: CSR = parse_csr(der[:-1] + bytes((der[-1] ^ 1,)))
    with pytest.raises(CertdeskError) as caught:
        remembered.check(altered)
    assert caught.value.kind is ErrorKind.BAD_CSR
