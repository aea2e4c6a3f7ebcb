"""What goes up: the journal, from what the server has acknowledged on, and how this controller is.

Reads what is committed, on a read-only connection, one short transaction a batch. What was saved of damaged files goes
first, under its own epoch.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec
from sqlite_utils import Database

from common.errors import LoquetError
from common.owner import Owner
from common.texts import translate
from controller.store import journal, whitelist
from controller.store.database import StorageError, meta, open_for_reading
from controller.sync.line import LineError, RefusedError, ServerLine
from controller.sync.retry import Retry
from protocol import entries, messages
from protocol.messages import BATCH, Batch, Receipt, Report
from protocol.rows import Member

REPORT_S: Final = 300.0
AGAIN_S: Final = 10.0
HURRY_S: Final = 1.0  # between two reports
MOST_BYTES: Final = 1_000_000
EDITED: Final = f'"type":"{entries.Edited.__struct_config__.tag}"'
TROUBLE: Final = 300  # characters of what is told of an error
log = logging.getLogger("loquet")


class HasJournal(Protocol):
    """What the writer does for us."""

    def acknowledge(self, epoch: str, seq: int) -> None:
        """Note what the server has committed."""
        ...

    def renew_epoch(self, epoch: str) -> None:
        """Go on in a new epoch with what that one holds and the server has not."""
        ...


class Part(msgspec.Struct, frozen=True):
    """One batch, ready to be sent."""

    epoch: str
    upto: int
    body: bytes


class Up:
    """The thread that sends. `step` sends one batch, and gives the seconds to the next."""

    def __init__(
        self,
        data_dir: Path,
        line: ServerLine,
        writes: HasJournal,
        report: Callable[[], Report | None],
        now: Callable[[], float],
        retry: Retry | None = None,
    ) -> None:
        """report: says how this controller is. now: seconds."""
        self._data_dir = data_dir
        self._line = line
        self.owner = Owner("what is sent")
        self._writes = writes
        self._report = report
        self._now = now
        self._retry = retry or Retry()
        self._from: dict[str, int] = {}  # by epoch, after which number the server wants more
        self._report_at = 0.0
        self._reported = -HURRY_S
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.trouble = ""

    def wake(self) -> None:
        """Say, from any thread, that there is something new."""
        self._wake.put(True)

    def stop(self) -> None:
        """End after what is being sent."""
        self._wake.put(False)

    def run(self) -> None:
        """Send until stopped."""
        with self.owner:
            while True:
                wait = self.step()
                try:
                    goes_on = self._wake.get(timeout=wait) if wait else True
                    while goes_on and not self._wake.empty():
                        goes_on = self._wake.get_nowait()
                except queue.Empty:
                    goes_on = True
                if not goes_on:
                    return

    def step(self) -> float:
        """Send what comes next; return the seconds after which there may be more, 0 for at once."""
        self.owner.check()
        try:
            wait = self._step()
        except (LineError, RefusedError, StorageError, sqlite3.Error) as error:
            self.trouble = translate(error) if isinstance(error, LoquetError) else str(error)
            return self._retry.failed()
        except Exception as error:  # whatever a server or a disk brings: this thread goes on sending
            log.exception("the journal was not sent; it is tried again")
            self.trouble = f"{type(error).__name__}: {error}"[:TROUBLE]
            return self._retry.failed()
        self.trouble = ""
        self._retry.worked()
        return wait

    def _step(self) -> float:
        part = self._next()
        if part is not None:
            self._send(part)
            self._report_at = min(self._report_at, self._reported + HURRY_S)
            return 0
        if self._now() >= self._report_at:
            self._reported = self._now()
            self._report_at = self._reported + REPORT_S
            report = self._report()
            if report is not None:
                self._line.post("/report", messages.encode(report))
                if report.backlog:  # acknowledgements are on their way to the disk: said again once they are there
                    self._report_at = self._reported + AGAIN_S
        return max(0.05, self._report_at - self._now())

    def _send(self, part: Part) -> None:
        try:
            receipt: Receipt = messages.read(Receipt, self._line.post("/journal", part.body, "application/x-ndjson"))
        except RefusedError as error:
            if error.kind == "conflict":
                self._writes.renew_epoch(part.epoch)
                self._from.pop(part.epoch, None)
                return
            if error.kind != "order" or error.expected is None:
                raise
            self._from[part.epoch] = error.expected
            return
        self._from[part.epoch] = receipt.seq
        # Only what the server has committed may ever be purged here.
        self._writes.acknowledge(part.epoch, receipt.seq)

    def _next(self) -> Part | None:
        """Read the next batch that the server has not; None where it has all."""
        db = open_for_reading(self._data_dir)
        try:
            for epoch in self._epochs(db):
                part = self._batch(db, epoch)
                if part is not None:
                    return part
            return None
        finally:
            db.close()

    @staticmethod
    def _epochs(db: Database) -> list[str]:
        return [*journal.saved_epochs(db), meta(db, "epoch")]

    def _batch(self, db: Database, epoch: str) -> Part | None:
        current = epoch == meta(db, "epoch")
        acknowledged = journal.acknowledged(db, epoch)
        after = self._from.get(epoch, acknowledged)
        last = journal.last(db) if current else _last_saved(db, epoch)
        if current and after > last:
            self._writes.renew_epoch(epoch)  # the server has more of it than this disk: it is an older copy of itself
            return None
        table, extra = ("journal", []) if current else ("saved", [epoch])
        rows = db.execute(
            f"select seq, boot, at, body from {table} where seq > ?{'' if current else ' and epoch = ?'}"  # noqa: S608
            f" order by seq limit {BATCH}",
            [after, *extra],
        ).fetchall()
        lines: list[bytes] = []
        size = 0
        for row in rows:
            line = _line(*row)
            size += len(line)
            if size > MOST_BYTES and lines:
                break
            lines.append(line)
        if after >= last:
            return None
        cut = len(lines) < len(rows) or len(rows) == BATCH
        upto = rows[len(lines) - 1][0] if cut else last
        # What was purged before anybody was to be told of it is no gap.
        is_new = not acknowledged and epoch not in self._from
        begins = rows[0][0] if rows and is_new else 1
        head = Batch(epoch, max(after, begins - 1), upto, begins, _names(db, [row[3] for row in rows[: len(lines)]]))
        return Part(epoch, upto, b"\n".join([messages.encode(head), *lines]))


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


def _last_saved(db: Database, epoch: str) -> int:
    return int(db.execute("select coalesce(max(seq), 0) from saved where epoch = ?", [epoch]).fetchone()[0])


def _line(seq: int, boot: str, at: int, body: str) -> bytes:
    return messages.encode(messages.Line(seq, boot[:64], max(0, at), msgspec.Raw(body.encode())))


def backlog(db: Database) -> int:
    """Count the entries that the server has not acknowledged."""
    epoch = meta(db, "epoch")
    waiting = max(0, journal.last(db) - journal.acknowledged(db, epoch))
    for other in journal.saved_epochs(db):
        told = [other, journal.acknowledged(db, other)]
        waiting += int(db.execute("select count(*) from saved where epoch = ? and seq > ?", told).fetchone()[0])
    return waiting
