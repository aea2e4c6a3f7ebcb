"""How long what is kept: passages and refusals, usage, and statistics without persons, which stay.

What is purged is counted first. The horizon moves by a month a day at the most, so that a clock that jumped by years
purges nothing before somebody has seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.periods import DAY_MS, Periods
from controller.store.database import meta, set_meta
from controller.store.journal import Clocks, acknowledged, uncleared
from controller.store.seal import seal
from protocol.entries import Ended, Entry, Refused, decode_entry

STRIDE_MS: Final = 31 * DAY_MS
BATCH: Final = 500
PASSAGES: Final = (
    "refused", "thinned", "reader_lost", "reader_found", "sensed", "warned", "daemon_started", "daemon_stopped",
    "locked", "unlocked", "fault", "fault_cleared", "whitelist_edited", "storage_replaced", "purged",
)  # fmt: skip
USAGE: Final = ("ended", "grant_withdrawn", "maintained")  # with an end goes all of its session


class Purge(msgspec.Struct):
    """How many entries went."""

    passages: int = 0
    usage: int = 0


def purge(db: Database, periods: Periods, now: int, between: Callable[[], None], *, only_sent: bool = False) -> Purge:
    """Delete what is older than it may be kept, in short transactions, as far as the horizon may move today.

    now: the time known to have passed, milliseconds since 1970; 0 where no clock was ever sure, and nothing goes.
    A session goes as a whole, by its end; one that is open stays. only_sent: so does what no server acknowledged yet.
    """
    gone = Purge()
    clocks = Clocks(db)
    reached = _reached(db, now, clocks) if now else None
    if reached is None:
        return gone
    for table in ("saved", "journal"):
        if periods.passages is not None:
            old = _Old(db, table, clocks, reached - periods.passages * DAY_MS, only_sent=only_sent)
            gone.passages += old.delete(PASSAGES, between)
        if periods.usage is not None:
            old = _Old(db, table, clocks, reached - periods.usage * DAY_MS, only_sent=only_sent)
            gone.usage += old.delete(USAGE, between)
    return gone


def _reached(db: Database, now: int, clocks: Clocks) -> int | None:
    """Give the day by which ages are counted: now, but never more than a month past the time before; None: not yet."""
    before = min(now, int(meta(db, "purged", "0")) or min(now, clocks.first or now))
    reached = min(now, before + STRIDE_MS)
    if meta(db, "purged", "") and reached - before < DAY_MS:
        return None
    set_meta(db, "purged", str(reached))
    return reached


class _Old:
    """What is older than the horizon in one table."""

    def __init__(self, db: Database, table: str, clocks: Clocks, horizon: int, *, only_sent: bool) -> None:
        self._db = db
        self._table = table
        self._order = "place" if table == "saved" else "seq"
        self._clocks = clocks
        self._horizon = horizon
        self._latched = uncleared(db)
        self._sent = _sent(db, table) if only_sent else None

    def delete(self, kinds: tuple[str, ...], between: Callable[[], None]) -> int:
        """Delete entries of these kinds, counting first what they say; tell how many went."""
        marks = ", ".join("?" * len(kinds))
        kept = " and seq < (select max(seq) from journal)" if self._table == "journal" else ""  # it keeps the count
        sql = (
            f"select {self._order}, boot, at, session, body from {self._table}"  # noqa: S608 - no value in it
            f" where {self._order} > ? and kind in ({marks}){kept} order by {self._order} limit {BATCH}"
        )
        after, count = 0, 0
        while True:
            rows = self._db.execute(sql, [after, *kinds]).fetchall()
            old = [row for row in rows if self._is_sent(row[0]) and self._is_old(row[0], row[1], row[2], row[4])]
            if old:
                with self._db.atomic():
                    count += sum(self._delete_one(*row) for row in old)
                between()
            if len(rows) < BATCH or not old:
                return count
            after = rows[-1][0]

    def _is_sent(self, place: int) -> bool:
        return self._sent is None or self._sent(place)

    def _is_old(self, place: int, boot: str, at: int, body: str) -> bool:
        if '"type":"fault"' in body and getattr(decode_entry(body), "machine", "") in self._latched:
            return False  # nobody cleared it yet: a restart has to find it
        latest = self._clocks.latest(int(self._table == "journal"), place, boot, at)
        return latest is not None and latest < self._horizon

    def _delete_one(self, place: int, boot: str, at: int, session: str | None, body: str) -> int:
        _count(self._db, self._clocks.wall(boot, at)[0] or 0, decode_entry(body))
        if session is None:
            table, order = self._table, self._order
            return int(self._db.conn.execute(f"delete from {table} where {order} = ?", (place,)).rowcount)  # noqa: S608
        count = 0
        for table in ("saved", "journal"):
            count += self._db.conn.execute(f"delete from {table} where session = ?", (session,)).rowcount  # noqa: S608
        return count


def _sent(db: Database, table: str) -> Callable[[int], bool]:
    """Tell which rows of a table a server has acknowledged."""
    if table == "journal":
        upto = acknowledged(db, meta(db, "epoch"))
        return lambda seq: seq <= upto
    rows = db.execute("select place, epoch, seq from saved").fetchall()
    told = {epoch: acknowledged(db, epoch) for epoch in {row[1] for row in rows}}
    places = {place for place, epoch, seq in rows if seq <= told[epoch]}
    return places.__contains__


def _count(db: Database, wall: int, entry: Entry) -> None:
    """Add what goes to the statistics of its month and machine: no person is in them."""
    if not isinstance(entry, Ended | Refused):
        return
    month = datetime.fromtimestamp(wall / 1000, UTC).strftime("%Y-%m")
    found = db.conn.execute(
        "select sessions, powered, busy, refused from statistics where month = ? and machine = ?",
        (month, entry.machine),
    ).fetchone() or (0, 0, 0, 0)
    sessions, powered, busy, refused = found
    if isinstance(entry, Ended):
        sessions, powered, busy = sessions + 1, powered + entry.powered, busy + (entry.busy or 0)
    else:
        refused += 1
    row: tuple[Any, ...] = (month, entry.machine, sessions, powered, busy, refused)
    db.conn.execute(
        "insert or replace into statistics (month, machine, sessions, powered, busy, refused, seal)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        (*row, seal("statistics", *row)),
    )
