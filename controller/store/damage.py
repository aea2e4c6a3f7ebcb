"""What happens to a damaged file: it is set aside, and what can be read of it is saved.

Its journal is kept under its old epoch; the whitelist comes back from the last verified document.

Nothing that was set aside is ever written to. Cut short at any instant, it is gone through again at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from common.texts import N_, _, tell
from controller.store import document, journal, machine_counters, raw, whitelist
from controller.store.carve import Found, Row, carve_log, count_frames
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
from controller.store.document import Document
from controller.store.files import sync_folder
from controller.store.seal import seal
from protocol.entries import AnyEntry, Edited, StorageReplaced, decode_entry
from protocol.moment import Moment, Quality
from protocol.overlay import Edit, lay_over
from protocol.whitelist import AnyRow, Member, Whitelist, decode_row

ASIDE: Final = "damaged"
DONE: Final = "saved"  # the mark on what was set aside once all that can be read of it is saved
KEPT: Final = 3  # files that were set aside; the oldest goes before a fourth comes
SOUND_BYTES: Final = 8_000_000  # a file of up to so many is looked through before it is used, a larger one meanwhile
BATCH: Final = 500

log = logging.getLogger("loquet")


class Opened(msgspec.Struct):
    """A database that can be written to; replaced: what became of the one before it, if it was damaged."""

    db: Database
    whitelist: Whitelist
    replaced: StorageReplaced | None = None


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
            begun = (data_dir / document.DOCUMENT).exists() and not _unsaved(data_dir)
            if begun and (not path.exists() or (path.is_file() and not path.stat().st_size)):
                raise DamagedError(N_("{path} is gone, or empty"), path=path)
            return _sound(data_dir)
        except (sqlite3.Error, StorageError, msgspec.MsgspecError, UnicodeError) as error:
            if not is_damage(error):
                raise
            said = tell(error) if isinstance(error, StorageError) else str(error)
            log.error("%s", said)
            copy = _let_go(data_dir, live)
            _set_aside(data_dir, copy)
            return _save(data_dir, said)
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
        if _unsaved(data_dir):
            return _save(data_dir, meta(db, "rebuilt") or tell(DamagedError(N_("saving it was cut short"))), db)
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
    last = _last_document(data_dir)
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


def _let_go(data_dir: Path, live: Database | None) -> Path | None:
    """Close a connection; return a copy of what it holds where no file has that name any more."""
    path, copy = data_dir / DATABASE, data_dir / f"{DATABASE}.copy"
    (data_dir / ASIDE).mkdir(mode=0o750, exist_ok=True)
    if live is None:
        return copy if copy.exists() else None
    copy.unlink(missing_ok=True)
    with contextlib.suppress(sqlite3.Error, OSError):
        there = path.stat() if path.exists() else None
        if there is None or (there.st_dev, there.st_ino) not in _files_of(path):
            live.execute("select count(*) from journal")
            with contextlib.closing(sqlite3.connect(copy)) as target:
                live.conn.backup(target)
    with contextlib.suppress(sqlite3.Error):
        live.close()
    return copy if copy.exists() else None


def _files_of(path: Path) -> set[tuple[int, int]]:
    """Name the files that this process has open under that path, whatever stands there now."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(link.readlink()).removesuffix(" (deleted)") == str(path.resolve()):
                found.add((link.stat().st_dev, link.stat().st_ino))
    return found


def _set_aside(data_dir: Path, copy: Path | None = None) -> None:
    """Move the damaged file and its log out of the way, together; then the copy of what stood there before."""
    folder = data_dir / ASIDE
    folder.mkdir(mode=0o750, exist_ok=True)
    kept = _aside(data_dir)
    for old in [each for each in kept if (each / DONE).exists()][: max(0, len(kept) - KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    place = folder / f"{(int(kept[-1].name) if kept else 0) + 1:04d}"
    place.mkdir(mode=0o750)
    # The log last: alone it is of no use, and a database without it only lacks what carving finds there.
    for name in (DATABASE, f"{DATABASE}-wal"):
        with contextlib.suppress(FileNotFoundError):
            (data_dir / name).rename(place / name)
    (data_dir / f"{DATABASE}-shm").unlink(missing_ok=True)
    if copy is not None:
        (place / DONE).touch()
        sync_folder(place)
        place = folder / f"{int(place.name) + 1:04d}"
        place.mkdir(mode=0o750)
        copy.rename(place / DATABASE)
    for each in (place, folder, data_dir):
        sync_folder(each)


def forget(data_dir: Path) -> None:
    """Delete what was set aside and gone through: a person in it is to be forgotten."""
    for old in _aside(data_dir):
        if (old / DONE).exists():
            shutil.rmtree(old, ignore_errors=True)
    for draft in (f"{DATABASE}.copy", f"{document.DOCUMENT}.new"):
        (data_dir / draft).unlink(missing_ok=True)


def _aside(data_dir: Path) -> list[Path]:
    folder = data_dir / ASIDE
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(each for each in found if each.name.isdecimal() and each.is_dir())


def _unsaved(data_dir: Path) -> list[Path]:
    """Return what was set aside and not yet gone through, the oldest first."""
    return [each for each in _aside(data_dir) if not (each / DONE).exists()]


def _save(data_dir: Path, why: str, db: Database | None = None) -> Opened:
    """Put into a new database what can be read of those that were set aside."""
    db = db or open_for_writing(data_dir)
    set_meta(db, "rebuilt", why)
    asides, last = _unsaved(data_dir), _last_document(data_dir)
    epoch, saved, rows = "-", 0, _listed(last)
    for aside in asides:
        found = raw.carve(aside / DATABASE)
        epoch = _epoch(found, last)
        saved += _save_journal(db, found, epoch)
        _save_counts(db, found)
        rows = _list_of(aside, found, last, rows)
    _put_in_force(db, rows, last)
    for aside in asides:
        (aside / DONE).touch()
        sync_folder(aside)
    set_meta(db, "rebuilt", "")
    with contextlib.suppress(OSError):
        document.write(db, data_dir)
    told = StorageReplaced(why, epoch, saved, str(asides[-1] if asides else "-"))
    return Opened(db, whitelist.load(db), told)


def _listed(last: Document | None) -> dict[str, AnyRow]:
    return {row.key: row for row in last.rows} if last is not None else {}


def _put_in_force(db: Database, rows: dict[str, AnyRow], last: Document | None) -> None:
    staged = whitelist.Staged()
    for each in whitelist.stage(db, whitelist.Change(put=tuple(rows.values()), replace=True)):
        staged = each
    with db.atomic():
        version = max(int(meta(db, "version")), last.head.version if last else 0)
        set_meta(db, "version", str(version))
        whitelist.swap(db, staged)
        set_meta(db, "floor", str(max(int(meta(db, "floor")), last.head.floor if last else 0)))


def _last_document(data_dir: Path) -> Document | None:
    try:
        return document.read(data_dir)
    except (DamagedError, OSError) as error:
        log.error("%s", tell(error) if isinstance(error, DamagedError) else error)
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


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _save_counts(db: Database, found: Found) -> None:
    """Save hour counters, statistics, and how far the sessions had come that were open."""
    tables: dict[str, dict[Any, Row]] = {
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


def _list_of(aside: Path, found: Found, last: Document | None, before: dict[str, AnyRow]) -> dict[str, AnyRow]:
    """Return the whitelist: the newer of the damaged file's own and the document's, with the edits since.

    Its own where its digest holds; edits as they lay over the list, with names, and as the journal has them.
    """
    own = _whole_list(aside)
    rows, version = dict(before), last.head.version if last is not None else 0
    if own is not None and own.version >= max(1, version):
        rows, version = {row.key: row for row in own.rows()}, own.version
    edits = [entry for entry in _entries(found) if isinstance(entry, Edited) and entry.version > version]
    names = {key: decode_row(row[1]) for key, row in found.overlay.items() if row[1] is not None}
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


def _lay_again(rows: dict[str, AnyRow], key: str, row: AnyRow | None, base: int) -> None:
    kept = lay_over(rows.pop(key, None), Edit(row, base), base)
    if kept is not None:
        rows[key] = kept


def _edit_again(rows: dict[str, AnyRow], entry: Edited, names: dict[str, AnyRow]) -> None:
    for row in entry.rows:
        rows[row.key] = _named(row, names.get(row.key), rows.get(row.key))
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


def _mend_log(data_dir: Path, db: Database, pending: bytes) -> None:
    """Take up what the log held past a bad byte, where SQLite stops reading it."""
    found = _past_the_break(data_dir, db, pending)
    if not found:
        return
    log.error("%s", _("the log was damaged; entries that it held are taken up again"))
    last = _last_document(data_dir)
    names: dict[str, AnyRow] = _listed(last)
    with db.atomic():
        for row in found:
            entry = decode_entry(row[6])
            moment = Moment(row[1], row[2], 0, Quality.UNKNOWN, date.min, date.min)
            journal.skip_to(db, row[0])
            journal.append(db, [(moment, entry)])
            if isinstance(entry, Edited):
                put = tuple(_named(each, names.get(each.key), whitelist.in_force(db, each.key)) for each in entry.rows)
                gone = [each for each in (whitelist.in_force(db, key) for key in entry.gone) if each is not None]
                whitelist.lay(db, whitelist.Change(put=put, drop=tuple(gone)), row[0])
                set_meta(db, "version", str(max(entry.version, int(meta(db, "version")))))


def _named(row: AnyRow, *known: AnyRow | None) -> AnyRow:
    """Return a row of the journal its name back, where one of these has it."""
    names = [each.name for each in known if isinstance(each, Member) and each.name]
    return msgspec.structs.replace(row, name=names[0]) if isinstance(row, Member) and names else row


def _past_the_break(data_dir: Path, db: Database, pending: bytes) -> list[Row]:
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
