"""Local edits lie over the whitelist that was brought, until one says that it includes them.

Which of two edits wins that had not seen each other is decided by versions, never by clocks: the stricter one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from protocol.rows import Row


class Edit(msgspec.Struct, frozen=True):
    """One row as it was put here, None where it was dropped; base: the version of the list that it was made over."""

    row: Row | None
    base: int


def lay_over(below: Row | None, edit: Edit, version: int) -> Row | None:
    """Return the row in force, None where there is none; *version* is that of the list below.

    Over the list that it was made over, an edit says all. Over a later one, which did not know it, it may only make
    stricter what both speak of: each kind of row says how.
    """
    if below is None or edit.base == version:
        return edit.row
    if edit.row is None:
        return below if below.outlasts_dropping else None
    return edit.row.laid_over(below)


def makes_stricter(below: Row | None, row: Row | None) -> bool:
    """Return whether an edit takes something away and gives nothing: it needs to have seen nothing of what is there."""
    if below is None:
        return False
    if row is None:
        return below.opens and not below.outlasts_dropping
    # Each laid over the other is the edit itself: they differ in nothing but how strict they are.
    return row.laid_over(below) == row == below.laid_over(row)


def says_the_same(row: Row | None, below: Row | None) -> bool:
    """Return whether a list says what an edit wanted; names apart, which not everybody is told."""
    if row is None or below is None:
        return row is below
    return row.bare() == below.bare()


def merged(rows: Iterable[Row], edits: Mapping[str, Edit], version: int) -> Iterator[Row]:
    """Return the rows in force: those of the list of that version with the edits, by key, over them."""
    left = dict(edits)
    for row in rows:
        edit = left.pop(row.key, None)
        found = row if edit is None else lay_over(row, edit, version)
        if found is not None:
            yield found
    for edit in left.values():
        if edit.row is not None:
            yield edit.row
