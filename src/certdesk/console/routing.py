"""What a route is, who may take it, and what a page is told about a visit."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from certdesk.console.forms import Form, read_form
from certdesk.console.security import PAGE_HEADERS
from certdesk.domain.enrollment import Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.sessions import Session
from certdesk.domain.text import N_
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.asgi import ASGIApp, Receive, Scope
from certdesk.doors.bodies import LIMIT

_MOST_PARAMETERS = 40
_LONGEST_PARAMETER = 1000


@dataclass(frozen=True, slots=True)
class Access:
    """Who may take a route: a name for the table, and the rule."""

    name: str
    allows: Callable[[Session | None], bool]


def _administers(session: Session | None) -> bool:
    return session is not None and session.role is Role.ADMINISTRATOR and not session.organisation


def _oversees(session: Session | None) -> bool:
    return session is not None and session.role in {Role.ADMINISTRATOR, Role.AUDITOR} and not session.organisation


ANYONE = Access("anyone", lambda _session: True)
SIGNED_IN = Access("signed in", lambda session: session is not None)
DECIDERS = Access("deciders", lambda session: session is not None and session.role is not Role.AUDITOR)
"""Registration managers and administrators; the use cases look at the very request again."""
OVERSEERS = Access("overseers", _oversees)
"""Administrators, and auditors of the whole federation: who may look at what the operator administers."""
AUDITORS = Access("auditors", lambda session: session is not None and session.role is not Role.REGISTRATION_MANAGER)
"""Administrators and auditors, each within their scope."""
ADMINISTRATORS = Access("administrators", _administers)


@dataclass(slots=True)
class Visit:
    """One request to the console, as a page sees it."""

    scope: Scope
    receive: Receive
    source: str
    """The client's address."""
    language: str
    theme: str
    """`light`, `dark`, or empty to follow the browser."""
    session: Session | None = None
    csrf_token: str = ""
    """What every form of this session has to send; empty without a session."""
    limit: int = LIMIT
    """Octets that a form may have."""
    query: dict[str, str] = field(default_factory=dict)
    _form: Form | None = None

    def __post_init__(self) -> None:
        self.query = _query_of(self.scope)

    @property
    def path(self) -> str:
        """The address without its query."""
        return str(self.scope["path"])

    @property
    def address(self) -> str:
        """The address with its query, relative to the desk."""
        query = self.scope["query_string"].decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    @property
    def parameters(self) -> Mapping[str, str]:
        """The values of the path's parameters."""
        parameters: Mapping[str, str] = self.scope["path_params"]
        return parameters

    @property
    def by(self) -> Principal:
        """Who acts, or `UNAUTHENTICATED`."""
        if self.session is None:
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("sign in first"))
        return self.session.principal(self.source)

    @property
    def signed_in(self) -> Session:
        """The session, or `UNAUTHENTICATED`."""
        if self.session is None:
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("sign in first"))
        return self.session

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.header(b"hx-request") == "true"

    def header(self, name: bytes) -> str:
        """Return a header's first value; empty if there is none."""
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == name), "")

    async def form(self) -> Form:
        """Return the decoded body, which is read once."""
        if self._form is None:
            self._form = await read_form(self.scope, self.receive, self.limit)
        return self._form

    def with_query(self, **changes: str | None) -> str:
        """Return this address with some parameters changed; None or an empty value leaves a parameter out."""
        pairs = {**self.query, **changes}
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"{self.path}?{query}" if query else self.path


Call = Callable[[Visit], Awaitable[ASGIApp]]
"""A page: returns an `Answer`, or a `Stream`."""


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the console."""

    method: str
    """GET or POST; GET answers HEAD too."""
    path: str
    """With parameters in braces: `/requests/{request_id}`."""
    access: Access
    call: Call
    limit: int = LIMIT
    """Octets that a form may have."""
    is_upload: bool = False
    """Whether the page reads a multipart body itself, with `forms.multipart`, which checks the CSRF token."""
    is_quiet: bool = False
    """Whether the browser asks by itself, which does not keep a session alive."""


def _query_of(scope: Scope) -> dict[str, str]:
    try:
        pairs = parse_qsl(scope["query_string"].decode(), errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise CertdeskError(ErrorKind.MALFORMED, N_("the query string cannot be read")) from None
    for name, value in pairs:
        if len(value) > _LONGEST_PARAMETER or not value.isprintable():
            raise CertdeskError(
                ErrorKind.MALFORMED, N_("this holds invisible characters, or too many"), field=name[:_MOST_PARAMETERS]
            )
    return dict(pairs)


def see_other(address: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Return the answer after a change: look there (303). The address is one of ours."""
    return Answer(303, b"", (*PAGE_HEADERS, (b"location", address.encode()), NO_STORE, *headers))


def local_address(unverified_address: str, otherwise: str = "/") -> str:
    """Return an address to go on to if it is one of the desk's own, else another: no open redirect."""
    address = unverified_address
    if (
        not address.startswith("/")
        or address.startswith(("//", "/\\"))
        or not (address.isascii() and address.isprintable())
        or "\\" in address
        or " " in address
    ):
        return otherwise
    return address
