"""Finds what answers a path and a method.

    routes = Routes({"/api/v1/requests/{request_id}": {"GET": read}, "/healthz": {"GET": alive}})
    call = routes.find(scope)

Our own, because this is on every request's way: a framework's routing took as long as a read of the store.
"""

import re
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.asgi import Header, Scope

Target = TypeVar("Target")

_NAME = re.compile(r"\\\{(\w+)(:path)?\\\}")  # in a path that `re.escape` has seen


class WrongMethodError(Exception):
    """The path is there, but takes other methods."""

    def __init__(self, allowed: str) -> None:
        """Take the methods that it takes."""
        super().__init__(f"only {allowed}")
        self.allow: Header = (b"allow", allowed.encode())
        """The header that an answer with the status 405 must have (RFC 9110 §15.5.6)."""


class _Path(NamedTuple, Generic[Target]):
    template: str
    """As OpenAPI writes it; requests are counted by it."""
    targets: Mapping[str, Target]
    """By method."""


class Routes(Generic[Target]):
    """A table of paths and methods.

    A name in braces stands for one segment of a path or a part of one, `{name:path}` for one or several. A path that
    ends with a slash is the same without it.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Target]]) -> None:
        """Take what answers each path's methods; what answers GET answers HEAD, as RFC 9110 §9.3.2 has it."""
        self._fixed: dict[str, _Path[Target]] = {}
        self._patterns: list[tuple[re.Pattern[str], _Path[Target]]] = []
        for path, targets in sorted(table.items(), key=_literal_first):
            found = _Path(
                path.replace(":path}", "}"), {**targets, "HEAD": targets["GET"]} if "GET" in targets else targets
            )
            if "{" in path:
                self._patterns.append((re.compile(_NAME.sub(_group, re.escape(path))), found))
            else:
                self._fixed[path] = found

    def find(self, scope: Scope) -> Target:
        """Return what answers, and note the template and the names' values in the scope.

        Raises `NOT_FOUND` and `WrongMethodError`.
        """
        found = self._path(scope)
        scope["path_template"] = found.template
        target = found.targets.get(scope["method"])
        if target is None:
            raise WrongMethodError(", ".join([*found.targets, "OPTIONS"]))
        return target

    def _path(self, scope: Scope) -> _Path[Target]:
        path = scope["path"].rstrip("/") or "/"
        fixed = self._fixed.get(path)
        if fixed is not None:
            scope["path_params"] = {}
            return fixed
        for pattern, found in self._patterns:
            match = pattern.fullmatch(path)
            if match:
                scope["path_params"] = match.groupdict()
                return found
        raise nothing_here()


def nothing_here() -> CertdeskError:
    """Say that an address leads nowhere."""
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is nothing at this address"))


def _literal_first(row: tuple[str, object]) -> list[bool]:
    """Sort a path with more to match literally, further to the left, before others that it would match as well."""
    return ["{" in segment for segment in row[0].split("/")]


def _group(name: re.Match[str]) -> str:
    return f"(?P<{name[1]}>{'.+' if name[2] else '[^/]+'})"
