"""A file as tables: a workbook, or text in whatever way a spreadsheet writes it."""

from __future__ import annotations

import hashlib

from protocol.sheets.columns import heading
from protocol.sheets.tables import Table, of_text
from server.imports import workbooks


def tables_of(raw: bytes) -> list[Table]:
    """Read a file: one table, or each worksheet of a workbook. Raises SheetError."""
    return workbooks.read(raw) if workbooks.is_one(raw) else [of_text(raw)]


def fingerprint(table: Table) -> str:
    """Return what stands for a sheet's headings, so that the next one of their kind is known."""
    return hashlib.blake2b("\n".join(names_of(table)).encode(), digest_size=16).hexdigest()


def names_of(table: Table) -> list[str]:
    """Return a sheet's headings, as they are remembered."""
    return [heading(each)[:100] for each in table.headings]
