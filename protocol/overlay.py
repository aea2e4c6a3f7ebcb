"""Local edits lie over the whitelist that was brought, until one says that it includes them.

Which of two edits wins that had not seen each other is decided by versions, never by clocks: the stricter one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from protocol.whitelist import AnyRow, Badge, Certification, Machine, Member


class Edit(msgspec.Struct, frozen=True):
    """One row as it was put here, None where it was dropped; base: the version of the list that it was made over."""

    row: AnyRow | None
    base: int


def lay_over(below: AnyRow | None, edit: Edit, version: int) -> AnyRow | None:
    """Return the row in force, None where there is none; *version* is that of the list below.

    Over the list that it was made over, an edit says all. Over a later one, which did not know it, it may only make
    stricter what both speak of: an exclusion, a blocked badge and a lock stay; the earlier end, the lower level count.
    """
    row = edit.row
    if below is None or edit.base == version:
        return row
    match below, row:
        case ((Member(excluded=True) | Badge(blocked=True)), None):
            return below
        case Member(), Member():
            excluded = row.excluded or below.excluded
            return msgspec.structs.replace(row, excluded=excluded, until=_earlier(row.until, below.until))
        case Badge(), Badge():
            if row.member != below.member:
                return below
            blocked, until = row.blocked or below.blocked, _earlier(row.until, below.until)
            return msgspec.structs.replace(row, blocked=blocked, until=until, since=_later(row.since, below.since))
        case Certification(), Certification():
            level, until = min(row.level, below.level), _earlier(row.until, below.until)
            return msgspec.structs.replace(row, level=level, until=until, since=_later(row.since, below.since))
        case Machine(), Machine():
            return msgspec.structs.replace(below, locked=row.locked or below.locked)
        case _:
            return row


def _earlier(one: date | None, other: date | None) -> date | None:
    return min(one, other) if one is not None and other is not None else one or other


def _later(one: date | None, other: date | None) -> date | None:
    return max(one, other) if one is not None and other is not None else one or other


def says_the_same(row: AnyRow | None, below: AnyRow | None) -> bool:
    """Return whether a list says what an edit wanted; names apart, which not everybody is told."""
    if isinstance(row, Member) and isinstance(below, Member):
        return msgspec.structs.replace(row, name="", payer="") == msgspec.structs.replace(below, name="", payer="")
    return row == below


def merged(rows: Iterable[AnyRow], edits: Mapping[str, Edit], version: int) -> Iterator[AnyRow]:
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
