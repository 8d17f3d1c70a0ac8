"""Lets changes come only from the desk's own pages.

Twice: the browser's `Origin` header must be the desk's (RFC 6454 §7; every browser sends it with a POST), and a
form of a session must carry the session's token, which no other site can read.
"""

import base64
import hmac
from urllib.parse import urlsplit

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.asgi import Scope

TOKEN_FIELD = "csrf"  # noqa: S105 - a field's name
_PURPOSE = b"certdesk console form 1"


def token_of(session_token: bytes) -> str:
    """Return the token of a session's forms: HMAC-SHA-256 by the session's own secret, base64url."""
    return base64.urlsafe_b64encode(hmac.digest(session_token, _PURPOSE, "sha256")).rstrip(b"=").decode()


def check_token(expected: str, unverified_token: str) -> None:
    """Raise `FORBIDDEN` unless a form carries its session's token."""
    if not expected or not hmac.compare_digest(expected.encode(), unverified_token.encode()):
        raise _foreign()


def check_origin(scope: Scope, desk_url: str) -> None:
    """Raise `FORBIDDEN` unless a form was sent by one of the desk's own pages.

    The desk is where its configured URL says, and wherever the browser says that it has called (`Host`): a page
    of another site can change neither.
    """
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    parts = urlsplit(origin)
    host = headers.get(b"host", b"").decode("latin-1")
    if parts.scheme not in {"https", "http"} or not parts.netloc:
        raise _foreign()
    if parts.netloc != host and origin != _origin_of(desk_url):
        raise _foreign()


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _foreign() -> CertdeskError:
    return CertdeskError(
        ErrorKind.FORBIDDEN, N_("this form does not come from a page of your session: reload the page and try again")
    )
