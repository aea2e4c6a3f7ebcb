"""A file as a table: a workbook, or text in whatever way a spreadsheet writes it."""

from __future__ import annotations

import hashlib

from protocol.sheets.columns import heading
from protocol.sheets.tables import Table, of_text
from server.imports import workbooks


def table_of(raw: bytes) -> Table:
    """Read a file. Raises SheetError."""
    return workbooks.read(raw) if workbooks.is_one(raw) else of_text(raw)


def fingerprint(table: Table) -> str:
    """Return what stands for a sheet's headings, so that the next one of their kind is known."""
    names = "\n".join(heading(each) for each in table.headings)
    return hashlib.blake2b(names.encode(), digest_size=16).hexdigest()
