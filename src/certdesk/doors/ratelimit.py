"""Token buckets per client address, in memory and bounded: what strangers may do is limited, guessing above all.

Each server process counts for itself. An IPv6 client is its /64 network, which is what one customer is given.
"""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_

MOST_BUCKETS = 50_000
"""Addresses remembered at once, some 10 MB; the one unseen for longest is forgotten first."""


class RateLimiter:
    """Lets every address make `per_minute` calls, and `burst` at once; 0 per minute switches it off."""

    def __init__(self, per_minute: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._burst = max(burst, 1)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, address: str) -> None:
        """Take a token of an address, or raise `RATE_LIMITED` with the `seconds` to wait."""
        if self._rate:
            self.check(address)
            self.charge(address)

    def check(self, address: str) -> None:
        """Raise `RATE_LIMITED` if an address has no token left; take none."""
        if not self._rate or (missing := 1 - self._tokens(_bucket(address))) <= 0:
            return
        seconds = ceil(missing / self._rate)
        raise CertdeskError(
            ErrorKind.RATE_LIMITED, N_("too many calls from your address; wait {seconds} seconds"), seconds=seconds
        )

    def charge(self, address: str) -> None:
        """Take a token of an address if it has one, for a call that turned out to be a stranger's."""
        if not self._rate:
            return
        key = _bucket(address)
        self._buckets[key] = max(self._tokens(key) - 1, 0.0), self._monotonic()
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)

    def _tokens(self, key: str) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._burst
        tokens, since = bucket
        return min(self._burst, tokens + (self._monotonic() - since) * self._rate)


def _bucket(address: str) -> str:
    if ":" not in address:
        return address
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> 64)
    return address
