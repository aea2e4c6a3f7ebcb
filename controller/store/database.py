"""The database file: opened so that what is acknowledged survives a power cut, or not at all.

WAL with synchronous=FULL, both asserted. One read-write connection, in one process, held by a lock on the
data directory; readers open read-only and keep no cursor open.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from protocol.badge import KEY_BYTES, BadgeKey
from protocol.errors import LoquetError
from protocol.texts import N_

DATABASE: Final = "loquet.db"
KEY: Final = "badge.key"
LOCK: Final = "lock"
FULL: Final = 2

migrations: Final = Migrations("loquet.controller")


class StorageError(LoquetError, OSError):
    """What is kept on disk cannot be read or written."""


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


def lock(data_dir: Path) -> int:
    """Take the data directory for this process; give the lock's descriptor. Raises StorageError."""
    try:
        data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
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
    """Open, or make, the database, and bring it up to date. Raises StorageError."""
    path = data_dir / DATABASE
    try:
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        path.chmod(0o640)
        db = Database(connection)
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
            migrations.apply(db)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise _unusable(path, error) from error
    return db


def open_for_reading(data_dir: Path) -> Database:
    """Open the database read-only. Raises StorageError."""
    path = data_dir / DATABASE
    if not path.exists():
        raise _not_yet(path)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=5.0
        )
        db = Database(connection)
        db.execute("select count(*) from meta").fetchone()
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    return db


def _not_yet(path: Path) -> StorageError:
    return StorageError(N_("{path} does not exist yet; `loquet run` or `loquet whitelist import` makes it"), path=path)


def _unusable(path: Path, error: Exception) -> StorageError:
    return StorageError(
        N_(
            "{path} cannot be used ({error}); if the disk is full make room, if it is read-only or worn replace "
            "it, if the file is damaged move it away and keep it"
        ),
        path=path,
        error=error,
    )


def badge_key(data_dir: Path, *, make: bool) -> BadgeKey:
    """Read this controller's badge key, or make it where there is no database yet that needs one.

    Raises StorageError where it is missing, or readable by others.
    """
    path = data_dir / KEY
    try:
        if make and not path.exists() and not (data_dir / DATABASE).exists():
            _write_whole(path, secrets.token_bytes(KEY_BYTES))
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        mode = path.stat().st_mode & 0o077
        if mode:
            raise StorageError(N_("{path} can be read by others (mode {mode:03o}); chmod 400 it"), path=path, mode=mode)
        secret = path.read_bytes()
        if len(secret) != KEY_BYTES:
            raise StorageError(
                N_("{path} is no badge key: {count} bytes where {expected} belong; restore it from a backup"),
                path=path,
                count=len(secret),
                expected=KEY_BYTES,
            )
        return BadgeKey(secret)
    except FileNotFoundError as error:
        if not (data_dir / DATABASE).exists():
            raise _not_yet(data_dir / DATABASE) from error
        raise StorageError(
            N_("{path} is missing: without it no badge in the database can be known; restore it from a backup"),
            path=path,
        ) from error
    except LoquetError:
        raise
    except OSError as error:
        raise _unusable(path, error) from error


def _write_whole(path: Path, content: bytes) -> None:
    """Make a file that is there whole or not at all, readable by its owner alone, whatever is cut short."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def meta(db: Database, key: str) -> str:
    """Give one value that the database holds of itself."""
    row = db.execute("select value from meta where key = ?", [key]).fetchone()
    if row is None:
        raise StorageError(N_("the database has lost its {key}; move it away and keep it"), key=key)
    return str(row[0])


def set_meta(db: Database, key: str, value: str) -> None:
    """Change one value that the database holds of itself; commits where no transaction is open."""
    db.execute("insert or replace into meta (key, value) values (?, ?)", [key, value])
