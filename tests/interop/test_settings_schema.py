"""libxml2 agrees with the desk's own reading of settings.xml, by the published schema."""

import subprocess
from importlib import resources
from pathlib import Path

import pytest

from certdesk.wire.settings import write_settings
from tests.unit.wire.test_settings import SETTINGS, XML, having, without


def validate(xml: str, directory: Path) -> int:
    """Return xmllint's exit status for a document against settings.xsd."""
    document = directory / "settings.xml"
    document.write_text(xml, encoding="utf-8")
    with resources.as_file(resources.files("certdesk.wire") / "settings.xsd") as schema:
        command = ["xmllint", "--nonet", "--noout", "--schema", str(schema), str(document)]
        return subprocess.run(command, check=False, capture_output=True).returncode


def test_written_settings_are_valid(tmp_path: Path) -> None:
    """What the desk writes is valid by the schema that it publishes."""
    assert validate(write_settings(SETTINGS).decode(), tmp_path) == 0


@pytest.mark.parametrize(
    "xml",
    [
        without("country"),
        without("desk-url"),
        having("organisation", "fra1"),
        having("desk-url", "https://user@desk.example.org"),
        having("key-type", "RSA 1024"),
        having("poll-seconds", "0"),
        having("trust-anchors", ""),
        having("name", "A</name><name>B"),
        XML.replace("locality>", "localty>"),
        XML.replace('version="1">', 'version="2">'),
    ],
)
def test_wrong_settings_are_invalid(xml: str, tmp_path: Path) -> None:
    """What the client refuses for its structure or its spelling, the schema refuses too."""
    assert validate(xml, tmp_path) == 3  # xmllint: validation error
