"""The cookies of the console: the session's token, and the look that somebody without a session has chosen."""

import base64
import binascii
import re
from http.cookies import CookieError, SimpleCookie

from certdesk.doors.asgi import Header, Scope

SESSION_COOKIE = "__Host-certdesk"
LOOK_COOKIE = "__Host-certdesk-look"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
# Lax, not Strict: a link in a mail leads to its request without another sign-in; it cannot change anything.
_YEAR = 365 * 86_400


def _cookies(scope: Scope) -> "SimpleCookie":
    cookies = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                continue
    return cookies


def token_of(scope: Scope) -> bytes | None:
    """Return the session token that a browser shows, 32 bytes, not looked up yet."""
    morsel = _cookies(scope).get(SESSION_COOKIE)
    if morsel is None or not _TOKEN.fullmatch(morsel.value):
        return None
    try:
        return base64.urlsafe_b64decode(morsel.value + "=")
    except binascii.Error:
        return None


def session_cookie(token: bytes) -> Header:
    """Return the header that gives a browser its session; it lasts until the browser or the session ends."""
    value = base64.urlsafe_b64encode(token).rstrip(b"=").decode()
    return (b"set-cookie", f"{SESSION_COOKIE}={value}; {_ATTRIBUTES}".encode())


def no_session_cookie() -> Header:
    """Return the header that takes it away."""
    return (b"set-cookie", f"{SESSION_COOKIE}=; {_ATTRIBUTES}; Max-Age=0".encode())


def look_of(scope: Scope) -> tuple[str, str]:
    """Return language and theme that a browser was told to remember; empty where nothing was chosen."""
    morsel = _cookies(scope).get(LOOK_COOKIE)
    language, _, theme = (morsel.value if morsel else "").partition(".")
    return language, theme


def look_cookie(language: str, theme: str) -> Header:
    """Return the header that makes a browser remember language and theme."""
    return (b"set-cookie", f"{LOOK_COOKIE}={language}.{theme}; {_ATTRIBUTES}; Max-Age={_YEAR}".encode())
