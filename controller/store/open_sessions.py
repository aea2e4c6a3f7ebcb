"""The sessions and faults that a start has to take up: granted and not ended, latched and not cleared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlite_utils import Database

from controller.station.events import OpenSession
from controller.store.database import meta, sealed, set_meta
from controller.store.journal import last, lines
from controller.store.seal import seal
from protocol.entries import (
    Corrected,
    FaultCleared,
    FaultLatched,
    Granted,
    Purpose,
    Resumed,
    decode_entry,
)
from protocol.rows import Level


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
        granted.level,
        granted.category,
        granted.payer,
        granted.applied,
        granted.meter,
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
    level = entry.level or Level.USER
    return Granted(
        entry.session, entry.machine, entry.member or "", entry.badge or "", level, purpose, entry.category,
        entry.payer, meter=entry.counted, applied=entry.applied,
    )  # fmt: skip


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
