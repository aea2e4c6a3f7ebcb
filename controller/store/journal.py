"""The journal on disk: appended to, never changed; and the sessions that can be read out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.station.events import OpenSession
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
    Withdrawn,
    decode_entry,
    encode_entry,
    kind,
)
from protocol.moment import Moment, Quality

_INSERT: Final = "insert into journal (boot, at, kind, machine, session, body) values (?, ?, ?, ?, ?, ?)"
_COUNT: Final = (
    "insert into counters (machine, powered, busy, sessions, maintained) values (?, ?, ?, 1, 0) on conflict (machine)"
    " do update set powered = powered + excluded.powered, busy = busy + excluded.busy, sessions = sessions + 1"
)
BATCH: Final = 500


class Line(msgspec.Struct, frozen=True):
    """One entry as the journal holds it; `at` in boot-time milliseconds of that boot."""

    seq: int
    boot: str
    at: int
    entry: AnyEntry


class Clocks:
    """Wall time of past moments, derived from the `clock` entries of their boot."""

    def __init__(self, db: Database) -> None:
        self._offsets: dict[str, list[tuple[int, int, Quality]]] = {}
        rows = db.execute("select boot, at, body from journal where kind = 'clock' order by seq").fetchall()
        for boot, at, body in rows:
            entry = msgspec.json.decode(body, type=Clock)
            self._offsets.setdefault(boot, []).append((at, entry.offset, entry.quality))

    def wall(self, boot: str, at: int) -> tuple[int | None, Quality]:
        """Give milliseconds since 1970, and how sure they are: by the best reading of that boot.

        Of readings of one quality the last before the moment is taken, or the first after it.
        """
        readings = self._offsets.get(boot)
        if not readings:
            return None, Quality.UNKNOWN
        order = list(Quality)
        best = min(order.index(quality) for _, _, quality in readings)
        good = [(when, offset) for when, offset, quality in readings if order.index(quality) == best]
        before = [offset for when, offset in good if when <= at]
        return (before[-1] if before else good[0][1]) + at, order[best]


def append(db: Database, entries: Iterable[tuple[Moment, AnyEntry]]) -> None:
    """Append entries, in the transaction that is open."""
    for moment, entry in entries:
        body = encode_entry(entry).decode()
        machine = getattr(entry, "machine", None)
        session = getattr(entry, "session", None)
        db.conn.execute(_INSERT, (moment.boot, moment.at, kind(entry), machine, session, body))
        match entry:
            case Ended():
                db.conn.execute("delete from heartbeats where session = ?", (session,))
                db.conn.execute(_COUNT, (machine, entry.powered, entry.busy or 0))
            case Maintained(powered=powered):
                db.conn.execute("update counters set maintained = ? where machine = ?", (powered, machine))
            case _:
                pass


def lines(db: Database, after: int = 0, machine: str | None = None, kinds: tuple[str, ...] = ()) -> Iterator[Line]:
    """Give entries in order, in short reads: no cursor stays open."""
    where = "seq > ?" + (" and machine = ?" if machine else "")
    if kinds:
        where += f" and kind in ({', '.join('?' * len(kinds))})"
    sql = f"select seq, boot, at, body from journal where {where} order by seq limit {BATCH}"  # noqa: S608 - no value in it
    while True:
        values: list[Any] = [after, *([machine] if machine else []), *kinds]
        rows = db.execute(sql, values).fetchall()
        for seq, boot, at, body in rows:
            yield Line(seq, boot, at, decode_entry(body))
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


def counters(db: Database) -> dict[str, Counter]:
    """Give each machine's counter."""
    rows = db.execute("select machine, powered, busy, sessions, maintained from counters").fetchall()
    return {row[0]: Counter(*row) for row in rows}


class Usage(msgspec.Struct, frozen=True):
    """One session as people count it. Times in milliseconds since 1970, None where no clock was ever set.

    busy_s: None where nothing senses that the machine runs. corrected_by: who said better what it was, and `note` why;
    powered_s and the rest are as corrected then.
    """

    session: str
    machine: str
    member: str
    started: int | None
    quality: Quality
    powered_s: int | None = None
    busy_s: int | None = None
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


def sessions(db: Database, machine: str | None = None) -> Iterator[Usage]:
    """Give every session that was not withdrawn, in the order in which they began."""
    clocks = Clocks(db)
    usages: dict[str, Usage] = {}
    for line in lines(db, machine=machine, kinds=("granted", "ended", "grant_withdrawn", "corrected")):
        entry = line.entry
        if isinstance(entry, Granted):
            usages[entry.session] = _begun(clocks, line, entry)
        elif isinstance(entry, Withdrawn | Ended | Corrected) and entry.session in usages:
            usage = _told_more(clocks, line, entry, usages[entry.session])
            if usage is None:
                del usages[entry.session]
            else:
                usages[entry.session] = usage
    yield from usages.values()


def _begun(clocks: Clocks, line: Line, granted: Granted) -> Usage:
    started, quality = clocks.wall(line.boot, line.at)
    return Usage(
        session=granted.session,
        machine=granted.machine,
        member=granted.member,
        started=started,
        quality=quality,
        purpose=granted.purpose.value,
        category=granted.category,
        payer=granted.payer,
        beside=granted.beside,
        group=granted.group,
        organisation=granted.organisation,
        people=granted.people,
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
    db["heartbeats"].upsert_all(  # type: ignore[union-attr]
        [
            {"session": row.session, "boot": row.boot, "at": row.at, "powered": row.powered, "busy": row.busy}
            for row in rows
        ],
        pk="session",
    )


def left_open(db: Database) -> list[OpenSession]:
    """Give the sessions that were granted, and neither ended nor withdrawn, with their last heartbeat."""
    rows = db.execute(
        "select g.body, g.boot, g.at, coalesce(h.powered, 0), h.busy, coalesce(h.at, g.at),"
        " (select max(e.at) from journal e where e.session = g.session and e.kind = 'extended' and e.boot = g.boot)"
        " from journal g left join heartbeats h on h.session = g.session where g.kind = 'granted' and not exists"
        " (select 1 from journal e where e.session = g.session and e.kind in ('ended', 'grant_withdrawn'))"
        " order by g.seq"
    ).fetchall()
    found = []
    for body, boot, began, powered, busy, at, extended in rows:
        granted = msgspec.json.decode(body, type=Granted)
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


def _purpose(db: Database, granted: Granted) -> Purpose:
    """Give what a session is for, as it was last corrected."""
    rows = db.execute(
        "select body from journal where kind = 'corrected' and session = ? order by seq", [granted.session]
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
