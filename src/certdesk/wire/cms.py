"""Cryptographic Message Syntax (RFC 5652): the few messages that enrollment protocols are made of."""

from collections.abc import Iterable

from certdesk.wire import der

DATA = der.oid("1.2.840.113549.1.7.1")
SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")

_VERSION_1 = der.integer(1)
_NOTHING = der.tlv(der.SET, b"")


def certs_only(certificates: Iterable[bytes], crls: Iterable[bytes] = ()) -> bytes:
    """Return a ContentInfo that signs nothing and carries certificates and revocation lists (RFC 5652 §5, all DER).

    The certificates are in DER's order, which says nothing: strict readers refuse any other.
    """
    lists = b"".join(sorted(crls))
    return content_info(
        SIGNED_DATA,
        der.sequence(
            _VERSION_1,
            _NOTHING,
            der.sequence(DATA),
            der.explicit(0, b"".join(sorted(certificates))),
            der.explicit(1, lists) if lists else b"",
            _NOTHING,
        ),
    )


def content_info(kind: bytes, content: bytes) -> bytes:
    """Return a ContentInfo of a type (DER OID) around its content."""
    return der.sequence(kind, der.explicit(0, content))
