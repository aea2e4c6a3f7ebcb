"""Opening the database; where it is damaged, it is set aside, and what can be read of it is saved.

Its journal is kept under its old epoch; the whitelist comes back from the last verified document.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from common.texts import N_, _, translate
from controller.store import document, journal, machine_counters, raw, rescue, set_aside, whitelist
from controller.store.carve import CarvedRow, carve_log, count_frames
from controller.store.database import (
    DATABASE,
    DamagedError,
    StorageError,
    is_damage,
    meta,
    open_for_writing,
    set_meta,
    unusable,
)
from controller.store.rescue import Opened, last_document, listed, named
from protocol.entries import Edited, Unknown, read_entry
from protocol.moment import Moment, Quality
from protocol.rows import Row

BATCH: Final = 500  # entries between two chances for others
SOUND_BYTES: Final = 8_000_000  # a file of up to so many is looked through before it is used, a larger one meanwhile
log = logging.getLogger("loquet")


def open_store(data_dir: Path, why: str = "", live: Database | None = None) -> Opened:
    """Open the database; where it is damaged, or *why* says that it is, begin a new one and save what can be read.

    live: the connection that found it damaged; where its file is gone, it alone still has what stood in it.
    Raises StorageError, where the disk cannot be used now.
    """
    path = data_dir / DATABASE
    try:
        try:
            if why:
                raise DamagedError(why)
            begun = (data_dir / document.DOCUMENT).exists() and not set_aside.unsaved(data_dir)
            if begun and (not path.exists() or (path.is_file() and not path.stat().st_size)):
                raise DamagedError(N_("{path} is gone, or empty"), path=path)
            return _sound(data_dir)
        except (sqlite3.Error, StorageError, msgspec.MsgspecError, UnicodeError) as error:
            if not is_damage(error):
                raise
            said = translate(error) if isinstance(error, StorageError) else str(error)
            log.error("%s", said)
            copy = set_aside.let_go(data_dir, live)
            set_aside.move(data_dir, copy)
            return rescue.save(data_dir, said)
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, StorageError):
            raise
        raise unusable(path, error) from error


def _sound(data_dir: Path) -> Opened:
    """Open a database that is as it was written. Raises DamagedError."""
    log_path = data_dir / f"{DATABASE}-wal"
    pending = raw.read(log_path)
    db = open_for_writing(data_dir)
    try:
        if set_aside.unsaved(data_dir):
            return rescue.save(
                data_dir, meta(db, "rebuilt") or translate(DamagedError(N_("saving it was cut short"))), db
            )
        if meta(db, "rebuilt"):
            set_meta(db, "rebuilt", "")
        if (data_dir / DATABASE).stat().st_size <= SOUND_BYTES:
            for _step in examine(db):
                pass
        else:
            machine_counters.counters(db)
        _mend_log(data_dir, db, pending)
        found = whitelist.load(db)
        _hold_to_document(data_dir, db)
    except BaseException:
        db.close()
        if pending and not log_path.exists():
            log_path.write_bytes(pending)  # closing took it away: it belongs to what is set aside
        raise
    return Opened(db, found)


def _hold_to_document(data_dir: Path, db: Database) -> None:
    """Notice what was lost without a word: a document that was written after what the database now holds."""
    last = last_document(data_dir)
    if last is None or last.head.epoch != meta(db, "epoch"):
        return
    if last.head.version > int(meta(db, "version")) or last.head.seq > journal.last(db):
        raise DamagedError(N_("the database has lost entries: its document is newer"))


def examine(db: Database) -> Iterator[None]:
    """Look a database through, a step at a time: every page, every seal. Raises DamagedError, sqlite3.Error."""
    (said,) = db.execute("pragma integrity_check(1)").fetchone()
    if said != "ok":
        raise DamagedError(N_("the database is damaged: {error}"), error=said)
    yield
    for key in ("epoch", "slot", "version", "base", "floor", "digest"):
        meta(db, key)
    machine_counters.counters(db)
    whitelist.edits(db)
    for number, _line in enumerate(journal.lines(db)):
        if not number % BATCH:
            yield


def _mend_log(data_dir: Path, db: Database, pending: bytes) -> None:
    """Take up what the log held past a bad byte, where SQLite stops reading it."""
    found = _past_the_break(data_dir, db, pending)
    if not found:
        return
    log.error("%s", _("the log was damaged; entries that it held are taken up again"))
    last = last_document(data_dir)
    names: dict[str, Row] = listed(last)
    with db.atomic():
        for row in found:
            entry = read_entry(row[3], row[6])
            moment = Moment(row[1], row[2], 0, Quality.UNKNOWN, date.min, date.min)
            journal.skip_to(db, row[0])
            if isinstance(entry, Unknown):
                journal.append_stored(db, row)
                continue
            journal.append(db, [(moment, entry)])
            if isinstance(entry, Edited):
                put = tuple(named(each, names.get(each.key), whitelist.in_force(db, each.key)) for each in entry.rows)
                gone = [each for each in (whitelist.in_force(db, key) for key in entry.gone) if each is not None]
                whitelist.lay(db, whitelist.Change(put=put, drop=tuple(gone)), row[0])
                set_meta(db, "version", str(max(entry.version, int(meta(db, "version")))))


def _past_the_break(data_dir: Path, db: Database, pending: bytes) -> list[CarvedRow]:
    """Return the sealed entries that follow the last one which SQLite sees; what stood on the bad page is missing.

    How many of the log's pages SQLite takes, its index says (https://www.sqlite.org/walformat.html, mxFrame).
    """
    if not pending:
        return []
    size = int(db.execute("pragma page_size").fetchone()[0])
    taken = int.from_bytes(raw.read(data_dir / f"{DATABASE}-shm")[16:20], sys.byteorder)
    if count_frames(pending, size) <= taken:
        return []
    last = journal.last(db)
    rows = carve_log(pending, size, taken)
    return [rows[seq] for seq in sorted(rows) if seq > last]
