"""What can be read of damaged files, put into a new database.

Cut short at any instant, it is gone through again at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from common.texts import translate
from controller.store import document, raw, set_aside, whitelist
from controller.store.carve import CarvedRow, Found
from controller.store.database import (
    DATABASE,
    DamagedError,
    StorageError,
    meta,
    open_for_writing,
    set_meta,
)
from controller.store.document import Document
from controller.store.files import sync_folder
from controller.store.seal import seal
from protocol.entries import AnyEntry, Edited, StorageReplaced, decode_entry
from protocol.overlay import Edit, lay_over
from protocol.rows import Row, read_row
from protocol.whitelist import Whitelist

BATCH: Final = 500
log = logging.getLogger("loquet")


class Opened(msgspec.Struct):
    """A database that can be written to; replaced: what became of the one before it, if it was damaged."""

    db: Database
    whitelist: Whitelist
    replaced: StorageReplaced | None = None


def save(data_dir: Path, why: str, db: Database | None = None) -> Opened:
    """Put into a new database what can be read of those that were set aside."""
    db = db or open_for_writing(data_dir)
    set_meta(db, "rebuilt", why)
    asides, last = set_aside.unsaved(data_dir), last_document(data_dir)
    epoch, saved, rows = "-", 0, listed(last)
    for aside in asides:
        found = raw.carve(aside / DATABASE)
        epoch = _epoch(found, last)
        saved += _save_journal(db, found, epoch)
        _save_counts(db, found)
        rows = _list_of(aside, found, last, rows)
    _put_in_force(db, rows, last)
    for aside in asides:
        (aside / set_aside.DONE).touch()
        sync_folder(aside)
    set_meta(db, "rebuilt", "")
    with contextlib.suppress(OSError):
        document.write(db, data_dir)
    told = StorageReplaced(why, epoch, saved, str(asides[-1] if asides else "-"))
    return Opened(db, whitelist.load(db), told)


def listed(last: Document | None) -> dict[str, Row]:
    """Return the rows of a document by their keys."""
    return {row.key: row for row in last.rows} if last is not None else {}


def _put_in_force(db: Database, rows: dict[str, Row], last: Document | None) -> None:
    staged = whitelist.Staged()
    for each in whitelist.stage(db, whitelist.Change(put=tuple(rows.values()), replace=True)):
        staged = each
    with db.atomic():
        version = max(int(meta(db, "version")), last.head.version if last else 0)
        set_meta(db, "version", str(version))
        whitelist.swap(db, staged)
        set_meta(db, "floor", str(max(int(meta(db, "floor")), last.head.earliest if last else 0)))


def last_document(data_dir: Path) -> Document | None:
    """Return the last verified document; None where there is none that can be read."""
    try:
        return document.read(data_dir)
    except (DamagedError, OSError) as error:
        log.error("%s", translate(error) if isinstance(error, DamagedError) else error)
        return None


def _epoch(found: Found, last: Document | None) -> str:
    if "epoch" in found.meta:
        return str(found.meta["epoch"][1])
    if last is not None:
        return last.head.epoch
    first = found.journal[min(found.journal)] if found.journal else ()
    return f"lost-{seal('epoch', *first):08x}"  # the same however often it is gone through


def _save_journal(db: Database, found: Found, epoch: str) -> int:
    """Save every entry under its epoch: those that were saved once before, and the file's own."""
    earlier = [row[1:] for _key, row in sorted(found.saved.items(), key=lambda each: each[1][0])]
    own = [(epoch, *row) for _seq, row in sorted(found.journal.items())]
    count = 0
    for batch in _batches([*earlier, *own]):
        with db.atomic():
            for row in batch:
                db.conn.execute(
                    "insert or ignore into saved (epoch, seq, boot, at, kind, machine, session, body, seal)"
                    " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, seal("saved", *row)),
                )
        count += len(batch)
    return count


def _batches(rows: Iterable[CarvedRow]) -> Iterator[list[CarvedRow]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _save_counts(db: Database, found: Found) -> None:
    """Save hour counters, statistics, and how far the sessions had come that were open."""
    tables: dict[str, dict[Any, CarvedRow]] = {
        "counters": found.counters,
        "heartbeats": found.heartbeats,
        "statistics": found.statistics,
    }
    with db.atomic():
        for key, (_key, value) in found.meta.items():
            if key in {"version", "floor", "confirmed", "purged"} or key.startswith("acknowledged/"):
                set_meta(db, key, str(max(int(meta(db, key, "0")), int(value))))
        for table, rows in tables.items():
            for row in rows.values():
                places = ", ".join("?" * (len(row) + 1))
                db.conn.execute(
                    f"insert or replace into {table} values ({places})",  # noqa: S608 - a table of ours
                    (*row, seal(table, *row)),
                )


def _list_of(aside: Path, found: Found, last: Document | None, before: dict[str, Row]) -> dict[str, Row]:
    """Return the whitelist: the newer of the damaged file's own and the document's, with the edits since.

    Its own where its digest holds; edits as they lay over the list, with names, and as the journal has them.
    """
    own = _whole_list(aside)
    rows, version = dict(before), last.head.version if last is not None else 0
    if own is not None and own.version >= max(1, version):
        rows, version = {row.key: row for row in own.rows()}, own.version
    edits = [entry for entry in _entries(found) if isinstance(entry, Edited) and entry.version > version]
    names = {key: read_row(key, row[1]) for key, row in found.overlay.items() if row[1] is not None}
    since = last.head.seq if last is not None and last.head.epoch == _epoch(found, last) else 0
    if own is None or version > own.version:  # over a list of its own they lie already
        for key, row in sorted(found.overlay.items(), key=lambda each: each[1][2]):
            if row[2] > since:
                _lay_again(rows, key, names.get(key), row[3])
    for entry in sorted(edits, key=lambda each: each.version):
        _edit_again(rows, entry, names)
    return rows


def _entries(found: Found) -> Iterator[AnyEntry]:
    for _seq, row in sorted(found.journal.items()):
        with contextlib.suppress(msgspec.MsgspecError):  # another version's
            yield decode_entry(row[6])


def _lay_again(rows: dict[str, Row], key: str, row: Row | None, base: int) -> None:
    kept = lay_over(rows.pop(key, None), Edit(row, base), base)
    if kept is not None:
        rows[key] = kept


def _edit_again(rows: dict[str, Row], entry: Edited, names: dict[str, Row]) -> None:
    for row in entry.rows:
        rows[row.key] = named(row, names.get(row.key), rows.get(row.key))
    for key in entry.gone:
        _lay_again(rows, key, None, entry.base)


def _whole_list(aside: Path) -> Whitelist | None:
    """Read the whitelist of a file that was set aside, if SQLite can and its digest holds."""
    if not (aside / DATABASE).exists():
        return None
    with contextlib.suppress(sqlite3.Error, StorageError, OSError, ValueError):
        uri = f"{(aside / DATABASE).absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            return whitelist.load(Database(connection))
    return None


def named(row: Row, *known: Row | None) -> Row:
    """Return a row of the journal its name back, where one of these has it."""
    for before in known:
        if before is not None:
            row = row.completed(before)
    return row
