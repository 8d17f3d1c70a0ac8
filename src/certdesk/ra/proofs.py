"""Proofs of possession, each verified once.

Approval checks again whatever submission has checked. The signature of a CSR is the dearest of it, a fifth of an
approval's time, and the one check that needs nothing but the CSR: the same octets always verify. So the desk remembers
which ones did, by their SHA-256, and verifies whatever it does not remember, or what is not what it was.
"""

from collections import OrderedDict

from certdesk.domain.identifiers import sha256
from certdesk.wire.pkcs10 import CSR

MOST = 10_000
"""How many are remembered, in less than 2 MB; the oldest is forgotten first."""


class Proofs:
    """What one process remembers."""

    def __init__(self) -> None:
        self._verified: OrderedDict[bytes, None] = OrderedDict()

    def check(self, csr: CSR) -> None:
        """Raise `BAD_CSR` unless the CSR's signature is by its own key."""
        digest = sha256(csr.der)
        if digest in self._verified:
            return
        csr.verify()
        self._verified[digest] = None
        if len(self._verified) > MOST:
            self._verified.popitem(last=False)
