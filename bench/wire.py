"""What a village line carries: the bytes of a list of 2,000 and of a month's journal, and for how long 2G is at it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Final

from controller.store.damage import open_store
from controller.store.database import meta
from controller.store.journal import append
from controller.sync.batches import batch
from controller.sync.up import BatchSize
from protocol.entries import AnyEntry, Ended, Ending, Granted
from protocol.moment import Moment, Quality
from protocol.rows import Badge, Certification, Level, Member, encode_row

MEMBERS: Final = 2_000
SESSIONS: Final = 4 * 12 * 26  # four machines, twelve sessions a day each, the open days of a month
DAY: Final = date(2026, 11, 20)
BYTES_A_SECOND: Final = 10_000
THERE_AND_BACK_S: Final = 2.0
LOST: Final = 0.05


def figures(folder: Path) -> dict[str, float]:
    """Write a month's journal, and take it apart as it is sent."""
    here = folder / "wire"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    try:
        rows = _list()
        bodies = _journal(here)
    finally:
        shutil.rmtree(here, ignore_errors=True)
    seconds = sum(each * (1 + LOST) / BYTES_A_SECOND + THERE_AND_BACK_S for each in (rows, *bodies))
    return {"wire_list_2000_kb": rows / 1_000, "wire_month_kb": sum(bodies) / 1_000, "wire_2g_s": seconds}


def _list() -> int:
    """Return the bytes of the rows of so many members, each on a line of its own."""
    size = 0
    for number in range(MEMBERS):
        who = f"m{number:04}"
        rows = (Member(who, f"Membre Numéro {number}"), Badge(f"{number:032x}", who), Certification(who, "safety"))
        size += sum(len(encode_row(row)) + 1 for row in rows)
    return size


def _journal(folder: Path) -> list[int]:
    """Return the bytes of each batch, as large as such a line lets them be."""
    opened = open_store(folder)
    db, boot = opened.db, "5f0e7f3e-9a52-4c79-a7d2-5ae2f66b1d0a"
    for number in range(SESSIONS):
        name, at = f"{number:016x}", number * 900_000
        said: list[AnyEntry] = [
            Granted(name, "laser", f"m{number % MEMBERS:04}", "b" * 32, Level.USER, category="résidents", applied=""),
            Ended(name, "laser", Ending.BADGE_TAPPED, 1_800_000, f"m{number % MEMBERS:04}", lines=()),
        ]
        with db.conn:
            append(
                db, [(Moment(boot, at + n, at, Quality.SYNCHRONISED, DAY, DAY), each) for n, each in enumerate(said)]
            )
    epoch, after, size = meta(db, "epoch"), 0, BatchSize()
    found = []
    while (part := batch(db, epoch, after, is_new=False, most=size.most)) is not None:
        found.append(len(part.body))
        size.took(len(part.body) * (1 + LOST) / BYTES_A_SECOND + THERE_AND_BACK_S)
        after = part.upto
    db.close()
    return found
