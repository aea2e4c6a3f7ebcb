"""Usage, as it is read out of the journal: each session from its grant to its end, as it was corrected.

Read in the order in which sessions began, one batch of beginnings at a time with all that was written of them: memory
does not grow with the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec
from sqlite_utils import Database

from controller.store.clock_readings import Clocks
from controller.store.journal import BATCH, StoredEntry, as_line, lines
from protocol.entries import Corrected, Ended, Granted, Purpose, Resumed, Withdrawn, energy_used
from protocol.moment import Quality

RECENT: Final = 2_000  # sessions
BEGINS: Final = ("granted", "resumed", "ended")  # of the last two only where the grant was lost with a damaged file


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
    """Return every session that was not withdrawn, in the order in which they began."""
    clocks = Clocks(db)
    told: deque[str] = deque(maxlen=RECENT)  # an end follows its grant closely: it is not looked up again
    beginnings = lines(db, machine=machine, kinds=BEGINS)
    while found := list(islice(beginnings, BATCH)):
        recent = set(told)
        batch = [(line, name) for line in found if (name := _session(line)) and name not in recent]
        written = _all_of(db, {name for _line, name in batch})
        for line, name in batch:
            mine = written.get(name, [])
            first = next((each for each in mine if _begins(each)), None)
            if first is not None and (first.epoch, first.seq) == (line.epoch, line.seq):
                told.append(name)
                usage = _usage(clocks, mine)
                if usage is not None:
                    yield usage


def named(db: Database, beginning: str) -> list[Usage]:
    """Return the sessions whose names begin so, a few of them at the most."""
    names: set[str] = set()
    for table in ("saved", "journal"):
        names |= {
            name
            for (name,) in db.execute(
                f"select distinct session from {table} where session >= ? and session < ? limit {BATCH}",  # noqa: S608
                [beginning, beginning + "\U0010ffff"],
            ).fetchall()
        }
    clocks = Clocks(db)
    found = (_usage(clocks, written) for _name, written in sorted(_all_of(db, names).items()))
    return [usage for usage in found if usage is not None]


def _all_of(db: Database, names: set[str]) -> dict[str, list[StoredEntry]]:
    """Return all that was written of some sessions, in order."""
    found: dict[str, list[StoredEntry]] = {}
    marks = ", ".join("?" * len(names))
    for table, order, epoch in (("saved", "place", "epoch"), ("journal", "seq", "''")):
        rows = db.execute(
            f"select {epoch}, seq, boot, at, kind, machine, session, body, seal from {table}"  # noqa: S608 - no value in it
            f" where session in ({marks}) order by {order}",
            [*names],
        ).fetchall()
        for row in rows:
            found.setdefault(row[6], []).append(as_line(table, row))
    return found


def _session(line: StoredEntry) -> str:
    """Return whose beginning a line may be; empty where another version wrote it."""
    return line.entry.session if isinstance(line.entry, Granted | Resumed | Ended) else ""


def _begins(line: StoredEntry) -> bool:
    """Whether a session is told of from this line on, if nothing told of it before."""
    return isinstance(line.entry, Granted | Ended) or (isinstance(line.entry, Resumed) and bool(line.entry.member))


def _usage(clocks: Clocks, written: list[StoredEntry]) -> Usage | None:
    """Return what the entries of one session come to; None where it was withdrawn, or never began."""
    usage: Usage | None = None
    for line in written:
        entry = line.entry
        if isinstance(entry, Granted) or (isinstance(entry, Resumed) and entry.member and usage is None):
            usage = _begun(clocks, line, entry)
        elif isinstance(entry, Withdrawn | Ended | Corrected):
            if isinstance(entry, Ended) and usage is None:
                usage = Usage(entry.session, entry.machine, "", None, Quality.UNKNOWN)
            usage = None if usage is None else _told_more(clocks, line, entry, usage)
    return usage


def _begun(clocks: Clocks, line: StoredEntry, began: Granted | Resumed) -> Usage:
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


def _told_more(clocks: Clocks, line: StoredEntry, entry: Withdrawn | Ended | Corrected, usage: Usage) -> Usage | None:
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


def _end_of(clocks: Clocks, line: StoredEntry, ended: Ended) -> int | None:
    """Return when a session ended: where it was cut short, at its last heartbeat."""
    return clocks.wall(ended.until.boot, ended.until.at)[0] if ended.until else clocks.wall(line.boot, line.at)[0]
