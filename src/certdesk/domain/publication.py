"""What an organisation publishes for its devices: installation files, and words beside those that all say."""

from dataclasses import dataclass

SHARED = ""
"""In place of an organisation's code: for every organisation that has no file of the same name."""

CHUNK = 256 * 1024
"""Octets in which a file is stored and read; every chunk but the last one has exactly so many."""

LARGEST_FILE = 100_000_000
"""Octets. An app with everything in it has some ten million."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that anybody may download."""

    organisation: str
    """Its code, or `SHARED`."""
    name: str
    version: str
    media_type: str
    size: int
    """Octets."""
    sha256: bytes
    upload: str
    """The upload whose chunks it consists of."""
    uploaded_at: int
    uploaded_by: str


@dataclass(frozen=True, slots=True)
class PublicationText:
    """What an organisation's publication page says in one language, in paragraphs of plain text."""

    organisation: str
    language: str
    introduction: str = ""
    instructions: str = ""
    """What is different there, after the usual steps."""
    contact: str = ""
    """Whom visitors turn to; without it, the support contact of settings.xml."""
    updated_at: int = 0
    """0 if it was never written; also what tells two versions apart."""
    updated_by: str = ""
