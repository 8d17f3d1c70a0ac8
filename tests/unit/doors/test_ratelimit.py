"""Token buckets per client address."""

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors import ratelimit
from certdesk.doors.ratelimit import RateLimiter


class Monotonic:
    """A clock in seconds that stands still until it is turned."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def monotonic() -> Monotonic:
    """Return a clock."""
    return Monotonic()


def _refusal(limiter: RateLimiter, address: str) -> CertdeskError:
    with pytest.raises(CertdeskError) as caught:
        limiter.spend(address)
    assert caught.value.kind is ErrorKind.RATE_LIMITED
    return caught.value


def test_a_burst_is_let_through_and_then_the_rate(monotonic: Monotonic) -> None:
    """At 30 a minute and 3 at once, the fourth call waits for the two seconds that it is told."""
    limiter = RateLimiter(30, 3, monotonic)
    for _ in range(3):
        limiter.spend("192.0.2.1")
    assert _refusal(limiter, "192.0.2.1").problem.values == {"seconds": 2}
    monotonic.now += 2
    limiter.spend("192.0.2.1")
    _refusal(limiter, "192.0.2.1")


def test_refused_calls_do_not_prolong_the_wait(monotonic: Monotonic) -> None:
    """Whoever keeps knocking is let in as soon as somebody who waited."""
    limiter = RateLimiter(60, 1, monotonic)
    limiter.spend("192.0.2.1")
    for _ in range(50):
        _refusal(limiter, "192.0.2.1")
    monotonic.now += 1
    limiter.spend("192.0.2.1")


def test_addresses_do_not_pay_for_each_other(monotonic: Monotonic) -> None:
    """Another address has its own bucket."""
    limiter = RateLimiter(60, 1, monotonic)
    limiter.spend("192.0.2.1")
    limiter.spend("192.0.2.2")


def test_an_ipv6_network_is_one_client(monotonic: Monotonic) -> None:
    """Addresses of one /64 share a bucket, those of another have their own."""
    limiter = RateLimiter(60, 1, monotonic)
    limiter.spend("2001:db8:0:1::1")
    _refusal(limiter, "2001:db8:0:1:ffff::2")
    limiter.spend("2001:db8:0:2::1")


def test_a_zone_and_a_mapped_address_are_understood(monotonic: Monotonic) -> None:
    """`fe80::1%eth0` has no part in the key, and mapped IPv4 addresses do not share one /64."""
    limiter = RateLimiter(60, 1, monotonic)
    limiter.spend("fe80::1%eth0")
    _refusal(limiter, "fe80::2")
    limiter.spend("::ffff:192.0.2.1")
    limiter.spend("::ffff:192.0.2.2")


def test_zero_switches_the_limit_off(monotonic: Monotonic) -> None:
    """No number of calls is too many, and nothing is remembered."""
    limiter = RateLimiter(0, 1, monotonic)
    for _ in range(100):
        limiter.spend("192.0.2.1")
        limiter.charge("192.0.2.1")
        limiter.check("192.0.2.1")
    assert not limiter._buckets


def test_checking_costs_nothing_and_charging_never_goes_below_empty(monotonic: Monotonic) -> None:
    """A hundred checks leave the burst as it was; a hundred charges cost no more than the burst."""
    limiter = RateLimiter(60, 2, monotonic)
    for _ in range(100):
        limiter.check("192.0.2.1")
    for _ in range(100):
        limiter.charge("192.0.2.1")
    monotonic.now += 1
    limiter.check("192.0.2.1")


def test_memory_is_bounded(monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was unseen for longest is forgotten first."""
    monkeypatch.setattr(ratelimit, "MOST_BUCKETS", 3)
    limiter = RateLimiter(60, 1, monotonic)
    for last in range(1, 5):
        limiter.spend(f"192.0.2.{last}")
    assert list(limiter._buckets) == ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
