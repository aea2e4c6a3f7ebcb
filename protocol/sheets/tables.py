"""A sheet's text as a table: whatever a spreadsheet on whatever computer made of it.

UTF-8 with or without its mark, UTF-16, Windows-1252, Mac OS Roman, the code page of DOS; semicolons, commas, tabs or
bars, with a line `sep=;` before or without; lines that end as on Windows, Linux or an old Mac; titles over the
headings.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from common.texts import N_
from protocol.sheets.columns import is_known
from protocol.sheets.errors import SheetError

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_LINES: Final = 250_000
MAX_COLUMNS: Final = 300
TITLES: Final = 12  # lines in which the headings are looked for
_FRENCH: Final = frozenset("éèêëàâäçîïôöùûüÿœæÉÈÊËÀÂÄÇÎÏÔÖÙÛÜŒ’«»°€")
_SEP: Final = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)
_SEPARATORS: Final = ";,\t|"

Line = tuple[int, tuple[str, ...]]


class Table(msgspec.Struct, frozen=True):
    """A sheet's headings, and its lines with their numbers: no cell has space around it, no line is empty.

    typed: a workbook says itself what is text; numbers: its (line, column) that hold a number and no text; name: of the
    worksheet.
    """

    headings: tuple[str, ...]
    lines: tuple[Line, ...]
    typed: bool = False
    numbers: frozenset[tuple[int, int]] = frozenset()
    name: str = ""

    def column(self, index: int) -> Iterator[str]:
        """Return what stands in a column, where anything does."""
        return (cells[index] for _line, cells in self.lines if index < len(cells) and cells[index])


def of_text(raw: bytes) -> Table:
    """Read a sheet that is text. Raises SheetError."""
    text = decode(raw)
    first, _, rest = text.partition("\n")
    told = _SEP.match(first.strip())
    if told:
        text = "\n" + rest  # the numbers of the lines stay
    delimiter = told[1] if told else _delimiter(text)
    return of_lines(_lines(text, delimiter))


def of_lines(lines: Iterable[Line]) -> Table:
    """Find the headings among the first lines. Raises SheetError where there are none."""
    found = list(lines)
    if not found:
        raise SheetError(N_("the file is empty: a header line is expected"))
    first = found[:TITLES]
    best = max(first, key=lambda line: (sum(map(is_known, line[1])), -line[0]))
    at = found.index(best)
    return Table(best[1], tuple(found[at + 1 :]))


def decode(raw: bytes) -> str:
    """Return a sheet's text. Raises SheetError where it is none."""
    if len(raw) > MAX_BYTES:
        raise SheetError(N_("the file is larger than 64 MB: is it a member list?"))
    for encoding in _encodings(raw):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SheetError(N_("the file is not text: save it from the spreadsheet as CSV"))


def _encodings(raw: bytes) -> list[str]:
    """Return in what a sheet may be written, the likeliest first."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return ["utf-16"]
    some = raw[:2_000]
    if some[1::2].count(0) > len(some) // 4:
        return ["utf-16-le"]
    if some[::2].count(0) > len(some) // 4:
        return ["utf-16-be"]
    return ["utf-8-sig", *sorted(("cp1252", "mac_roman", "cp850"), key=lambda each: -_likely(raw, each))]


def _likely(raw: bytes, encoding: str) -> float:
    """Return how much of what is not ASCII is a letter that French has, read so."""
    beyond = bytes(byte for byte in raw[:200_000] if byte > 127)  # noqa: PLR2004 - ASCII
    found = beyond.decode(encoding, "replace")
    return sum(letter in _FRENCH for letter in found) / len(found) if found else 0.0


def _delimiter(text: str) -> str:
    """Return what separates cells: what makes the most of them in the first lines."""
    some = "\n".join(re.split(r"\r\n|\r|\n", text[:20_000])[:TITLES])

    def cells(delimiter: str) -> int:
        try:
            return sum(len(row) - 1 for row in csv.reader(io.StringIO(some, newline=""), delimiter=delimiter))
        except csv.Error:
            return 0

    return max(_SEPARATORS, key=cells)


def _lines(text: str, delimiter: str) -> Iterator[Line]:
    """Return each line that is not empty."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise SheetError(
                N_("line {line}: the quotes do not match ({error})"), line=rows.line_num, error=error
            ) from error
        if rows.line_num > MAX_LINES:
            raise SheetError(N_("the sheet has more than {most} lines"), most=MAX_LINES)
        if len(row) > MAX_COLUMNS:
            raise SheetError(N_("line {line} has more than {most} columns"), line=begun, most=MAX_COLUMNS)
        if any(cell.strip() for cell in row):
            yield rows.line_num, tuple(cell.strip() for cell in row)
        begun = rows.line_num + 1
