"""What answers a path and a method."""

import pytest

from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.routing import Routes, WrongMethodError
from tests.unit.doors.asgi_calls import make_scope

ROUTES = Routes(
    {
        "/": {"GET": "home"},
        "/things": {"GET": "list", "POST": "add"},
        "/things/{thing}": {"GET": "read"},
        "/things/new": {"POST": "make"},
        "/things/{thing}/{what}": {"GET": "other"},
        "/things/{thing}/keep": {"POST": "keep"},
        "/things/{thing}/parts/{part}.xml": {"POST": "put"},
        "/static/{name:path}": {"GET": "file"},
    }
)


@pytest.mark.parametrize(
    ("method", "path", "found", "template", "names"),
    [
        ("GET", "/", "home", "/", {}),
        ("GET", "/things", "list", "/things", {}),
        ("GET", "/things/", "list", "/things", {}),
        ("POST", "/things", "add", "/things", {}),
        ("GET", "/things/é 1", "read", "/things/{thing}", {"thing": "é 1"}),
        ("POST", "/things/new", "make", "/things/new", {}),
        ("GET", "/things/1/use", "other", "/things/{thing}/{what}", {"thing": "1", "what": "use"}),
        ("POST", "/things/1/keep", "keep", "/things/{thing}/keep", {"thing": "1"}),
        ("POST", "/things/a/parts/b.c.xml", "put", "/things/{thing}/parts/{part}.xml", {"thing": "a", "part": "b.c"}),
        ("GET", "/static/a/b.css", "file", "/static/{name}", {"name": "a/b.css"}),
    ],
)
def test_a_path_has_its_target(method: str, path: str, found: str, template: str, names: dict[str, str]) -> None:
    """It is found by path and method; the scope learns the template and what stands in place of its names."""
    scope = make_scope(method=method, path=path)
    assert ROUTES.find(scope) == found
    assert (scope["path_template"], scope["path_params"]) == (template, names)


def test_head_is_answered_like_get() -> None:
    """As RFC 9110 §9.3.2 has it."""
    assert ROUTES.find(make_scope(method="HEAD", path="/things/1")) == "read"


@pytest.mark.parametrize(
    "path", ["/thing", "/things/a/b/c", "/things//parts/b.xml", "/things/a/parts/bxml", "/static/", "//things"]
)
def test_elsewhere_is_nothing(path: str) -> None:
    """A name stands for one segment that is not empty; what matches nothing is not found, and has no template."""
    scope = make_scope(path=path)
    with pytest.raises(CertdeskError) as caught:
        ROUTES.find(scope)
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert "path_template" not in scope


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/things", b"GET, POST, HEAD, OPTIONS"), ("GET", "/things/new", b"POST, OPTIONS")],
)
def test_other_methods_are_told_which_are_right(method: str, path: str, allowed: bytes) -> None:
    """The request counts for the path all the same; a fixed path goes before one with names."""
    scope = make_scope(method=method, path=path)
    with pytest.raises(WrongMethodError) as caught:
        ROUTES.find(scope)
    assert caught.value.allow == (b"allow", allowed)
    assert scope["path_template"] == path
