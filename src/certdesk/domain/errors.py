"""The one error type of Certdesk, with a kind that every door maps to its own protocol's code.

    raise CertdeskError(ErrorKind.WEAK_KEY, N_("an RSA key needs at least {least} bits, this one has {bits}"),
                        field="csr", least=2048, bits=1024)

`message` stays a gettext message id with its values beside it, so the door that answers can
translate it; `str(error)` is the English sentence.
"""

import dataclasses
from enum import StrEnum

from certdesk.domain.text import Translator


class ErrorKind(StrEnum):
    """Why a use case refused. A door's table names every one of them (tests hold it to that)."""

    MALFORMED = "malformed"
    """The input cannot be read at all: bad JSON, bad PEM, bad identifier syntax."""
    INVALID_FIELD = "invalid-field"
    """A field is readable, and its value cannot be right."""
    BAD_CSR = "bad-csr"
    """The CSR does not parse, or its proof of possession does not verify."""
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    KEY_IN_USE = "key-in-use"
    """The public key belongs to another device or to a CA."""
    KEY_COMPROMISED = "key-compromised"
    """The public key was once revoked for keyCompromise."""
    NAME_NOT_ALLOWED = "name-not-allowed"
    """A subject alternative name is not valid, or the organisation does not allow it."""
    KIND_NOT_ALLOWED = "kind-not-allowed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    """No such thing, or none that the caller may know of: the two are never told apart."""
    CONFLICT = "conflict"
    """The thing is in another state than the call needs; somebody else may have been faster."""
    TOO_LARGE = "too-large"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    """Storage, a key or a remote CA cannot be used right now; trying again later is right."""
    INCOMPATIBLE = "incompatible"
    """Stored data was written by a newer version."""
    INTERNAL = "internal"
    """A defect of ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one input field.

    `field` is the input's path in dots (`contact.phone`), or empty when it is about the whole.
    """

    kind: ErrorKind
    message: str
    field: str = ""
    values: dict[str, object] = dataclasses.field(default_factory=dict)

    def text(self, translate: Translator = str) -> str:
        """Return the sentence, translated."""
        return translate(self.message).format_map(self.values)


class CertdeskError(Exception):
    """A use case refused; `kind` says why in a word, `str()` in an English sentence, `problems` in full."""

    def __init__(self, kind: ErrorKind, message: str, /, *, field: str = "", **values: object) -> None:
        self.problem = Problem(kind, message, field, values)
        self.problems: tuple[Problem, ...] = (self.problem,)
        super().__init__(message)

    @classmethod
    def of(cls, problems: list[Problem] | tuple[Problem, ...]) -> "CertdeskError":
        """Return one error for several problems; the first gives the kind and the sentence."""
        first = problems[0]
        error = cls(first.kind, first.message, field=first.field, **first.values)
        error.problems = tuple(problems)
        return error

    @property
    def kind(self) -> ErrorKind:
        """The kind that doors map."""
        return self.problem.kind

    def text(self, translate: Translator = str) -> str:
        """Return the sentence, translated."""
        return self.problem.text(translate)

    def __str__(self) -> str:
        return self.text()
