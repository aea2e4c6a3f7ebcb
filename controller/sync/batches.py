"""The journal as it leaves this controller: batch by batch, from what was committed, whatever carries it.

What was saved of damaged files goes first, under its own epoch.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlite_utils import Database

from controller.store import journal, whitelist
from controller.store.database import meta
from protocol import entries, messages
from protocol.messages import BATCH, Batch
from protocol.rows import Member

MOST_BYTES: Final = 1_000_000
LEAST_BYTES: Final = 4_000
EDITED: Final = f'"type":"{entries.Edited.__struct_config__.tag}"'


class Part(msgspec.Struct, frozen=True):
    """One batch, ready to be sent. count: its entries; asks: it only asks how far the server has come."""

    epoch: str
    upto: int
    body: bytes
    count: int = 0
    asks: bool = False


def epochs(db: Database) -> list[str]:
    """Return every journal that is here, by its epoch; the one in force last."""
    return [*journal.saved_epochs(db), meta(db, "epoch")]


def last(db: Database, epoch: str) -> int:
    """Return the number of an epoch's last entry."""
    if epoch == meta(db, "epoch"):
        return journal.last(db)
    return int(db.execute("select coalesce(max(seq), 0) from saved where epoch = ?", [epoch]).fetchone()[0])


def batch(db: Database, epoch: str, after: int, *, is_new: bool, most: int = MOST_BYTES) -> Part | None:
    """Read what follows a number in an epoch; None where nothing does.

    most: bytes of it, but for a single entry that has more. is_new: whether the server has never heard of the epoch:
    what was purged before anybody was to be told of it is no gap.
    """
    table, extra = ("journal", []) if epoch == meta(db, "epoch") else ("saved", [epoch])
    end = last(db, epoch)
    rows = db.execute(
        f"select seq, boot, at, body from {table} where seq > ?{' and epoch = ?' if extra else ''}"  # noqa: S608 - ours
        f" order by seq limit {BATCH}",
        [after, *extra],
    ).fetchall()
    lines: list[bytes] = []
    size = 0
    for row in rows:
        line = _line(*row)
        size += len(line)
        if size > most and lines:
            break
        lines.append(line)
    if after >= end:
        return None
    cut = len(lines) < len(rows) or len(rows) == BATCH
    upto = rows[len(lines) - 1][0] if cut else end
    begins = rows[0][0] if rows and is_new else 1
    head = Batch(epoch, max(after, begins - 1), upto, begins, _names(db, [row[3] for row in rows[: len(lines)]]))
    return Part(epoch, upto, b"\n".join([messages.encode(head), *lines]), len(lines))


def _names(db: Database, bodies: list[str]) -> dict[str, str]:
    """Return the names that were given here to members of whom some edits are; those who are forgotten have none."""
    found: dict[str, str] = {}
    for body in bodies:
        if EDITED in body:
            edited = entries.read_entry("", body)
            # What was edited before a server kept the list is proposed to it, names and all.
            for row in edited.rows if isinstance(edited, entries.Edited) and edited.generation else ():
                known = whitelist.in_force(db, row.key) if isinstance(row, Member) else None
                if isinstance(known, Member) and known.name and len(found) < BATCH:
                    found[known.id] = known.name
    return found


def _line(seq: int, boot: str, at: int, body: str) -> bytes:
    return messages.encode(messages.Line(seq, boot[:64], max(0, at), msgspec.Raw(body.encode())))
