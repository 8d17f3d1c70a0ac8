"""Judge installation files and the words of a publication page before anybody else sees them.

Nothing that is uploaded is ever run or unpacked here. Its name must have the ending of a known kind of package, and
its first octets must be that kind's, so that nobody is led to open one thing for another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.publication import PublicationText
from certdesk.domain.text import LANGUAGES, N_
from certdesk.policy.fields import judge_text, normal_text, shown

LONGEST_NAME = 100
LONGEST_VERSION = 40
LONGEST_TEXT = 4000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*")
_ZIP = b"PK\x03\x04"
_MANIFEST = b"AndroidManifest.xml"
_LINES = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of package."""

    platform: str
    """`android`, `windows`, `macos`, `linux`, empty for any, or `document` for what people read."""
    media_type: str
    beginning: bytes
    """The octets that such a file begins with."""
    contains: bytes = b""
    """Octets that it holds somewhere."""


FILE_TYPES: Mapping[str, FileType] = MappingProxyType(
    {
        ".apk": FileType("android", "application/vnd.android.package-archive", _ZIP, _MANIFEST),
        ".exe": FileType("windows", "application/vnd.microsoft.portable-executable", b"MZ"),
        ".msi": FileType("windows", "application/x-msi", bytes.fromhex("d0cf11e0a1b11ae1")),
        ".pkg": FileType("macos", "application/octet-stream", b"xar!"),
        ".deb": FileType("linux", "application/vnd.debian.binary-package", b"!<arch>\ndebian-binary"),
        ".rpm": FileType("linux", "application/x-rpm", bytes.fromhex("edabeedb")),
        ".appimage": FileType("linux", "application/vnd.appimage", b"\x7fELF"),
        ".tar.gz": FileType("", "application/gzip", bytes.fromhex("1f8b08")),
        ".whl": FileType("", "application/octet-stream", _ZIP),
        ".zip": FileType("", "application/zip", _ZIP),
        ".pdf": FileType("document", "application/pdf", b"%PDF-"),
    }
)
"""By the end of a file's name, in lower case."""


def file_type(name: str) -> FileType | None:
    """Return the kind of package that a file's name claims, or None."""
    return next((found for ending, found in FILE_TYPES.items() if name.lower().endswith(ending)), None)


def judge_file(name: str, version: str) -> list[Problem]:
    """Return what speaks against a file by its name, at the field `file`, and its version."""
    return [*_judge_name(name), *judge_text("version", version, LONGEST_VERSION)]


def _judge_name(name: str) -> list[Problem]:
    if not name:
        return [Problem(ErrorKind.INVALID_FIELD, N_("choose a file"), "file")]
    values: dict[str, object] = {"name": shown(name), "most": LONGEST_NAME}
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        message = N_("{name}: a file's name may hold letters a-z, digits and . _ + ~ -, at most {most} of them")
        return [Problem(ErrorKind.INVALID_FIELD, message, "file", values)]
    if file_type(name) is None:
        message = N_("{name} is no installation file; known are {endings}")
        return [Problem(ErrorKind.INVALID_FIELD, message, "file", values | {"endings": " ".join(FILE_TYPES)})]
    return []


def judge_content(name: str, *, begins: bool, contains: bool) -> list[Problem]:
    """Return what speaks against a file whose octets begin with, and contain, what its type asks for, or do not."""
    if begins and contains:
        return []
    message = N_("{name} does not contain what its name says: it is damaged, or a file of another kind")
    return [Problem(ErrorKind.INVALID_FIELD, message, "file", {"name": shown(name)})]


def normalise_text(text: PublicationText) -> PublicationText:
    """Return a page's words in the one spelling that is judged and kept."""
    return replace(
        text,
        introduction=normal_paragraphs(text.introduction),
        instructions=normal_paragraphs(text.instructions),
        contact=normal_paragraphs(text.contact),
    )


def normal_paragraphs(text: str) -> str:
    """Return a text of several lines in NFC, its lines ended by U+000A and without white space at their ends."""
    return "\n".join(normal_text(line) for line in _LINES.split(text)).strip("\n")


def judge_publication(text: PublicationText) -> list[Problem]:
    """Return all that speaks against a page's words."""
    if text.language not in LANGUAGES:
        return [Problem(ErrorKind.INVALID_FIELD, N_("there is no such language here"), "language")]
    return [
        problem
        for field in ("introduction", "instructions", "contact")
        for problem in judge_text(field, getattr(text, field).replace("\n", " "), LONGEST_TEXT, required=False)
    ]
