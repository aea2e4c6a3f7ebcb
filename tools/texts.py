"""Bring the French catalogue up to date with the sources, and compile it: `make texts`.

click takes its own words ("Usage", "Options", …) from the same catalogue; they are listed in CLICK.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
PO = ROOT / "common/locale/fr/LC_MESSAGES/loquet.po"
ROOMS = ("common", "protocol", "guard", "drivers", "controller", "simulator", "server")
CLICK = (
    "Usage:", "Options", "Commands", "Positional arguments", "Show this message and exit.",
    "Show the version and exit.", "%(prog)s, version %(version)s", "Error: {message}", "Aborted!",
    "Try '{command} {option}' for help.", "No such option {name!r}.", "No such command {name!r}.",
    "Did you mean {possibility}?", "Missing command.", "Missing argument", "Missing option",
    "Missing {param_type}", "Missing parameter", "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "default: {default}", "required",
    "Error: invalid input", "Error: {e.message}", "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
)  # fmt: skip


def extract() -> Catalog:
    """Gather every text that is marked in the sources."""
    found = Catalog(project="loquet", charset="utf-8")
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            keywords = {"_": None, "N_": None, "ngettext": (1, 2), "NP_": (1, 2)}
            for _line, message, _comments, _context in extract_from_file("python", path, keywords=keywords):
                found.add(message, locations=[(str(path.relative_to(ROOT)), None)])
        for path in sorted((ROOT / room).rglob("templates/**/*.html")):
            method = "jinja2.ext:babel_extract"
            for _line, message, _comments, _context in extract_from_file(
                method, path, keywords={"_": None, "ngettext": (1, 2)}
            ):
                found.add(message, locations=[(str(path.relative_to(ROOT)), None)])
    for message in CLICK:
        found.add(message, locations=[("click", None)])
    return found


def catalogue() -> Catalog:
    """Read the French catalogue."""
    if not PO.exists():
        return Catalog(locale="fr", project="loquet", charset="utf-8")
    with PO.open("rb") as file:
        return read_po(file, locale="fr")


def compiled(french: Catalog) -> bytes:
    """Compile a catalogue, as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, french)
    return file.getvalue()


def main() -> int:
    """Update and compile; return how much is missing."""
    french = catalogue()
    french.update(extract(), no_fuzzy_matching=True)
    french.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, french, width=110, omit_header=False, sort_output=True, no_location=True)
    PO.with_suffix(".mo").write_bytes(compiled(french))
    missing = [message.id for message in french if message.id and not (message.string and all(message.string))]
    sys.stdout.write(f"{len(french)} texts, {len(missing)} without French\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
