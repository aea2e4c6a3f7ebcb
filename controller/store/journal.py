"""The journal on disk: appended to, never changed; and the sessions that can be read out of it."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.clock import is_near
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
    Withdrawn,
    decode_entry,
    encode_entry,
    energy_used,
    kind,
)
from protocol.moment import Moment, Quality
from protocol.whitelist import Level

_INSERT: Final = (
    "insert into journal (seq, boot, at, kind, machine, session, body, seal) values (?, ?, ?, ?, ?, ?, ?, ?)"
)
_COUNT: Final = (
    "insert or replace into counters (machine, powered, busy, sessions, maintained, seal) values (?, ?, ?, ?, ?, ?)"
)
BATCH: Final = 500


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
        rows = db.execute(
            "select part, place, boot, at, body from everything where kind = 'clock' order by part, place"
        ).fetchall()
        for part, place, boot, at, body in rows:
            entry = msgspec.json.decode(body, type=Clock)
            self._offsets.setdefault(boot, []).append((at, entry.offset, entry.quality))
            if entry.quality is Quality.SYNCHRONISED:
                self._sure.append(((part, place), at + entry.offset))

    def latest(self, part: int, place: int, boot: str, at: int) -> int | None:
        """Give when an entry was written at the latest; None where no sure clock came after it.

        A boot whose clock was never set is bounded by what comes after it. part, place: as `everything` orders them.
        """
        wall, quality = self.wall(boot, at)
        after = bisect_right(self._sure, ((part, place), 0))
        before = max((sure for _where, sure in self._sure[:after]), default=0)
        if quality is Quality.SYNCHRONISED and wall is not None:
            return max(wall, before)  # a time server that serves the past makes nothing old
        return max(self._sure[after][1], before) if after < len(self._sure) else None

    @property
    def first(self) -> int | None:
        """The first time that was surely known, milliseconds since 1970."""
        sure = {Quality.SYNCHRONISED, Quality.KEPT}
        known = [at + offset for readings in self._offsets.values() for at, offset, how in readings if how in sure]
        return min(known, default=None)

    def wall(self, boot: str, at: int) -> tuple[int | None, Quality]:
        """Give milliseconds since 1970, and how sure they are: by the best reading of that boot, the last of them.

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
    """Append entries, in the transaction that is open; give the number of the last."""
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
        changed = db.conn.execute("update sqlite_sequence set seq = ? where name = 'journal'", (seq - 1,)).rowcount
        if not changed:
            db.conn.execute("insert into sqlite_sequence (name, seq) values ('journal', ?)", (seq - 1,))


def last(db: Database) -> int:
    """Give the number that was used last: none is used again, whatever was purged."""
    row = db.conn.execute("select seq from sqlite_sequence where name = 'journal'").fetchone()
    return int(row[0]) if row else 0


def lines(db: Database, after: int = 0, machine: str | None = None, kinds: tuple[str, ...] = ()) -> Iterator[Line]:
    """Give entries in order, in short reads: no cursor stays open. What was saved of damaged files comes first.

    Raises DamagedError.
    """
    if not after:
        yield from _lines(db, "saved", "place", 0, machine, kinds)
    yield from _lines(db, "journal", "seq", after, machine, kinds)


def _lines(
    db: Database, table: str, order: str, after: int, machine: str | None, kinds: tuple[str, ...]
) -> Iterator[Line]:
    where = f"{order} > ?" + (" and machine = ?" if machine else "")
    if kinds:
        where += f" and kind in ({', '.join('?' * len(kinds))})"
    epoch = "epoch" if table == "saved" else "''"
    sql = (
        f"select {order}, {epoch}, seq, boot, at, kind, machine, session, body, seal from {table}"  # noqa: S608 - no value in it
        f" where {where} order by {order} limit {BATCH}"
    )
    while True:
        values: list[Any] = [after, *([machine] if machine else []), *kinds]
        rows = db.execute(sql, values).fetchall()
        for _place, of, seq, boot, at, what, where_, session, body, check in rows:
            row = (seq, boot, at, what, where_, session, body)
            sealed(table, (of, *row) if of else row, check)
            try:
                entry = decode_entry(body)
            except msgspec.MsgspecError:  # its seal holds: another version wrote it
                entry = Unknown(what)
            yield Line(seq, boot, at, entry, of)
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


class Counter(msgspec.Struct, frozen=True):
    """A machine's hours since its first day, in milliseconds; maintained: how many when it was last looked after."""

    machine: str
    powered: int = 0
    busy: int = 0
    sessions: int = 0
    maintained: int = 0


def acknowledged(db: Database, epoch: str) -> int:
    """Give the last number of an epoch's journal that a server has committed; 0 where there is none."""
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
    """Give the latest time that is known to have passed, milliseconds since 1970; 0 for none.

    Every entry of a boot whose clock was synchronised raises it, so that nothing has to be written only for that.
    """
    floor = int(meta(db, "floor"))
    row = db.execute("select boot, at from journal order by seq desc limit 1").fetchone()
    wall, quality = Clocks(db).wall(*row) if row else (None, Quality.UNKNOWN)
    believed = wall is not None and quality is Quality.SYNCHRONISED and is_near(floor, wall)
    return max(floor, wall or 0) if believed else floor


def counters(db: Database) -> dict[str, Counter]:
    """Give each machine's counter. Raises DamagedError."""
    rows = db.execute("select machine, powered, busy, sessions, maintained, seal from counters").fetchall()
    for row in rows:
        sealed("counters", row[:-1], row[-1])
    return {row[0]: Counter(*row[:-1]) for row in rows}


def counter(db: Database, machine: str) -> Counter:
    """Give one machine's counter. Raises DamagedError."""
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


class Usage(msgspec.Struct, frozen=True):
    """One session as people count it. Times in milliseconds since 1970, None where no clock was ever set.

    busy_s: None where nothing senses that the machine runs; energy_wh where nothing counts it. corrected_by: who said
    better what it was, and `note` why; powered_s and the rest are as corrected then.
    """

    session: str
    machine: str
    member: str
    started: int | None
    quality: Quality
    powered_s: int | None = None
    busy_s: int | None = None
    energy_wh: int | None = None
    ended: int | None = None
    why: str | None = None
    ended_by: str | None = None
    cause: str = ""
    purpose: str = "own"
    category: str = ""
    payer: str = ""
    beside: str | None = None
    group: bool = False
    organisation: str = ""
    people: int | None = None
    corrected_by: str | None = None
    note: str = ""
    meter: float | None = None


def sessions(db: Database, machine: str | None = None) -> Iterator[Usage]:
    """Give every session that was not withdrawn, in the order in which they began."""
    clocks = Clocks(db)
    usages: dict[str, Usage] = {}
    for line in lines(db, machine=machine, kinds=("granted", "resumed", "ended", "grant_withdrawn", "corrected")):
        entry = line.entry
        if isinstance(entry, Granted):
            usages[entry.session] = _begun(clocks, line, entry)
        elif isinstance(entry, Resumed) and entry.member and entry.session not in usages:
            usages[entry.session] = _begun(clocks, line, entry)  # its grant was lost with a damaged file
        elif isinstance(entry, Withdrawn | Ended | Corrected):
            if isinstance(entry, Ended) and entry.session not in usages:
                usages[entry.session] = Usage(entry.session, entry.machine, "", None, Quality.UNKNOWN)
            if entry.session not in usages:
                continue
            usage = _told_more(clocks, line, entry, usages[entry.session])
            if usage is None:
                del usages[entry.session]
            else:
                usages[entry.session] = usage
    yield from usages.values()


def _begun(clocks: Clocks, line: Line, began: Granted | Resumed) -> Usage:
    started, quality = clocks.wall(line.boot, line.at)
    usage = Usage(began.session, began.machine, began.member or "", started, quality)
    purpose = (began.purpose or Purpose.OWN).value
    if isinstance(began, Resumed):
        return msgspec.structs.replace(usage, purpose=purpose)
    return msgspec.structs.replace(
        usage,
        purpose=purpose,
        category=began.category,
        payer=began.payer,
        beside=began.beside,
        group=began.group,
        organisation=began.organisation,
        people=began.people,
        meter=began.meter,
    )


def _told_more(clocks: Clocks, line: Line, entry: Withdrawn | Ended | Corrected, usage: Usage) -> Usage | None:
    """Add what a later entry says of a session; None where it never began."""
    match entry:
        case Withdrawn():
            return None
        case Ended():
            return msgspec.structs.replace(
                usage,
                powered_s=round(entry.powered / 1000),
                busy_s=None if entry.busy is None else round(entry.busy / 1000),
                energy_wh=energy_used(usage.meter, entry.meter),
                ended=_end_of(clocks, line, entry),
                why=entry.why.value,
                ended_by=entry.by,
                cause=entry.cause,
            )
        case Corrected():
            said: dict[str, object] = {"purpose": entry.purpose and entry.purpose.value}
            said |= {"organisation": entry.organisation, "people": entry.people}
            said["powered_s"] = None if entry.powered is None else round(entry.powered / 1000)
            said = {name: value for name, value in said.items() if value is not None}
            return msgspec.structs.replace(usage, corrected_by=entry.by, note=entry.note, **said)


def _end_of(clocks: Clocks, line: Line, ended: Ended) -> int | None:
    """Say when a session ended: where it was cut short, at its last heartbeat."""
    return clocks.wall(ended.until.boot, ended.until.at)[0] if ended.until else clocks.wall(line.boot, line.at)[0]


def beat(db: Database, rows: Iterable[OpenSession]) -> None:
    """Note how far the running sessions have come: one commit for all stations."""
    for row in rows:
        values = (row.session, row.boot, row.at, row.powered, row.busy)
        db.conn.execute(
            "insert or replace into heartbeats (session, boot, at, powered, busy, seal) values (?, ?, ?, ?, ?, ?)",
            (*values, seal("heartbeats", *values)),
        )


def left_open(db: Database) -> list[OpenSession]:
    """Give the sessions that were granted, and neither ended nor withdrawn, with their last heartbeat.

    Raises DamagedError.
    """
    for row in db.execute("select session, boot, at, powered, busy, seal from heartbeats").fetchall():
        sealed("heartbeats", row[:-1], row[-1])
    rows = db.execute(
        "select g.body, g.boot, g.at, coalesce(h.powered, 0), h.busy, coalesce(h.at, g.at),"
        " (select max(e.at) from everything e where e.session = g.session and e.kind = 'extended' and e.boot = g.boot)"
        " from everything g left join heartbeats h on h.session = g.session where g.kind = 'granted' and not exists"
        " (select 1 from everything e where e.session = g.session and e.kind in ('ended', 'grant_withdrawn'))"
        " order by g.part, g.place"
    ).fetchall()
    found = []
    for body, boot, began, powered, busy, at, extended in [*rows, *_said_again(db)]:
        granted = _grant(body)
        found.append(
            OpenSession(
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
        )
    return found


def _said_again(db: Database) -> list[tuple[Any, ...]]:
    """Give the open sessions whose grant was lost with a damaged file, by what was said again of them."""
    return db.execute(
        "select g.body, g.boot, g.at, coalesce(h.powered, 0), h.busy, coalesce(h.at, g.at), null"
        " from everything g left join heartbeats h on h.session = g.session where g.kind = 'resumed'"
        " and json_extract(g.body, '$.member') is not null and not exists (select 1 from everything e"
        " where e.session = g.session and e.kind in ('granted', 'ended', 'grant_withdrawn'))"
        " and not exists (select 1 from everything e where e.session = g.session and e.kind = 'resumed'"
        " and (e.part, e.place) < (g.part, g.place)) order by g.part, g.place"
    ).fetchall()


def _grant(body: str) -> Granted:
    entry = decode_entry(body)
    if isinstance(entry, Granted):
        return entry
    assert isinstance(entry, Resumed)  # noqa: S101 - those two are asked for
    purpose = entry.purpose or Purpose.OWN
    return Granted(entry.session, entry.machine, entry.member or "", entry.badge or "", Level.USER, purpose)


def _purpose(db: Database, granted: Granted) -> Purpose:
    """Give what a session is for, as it was last corrected."""
    rows = db.execute(
        "select body from everything where kind = 'corrected' and session = ? order by part, place", [granted.session]
    ).fetchall()
    said = [msgspec.json.decode(body, type=Corrected).purpose for (body,) in rows]
    return next((purpose for purpose in reversed(said) if purpose is not None), granted.purpose)


def uncleared(db: Database) -> dict[str, tuple[str, ...]]:
    """Give the causes that were latched and not cleared, by machine."""
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
