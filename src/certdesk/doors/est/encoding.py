"""EST's answers: base64 on the wire, and the documents in it."""

import binascii
import secrets

from certdesk.domain.enrollment import KeyType
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.asgi import Header
from certdesk.wire import der
from certdesk.wire.cms import certs_only

_BASE64: Header = (b"content-transfer-encoding", b"base64")
_CERTIFICATES: Header = (b"content-type", b"application/pkcs7-mime; smime-type=certs-only")
_ATTRIBUTES: Header = (b"content-type", b"application/csrattrs")
_TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")
_CHALLENGE: Header = (b"www-authenticate", b'Basic realm="certdesk", charset="UTF-8"')

_EC_PUBLIC_KEY = der.oid("1.2.840.10045.2.1")
_RSA_ENCRYPTION = der.oid("1.2.840.113549.1.1.1")
_SHA256_WITH_RSA = der.oid("1.2.840.113549.1.1.11")
_ED25519 = der.oid("1.3.101.112")


def _attribute(kind: bytes, value: bytes) -> bytes:
    return der.sequence(kind, der.tlv(der.SET, value))


def _rsa(bits: int) -> bytes:
    return der.sequence(_attribute(_RSA_ENCRYPTION, der.integer(bits)), _SHA256_WITH_RSA)


CSR_ATTRIBUTES: dict[KeyType, bytes] = {
    KeyType.EC_P256: der.sequence(
        _attribute(_EC_PUBLIC_KEY, der.oid("1.2.840.10045.3.1.7")), der.oid("1.2.840.10045.4.3.2")
    ),
    KeyType.RSA_2048: _rsa(2048),
    KeyType.RSA_3072: _rsa(3072),
    KeyType.RSA_4096: _rsa(4096),
    KeyType.ED25519: der.sequence(_ED25519),
}
"""What devices are told to make (RFC 7030 §4.5.2): the key, and the algorithm to sign the CSR with. DER CsrAttrs."""


def _base64(octets: bytes) -> bytes:
    """Return base64 in a single line: some clients stop at the first line's end."""
    return binascii.b2a_base64(octets, newline=False)


def certificates_answer(certificates: tuple[bytes, ...], *headers: Header) -> Answer:
    """Return certificates (DER), in their order, as a PKCS#7 that signs nothing."""
    return Answer(200, _base64(certs_only(certificates)), (_CERTIFICATES, _BASE64, *headers))


def attributes_answer(key_type: KeyType) -> Answer:
    """Return what an organisation's devices shall put into their CSR."""
    return Answer(200, _base64(CSR_ATTRIBUTES[key_type]), (_ATTRIBUTES, _BASE64))


def key_answer(private_key: bytes, certificate: bytes) -> Answer:
    """Return a private key (DER PKCS#8) and its certificate (RFC 7030 §4.4.2)."""
    boundary = secrets.token_hex(16).encode()
    parts = ((b"application/pkcs8", private_key), (_CERTIFICATES[1], certs_only((certificate,))))
    body = b"".join(
        b"--%b\r\ncontent-type: %b\r\ncontent-transfer-encoding: base64\r\n\r\n%b\r\n"
        % (boundary, media_type, _base64(octets))
        for media_type, octets in parts
    )
    media_type = (b"content-type", b"multipart/mixed; boundary=%b" % boundary)
    return Answer(200, body + b"--%b--\r\n" % boundary, (media_type, NO_STORE))


def pending_answer(seconds: int) -> Answer:
    """Return that the device shall come back (RFC 7030 §4.2.3); without a body, on which some clients choke."""
    return Answer(202, b"", ((b"retry-after", b"%d" % seconds), NO_STORE))


def refusal_answer(status: int, sentence: str, *headers: Header) -> Answer:
    """Return an error with its sentence (RFC 7030 §4.2.3); a 401 has none, for the same clients' sake."""
    if status == 401:  # noqa: PLR2004 - the status that asks for a password
        return Answer(status, b"", (_CHALLENGE, NO_STORE, *headers))
    return Answer(status, f"{sentence}\n".encode(), (_TEXT, NO_STORE, *headers))
