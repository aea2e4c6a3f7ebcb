"""What happened to machines: how long each was locked or out of order, and what was reported of it."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlite_utils import Database

from controller.store import journal
from controller.store.clock_readings import Clocks
from protocol import entries

KINDS: Final = ("fault", "fault_cleared", "locked", "unlocked", "defect_reported", "defect_mended")


class Defect(msgspec.Struct, frozen=True):
    """Something that was reported. at: milliseconds since 1970, None where no clock was set."""

    at: int | None
    by: str
    note: str


class Trouble(msgspec.Struct):
    """One machine's. Spans: from, until (None: it still is), why; in milliseconds since 1970. defects: not mended."""

    spans: list[tuple[int, int | None, str]] = []
    since: int | None = None
    why: str = ""
    defects: list[Defect] = []

    def down_ms(self, after: int, now: int) -> int:
        """Return for how long it was locked or out of order, between two moments; what overlaps counts once."""
        total, reached = 0, after
        for began, ended, _why in sorted(self.spans, key=lambda span: span[0]):
            until = min(now, now if ended is None else ended)
            total += max(0, until - max(began, reached))
            reached = max(reached, until)
        return total


class _Open(msgspec.Struct):
    """What is not over yet, by what it is: since when, and why."""

    at: int | None
    why: str


def troubles(db: Database) -> dict[str, Trouble]:
    """Return what the journal tells of each machine. Raises DamagedError."""
    clocks = Clocks(db)
    found: dict[str, Trouble] = {}
    open_: dict[tuple[str, str], _Open] = {}
    for line in journal.lines(db, kinds=KINDS):
        machine = str(getattr(line.entry, "machine", ""))
        trouble = found.setdefault(machine, Trouble())
        _take(trouble, machine, line.entry, clocks.wall(line.boot, line.at)[0], open_)
    for (machine, _what), since in sorted(open_.items(), key=lambda each: each[1].at or 0, reverse=True):
        trouble = found[machine]
        trouble.since, trouble.why = since.at, since.why
        if since.at is not None:
            trouble.spans.append((since.at, None, since.why))
    return found


def _take(
    trouble: Trouble, machine: str, entry: entries.AnyEntry, at: int | None, open_: dict[tuple[str, str], _Open]
) -> None:
    """Take one entry up."""
    match entry:
        case entries.FaultLatched(cause=cause):
            open_.setdefault((machine, "fault"), _Open(at, cause))
        case entries.Locked(note=note):
            open_.setdefault((machine, "lock"), _Open(at, note))
        case entries.FaultCleared() | entries.Unlocked():
            what = "fault" if isinstance(entry, entries.FaultCleared) else "lock"
            since = open_.pop((machine, what), None)
            if since is not None and since.at is not None and at is not None:
                trouble.spans.append((since.at, max(at, since.at), since.why))
        case entries.Reported():
            trouble.defects.append(Defect(at, entry.by or entry.member or "", entry.note or entry.input))
        case entries.Mended():
            trouble.defects.clear()
        case _:
            pass
