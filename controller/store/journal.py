"""The journal on disk: appended to, never changed; and the sessions that can be read out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from controller.events import OpenSession
from protocol.entries import AnyEntry, Clock, Ended, Granted, Withdrawn, decode_entry, encode_entry, kind
from protocol.moment import Moment, Quality

_INSERT: Final = "insert into journal (boot, at, kind, machine, session, body) values (?, ?, ?, ?, ?, ?)"
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
        if isinstance(entry, Ended):
            db.conn.execute("delete from heartbeats where session = ?", (session,))


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


class Usage(msgspec.Struct, frozen=True):
    """One session as people count it. Times in milliseconds since 1970, None where no clock was ever set."""

    session: str
    machine: str
    member: str
    started: int | None
    quality: Quality
    powered_s: int | None
    ended: int | None = None
    why: str | None = None
    ended_by: str | None = None
    purpose: str = "own"
    category: str = ""
    payer: str = ""


def sessions(db: Database, machine: str | None = None) -> Iterator[Usage]:
    """Give every session that was not withdrawn, in the order in which they began."""
    clocks = Clocks(db)
    open_ones: dict[str, tuple[Line, Granted]] = {}
    usages: dict[str, Usage | None] = {}
    for line in lines(db, machine=machine, kinds=("granted", "ended", "grant_withdrawn")):
        match line.entry:
            case Granted() as granted:
                open_ones[granted.session] = line, granted
                usages[granted.session] = _usage(clocks, line, granted)
            case Withdrawn(session=session):
                usages.pop(session, None)
            case Ended() as ended if ended.session in open_ones:
                usages[ended.session] = _usage(clocks, *open_ones.pop(ended.session), (line, ended))
            case _:
                pass
    yield from (usage for usage in usages.values() if usage is not None)


def _usage(clocks: Clocks, line: Line, granted: Granted, end: tuple[Line, Ended] | None = None) -> Usage:
    started, quality = clocks.wall(line.boot, line.at)
    return Usage(
        session=granted.session,
        machine=granted.machine,
        member=granted.member,
        started=started,
        quality=quality,
        powered_s=round(end[1].powered / 1000) if end else None,
        ended=_end_of(clocks, *end) if end else None,
        why=end[1].why.value if end else None,
        ended_by=end[1].by if end else None,
        purpose=granted.purpose.value,
        category=granted.category,
        payer=granted.payer,
    )


def _end_of(clocks: Clocks, line: Line, ended: Ended) -> int | None:
    """Say when a session ended: where it was cut short, at its last heartbeat."""
    return clocks.wall(ended.until.boot, ended.until.at)[0] if ended.until else clocks.wall(line.boot, line.at)[0]


def beat(db: Database, rows: Iterable[OpenSession]) -> None:
    """Note how far the running sessions have come: one commit for all stations."""
    db["heartbeats"].upsert_all(  # type: ignore[union-attr]
        [{"session": row.session, "boot": row.boot, "at": row.at, "powered": row.powered} for row in rows],
        pk="session",
    )


def left_open(db: Database) -> list[OpenSession]:
    """Give the sessions that were granted, and neither ended nor withdrawn, with their last heartbeat."""
    rows = db.execute(
        "select g.session, g.machine, coalesce(h.powered, 0), g.boot, coalesce(h.at, g.at) from journal g"
        " left join heartbeats h on h.session = g.session where g.kind = 'granted' and not exists"
        " (select 1 from journal e where e.session = g.session and e.kind in ('ended', 'grant_withdrawn'))"
        " order by g.seq"
    ).fetchall()
    return [OpenSession(*row) for row in rows]
