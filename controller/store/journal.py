"""The journal on disk: appended to, never changed; and the sessions that can be read out of it."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.station.events import OpenSession
from controller.store.database import meta, sealed, set_meta
from controller.store.seal import seal
from protocol.entries import (
    AnyEntry,
    Clock,
    Corrected,
    Ended,
    FaultCleared,
    FaultLatched,
    Granted,
    Maintained,
    Purpose,
    Resumed,
    Unknown,
    decode_entry,
    encode_entry,
    kind,
)
from protocol.moment import Moment, Quality, is_near
from protocol.whitelist import Level

_INSERT: Final = (
    "insert into journal (seq, boot, at, kind, machine, session, body, seal) values (?, ?, ?, ?, ?, ?, ?, ?)"
)
_COUNT: Final = (
    "insert or replace into counters (machine, powered, busy, sessions, maintained, seal) values (?, ?, ?, ?, ?, ?)"
)
BATCH: Final = 500
LAST: Final = (1 << 63) - 1  # the largest number that SQLite counts to


class Line(msgspec.Struct, frozen=True):
    """One entry as the journal holds it; `at` in boot-time milliseconds of that boot.

    epoch: of the file that it was saved from, where that was damaged; empty in the journal of this file.
    """

    seq: int
    boot: str
    at: int
    entry: AnyEntry
    epoch: str = ""


class Clocks:
    """Wall time of past moments, derived from the `clock` entries of their boot."""

    def __init__(self, db: Database) -> None:
        self._offsets: dict[str, list[tuple[int, int, Quality]]] = {}
        self._sure: list[tuple[tuple[int, int], int]] = []  # where in the journal a clock was surely right, and when
        self._reached: list[int] = []  # the latest time that was sure up to there
        rows = db.execute(
            "select part, place, boot, at, body from everything where kind = 'clock' order by part, place"
        ).fetchall()
        for part, place, boot, at, body in rows:
            entry = msgspec.json.decode(body, type=Clock)
            self._offsets.setdefault(boot, []).append((at, entry.offset, entry.quality))
            if entry.quality is Quality.SYNCHRONISED:
                self._sure.append(((part, place), at + entry.offset))
                self._reached.append(max(at + entry.offset, self._reached[-1] if self._reached else 0))

    def latest(self, part: int, place: int, boot: str, at: int) -> int | None:
        """Return when an entry was written at the latest; None where no sure clock came after it.

        A boot whose clock was never set is bounded by what comes after it. part, place: as `everything` orders them.
        """
        wall, quality = self.wall(boot, at)
        after = bisect_right(self._sure, ((part, place), 0))
        before = self._reached[after - 1] if after else 0
        if quality is Quality.SYNCHRONISED and wall is not None:
            return max(wall, before)  # a time server that serves the past makes nothing old
        return max(self._sure[after][1], before) if after < len(self._sure) else None

    def sure_after(self, seq: int) -> list[int]:
        """Return what synchronised clocks said past that entry of the journal, in order."""
        return [sure for (part, place), sure in self._sure if part and place > seq]

    @property
    def first(self) -> int | None:
        """The first time that was surely known, milliseconds since 1970."""
        sure = {Quality.SYNCHRONISED, Quality.KEPT}
        known = [at + offset for readings in self._offsets.values() for at, offset, how in readings if how in sure]
        return min(known, default=None)

    def wall(self, boot: str, at: int) -> tuple[int | None, Quality]:
        """Return milliseconds since 1970, and how sure they are: by the best reading of that boot, the last of them.

        One reading for a whole boot: whatever a clock did meanwhile, what came later is told of as later.
        """
        readings = self._offsets.get(boot)
        if not readings:
            return None, Quality.UNKNOWN
        order = list(Quality)
        best = min(order.index(quality) for _, _, quality in readings)
        good = [offset for _when, offset, quality in readings if order.index(quality) == best]
        return good[-1] + at, order[best]


def append(db: Database, entries: Iterable[tuple[Moment, AnyEntry]]) -> int:
    """Append entries, in the transaction that is open; return the number of the last."""
    seq = last(db)
    for moment, entry in entries:
        seq += 1
        body = encode_entry(entry).decode()
        machine = getattr(entry, "machine", None)
        session = getattr(entry, "session", None)
        row = (seq, moment.boot, moment.at, kind(entry), machine, session, body)
        db.conn.execute(_INSERT, (*row, seal("journal", *row)))
        match entry:
            case Ended():
                db.conn.execute("delete from heartbeats where session = ?", (session,))
                count = counter(db, entry.machine)
                powered, busy = count.powered + entry.powered, count.busy + (entry.busy or 0)
                _set_counter(
                    db, msgspec.structs.replace(count, powered=powered, busy=busy, sessions=count.sessions + 1)
                )
            case Maintained(powered=powered):
                _set_counter(db, msgspec.structs.replace(counter(db, entry.machine), maintained=powered))
            case _:
                pass
    return seq


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


def lines(db: Database, after: int = 0, machine: str | None = None, kinds: tuple[str, ...] = ()) -> Iterator[Line]:
    """Return entries in order, in short reads: no cursor stays open. What was saved of damaged files comes first.

    What is appended meanwhile is left out. Raises DamagedError.
    """
    upto = last(db)
    if not after:
        yield from _lines(db, "saved", 0, LAST, machine, kinds)
    yield from _lines(db, "journal", after, upto, machine, kinds)


def _lines(
    db: Database, table: str, after: int, upto: int, machine: str | None, kinds: tuple[str, ...]
) -> Iterator[Line]:
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


def as_line(table: str, row: Sequence[Any]) -> Line:
    """Return a row (epoch, seq, boot, at, kind, machine, session, body, seal) as a line. Raises DamagedError."""
    of, *sealed_values, check = row
    sealed(table, (of, *sealed_values) if of else tuple(sealed_values), check)
    seq, boot, at, what, _machine, _session, body = sealed_values
    try:
        entry = decode_entry(body)
    except msgspec.MsgspecError:  # its seal holds: another version wrote it
        entry = Unknown(what)
    return Line(seq, boot, at, entry, of)


class Counter(msgspec.Struct, frozen=True):
    """A machine's hours since its first day, in milliseconds; maintained: how many when it was last looked after."""

    machine: str
    powered: int = 0
    busy: int = 0
    sessions: int = 0
    maintained: int = 0


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


def known(db: Database) -> int:
    """Return the latest time that is known to have passed, milliseconds since 1970; 0 for none.

    What was last said of it on purpose, and all that is sure and newer: when the list in force was last confirmed, the
    newest entry of a boot whose clock was synchronised. So nothing has to be written only for that.
    """
    floor, clocks = int(meta(db, "floor")), Clocks(db)
    lowered = db.execute("select seq from journal where kind = 'clock_lowered' order by seq desc limit 1").fetchone()
    if lowered is None:
        confirmed = int(meta(db, "confirmed", "0"))
        floor = max(floor, confirmed if is_near(floor, confirmed) else 0)
    sure = clocks.sure_after(lowered[0] if lowered else 0)
    for reading in sure:
        floor = max(floor, reading if is_near(floor, reading) else 0)
    if lowered is not None and not sure:
        return floor  # whatever clocks said before is what somebody did not believe
    row = db.execute("select boot, at from journal order by seq desc limit 1").fetchone()
    wall, quality = clocks.wall(*row) if row else (None, Quality.UNKNOWN)
    believed = wall is not None and quality is Quality.SYNCHRONISED and is_near(floor, wall)
    return max(floor, wall or 0) if believed else floor


def counters(db: Database) -> dict[str, Counter]:
    """Return each machine's counter. Raises DamagedError."""
    rows = db.execute("select machine, powered, busy, sessions, maintained, seal from counters").fetchall()
    for row in rows:
        sealed("counters", row[:-1], row[-1])
    return {row[0]: Counter(*row[:-1]) for row in rows}


def counter(db: Database, machine: str) -> Counter:
    """Return one machine's counter. Raises DamagedError."""
    row = db.conn.execute(
        "select machine, powered, busy, sessions, maintained, seal from counters where machine = ?", (machine,)
    ).fetchone()
    if row is None:
        return Counter(machine)
    sealed("counters", row[:-1], row[-1])
    return Counter(*row[:-1])


def adopt(db: Database, counts: dict[str, Counter]) -> None:
    """Count on from what other controllers have counted, once, in the transaction that is open."""
    if not counts or meta(db, "adopted", ""):
        return
    set_meta(db, "adopted", "yes")
    for machine, more in counts.items():
        mine = counter(db, machine)
        _set_counter(
            db,
            Counter(
                machine,
                mine.powered + more.powered,
                mine.busy + more.busy,
                mine.sessions + more.sessions,
                mine.maintained + more.maintained,
            ),
        )


def _set_counter(db: Database, count: Counter) -> None:
    row = msgspec.structs.astuple(count)
    db.conn.execute(_COUNT, (*row, seal("counters", *row)))


def beat(db: Database, rows: Iterable[OpenSession]) -> None:
    """Note how far the running sessions have come: one commit for all stations."""
    for row in rows:
        values = (row.session, row.boot, row.at, row.powered, row.busy)
        db.conn.execute(
            "insert or replace into heartbeats (session, boot, at, powered, busy, seal) values (?, ?, ?, ?, ?, ?)",
            (*values, seal("heartbeats", *values)),
        )


def left_open(db: Database) -> list[OpenSession]:
    """Return the sessions that were granted, and neither ended nor withdrawn, with their last heartbeat.

    Raises DamagedError.
    """
    for row in db.execute("select session, boot, at, powered, busy, seal from heartbeats").fetchall():
        sealed("heartbeats", row[:-1], row[-1])
    rows = [row for kind in ("granted", "resumed") for row in _not_ended(db, kind)]
    return [_left(db, *row) for _table, _place, *row in rows]


def _left(
    db: Database, body: str, boot: str, began: int, powered: int, busy: int | None, at: int, extended: int | None
) -> OpenSession:
    granted = _grant(body)
    return OpenSession(
        granted.session,
        granted.machine,
        powered,
        boot,
        at,
        busy,
        began,
        began if extended is None else extended,
        granted.member,
        granted.badge,
        _purpose(db, granted),
        granted.group,
        granted.longest,
    )


def settle(db: Database) -> None:
    """Note before which place every session has ended, so that whoever looks for open ones begins there."""
    open_ones = [(row[0], row[1]) for kind in ("granted", "resumed") for row in _not_ended(db, kind)]
    table, place = min(open_ones, key=lambda each: (each[0] == "journal", each[1]), default=("journal", last(db) + 1))
    set_meta(db, "settled", f"{table} {place}")


def _not_ended(db: Database, kind: str) -> Iterator[tuple[Any, ...]]:
    """Return the open sessions whose grant is there, or, by what was said again of them, those whose grant was lost.

    Each as (table, place, body, boot, at, powered, busy, last heartbeat, last extended).
    """
    begun, _, place = meta(db, "settled", "saved 0").partition(" ")
    ends = "'ended', 'grant_withdrawn'" + (", 'granted'" if kind == "resumed" else "")
    extended = "(select max(e.at) from everything e where e.session = g.session and e.kind = 'extended'"
    for table, order in (("saved", "place"), ("journal", "seq")):
        if (table, begun) == ("saved", "journal"):
            continue
        said = (
            " and json_extract(g.body, '$.member') is not null and not exists (select 1 from everything e"  # noqa: S608
            " where e.session = g.session and e.kind = 'resumed'"
            f" and (e.part, e.place) < ({int(table == 'journal')}, g.{order}))"
        )
        rows = db.execute(
            f"select g.{order}, g.body, g.boot, g.at, coalesce(h.powered, 0), h.busy, coalesce(h.at, g.at),"  # noqa: S608 - no value in it
            f" {'null' if kind == 'resumed' else extended + ' and e.boot = g.boot)'}"
            f" from {table} g left join heartbeats h on h.session = g.session"
            f" where g.kind = ? and g.{order} >= ?{said if kind == 'resumed' else ''}"
            f" and not exists (select 1 from everything e where e.session = g.session and e.kind in ({ends}))"
            f" order by g.{order}",
            [kind, int(place) if table == begun else 0],
        ).fetchall()
        yield from ((table, *row) for row in rows)


def _grant(body: str) -> Granted:
    entry = decode_entry(body)
    if isinstance(entry, Granted):
        return entry
    assert isinstance(entry, Resumed)  # noqa: S101 - those two are asked for
    purpose = entry.purpose or Purpose.OWN
    return Granted(entry.session, entry.machine, entry.member or "", entry.badge or "", Level.USER, purpose)


def _purpose(db: Database, granted: Granted) -> Purpose:
    """Return what a session is for, as it was last corrected."""
    rows = db.execute(
        "select body from everything where kind = 'corrected' and session = ? order by part, place", [granted.session]
    ).fetchall()
    said = [msgspec.json.decode(body, type=Corrected).purpose for (body,) in rows]
    return next((purpose for purpose in reversed(said) if purpose is not None), granted.purpose)


def uncleared(db: Database) -> dict[str, tuple[str, ...]]:
    """Return the causes that were latched and not cleared, by machine."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines(db, kinds=("fault", "fault_cleared")):
        match line.entry:
            case FaultLatched(machine=machine, cause=cause):
                found[machine] = (*found.get(machine, ()), cause)
            case FaultCleared(machine=machine):
                found.pop(machine, None)
            case _:
                pass
    return found
