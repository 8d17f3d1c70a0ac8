"""Query strings and pages of lists: keyset paging, with the next page's address in the body and as a link."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import check_organisation_code
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer, json_answer
from certdesk.doors.api import shapes
from certdesk.doors.asgi import Scope

DEFAULT_LIMIT = 50
MOST_ITEMS = 100
LONGEST_TEXT = 254
"""Characters that can be searched for: the longest e-mail address."""
REQUEST_CURSOR = "^[0-9]{1,15}\\.[0-9A-Z-]{12,22}$"
CODE_CURSOR = "^[0-9]{1,15}\\.[0-9A-Z]{8}$"
CERTIFICATE_CURSOR = "^[0-9]{1,15}\\.([0-9a-f]{32}|[0-9A-Z-]{12,22})$"
_MOST_PARAMETERS = 20

Choice = TypeVar("Choice", bound=StrEnum)


class Query:
    """The query string of a list; unknown and repeated parameters are refused, for they would be ignored silently."""

    def __init__(self, scope: Scope, known: Sequence[str]) -> None:
        try:
            pairs = parse_qsl(
                scope["query_string"].decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
            )
        except ValueError:
            raise CertdeskError(ErrorKind.MALFORMED, N_("the query string cannot be read")) from None
        self._values: dict[str, str] = dict(pairs)
        for name, value in pairs:
            if name not in known:
                raise _invalid(N_("there is no parameter of this name; there are {known}"), "", known=", ".join(known))
            if not value.isprintable() or len(value) > LONGEST_TEXT:
                raise _invalid(N_("this holds invisible characters, or too many"), name)
        if len(self._values) != len(pairs):
            raise _invalid(N_("a parameter is given twice"), "")

    def text(self, name: str) -> str:
        """Return a parameter's value; empty if it is not given."""
        return self._values.get(name, "").strip()

    def organisation(self) -> str:
        """Return the organisation's code; empty for all."""
        code = self._values.get("organisation")
        return "" if code is None else check_organisation_code(code)

    def kind(self) -> Kind | None:
        """Return the kind; None for all."""
        return self.choice("kind", Kind)

    def choice(self, name: str, choices: type[Choice]) -> Choice | None:
        """Return one of the values of an enumeration; None if the parameter is not given."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return choices(value)
        except ValueError:
            raise _invalid(N_("this is not one of {possible}"), name, possible=", ".join(choices)) from None

    def after(self, pattern: str) -> str | None:
        """Return where the page begins; None for the first page."""
        value = self._values.get("after")
        if value is not None and not re.fullmatch(pattern, value):
            raise CertdeskError(
                ErrorKind.MALFORMED, N_("this is not the beginning of a page: take it from `next`"), field="after"
            )
        return value

    def limit(self) -> int:
        """Return how many items the page may have."""
        value = self._values.get("limit")
        if value is None:
            return DEFAULT_LIMIT
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_ITEMS):
            raise _invalid(N_("a page has 1 to {most} items"), "limit", most=MOST_ITEMS)
        return int(value)


def _invalid(message: str, field: str, **values: object) -> CertdeskError:
    return CertdeskError(ErrorKind.INVALID_FIELD, message, field=field, **values)


def page_answer(scope: Scope, page: shapes.RequestPage | shapes.CertificatePage | shapes.CodePage) -> Answer:
    """Return a page; the next one is also a `Link` (RFC 8288), relative to this one."""
    if page.next is None:
        return json_answer(200, page)
    others = [pair for pair in parse_qsl(scope["query_string"].decode()) if pair[0] != "after"]
    target = f"{quote(scope['path'])}?{urlencode([*others, ('after', page.next)])}"
    return json_answer(200, page, (b"link", f'<{target}>; rel="next"'.encode()))
