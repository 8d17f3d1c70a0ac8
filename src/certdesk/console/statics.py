"""Style sheets, scripts and icons: read once at the start, compressed once, and cached by browsers for good.

An address carries a part of the file's digest, so a new version has a new address.
"""

import gzip
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from certdesk.console.security import PAGE_HEADERS
from certdesk.doors.answers import Answer
from certdesk.doors.asgi import Header

FOLDER = Path(__file__).parent / "static"
ICONS = FOLDER / "vendor" / "lucide"
_MEDIA_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
}
_FOREVER: Header = (b"cache-control", b"public, max-age=31536000, immutable")
_FOR_NOW: Header = (b"cache-control", b"no-cache")
_DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served."""

    version: str
    media_type: bytes
    body: bytes
    compressed: bytes


class Statics:
    """All files below `static/`, in memory."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in folder.rglob("*")
            if path.suffix in _MEDIA_TYPES and path.parent != ICONS
        }

    def address(self, name: str) -> str:
        """Return where a browser finds a file; raise `KeyError` for one that does not exist."""
        return f"/static/{name}?v={self._files[name].version}"

    def answer(self, name: str, version: str, etag: str, *, compressed: bool) -> Answer | None:
        """Return a file, or None if there is none of the name."""
        file = self._files.get(name)
        if file is None:
            return None
        tag: Header = (b"etag", f'"{file.version}"'.encode())
        kept = _FOREVER if version == file.version else _FOR_NOW
        headers = [*PAGE_HEADERS, kept, tag, (b"vary", b"accept-encoding"), (b"content-type", file.media_type)]
        if etag == f'"{file.version}"':
            return Answer(304, b"", headers)
        if compressed:
            return Answer(200, file.compressed, [*headers, (b"content-encoding", b"gzip")])
        return Answer(200, file.body, headers)


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    return StaticFile(sha256(body).hexdigest()[:12], _MEDIA_TYPES[path.suffix], body, gzip.compress(body, 9, mtime=0))


def read_icons(folder: Path = ICONS) -> dict[str, Markup]:
    """Return the icons by name: inline SVG that takes the text's size and colour, and says nothing of its own."""
    return {path.stem: _icon(path) for path in folder.glob("*.svg")}


def _icon(path: Path) -> Markup:
    drawing = _DRAWING.search(path.read_text())
    lines = " ".join(drawing[1].split()) if drawing else ""
    return Markup(  # noqa: S704 - a file of ours
        f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{lines}</svg>'
    )
