"""What each machine has counted since its first day."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlite_utils import Database

from controller.store.database import meta, sealed, set_meta
from controller.store.seal import seal

_COUNT: Final = (
    "insert or replace into counters (machine, powered, busy, sessions, maintained, seal) values (?, ?, ?, ?, ?, ?)"
)


class MachineCounter(msgspec.Struct, frozen=True):
    """A machine's hours since its first day, in milliseconds; maintained: how many when it was last looked after."""

    machine: str
    powered: int = 0
    busy: int = 0
    sessions: int = 0
    maintained: int = 0


def counters(db: Database) -> dict[str, MachineCounter]:
    """Return each machine's counter. Raises DamagedError."""
    rows = db.execute("select machine, powered, busy, sessions, maintained, seal from counters").fetchall()
    for row in rows:
        sealed("counters", row[:-1], row[-1])
    return {row[0]: MachineCounter(*row[:-1]) for row in rows}


def counter(db: Database, machine: str) -> MachineCounter:
    """Return one machine's counter. Raises DamagedError."""
    row = db.conn.execute(
        "select machine, powered, busy, sessions, maintained, seal from counters where machine = ?", (machine,)
    ).fetchone()
    if row is None:
        return MachineCounter(machine)
    sealed("counters", row[:-1], row[-1])
    return MachineCounter(*row[:-1])


def adopt(db: Database, counts: dict[str, MachineCounter]) -> None:
    """Count on from what other controllers have counted, once, in the transaction that is open."""
    if not counts or meta(db, "adopted", ""):
        return
    set_meta(db, "adopted", "yes")
    for machine, more in counts.items():
        mine = counter(db, machine)
        set_counter(
            db,
            MachineCounter(
                machine,
                mine.powered + more.powered,
                mine.busy + more.busy,
                mine.sessions + more.sessions,
                mine.maintained + more.maintained,
            ),
        )


def set_counter(db: Database, count: MachineCounter) -> None:
    """Keep one machine's counter, in the transaction that is open."""
    row = msgspec.structs.astuple(count)
    db.conn.execute(_COUNT, (*row, seal("counters", *row)))
