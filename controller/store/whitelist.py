"""The whitelist on disk: a list in two slots, and the edits made here that lie over it.

A list is staged in small transactions and put in force by one; edits lie over it until one says that it includes them.

`Change` is what may happen to it; whoever holds the writing connection carries it out. Each list has a digest, the
sum of its rows' hashes, to which it is held when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec
from sqlite_utils import Database

from common.texts import N_
from controller.store.database import DamagedError, meta, sealed, set_meta
from controller.store.seal import seal
from protocol.digest import WHOLE, row_hash, written
from protocol.overlay import Edit, lay_over, merged, says_the_same
from protocol.rows import FIRST, Machine, Row, encode_row, read_row, split
from protocol.whitelist import Whitelist

BATCH: Final = 500
CHECKPOINT_ROWS: Final = 10_000  # so that the log does not grow to the whole list
MAX_ROWS: Final = 2_000_000
LATER: Final = 2  # added to a slot: there stand its rows of kinds beyond the first
MAX_EDITS: Final = 500  # that lie over the list; past it they become part of it


def nothing() -> None:
    """Do nothing between two steps."""


class Change(msgspec.Struct, frozen=True):
    """Rows to put and rows to drop; with `replace`, only what is put remains.

    locks: machines of whose rows nothing but the lock is changed, whatever else was edited meanwhile.
    """

    put: tuple[Row, ...] = ()
    drop: tuple[Row, ...] = ()
    replace: bool = False
    locks: tuple[tuple[str, str], ...] = ()

    @property
    def is_small(self) -> bool:
        """Whether one short transaction carries it all."""
        return not self.replace and len(self.put) + len(self.drop) <= BATCH


def with_locks(db: Database, change: Change) -> Change:
    """Put in the rows that locks change, as they are in force now; a machine without a row has none to lock."""
    if not change.locks:
        return change
    put = list(change.put)
    for machine, note in change.locks:
        row = in_force(db, Machine(machine).key)
        if isinstance(row, Machine):
            put.append(msgspec.structs.replace(row, locked=note, now=False))
    return msgspec.structs.replace(change, put=tuple(put), locks=())


# --- what is in force ---


def in_force(db: Database, key: str) -> Row | None:
    """Return one row in force, by its key; None where there is none."""
    found = _listed(db, key)
    below = None if found is None else read_row(key, found)
    edit = edits(db, key).get(key)
    return below if edit is None else lay_over(below, edit, int(meta(db, "base")))


def _listed(db: Database, key: str) -> str | None:
    """Return a row of the list, as it is written."""
    place = _place(int(meta(db, "slot")), key)
    row = db.conn.execute("select body from whitelist where slot = ? and key = ?", (place, key)).fetchone()
    return None if row is None else str(row[0])


def _place(slot: int, key: str) -> int:
    """Return where a row of a slot stands: kinds beyond the first apart, where the release before does not look."""
    return slot if split(key)[0] in FIRST else slot + LATER


def digest(db: Database) -> str:
    """Return the digest of the whole list in force, kinds beyond the first with it."""
    return written(int(meta(db, "digest"), 16) + later_digest(db, int(meta(db, "slot"))))


def later_digest(db: Database, slot: int) -> int:
    """Return the share of the digest that the kinds beyond the first have."""
    return int(meta(db, f"digest/{slot + LATER}", "0"), 16)


def edits(db: Database, key: str | None = None) -> dict[str, Edit]:
    """Return the edits that lie over the list, or the one of that key. Raises DamagedError."""
    sql = "select key, body, seq, base, seal from overlay" + (" where key = ?" if key else "")  # noqa: S608
    found = {}
    for row in db.execute(sql, [key] if key else []).fetchall():
        sealed("overlay", row[:-1], row[-1])
        found[row[0]] = Edit(None if row[1] is None else read_row(row[0], row[1]), row[3])
    return found


def rows(db: Database, between: Callable[[], None] = nothing) -> Iterator[Row]:
    """Return the rows in force, in short reads; `between` is called after each."""
    return merged(_list(db, between), edits(db), int(meta(db, "base")))


def _list(db: Database, between: Callable[[], None], seen: Callable[[str], None] | None = None) -> Iterator[Row]:
    slot = int(meta(db, "slot"))
    yield from _rows_of(db, slot, between, seen)
    yield from later_rows(db, slot)


def later_rows(db: Database, slot: int) -> list[Row]:
    """Return the rows of kinds beyond the first; none where they do not add up: a release before has changed the list.

    Only a server writes such rows: it is asked for the whole then.
    """
    found = db.execute("select key, body from whitelist where slot = ? order by key", [slot + LATER]).fetchall()
    if sum(row_hash(body) for _key, body in found) % WHOLE != later_digest(db, slot):
        return []
    return [read_row(key, body) for key, body in found]


def _rows_of(
    db: Database, place: int, between: Callable[[], None], seen: Callable[[str], None] | None
) -> Iterator[Row]:
    after = ""
    while True:
        found = db.execute(
            f"select key, body from whitelist where slot = ? and key > ? order by key limit {BATCH}",  # noqa: S608
            [place, after],
        ).fetchall()
        for key, body in found:
            if not isinstance(body, str):  # a flipped byte made a number of it
                raise DamagedError(N_("the whitelist is damaged at {key}"), key=key)
            row = read_row(key, body)
            if seen is not None:
                if row.key != key:
                    raise DamagedError(N_("the whitelist is damaged at {key}"), key=key)
                seen(body)
            yield row
        if len(found) < BATCH:
            return
        after = found[-1][0]
        between()


def load(db: Database, between: Callable[[], None] = nothing) -> Whitelist:
    """Read the whitelist in force, and hold the list to its digest. Raises DamagedError."""
    total = 0

    def seen(body: str) -> None:
        nonlocal total
        total += row_hash(body)

    try:
        found = Whitelist(merged(_list(db, between, seen), edits(db), int(meta(db, "base"))), int(meta(db, "version")))
    except msgspec.DecodeError as error:
        raise DamagedError(N_("the whitelist is damaged: {error}"), error=error) from error
    if written(total) != meta(db, "digest"):
        raise DamagedError(N_("the whitelist on the disk is not the one that was put in force"))
    return found


def has_more_than(db: Database, count: int) -> bool:
    """Whether the list has more rows than so many."""
    sql = "select 1 from whitelist where slot = ? and key > '' limit 1 offset ?"
    return db.execute(sql, [int(meta(db, "slot")), count]).fetchone() is not None


# --- edits made here ---


def lay(db: Database, change: Change, seq: int) -> None:
    """Lay a change over the list, in the transaction that is open; *seq*: its entry in the journal."""
    base = int(meta(db, "base"))
    for row in change.put:
        _lay(db, row.key, encode_row(row).decode(), seq, base)
    for row in change.drop:
        _lay(db, row.key, None, seq, base)


def _lay(db: Database, key: str, body: str | None, seq: int, base: int) -> None:
    values = (key, body, seq, base)
    db.conn.execute(
        "insert or replace into overlay (key, body, seq, base, seal) values (?, ?, ?, ?, ?)",
        (*values, seal("overlay", *values)),
    )


def count_edits(db: Database) -> int:
    """Return how many edits lie over the list."""
    return int(db.conn.execute("select count(*) from overlay").fetchone()[0])


def fold(db: Database) -> None:
    """Make the edits part of the list, in the transaction that is open: where nobody else keeps that list."""
    base = int(meta(db, "base"))
    put, drop = [], []
    for key, edit in edits(db).items():
        found = _listed(db, key)
        below = None if found is None else read_row(key, found)
        row = lay_over(below, edit, base)
        if row is not None:
            put.append(row)
        elif below is not None:
            drop.append(key)
    merge(db, put, drop)
    db.conn.execute("delete from overlay")
    set_meta(db, "base", meta(db, "version"))


# --- the list below ---


def merge(db: Database, put: Iterable[Row], drop: Iterable[str]) -> None:
    """Change some rows of the list and its digest, in the transaction that is open: it costs what it changes."""
    slot = int(meta(db, "slot"))
    sums = {slot: int(meta(db, "digest"), 16), slot + LATER: later_digest(db, slot)}
    for row in put:
        place, before = _place(slot, row.key), _listed(db, row.key)
        body = encode_row(row).decode()
        sums[place] += row_hash(body) - (row_hash(before) if before is not None else 0)
        db.conn.execute("insert or replace into whitelist (slot, key, body) values (?, ?, ?)", (place, row.key, body))
    for key in drop:
        place, before = _place(slot, key), _listed(db, key)
        if before is not None:
            sums[place] -= row_hash(before)
            db.conn.execute("delete from whitelist where slot = ? and key = ?", (place, key))
    set_meta(db, "digest", written(sums[slot]))
    _set_later(db, slot, sums[slot + LATER])


def _set_later(db: Database, slot: int, value: int) -> None:
    if value or meta(db, f"digest/{slot + LATER}", ""):
        set_meta(db, f"digest/{slot + LATER}", written(value))


def next_version(db: Database) -> int:
    """Count one more change, in the transaction that is open; return the new version."""
    version = int(meta(db, "version")) + 1
    set_meta(db, "version", str(version))
    return version


class Staged(msgspec.Struct):
    """What stands in the slot that is not in force: so many rows of so many, and their digest so far.

    later: the share of it of kinds beyond the first.
    """

    done: int = 0
    total: int = 0
    digest: int = 0
    later: int = 0


def stage(db: Database, change: Change, between: Callable[[], None] = nothing) -> Iterator[Staged]:
    """Write what is to be in force into the slot that is not; return how far it has come after each short transaction.

    `between` is called between transactions, so that a tap's commit waits for one batch at the most.
    """
    idle = 1 - int(meta(db, "slot"))
    clear(db, between)
    everything = {row.key: row for row in ([] if change.replace else _kept(db, change))}
    everything |= {row.key: row for row in change.put}
    staged = Staged(total=len(everything))
    for batch in _batches(everything.values()):
        with db.atomic():
            _put(db, idle, batch, staged)
        staged.done += len(batch)
        if staged.done % CHECKPOINT_ROWS < BATCH:
            db.execute("pragma wal_checkpoint(passive)")
        between()
        yield staged


def _put(db: Database, slot: int, batch: Iterable[Row], staged: Staged) -> None:
    written_rows = [(_place(slot, row.key), row.key, encode_row(row).decode()) for row in batch]
    staged.digest += sum(row_hash(body) for _place, _key, body in written_rows)
    staged.later += sum(row_hash(body) for place, _key, body in written_rows if place != slot)
    db.conn.executemany("insert or replace into whitelist (slot, key, body) values (?, ?, ?)", written_rows)


def _kept(db: Database, change: Change) -> list[Row]:
    gone = {row.key for row in change.put} | {row.key for row in change.drop}
    return [row for row in rows(db) if row.key not in gone]


def swap(db: Database, staged: Staged) -> int:
    """Put the staged list in force, in the transaction that is open; return the new version. Edits are part of it."""
    _turn(db, staged)
    db.conn.execute("delete from overlay")
    version = next_version(db)
    set_meta(db, "base", str(version))
    return version


def _turn(db: Database, staged: Staged) -> None:
    slot = 1 - int(meta(db, "slot"))
    set_meta(db, "slot", str(slot))
    set_meta(db, "digest", written(staged.digest - staged.later))
    _set_later(db, slot, staged.later)


# --- a list that a server brings ---


def bring(db: Database, put: Iterable[Row], drop: Iterable[str], includes: int) -> tuple[Row | str, ...]:
    """Change the list as a server says, in the transaction that is open; return what it changes: rows, keys gone.

    includes: this journal's edits up to that number are part of it, or were decided against.
    """
    put, drop = list(put), list(drop)
    keys = {row.key for row in put} | set(drop)
    merge(db, put, drop)
    keys |= _settle(db, includes, set(drop))
    return tuple(in_force(db, key) or key for key in sorted(keys))


def bring_whole(db: Database, staged: Staged, includes: int, *, keep: bool) -> None:
    """Put the list that a server brought in force, in the transaction that is open.

    Edits made here stay over it, but those that it includes, and those that let somebody in whom the list before
    knew and this one does not: a revocation wins over a grant that had not seen it.
    """
    before = {key for key in edits(db) if _listed(db, key) is not None}
    _turn(db, staged)
    if not keep:
        db.conn.execute("delete from overlay")
    _settle(db, includes, {key for key in before if _listed(db, key) is None})


def _settle(db: Database, includes: int, revoked: set[str]) -> set[str]:
    """Take away the edits that a list includes, and those that it revokes; return their keys."""
    gone = {row[0] for row in db.execute("select key from overlay where seq <= ?", [includes])}
    for key, edit in edits(db).items():
        found = _listed(db, key)
        below = None if found is None else read_row(key, found)
        if (key in revoked and edit.row is not None) or says_the_same(edit.row, below):
            gone.add(key)
    for key in gone:
        db.conn.execute("delete from overlay where key = ?", (key,))
    return gone


def clear(db: Database, between: Callable[[], None] = nothing) -> None:
    """Empty the slot that is not in force, in short transactions."""
    idle = 1 - int(meta(db, "slot"))
    while True:
        cursor = db.execute(
            f"delete from whitelist where rowid in (select rowid from whitelist where slot in (?, ?) limit {BATCH})",  # noqa: S608
            [idle, idle + LATER],
        )
        if not cursor.rowcount:
            return
        between()


def _batches(items: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
