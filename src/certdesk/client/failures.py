"""What the client says when it cannot go on: an error with a hint, and the exit code of every kind.

raise ClientError(ErrorKind.NOT_FOUND, N_("{program} is not installed"), program="certutil",
                  hint=N_("install the package libnss3-tools"))
"""

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import PENDING, RequestState
from certdesk.domain.text import N_, Translator

DONE = 0
FAILED = 1
USAGE = 2
PENDING_DECISION = 10
REJECTED = 11
UNREACHABLE = 12

EXIT_CODES: dict[ErrorKind, int] = {
    ErrorKind.MALFORMED: USAGE,
    ErrorKind.INVALID_FIELD: USAGE,
    ErrorKind.BAD_CSR: USAGE,
    ErrorKind.WEAK_KEY: USAGE,
    ErrorKind.WEAK_SIGNATURE: USAGE,
    ErrorKind.KEY_IN_USE: FAILED,
    ErrorKind.KEY_COMPROMISED: FAILED,
    ErrorKind.NAME_NOT_ALLOWED: USAGE,
    ErrorKind.KIND_NOT_ALLOWED: USAGE,
    ErrorKind.UNAUTHENTICATED: FAILED,
    ErrorKind.FORBIDDEN: FAILED,
    ErrorKind.NOT_FOUND: FAILED,
    ErrorKind.CONFLICT: FAILED,
    ErrorKind.TOO_LARGE: USAGE,
    ErrorKind.RATE_LIMITED: UNREACHABLE,
    ErrorKind.UNAVAILABLE: UNREACHABLE,
    ErrorKind.INCOMPATIBLE: FAILED,
    ErrorKind.INTERNAL: FAILED,
}
"""The exit code of each kind, whether the client or the desk refused. A script retries on `UNREACHABLE` only."""


class ClientError(CertdeskError):
    """The client cannot go on; `hint` (a message id with the same values, or empty) says what to do about it."""

    def __init__(self, kind: ErrorKind, message: str, *, hint: str = "", field: str = "", **values: object) -> None:
        super().__init__(kind, message, field=field, **values)
        self.hint = hint

    def hint_text(self, translate: Translator = str) -> str:
        """Return the hint, translated."""
        return translate(self.hint).format_map(self.problem.values)


def unusable_answer(message: str, **values: object) -> ClientError:
    """Return the error for an answer that cannot be the desk's answer to us: foreign, cut off or tampered with."""
    error = ClientError(ErrorKind.INTERNAL, message, hint=N_("nothing that is stored here was changed"))
    error.problem.values.update(values)
    return error


def exit_code_of(status: str) -> int:
    """Return the exit code for where an enrollment stands."""
    if status in {RequestState.REJECTED, RequestState.CANCELLED, RequestState.LAPSED}:
        return REJECTED
    return PENDING_DECISION if status in PENDING or status == "prepared" else DONE
