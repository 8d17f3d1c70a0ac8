"""Who is on the other end: the client's address and its verified TLS certificate.

A client talks to the desk directly, or through a TLS-terminating proxy that the operator has configured by
address. Only from such a proxy are `X-Forwarded-For` and `Client-Cert` (RFC 9440) believed; a proxy must remove
what its own clients send in them (RFC 9440 §4). Everybody else's are ignored. The certificate that a proxy
itself shows never counts as the client's.
"""

import binascii
import ssl
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.asgi import Scope

Network = IPv4Network | IPv6Network
_SHORTEST_ITEM = len("::")
_LONGEST_REMEMBERED = 256
"""Bytes of an X-Forwarded-For whose reading is remembered; most clients send many requests in a row."""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class Peers:
    """Tells clients from proxies."""

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """Take the proxies' addresses and networks, such as `10.0.0.7` or `10.1.0.0/16`."""
        self._networks: tuple[Network, ...] = tuple(ip_network(network) for network in trusted_proxies)
        self.is_proxy = lru_cache(4096)(self._is_proxy)
        """Tell whether an address is a configured proxy's."""
        self._remembered = lru_cache(4096)(self._before_proxies)

    def _is_proxy(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    def address(self, scope: Scope) -> str:
        """Return the client's address: the peer's, or the last one before the configured proxies."""
        client = scope.get("client")
        peer = client[0] if client else ""
        if not self._networks or not self.is_proxy(peer):
            return str(peer)
        hops = b",".join([value for name, value in scope["headers"] if name == b"x-forwarded-for"])
        find = self._remembered if len(hops) <= _LONGEST_REMEMBERED else self._before_proxies
        return find(hops) or str(peer)

    def _before_proxies(self, hops: bytes) -> str | None:
        """Return the last address that is not a proxy's; what stands further left, the client itself may have said."""
        for hop in reversed(hops.decode("latin-1").split(",")):
            address = _address(hop)
            if address is None:
                return None
            if not self.is_proxy(str(address)):
                return str(address)
        return None

    def certificate(self, scope: Scope) -> bytes | None:
        """Return the client's certificate (DER), which our own TLS or a configured proxy has verified.

        Its revocation has not been checked, nor has it been looked up.
        """
        client = scope.get("client")
        if self._networks and client and self.is_proxy(client[0]):
            return _forwarded_certificate(*[value for name, value in scope["headers"] if name == b"client-cert"])
        chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain")
        return ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None

    def is_operator(self, scope: Scope) -> bool:
        """Tell whether the call comes from this machine or from a configured proxy for itself."""
        address = _address(self.address(scope))
        return address is not None and (address.is_loopback or self.is_proxy(str(address)))


@lru_cache(256)  # a manager decides one request after the other
def _forwarded_certificate(*values: bytes) -> bytes | None:
    """Decode `Client-Cert`: one structured-field byte sequence, `:base64 of DER:` (RFC 9440 §2.2, RFC 8941 §3.3.5)."""
    if not values:
        return None
    item = values[0].strip()
    if len(values) == 1 and len(item) > _SHORTEST_ITEM and item[:1] == item[-1:] == b":":
        try:
            return binascii.a2b_base64(item[1:-1], strict_mode=True)
        except binascii.Error:
            pass
    raise CertdeskError(ErrorKind.MALFORMED, N_("the proxy's Client-Cert header is not one RFC 9440 byte sequence"))
