"""How long what is kept: passages and refusals, usage, and statistics without persons, which stay.

What is purged is counted first. The horizon moves by a month a day at the most, so that a clock that jumped by years
purges nothing before somebody has seen it. It is done in transactions of some milliseconds, cut short where somebody
waits to write: a tap goes first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.settings.periods import DAY_MS, Periods
from controller.store.clock_readings import Clocks
from controller.store.database import meta, set_meta
from controller.store.journal import LAST, acknowledged, last, note_gone
from controller.store.open_sessions import uncleared
from controller.store.seal import seal
from protocol.entries import Ended, Entry, Refused, read_entry

STRIDE_MS: Final = 31 * DAY_MS
BATCH: Final = 500  # rows looked at in one read
AT_ONCE: Final = 60  # entries deleted in one transaction, and the last one's session whole
PASSAGES: Final = (
    "refused", "thinned", "reader_lost", "reader_found", "sensed", "warned", "daemon_started", "daemon_stopped",
    "locked", "unlocked", "fault", "fault_cleared", "whitelist_edited", "storage_replaced", "purged",
    "defect_reported", "defect_mended", "session_nears_its_end",
)  # fmt: skip
USAGE: Final = ("ended", "grant_withdrawn", "maintained")  # with an end goes all of its session


class Purge(msgspec.Struct):
    """How many entries went."""

    passages: int = 0
    usage: int = 0


def purge(
    db: Database,
    periods: Periods,
    now: int,
    between: Callable[[], None],
    *,
    only_sent: bool = False,
    waits: Callable[[], bool] = lambda: False,
) -> Purge:
    """Delete what is older than it may be kept, in short transactions, as far as the horizon may move today.

    now: the time known to have passed, milliseconds since 1970; 0 where no clock was ever sure, and nothing goes.
    A session goes as a whole, by its end; one that is open stays. only_sent: so does what no server acknowledged yet.
    between: called after each transaction. waits: whether somebody waits to write; it is asked between two deletions.
    """
    gone = Purge()
    clocks = Clocks(db)
    reached = _reached(db, now, clocks) if now else None
    if reached is None:
        return gone
    latched = uncleared(db)
    for table in ("saved", "journal"):
        for kinds, days in ((PASSAGES, periods.passages), (USAGE, periods.usage)):
            if days is None:
                continue
            old = _Old(db, table, clocks, reached - days * DAY_MS, latched, only_sent=only_sent)
            count = sum(old.delete(kind, between, waits) for kind in kinds)
            if kinds is USAGE:
                gone.usage += count
            else:
                gone.passages += count
    return gone


def _reached(db: Database, now: int, clocks: Clocks) -> int | None:
    """Return the day by which ages are counted: now, never more than a month past the time before; None: not yet."""
    before = min(now, int(meta(db, "purged", "0")) or min(now, clocks.first or now))
    reached = min(now, before + STRIDE_MS)
    if meta(db, "purged", "") and reached - before < DAY_MS:
        return None
    set_meta(db, "purged", str(reached))
    return reached


class _Row(msgspec.Struct, frozen=True):
    """One entry that may be old."""

    place: int
    epoch: str
    seq: int
    boot: str
    at: int
    session: str | None
    body: str


class _Old:
    """What is older than the horizon in one table."""

    def __init__(
        self,
        db: Database,
        table: str,
        clocks: Clocks,
        horizon: int,
        latched: dict[str, tuple[str, ...]],
        *,
        only_sent: bool,
    ) -> None:
        self._db = db
        self._table = table
        self._order = "place" if table == "saved" else "seq"
        self._clocks = clocks
        self._horizon = horizon
        self._latched = latched
        self._sent: dict[str, int] | None = {} if only_sent else None  # by epoch, up to where a server has it

    def delete(self, kind: str, between: Callable[[], None], waits: Callable[[], bool]) -> int:
        """Delete entries of a kind, counting first what they say; return how many went."""
        epoch = "epoch" if self._table == "saved" else "''"
        upto = last(self._db) if self._table == "journal" else LAST  # the last entry stays: it keeps the count
        sql = (
            f"select {self._order}, {epoch}, seq, boot, at, session, body from {self._table}"  # noqa: S608 - no value in it
            f" where kind = ? and {self._order} > ? and {self._order} < ? order by {self._order} limit {BATCH}"
        )
        after, count = 0, 0
        while True:
            rows = [_Row(*row) for row in self._db.execute(sql, [kind, after, upto]).fetchall()]
            old = deque(row for row in rows if self._is_sent(row) and self._is_old(row))
            is_any = bool(old)
            while old:
                count += self._delete_some(old, waits)
                between()
            if len(rows) < BATCH or not is_any:
                return count
            after = rows[-1].place

    def _delete_some(self, old: deque[_Row], waits: Callable[[], bool]) -> int:
        """Delete some of what is old, in one short transaction; return how many entries went."""
        count = 0
        with self._db.atomic():
            while old and count < AT_ONCE and not (count and waits()):
                count += self._delete_one(old.popleft())
            note_gone(self._db, count)
        return count

    def _is_sent(self, row: _Row) -> bool:
        if self._sent is None:
            return True
        epoch = row.epoch or meta(self._db, "epoch")
        if epoch not in self._sent:
            self._sent[epoch] = acknowledged(self._db, epoch)
        return row.seq <= self._sent[epoch]

    def _is_old(self, row: _Row) -> bool:
        if '"type":"fault"' in row.body and getattr(read_entry("fault", row.body), "machine", "") in self._latched:
            return False  # nobody cleared it yet: a restart has to find it
        latest = self._clocks.latest(int(self._table == "journal"), row.place, row.boot, row.at)
        return latest is not None and latest < self._horizon

    def _delete_one(self, row: _Row) -> int:
        _count(self._db, self._clocks.wall(row.boot, row.at)[0] or 0, read_entry("", row.body))
        if row.session is None:
            sql = f"delete from {self._table} where {self._order} = ?"  # noqa: S608 - no value in it
            return int(self._db.conn.execute(sql, (row.place,)).rowcount)
        count = 0
        for table in ("saved", "journal"):
            count += self._db.conn.execute(f"delete from {table} where session = ?", (row.session,)).rowcount  # noqa: S608
        return count


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
