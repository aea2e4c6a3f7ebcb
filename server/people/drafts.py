"""A sheet of members, read and looked at before it counts."""

from __future__ import annotations

import json
import secrets
import threading
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import connection, transaction

from common.texts import N_, _, translate
from protocol import sheets
from protocol.rows import Badge, Certification, Level, Machine, Member, Row, Training, encode_row, read_row
from protocol.whitelist import Whitelist
from server.core import clock, state
from server.edits import editing, rows
from server.edits.authors import Author
from server.people.badges import known_hash
from server.people.models import Draft
from server.people.signals import forgotten_asked

KEPT: Final = timedelta(hours=1)  # for so long a draft may be taken over
PATIENCE: Final = timedelta(minutes=10)  # after which one that another process was taking over has failed
MOST: Final = 5  # drafts of one account
_done_of: Final[dict[str, int]] = {}  # how far those are that this process is taking over


def read(account: int, name: str, raw: bytes, mapping: bytes | None) -> str:
    """Read a sheet; return the name of its draft. Raises SheetError."""
    sheet = sheets.read(raw, None if mapping is None else sheets.read_mapping(mapping))
    version = state.version()
    hashes = {card: known_hash(*card)[0] for card in sheet.cards}
    wanted: list[Row] = list(sheet.rows(hashes, Whitelist(rows.everything())))
    wanted = rows.settled(wanted, enter=False)
    here = rows.find(row.key for row in wanted)
    changed = [row for row in wanted if here.get(row.key) != row]
    Draft.objects.filter(made__lt=clock.now() - KEPT).delete()
    mine = Draft.objects.filter(account_id=account).order_by("-made")
    Draft.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[MOST - 1 :])).delete()
    token = secrets.token_urlsafe(12)
    Draft.objects.create(
        token=token, account_id=account, name=name, version=version, of=len(changed), rows=_packed(changed)
    )
    return token


def _packed(found: list[Row]) -> bytes:
    lines = (json.dumps([row.key, encode_row(row).decode()]) for row in found)
    return zlib.compress("\n".join(lines).encode(), 6)


def rows_of(draft: Draft) -> list[Row]:
    """Return what a draft would put."""
    lines = zlib.decompress(bytes(draft.rows)).decode().split("\n") if draft.of else []
    return [read_row(*json.loads(line)) for line in lines]


def get(token: str, account: int) -> Draft | None:
    """Return a draft of this account's; one that a server which ended was taking over has failed."""
    found = Draft.objects.filter(pk=token, account_id=account, made__gte=clock.now() - KEPT).first()
    if found is not None and found.state == "running" and found.pk not in _done_of and _is_old(found.begun):
        found.state, found.error = "failed", N_("the server was stopped meanwhile, and nothing was changed")
    return found


def _is_old(begun: datetime | None) -> bool:
    return begun is None or clock.now() - begun > PATIENCE


def forgotten_in(found: Iterable[Row]) -> list[str]:
    """Return the ids, of members that rows would enter, of somebody who was forgotten."""
    ids = {row.id for row in found if isinstance(row, Member)}
    return sorted({each for _app, answer in forgotten_asked.send(Member, members=ids) for each in answer or ()})


def _without(found: list[Row], members: set[str]) -> list[Row]:
    """Leave out what rows say of some members."""
    return [row for row in found if (row.id if isinstance(row, Member) else getattr(row, "member", "")) not in members]


def done_of(draft: Draft) -> int:
    """Return how many rows are written, as far as this process knows."""
    return _done_of.get(draft.pk, 0)


def done(token: str) -> None:
    """Have nothing of a draft any more."""
    Draft.objects.filter(pk=token).delete()


def begin(draft: Draft, author: Author, back: Iterable[str]) -> None:
    """Begin to take a draft over, once; its state says how far that has come.

    back: the ids of those who were forgotten that may be somebody's again; all others of them are left out.
    """
    if Draft.objects.filter(pk=draft.pk, state="read").update(state="running", begun=clock.now()):
        _done_of[draft.pk] = 0
        threading.Thread(target=_take_over, args=(draft, author, set(back)), daemon=True).start()


def _take_over(draft: Draft, author: Author, back: set[str]) -> None:
    """Write it, on a thread of its own, so that the page can tell how far it has come."""

    def progress(done: int, _of: int) -> None:
        _done_of[draft.pk] = done

    mine = Draft.objects.filter(pk=draft.pk)
    try:
        put = rows_of(draft)
        put = _without(put, set(forgotten_in(put)) - back)
        about = {"count": len(put), "file": draft.name}
        author = msgspec.structs.replace(author, since=draft.version, knows_own=False)
        with transaction.atomic():  # that it is done is there with what it did
            edit = editing.carry_out(author, "imported", put, about=about, progress=progress)
            mine.update(state="done", edit=edit)
    except Exception as error:  # noqa: BLE001 - whoever waits is told
        mine.update(state="failed", error=translate(error)[:1_000])
    finally:
        _done_of.pop(draft.pk, None)
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
