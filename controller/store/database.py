"""The database file: opened so that what is acknowledged survives a power cut, or not at all.

WAL with synchronous=FULL, both asserted. One read-write connection, in one process, held by a lock on the
data directory; readers open read-only and keep no cursor open. Every row carries a seal; a file that is empty,
foreign or damaged is told from one that cannot be reached now.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from common.errors import LoquetError
from common.texts import N_
from controller.store.seal import seal
from protocol.digest import row_hash, written

DATABASE: Final = "loquet.db"
OURS: Final = 0x4C4F5155  # "LOQU", the file's application_id
FULL: Final = 2
DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}

migrations: Final = Migrations("loquet.controller")


class StorageError(LoquetError, OSError):
    """What is kept on disk cannot be read or written."""


class DamagedError(StorageError):
    """What is kept on disk is not what was written."""


def is_damage(error: BaseException) -> bool:
    """Return whether an error says that the file is damaged, and not merely out of reach now."""
    if isinstance(error, DamagedError | sqlite3.IntegrityError):  # no number is given twice by a sound file
        return True
    if isinstance(error, msgspec.MsgspecError | UnicodeDecodeError) or "decode to UTF-8" in str(error):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    lost = isinstance(error, sqlite3.OperationalError) and "no such table" in str(error)
    return lost or (code is not None and code & 0xFF in DAMAGED)


@migrations()
def journal_and_whitelist(db: Database) -> None:
    """Make the tables of the first version.

    `journal.seq` is AUTOINCREMENT, which sqlite-utils cannot say: numbers are never used again after a purge.
    """
    db.execute(
        "create table journal (seq integer primary key autoincrement, boot text not null, at integer not null,"
        " kind text not null, machine text, session text, body text not null)"
    )
    db["journal"].create_index(["kind", "session"])  # type: ignore[union-attr]
    db["meta"].create({"key": str, "value": str}, pk="key", not_null={"value"})  # type: ignore[union-attr]
    # One row a line, of one of two slots; `meta.slot` names the one in force, so that a swap is one small write.
    db["whitelist"].create(  # type: ignore[union-attr]
        {"slot": int, "key": str, "body": str}, pk=("slot", "key"), not_null={"body"}
    )
    db["heartbeats"].create(  # type: ignore[union-attr]
        {"session": str, "boot": str, "at": int, "powered": int}, pk="session"
    )
    db["meta"].insert_all(  # type: ignore[union-attr]
        [
            {"key": "epoch", "value": secrets.token_hex(8)},
            {"key": "slot", "value": "0"},
            {"key": "version", "value": "0"},
            {"key": "floor", "value": "0"},
        ]
    )


@migrations()
def hours_and_busy_time(db: Database) -> None:
    """Count each machine's hours for good: no purge of the journal, and no correction, takes any away."""
    db["counters"].create(  # type: ignore[union-attr]
        {"machine": str, "powered": int, "busy": int, "sessions": int, "maintained": int},
        pk="machine",
        not_null={"powered", "busy", "sessions", "maintained"},
        defaults={"powered": 0, "busy": 0, "sessions": 0, "maintained": 0},
    )
    db["heartbeats"].add_column("busy", int)  # type: ignore[union-attr]
    db.execute(
        "insert into counters (machine, powered, busy, sessions, maintained) select machine,"
        " coalesce(sum(json_extract(body, '$.powered')), 0), 0, count(*), 0 from journal where kind = 'ended'"
        " group by machine"
    )


@migrations()
def seals_and_edits(db: Database) -> None:
    """Seal every row; lay local edits over the list; keep what was saved of earlier files, under their epochs."""
    db.conn.create_function("seal", -1, seal, deterministic=True)
    for table in ("journal", "meta", "heartbeats", "counters"):
        db[table].add_column("seal", int)  # type: ignore[union-attr]
    db.execute("update journal set seal = seal('journal', seq, boot, at, kind, machine, session, body)")
    db["overlay"].create(  # type: ignore[union-attr]
        {"key": str, "body": str, "seq": int, "base": int, "seal": int}, pk="key", not_null={"seq", "base", "seal"}
    )
    db.execute(
        "create table saved (place integer primary key, epoch text not null, seq integer not null, boot text not null,"
        " at integer not null, kind text not null, machine text, session text, body text not null, seal integer)"
    )
    db["saved"].create_index(["epoch", "seq"], unique=True)  # type: ignore[union-attr]
    db["saved"].create_index(["kind", "session"])  # type: ignore[union-attr]
    db["statistics"].create(  # type: ignore[union-attr]
        {"month": str, "machine": str, "sessions": int, "powered": int, "busy": int, "refused": int, "seal": int},
        pk=("month", "machine"),
    )
    db.execute(
        "create view everything as"
        " select 0 as part, place, boot, at, kind, machine, session, body from saved union all"
        " select 1, seq, boot, at, kind, machine, session, body from journal"
    )
    rows = db.execute("select body from whitelist where slot = (select value from meta where key = 'slot')")
    digest = written(sum(row_hash(body) for (body,) in rows))
    version = db.execute("select value from meta where key = 'version'").fetchone()[0]
    db["meta"].insert_all(  # type: ignore[union-attr]
        [{"key": "digest", "value": digest}, {"key": "base", "value": version}, {"key": "rebuilt", "value": ""}]
    )
    db.execute("update meta set seal = seal('meta', key, value)")
    db.execute("update heartbeats set seal = seal('heartbeats', session, boot, at, powered, busy)")
    db.execute("update counters set seal = seal('counters', machine, powered, busy, sessions, maintained)")


@migrations()
def found_at_any_size(db: Database) -> None:
    """Index the journal by kind, each in order, and by session; note how many entries were purged so far.

    So that nothing that is asked of a journal of ten years reads all of it.
    """
    for table in ("journal", "saved"):
        db.execute(f"drop index if exists idx_{table}_kind_session")
        db[table].create_index(["kind"])  # type: ignore[union-attr]
        db[table].create_index(["session"])  # type: ignore[union-attr]
    counted = "(select count(*) from journal) + (select count(*) from saved)"
    numbered = (
        "coalesce((select seq from sqlite_sequence where name = 'journal'), 0)"
        " + (select coalesce(max(place), 0) from saved)"
    )
    (gone,) = db.execute(f"select {numbered} - ({counted})").fetchone()
    db["meta"].insert({"key": "gone", "value": str(gone), "seal": seal("meta", "gone", str(gone))})  # type: ignore[union-attr]


def lock(data_dir: Path) -> int:
    """Take the data directory for this process; return the lock's descriptor. Raises StorageError.

    The folder itself is held: that takes no write, so that a disk which can only be read is no reason to stop.
    """
    try:
        data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(
            N_("{path} cannot be written ({error}); is the disk full or read-only, is the user the right one?"),
            path=data_dir,
            error=error.strerror,
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StorageError(
            N_("{path} is in use by another loquet; if the controller runs, its socket should have answered"),
            path=data_dir,
        ) from error
    return descriptor


def open_for_writing(data_dir: Path) -> Database:
    """Open, or make, the database, and bring it up to date. Raises DamagedError, StorageError."""
    path = data_dir / DATABASE
    try:
        is_new = not path.exists()
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        try:
            return _opened(path, connection, is_new=is_new)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        # What our own statements find missing, or there already, is no schema of ours any more.
        lost = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        raise (_damaged if lost or is_damage(error) else unusable)(path, error) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise unusable(path, error) from error


def _opened(path: Path, connection: sqlite3.Connection, *, is_new: bool) -> Database:
    db = Database(connection)
    if is_new:
        path.chmod(0o640)
    elif db.execute("pragma application_id").fetchone()[0] not in {OURS, 0}:
        raise _damaged(path, "it is another program's")
    db.enable_wal()
    db.execute("pragma synchronous=full")
    mode = db.execute("pragma journal_mode").fetchone()[0]
    sync = db.execute("pragma synchronous").fetchone()[0]
    if (mode, sync) != ("wal", FULL):
        raise StorageError(
            N_("{path}: this SQLite does not keep what it acknowledges (journal {mode}, synchronous {sync})"),
            path=path,
            mode=mode,
            sync=sync,
        )
    if migrations.pending(db):
        if db.table_names() and migrations.migrations_table not in db.table_names():
            raise _damaged(path, "it is another program's")
        migrations.apply(db)
    if db.execute("pragma application_id").fetchone()[0] != OURS:
        db.execute(f"pragma application_id={OURS}")
    # No check of SQLite's reads a view: a byte that flipped in this one would be met by whoever asks it first.
    db.execute("select part, place, boot, at, kind, machine, session, body from everything limit 0")
    return db


def open_for_reading(data_dir: Path) -> Database:
    """Open the database read-only. Raises StorageError."""
    path = data_dir / DATABASE
    if not path.exists():
        raise not_yet(path)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=5.0
        )
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    db = Database(connection)
    try:
        db.execute("select count(*) from meta").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from error
    return db


def not_yet(path: Path) -> StorageError:
    """Return that nothing was written yet."""
    return StorageError(N_("{path} does not exist yet; `loquet run` or `loquet whitelist import` makes it"), path=path)


def unusable(path: Path, error: object) -> StorageError:
    """Return that a file cannot be used, and what helps; `errno` is the disk's own, EIO where it gave none."""
    unusable_now = StorageError(
        N_(
            "{path} cannot be used ({error}); if the disk is full make room, if it is read-only or worn replace "
            "it, if the file is damaged move it away and keep it"
        ),
        path=path,
        error=error,
    )
    unusable_now.errno = getattr(error, "errno", None) or errno.EIO
    return unusable_now


def _damaged(path: Path, error: object) -> DamagedError:
    return DamagedError(
        N_("{path} is damaged ({error}); `loquet run` sets it aside and saves what can be read"), path=path, error=error
    )


def meta(db: Database, key: str, default: str | None = None) -> str:
    """Return one value that the database holds of itself; *default* where it never did. Raises DamagedError."""
    row = db.execute("select value, seal from meta where key = ?", [key]).fetchone()
    if row is None and default is not None:
        return default
    if row is None or row[1] != seal("meta", key, row[0]):
        raise DamagedError(
            N_("the database has lost its {key}; `loquet run` sets it aside and saves what can be read"), key=key
        )
    return str(row[0])


def set_meta(db: Database, key: str, value: str) -> None:
    """Change one value that the database holds of itself; commits where no transaction is open."""
    row = [key, value, seal("meta", key, value)]
    db.execute("insert or replace into meta (key, value, seal) values (?, ?, ?)", row)


def sealed(table: str, values: tuple[Any, ...], found: int | None) -> None:
    """Hold a row to its seal. Raises DamagedError."""
    if found != seal(table, *values):
        raise DamagedError(
            N_("the database is damaged in {table}, at {row}; `loquet run` sets it aside and saves what can be read"),
            table=table,
            row=values[0],
        )
