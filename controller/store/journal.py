"""The journal on disk: appended to, never changed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from heapq import merge
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.store.database import meta, sealed, set_meta
from controller.store.machine_counters import counter, set_counter
from controller.store.seal import seal
from protocol.entries import (
    AnyEntry,
    Ended,
    Granted,
    Maintained,
    encode_entry,
    kind,
    read_entry,
)
from protocol.moment import Moment, Quality
from protocol.rows import Level

_INSERT: Final = (
    "insert into journal (seq, boot, at, kind, machine, session, body, seal) values (?, ?, ?, ?, ?, ?, ?, ?)"
)
BATCH: Final = 500
_NOBODYS: Final = (
    Moment("rehearsal", 0, 0, Quality.UNKNOWN, date.min, date.min),
    Granted("rehearsal", "rehearsal", "nobody", "0" * 32, Level.USER),
)
LAST: Final = (1 << 63) - 1  # the largest number that SQLite counts to


class StoredEntry(msgspec.Struct, frozen=True):
    """One entry as the journal holds it; `at` in boot-time milliseconds of that boot.

    epoch: of the file that it was saved from, where that was damaged; empty in the journal of this file.
    """

    seq: int
    boot: str
    at: int
    entry: AnyEntry
    epoch: str = ""


def append(db: Database, entries: Iterable[tuple[Moment, AnyEntry]]) -> int:
    """Append entries, in the transaction that is open; return the number of the last."""
    seq = last(db)
    for moment, entry in entries:
        seq += 1
        machine = getattr(entry, "machine", None)
        session = getattr(entry, "session", None)
        append_stored(db, (seq, moment.boot, moment.at, kind(entry), machine, session, encode_entry(entry).decode()))
        match entry:
            case Ended():
                db.conn.execute("delete from heartbeats where session = ?", (session,))
                count = counter(db, entry.machine)
                powered, busy = count.powered + entry.powered, count.busy + (entry.busy or 0)
                set_counter(db, msgspec.structs.replace(count, powered=powered, busy=busy, sessions=count.sessions + 1))
            case Maintained(powered=powered):
                set_counter(db, msgspec.structs.replace(counter(db, entry.machine), maintained=powered))
            case _:
                pass
    return seq


def rehearse(db: Database) -> None:
    """Append a grant that nobody was given, in a transaction that leaves nothing of it."""
    append(db, [_NOBODYS])


def append_stored(db: Database, row: tuple[int, str, int, str, str | None, str | None, str]) -> None:
    """Append an entry as it is stored, in the transaction that is open, and nothing that follows from it.

    row: number, boot, boot-time, kind, machine, session, body.
    """
    db.conn.execute(_INSERT, (*row, seal("journal", *row)))


def skip_to(db: Database, seq: int) -> None:
    """Have the next entry take that number, in the transaction that is open: those before it are lost for good."""
    if seq > last(db) + 1:
        note_gone(db, seq - 1 - last(db))
        changed = db.conn.execute("update sqlite_sequence set seq = ? where name = 'journal'", (seq - 1,)).rowcount
        if not changed:
            db.conn.execute("insert into sqlite_sequence (name, seq) values ('journal', ?)", (seq - 1,))


def last(db: Database) -> int:
    """Return the number that was used last: none is used again, whatever was purged."""
    row = db.conn.execute("select seq from sqlite_sequence where name = 'journal'").fetchone()
    return int(row[0]) if row else 0


def size(db: Database) -> int:
    """Return how many entries there are, saved ones included, without counting them."""
    (saved,) = db.execute("select coalesce(max(place), 0) from saved").fetchone()
    return last(db) + int(saved) - int(meta(db, "gone"))


def note_gone(db: Database, count: int) -> None:
    """Note that so many entries were deleted, in the transaction that is open."""
    set_meta(db, "gone", str(int(meta(db, "gone")) + count))


def lines(
    db: Database, after: int = 0, machine: str | None = None, kinds: tuple[str, ...] = ()
) -> Iterator[StoredEntry]:
    """Return entries in order, in short reads: no cursor stays open. What was saved of damaged files comes first.

    What is appended meanwhile is left out. Raises DamagedError.
    """
    upto = last(db)
    if not after:
        yield from _lines(db, "saved", 0, LAST, machine, kinds)
    yield from _lines(db, "journal", after, upto, machine, kinds)


def _lines(
    db: Database, table: str, after: int, upto: int, machine: str | None, kinds: tuple[str, ...]
) -> Iterator[StoredEntry]:
    if not kinds:
        found = _rows(db, table, after, upto, machine, None)
    else:  # each kind by its own index, in order: one query for several would sort all of them for each batch
        found = merge(*(_rows(db, table, after, upto, machine, each) for each in kinds))
    for _place, *row in found:
        yield as_line(table, row)


def _rows(
    db: Database, table: str, after: int, upto: int, machine: str | None, one_kind: str | None
) -> Iterator[tuple[Any, ...]]:
    """Return rows of one kind, or of all, by their places: (place, epoch, seq, boot, at, kind, …, seal)."""
    order, epoch = ("place", "epoch") if table == "saved" else ("seq", "''")
    where = (" and kind = ?" if one_kind else "") + (" and machine = ?" if machine else "")
    sql = (
        f"select {order}, {epoch}, seq, boot, at, kind, machine, session, body, seal from {table}"  # noqa: S608 - no value in it
        f" where {order} > ? and {order} <= ?{where} order by {order} limit {BATCH}"
    )
    more = [*([one_kind] if one_kind else []), *([machine] if machine else [])]
    while True:
        found = db.execute(sql, [after, upto, *more]).fetchall()
        yield from found
        if len(found) < BATCH:
            return
        after = found[-1][0]


def as_line(table: str, row: Sequence[Any]) -> StoredEntry:
    """Return a row (epoch, seq, boot, at, kind, machine, session, body, seal) as a line. Raises DamagedError."""
    of, *sealed_values, check = row
    sealed(table, (of, *sealed_values) if of else tuple(sealed_values), check)
    seq, boot, at, what, _machine, _session, body = sealed_values
    return StoredEntry(seq, boot, at, read_entry(what, body), of)


def saved_epochs(db: Database) -> list[str]:
    """Return the epochs of what was saved of damaged files, the oldest first."""
    found: list[tuple[int, str]] = []
    epoch = ""
    while True:  # from one to the next by the index, past however many entries each has
        row = db.execute(
            "select epoch, place from saved where epoch > ? order by epoch, seq limit 1", [epoch]
        ).fetchone()
        if row is None:
            return [epoch for _place, epoch in sorted(found)]
        epoch = str(row[0])
        found.append((int(row[1]), epoch))


def acknowledged(db: Database, epoch: str) -> int:
    """Return the last number of an epoch's journal that a server has committed; 0 where there is none."""
    return int(meta(db, f"acknowledged/{epoch}", "0"))


def acknowledge(db: Database, epoch: str, seq: int) -> None:
    """Note that a server has committed this epoch's journal up to that number; it never goes back."""
    if seq > acknowledged(db, epoch):
        set_meta(db, f"acknowledged/{epoch}", str(seq))


def renew_epoch(db: Database, epoch: str) -> None:
    """Have what an epoch holds and no server has acknowledged belong to a new one, in the transaction that is open."""
    new, sent = secrets.token_hex(8), acknowledged(db, epoch)
    if epoch == meta(db, "epoch"):
        set_meta(db, "epoch", new)
    for place, *row in db.execute(
        "select place, seq, boot, at, kind, machine, session, body from saved where epoch = ? and seq > ?",
        [epoch, sent],
    ).fetchall():
        db.conn.execute("update saved set epoch = ?, seal = ? where place = ?", (new, seal("saved", new, *row), place))
    acknowledge(db, new, sent)
