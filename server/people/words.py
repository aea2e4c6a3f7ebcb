"""Rows of the whitelist in words, where nobody says what they were before."""

from __future__ import annotations

from common.texts import _
from protocol.rows import Badge, Certification, Level, Machine, Member, Row, Training


def in_words(row: Row) -> str:
    """Return what a row says, in words."""
    match row:
        case Member():
            until = _(" until {day}").format(day=row.until) if row.until else ""
            return f"{row.name or row.id} ({row.id}){until}"
        case Badge():
            return _("a badge of {member}").format(member=row.member)
        case Certification():
            level = _("trainer") if row.level >= Level.TRAINER else ""
            return f"{row.member}: {row.training} {level}".strip()
        case Machine():
            return f"{row.name or row.id}: {', '.join(row.trainings)}"
        case Training():
            return f"{row.name or row.id}"
    return row.key
