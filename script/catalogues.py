"""Check that every sentence a user may see has a translation in every catalogue.

    .venv/bin/python script/catalogues.py

Prints what is missing, doubtful, superfluous or has other placeholders than the English sentence, and exits
with status 1 if there is any of it. `make messages` adds new sentences to the catalogues.
"""

import string
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "src" / "certdesk" / "locale"
KEYWORDS = DEFAULT_KEYWORDS | {"N_": None}


def sentences() -> dict[str, str]:
    """Return every message id in the source, with the first place that it stands at."""
    source = ROOT / "src" / "certdesk"
    found: dict[str, str] = {}
    for name, line, message, _comments, _context in extract_from_dir(source, keywords=KEYWORDS):
        for text in (message,) if isinstance(message, str) else message:
            found.setdefault(text, f"src/certdesk/{name}:{line}")
    return found


def placeholders(text: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def fault(message: Message | None, text: str) -> str:
    """Return what is wrong with a translation, or nothing."""
    if message is None or not message.string:
        return "not translated"
    if message.fuzzy:
        return "translation marked as doubtful (fuzzy)"
    if placeholders(str(message.string)) != placeholders(text):
        return "translation with other placeholders"
    return ""


def faults(catalogue: Catalog, wanted: dict[str, str]) -> Iterator[str]:
    """Yield a line for everything that is wrong with a catalogue."""
    for text, place in wanted.items():
        if wrong := fault(catalogue.get(text), text):
            yield f"{place}: {wrong}: {text!r}"
    for message in catalogue:
        if message.id and message.id not in wanted:
            yield f"no longer in the source: {message.id!r}"


def main() -> int:
    """Check every catalogue; return the exit status."""
    wanted = sentences()
    catalogues = sorted(LOCALE.glob("*/LC_MESSAGES/certdesk.po"))
    count = 0
    for path in catalogues:
        with path.open("rb") as po:
            catalogue = read_po(po)
        for line in faults(catalogue, wanted):
            count += 1
            print(f"{path.relative_to(ROOT)}: {line}")
    print(f"{len(wanted)} sentences, {len(catalogues)} catalogue(s), {count} fault(s)")
    return 1 if count or not catalogues else 0


if __name__ == "__main__":
    sys.exit(main())
