"""Compile the message catalogues into the wheel; an editable installation compiles them in place."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CATALOGUES = "src/certdesk/locale/*/LC_MESSAGES/certdesk.po"


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg] # Hatchling's configuration has no fixed type
    """Turn every `certdesk.po` into the `certdesk.mo` beside it, which gettext reads."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - Hatchling's signature
        """Compile before Hatchling collects the files; `*.mo` is an artifact of the wheel."""
        for source in Path(self.root).glob(CATALOGUES):
            with source.open("rb") as po:
                catalogue = read_po(po, abort_invalid=True)
            with source.with_suffix(".mo").open("wb") as mo:
                write_mo(mo, catalogue)
