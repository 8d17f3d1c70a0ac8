"""Check that every sentence a user may see has a translation in every catalogue.

    .venv/bin/python script/catalogues.py

Prints what is missing, doubtful, superfluous or has other placeholders than the English sentence, and exits
with status 1 if there is any of it. `make messages` adds new sentences to the catalogues.
"""

import string
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "src" / "certdesk" / "locale"
KEYWORDS = DEFAULT_KEYWORDS | {"N_": None}

Text = str | tuple[str, ...]
"""A sentence, or its singular and plural."""


def sentences() -> dict[Text, str]:
    """Return every message id in the source, with the first place that it stands at."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]
    source = ROOT / "src" / "certdesk"
    found: dict[Text, str] = {}
    for name, line, message, _comments, _context in extract_from_dir(source, methods, options, KEYWORDS):
        found.setdefault(message, f"src/certdesk/{name}:{line}")
    return found


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return a sentence's forms: itself, or singular and plural."""
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def placeholders(text: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def fault(message: Message | None, text: Text) -> str:
    """Return what is wrong with a translation, or nothing."""
    if message is None or not all(forms(message.string)) or isinstance(message.id, str) is not isinstance(text, str):
        return "not translated"
    if message.fuzzy:
        return "translation marked as doubtful (fuzzy)"
    # A singular may go without its number.
    *singular, last = (placeholders(form) for form in forms(message.string))
    if last != placeholders(forms(text)[-1]) or not all(names <= last for names in singular):
        return "translation with other placeholders"
    return ""


def faults(catalogue: Catalog, wanted: dict[Text, str]) -> Iterator[str]:
    """Yield a line for everything that is wrong with a catalogue."""
    for text, place in wanted.items():
        if wrong := fault(catalogue.get(forms(text)[0]), text):
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
