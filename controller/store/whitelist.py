"""The whitelist on disk: rows in two slots, staged in small transactions and put in force by one.

`Change` is what may happen to it; whoever holds the writing connection carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from sqlite_utils import Database

from controller.store.database import meta, set_meta
from protocol.whitelist import AnyRow, Machine, Whitelist, decode_row, encode_row

BATCH: Final = 500
CHECKPOINT_ROWS: Final = 10_000  # so that the log does not grow to the whole list
MAX_ROWS: Final = 2_000_000


class Change(msgspec.Struct, frozen=True):
    """Rows to put and rows to drop; with `replace`, only what is put remains.

    locks: machines of whose rows nothing but the lock is changed, whatever else was edited meanwhile.
    """

    put: tuple[AnyRow, ...] = ()
    drop: tuple[AnyRow, ...] = ()
    replace: bool = False
    locks: tuple[tuple[str, str], ...] = ()

    @property
    def is_small(self) -> bool:
        """Tell whether one short transaction carries it all."""
        return not self.replace and len(self.put) + len(self.drop) <= BATCH


def with_locks(db: Database, change: Change) -> Change:
    """Put in the rows that locks change, as they are in force now; a machine without a row has none to lock."""
    if not change.locks:
        return change
    slot = int(meta(db, "slot"))
    put = list(change.put)
    for machine, note in change.locks:
        key = Machine(machine).key
        found = db.execute("select body from whitelist where slot = ? and key = ?", [slot, key]).fetchone()
        if found is not None:
            put.append(msgspec.structs.replace(decode_row(found[0]), locked=note))
    return msgspec.structs.replace(change, put=tuple(put), locks=())


def rows(db: Database, between: Callable[[], None] = lambda: None) -> Iterator[AnyRow]:
    """Give the rows in force, in short reads; `between` is called after each."""
    slot, after = int(meta(db, "slot")), ""
    while True:
        found = db.execute(
            f"select key, body from whitelist where slot = ? and key > ? order by key limit {BATCH}",  # noqa: S608
            [slot, after],
        ).fetchall()
        for _key, body in found:
            yield decode_row(body)
        if len(found) < BATCH:
            return
        after = found[-1][0]
        between()


def load(db: Database, between: Callable[[], None] = lambda: None) -> Whitelist:
    """Read the whitelist in force."""
    return Whitelist(rows(db, between), version=int(meta(db, "version")))


def apply_small(db: Database, change: Change) -> int:
    """Change some rows, in the transaction that is open; give the new version."""
    slot = int(meta(db, "slot"))
    _put(db, slot, change.put)
    db.conn.executemany("delete from whitelist where slot = ? and key = ?", [(slot, row.key) for row in change.drop])
    return _next_version(db)


def _put(db: Database, slot: int, batch: Iterable[AnyRow]) -> None:
    db["whitelist"].upsert_all(  # type: ignore[union-attr]
        [{"slot": slot, "key": row.key, "body": encode_row(row).decode()} for row in batch],
        pk=("slot", "key"),
    )


def _next_version(db: Database) -> int:
    version = int(meta(db, "version")) + 1
    set_meta(db, "version", str(version))
    return version


def stage(db: Database, change: Change, between: Callable[[], None] = lambda: None) -> Iterator[tuple[int, int]]:
    """Write what is to be in force into the slot that is not; give (done, of) after each short transaction.

    `between` is called between transactions, so that a tap's commit waits for one batch at the most.
    """
    idle = 1 - int(meta(db, "slot"))
    clear(db, between)
    kept = [] if change.replace else _kept(db, change)
    total = len(kept) + len(change.put)
    done = 0
    for batch in _batches([*kept, *change.put]):
        with db.atomic():
            _put(db, idle, batch)
        done += len(batch)
        if done % CHECKPOINT_ROWS < BATCH:
            db.execute("pragma wal_checkpoint(passive)")
        between()
        yield done, total


def _kept(db: Database, change: Change) -> list[AnyRow]:
    gone = {row.key for row in change.put} | {row.key for row in change.drop}
    return [row for row in rows(db) if row.key not in gone]


def swap(db: Database) -> int:
    """Put the staged slot in force, in the transaction that is open; give the new version."""
    set_meta(db, "slot", str(1 - int(meta(db, "slot"))))
    return _next_version(db)


def clear(db: Database, between: Callable[[], None] = lambda: None) -> None:
    """Empty the slot that is not in force, in short transactions."""
    idle = 1 - int(meta(db, "slot"))
    while True:
        cursor = db.execute(
            f"delete from whitelist where rowid in (select rowid from whitelist where slot = ? limit {BATCH})",  # noqa: S608
            [idle],
        )
        if not cursor.rowcount:
            return
        between()


def _batches(items: Sequence[AnyRow]) -> Iterator[list[AnyRow]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
