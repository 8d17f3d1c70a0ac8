"""Forms are read within limits, and files only behind the session's token."""

import pytest

from certdesk.console.csrf import check_origin, token_of
from certdesk.console.forms import multipart, read_form
from certdesk.domain.errors import CertdeskError, ErrorKind
from tests.unit.console.visits import make_visit
from tests.unit.doors.asgi_calls import make_scope, receiving

URLENCODED = (b"content-type", b"application/x-www-form-urlencoded")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=XX")
TOKEN = token_of(b"s" * 32)


def part(name: str, content: bytes, filename: str = "") -> bytes:
    """Return one part of a multipart body."""
    file = f'; filename="{filename}"' if filename else ""
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


async def read(*chunks: bytes, largest: int = 10_000) -> list[tuple[str, bytes | None]]:
    """Read a multipart body as a page does."""
    visit = make_visit("/", *chunks, headers=[MULTIPART], csrf_token=TOKEN)
    return [(part.name, octets) async for part, octets in multipart(visit, largest)]


async def test_fields_keep_all_their_values() -> None:
    """Boxes of one name come as a list, in order, and umlauts survive."""
    scope = make_scope(headers=[URLENCODED])
    form = await read_form(scope, receiving(b"id=1&id=2&na", b"me=J%C3%BCrgen&empty="), 1000)
    assert form.every("id") == ["1", "2"]
    assert form.text("name") == "Jürgen"
    assert form.text("absent") == ""
    assert form.ticked("empty")
    assert not form.ticked("absent")


@pytest.mark.parametrize("body", [b"a=%ff", b"&".join([b"a=1"] * 2000)])
async def test_what_is_no_form_is_refused(body: bytes) -> None:
    """Octets that are no UTF-8, or fields without end."""
    with pytest.raises(CertdeskError) as refused:
        await read_form(make_scope(headers=[URLENCODED]), receiving(body), 100_000)
    assert refused.value.kind is ErrorKind.MALFORMED


async def test_another_media_type_is_refused() -> None:
    """JSON is the API's."""
    with pytest.raises(CertdeskError) as refused:
        await read_form(make_scope(headers=[(b"content-type", b"application/json")]), receiving(b"{}"), 100)
    assert refused.value.kind is ErrorKind.MALFORMED


async def test_a_form_has_a_largest_size() -> None:
    """One octet more is too large."""
    with pytest.raises(CertdeskError) as refused:
        await read_form(make_scope(headers=[URLENCODED]), receiving(b"a=1234"), 5)
    assert refused.value.kind is ErrorKind.TOO_LARGE


async def test_a_file_comes_piece_by_piece() -> None:
    """However the body is cut, the octets are the file's, and its end is told."""
    content = bytes(range(256)) * 20
    body = part("csrf", TOKEN.encode()) + part("version", b"1.0") + part("file", content, "Enroll.apk") + b"--XX--\r\n"
    for size in (1, 7, 1000, len(body)):
        pieces = await read(*(body[start : start + size] for start in range(0, len(body), size)), largest=100_000)
        assert b"".join(octets for name, octets in pieces if name == "file" and octets) == content
        assert ("file", None) in pieces
        assert b"".join(octets for name, octets in pieces if name == "version" and octets) == b"1.0"


@pytest.mark.parametrize(
    "body",
    [
        part("file", b"x", "a.apk") + part("csrf", TOKEN.encode()),
        part("csrf", b"wrong") + part("file", b"x", "a.apk"),
        part("csrf", b"") + part("file", b"x", "a.apk"),
        part("csrf", b"x" * 500) + part("file", b"x", "a.apk"),
    ],
)
async def test_no_file_is_looked_at_before_the_token(body: bytes) -> None:
    """A body without the right token in front is refused, and nothing of it is handed on."""
    with pytest.raises(CertdeskError) as refused:
        await read(body + b"--XX--\r\n")
    assert refused.value.kind is ErrorKind.FORBIDDEN


async def test_an_upload_has_a_largest_size() -> None:
    """It is refused while it is being sent."""
    with pytest.raises(CertdeskError) as refused:
        await read(part("csrf", TOKEN.encode()), part("file", b"x" * 2000, "a"), b"--XX--\r\n", largest=1000)
    assert refused.value.kind is ErrorKind.TOO_LARGE


@pytest.mark.parametrize("body", [b"nonsense", part("csrf", TOKEN.encode()), b"--XX\r\n\r\n\r\n--XX--"])
async def test_a_damaged_multipart_body_is_refused(body: bytes) -> None:
    """Cut off, without headers, or nothing of the kind."""
    with pytest.raises(CertdeskError) as refused:
        await read(body)
    assert refused.value.kind in {ErrorKind.MALFORMED, ErrorKind.FORBIDDEN}


@pytest.mark.parametrize(
    ("origin", "host", "good"),
    [
        ("https://desk.example", "desk.example", True),
        ("https://desk.example:8443", "desk.example:8443", True),
        ("https://public.example", "10.0.0.7:8000", True),
        ("https://evil.example", "desk.example", False),
        ("https://desk.example.evil", "desk.example", False),
        ("null", "desk.example", False),
        ("", "desk.example", False),
        ("file://desk.example", "desk.example", False),
    ],
)
def test_a_change_comes_from_the_desks_own_pages(origin: str, host: str, good: bool) -> None:
    """The origin is the configured one, or where the browser says that it has called."""
    scope = make_scope(headers=[(b"origin", origin.encode()), (b"host", host.encode())])
    if good:
        check_origin(scope, "https://public.example/")
    else:
        with pytest.raises(CertdeskError) as refused:
            check_origin(scope, "https://public.example/")
        assert refused.value.kind is ErrorKind.FORBIDDEN
