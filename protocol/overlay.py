"""Local edits lie over the whitelist that was brought, until one says that it includes them.

Which of two edits wins that had not seen each other is decided by versions, never by clocks: the stricter one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from protocol.whitelist import AnyRow, Badge, Machine, Member


class Edit(msgspec.Struct, frozen=True):
    """One row as it was put here, None where it was dropped; base: the version of the list that it was made over."""

    row: AnyRow | None
    base: int


def lay_over(below: AnyRow | None, edit: Edit, version: int) -> AnyRow | None:
    """Give the row in force, None where there is none; *version* is that of the list below.

    Over the list that it was made over, an edit says all. Over a later one, which did not know it, it may only make
    stricter what both speak of: an exclusion, a blocked badge and a lock stay.
    """
    row = edit.row
    if below is None or edit.base == version:
        return row
    match below, row:
        case ((Member(excluded=True) | Badge(blocked=True)), None):
            return below
        case Member(excluded=True), Member():
            return msgspec.structs.replace(row, excluded=True)
        case Badge(blocked=True), Badge():
            return msgspec.structs.replace(row, blocked=True)
        case Machine(), Machine():
            return msgspec.structs.replace(below, locked=row.locked or below.locked)
        case _:
            return row


def merged(rows: Iterable[AnyRow], edits: Mapping[str, Edit], version: int) -> Iterator[AnyRow]:
    """Give the rows in force: those of the list of that version with the edits, by key, over them."""
    left = dict(edits)
    for row in rows:
        edit = left.pop(row.key, None)
        found = row if edit is None else lay_over(row, edit, version)
        if found is not None:
            yield found
    for edit in left.values():
        if edit.row is not None:
            yield edit.row
