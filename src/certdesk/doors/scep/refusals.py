"""Every error kind in SCEP's words (RFC 8894 §3.2.1.4)."""

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.wire.cms import CMSError, Why
from certdesk.wire.scep import FailInfo

FAIL_INFO: dict[ErrorKind, FailInfo | None] = {
    ErrorKind.MALFORMED: FailInfo.BAD_REQUEST,
    ErrorKind.INVALID_FIELD: FailInfo.BAD_REQUEST,
    ErrorKind.BAD_CSR: FailInfo.BAD_REQUEST,
    ErrorKind.WEAK_KEY: FailInfo.BAD_ALG,
    ErrorKind.WEAK_SIGNATURE: FailInfo.BAD_ALG,
    ErrorKind.KEY_IN_USE: FailInfo.BAD_REQUEST,
    ErrorKind.KEY_COMPROMISED: FailInfo.BAD_REQUEST,
    ErrorKind.NAME_NOT_ALLOWED: FailInfo.BAD_REQUEST,
    ErrorKind.KIND_NOT_ALLOWED: FailInfo.BAD_REQUEST,
    ErrorKind.UNAUTHENTICATED: FailInfo.BAD_REQUEST,
    ErrorKind.FORBIDDEN: FailInfo.BAD_REQUEST,
    ErrorKind.NOT_FOUND: FailInfo.BAD_CERT_ID,
    ErrorKind.CONFLICT: FailInfo.BAD_REQUEST,
    ErrorKind.TOO_LARGE: None,
    ErrorKind.RATE_LIMITED: None,
    ErrorKind.UNAVAILABLE: None,
    ErrorKind.INCOMPATIBLE: None,
    ErrorKind.INTERNAL: None,
}
"""None for what HTTP has a status for that clients understand: they try again later."""

FAIL_INFO_OF_MESSAGE: dict[Why, FailInfo] = {
    Why.ALGORITHM: FailInfo.BAD_ALG,
    Why.SIGNATURE: FailInfo.BAD_MESSAGE_CHECK,
    Why.CONTENT: FailInfo.BAD_REQUEST,
}

_OF_MESSAGE = {
    Why.ALGORITHM: (
        ErrorKind.WEAK_SIGNATURE,
        N_("the message uses an algorithm that is too weak or not known: use RSA, AES and SHA-256"),
    ),
    Why.SIGNATURE: (ErrorKind.MALFORMED, N_("the message's signature does not verify")),
    Why.CONTENT: (ErrorKind.MALFORMED, N_("the message's content cannot be read")),
}
_UNREADABLE = frozenset({ErrorKind.MALFORMED, ErrorKind.BAD_CSR})


def error_of(error: CMSError) -> CertdeskError:
    """Return what is wrong with a message as the desk's own error, for the audit log."""
    kind, sentence = _OF_MESSAGE[error.why]
    return CertdeskError(kind, sentence)


def sentence_of(error: CertdeskError) -> str:
    """Return what a device is told of an error (failInfoText).

    Content that decrypts and then cannot be read is answered like one that does not decrypt: whoever sends altered
    copies of somebody's message learns nothing of what was in it (the padding oracle of cipher block chaining).
    """
    return _OF_MESSAGE[Why.CONTENT][1] if error.kind in _UNREADABLE else str(error)
