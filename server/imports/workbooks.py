"""Workbooks of Excel and LibreOffice as tables, read in a process of its own: what one is made to do hurts nobody.

A small file can unfold to more than a machine has (a zip of zeros, a cell a million rows down): the process has bounds
of memory and time, and the server outlives it.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from datetime import datetime
from typing import Any, Final

import msgspec

from common.texts import N_
from protocol.sheets.columns import is_known
from protocol.sheets.errors import SheetError
from protocol.sheets.tables import MAX_BYTES, MAX_COLUMNS, MAX_LINES, Line, Table, of_lines

MEMORY: Final = 1_000_000_000  # bytes
SECONDS: Final = 60
MOST_SHEETS: Final = 30
ENOUGH: Final = 2  # headings that mean something
ZIP: Final = b"PK\x03\x04"  # XLSX, ODS
OLE: Final = b"\xd0\xcf\x11\xe0"  # XLS, and what is locked by a password
LOCKED: Final = 3
UNREADABLE: Final = 4


def is_one(raw: bytes) -> bool:
    """Return whether a file is a workbook, by how it begins."""
    return raw.startswith((ZIP, OLE))


def read(raw: bytes) -> list[Table]:
    """Read a workbook's worksheets that hold something, in their order. Raises SheetError."""
    if len(raw) > MAX_BYTES:
        raise SheetError(N_("the file is larger than 64 MB: is it a member list?"))
    try:
        done = subprocess.run(  # noqa: S603 - this program
            [sys.executable, "-m", __name__], input=raw, capture_output=True, timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable() from error
    if done.returncode == LOCKED:
        raise SheetError(N_("the workbook is locked by a password: save it without one, or as CSV"))
    if done.returncode:
        raise _unreadable()
    found = msgspec.json.decode(done.stdout, type=list[Table])
    if not found:
        raise SheetError(N_("the file is empty: a header line is expected"))
    return found


def _unreadable() -> SheetError:
    return SheetError(
        N_(
            "this is no workbook that can be read here, or it is damaged, or far larger than a list of members: save "
            "it as CSV, XLSX or ODS (in Numbers: File, Export To) and choose that file"
        )
    )


def _main() -> int:
    """Read a workbook from standard input, write a table to standard output; the process's end says how it went."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    from python_calamine import CalamineWorkbook, PasswordError  # noqa: PLC0415 - here alone

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        names = book.sheet_names[:MOST_SHEETS]
        tables = [table for name in names if (table := _table(name, book.get_sheet_by_name(name))) is not None]
    except PasswordError:
        return LOCKED
    except Exception:  # noqa: BLE001 - whatever it is, it is no workbook of ours
        return UNREADABLE
    sys.stdout.buffer.write(msgspec.json.encode(tables))
    return 0


def _table(name: str, sheet: Any) -> Table | None:  # noqa: ANN401 - calamine's
    """Return a worksheet as a table, with which of its cells hold a number; None where it is empty."""
    lines: list[Line] = []
    numbers: set[tuple[int, int]] = set()
    first = sheet.start[0] if sheet.start else 0
    for number, row in enumerate(sheet.to_python(skip_empty_area=True, nrows=MAX_LINES), first + 1):
        cells = tuple(_text(value) for value in row[:MAX_COLUMNS])
        if any(cells):
            lines.append((number, cells))
            numbers |= {(number, at) for at, value in enumerate(row) if type(value) in {int, float}}
    if not lines:
        return None
    return msgspec.structs.replace(of_lines(lines), typed=True, numbers=frozenset(numbers), name=name)


def best(tables: list[Table]) -> int:
    """Return which worksheet looks like a list of members: the first with headings that we know, else with the most."""
    known = [sum(map(is_known, table.headings)) for table in tables]
    return next((at for at, count in enumerate(known) if count >= ENOUGH), known.index(max(known)))


def _text(value: Any) -> str:  # noqa: ANN401 - a cell's
    """Write a cell as a person would."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, datetime):
        is_day = not (value.hour or value.minute or value.second)
        value = value.date() if is_day else value.isoformat(" ", "seconds")
    return "" if value is None else str(value).strip()


if __name__ == "__main__":
    sys.exit(_main())
