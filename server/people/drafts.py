"""A sheet of members, read and looked at before it counts."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Final

import msgspec
from django.db import connection

from common.texts import _, translate
from protocol import sheets
from protocol.rows import Badge, Certification, Level, Machine, Member, Row, Training
from protocol.whitelist import Whitelist
from server.core import state
from server.edits import editing, rows
from server.edits.authors import Author
from server.people.badges import known_hash

KEPT_S: Final = 3_600.0  # for so long a draft may be taken over
MOST: Final = 20  # drafts at once


class Draft(msgspec.Struct):
    """A sheet that was read and not yet taken over; and how far that has come."""

    account: int
    name: str
    put: list[Row]
    made: float
    version: int
    of: int = 0
    done: int = 0
    state: str = "read"
    error: str = ""
    edit: int | None = None


_drafts: dict[str, Draft] = {}
_lock: Final = threading.Lock()


def read(account: int, name: str, raw: bytes, mapping: bytes | None) -> str:
    """Read a sheet; return the name of its draft. Raises SheetError."""
    sheet = sheets.read(raw, None if mapping is None else sheets.read_mapping(mapping))
    version = int(state.get(state.VERSION))
    hashes = {card: known_hash(*card)[0] for card in sheet.cards}
    wanted: list[Row] = list(sheet.rows(hashes, Whitelist(rows.everything())))
    wanted = rows.settled(wanted, enter=False)
    here = rows.find(row.key for row in wanted)
    changed = [row for row in wanted if here.get(row.key) != row]
    token = secrets.token_urlsafe(12)
    draft = Draft(account, name, changed, time.monotonic(), version)
    with _lock:
        for old in [name for name, each in _drafts.items() if time.monotonic() - each.made > KEPT_S]:
            del _drafts[old]
        while len(_drafts) >= MOST:
            _drafts.pop(next(iter(_drafts)))
        _drafts[token] = draft
    return token


def get(token: str, account: int) -> Draft | None:
    """Return a draft of this account's."""
    draft = _drafts.get(token)
    return draft if draft is not None and draft.account == account else None


def done(token: str) -> None:
    """Have nothing of a draft any more."""
    with _lock:
        _drafts.pop(token, None)


def begin(draft: Draft, author: Author) -> None:
    """Begin to take a draft over; its state says how far that has come."""
    draft.state, draft.of = "running", len(draft.put)
    threading.Thread(target=_take_over, args=(draft, author), daemon=True).start()


def _take_over(draft: Draft, author: Author) -> None:
    """Write it, on a thread of its own, so that the page can tell how far it has come."""

    def progress(done: int, of: int) -> None:
        draft.done, draft.of = done, of

    try:
        about = {"count": len(draft.put), "file": draft.name}
        author = msgspec.structs.replace(author, since=draft.version)
        edit = editing.carry_out(author, "imported", draft.put, about=about, progress=progress)
        draft.edit = edit.pk if edit else None
        draft.state = "done"
    except Exception as error:  # noqa: BLE001 - whoever waits is told
        draft.error, draft.state = translate(error), "failed"
    finally:
        connection.close()


def counts(found: list[Row]) -> list[tuple[str, int]]:
    """Count what a draft changes, by what it is."""
    words: dict[type[Any], str] = {
        Member: _("members"),
        Badge: _("badges"),
        Training: _("trainings"),
        Certification: _("certifications"),
        Machine: _("machines"),
    }
    return [(word, count) for kind, word in words.items() if (count := sum(isinstance(row, kind) for row in found))]


def in_words(row: Row, before: Row | None) -> str:
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
    return row.key if before is None else f"{row.key} *"
