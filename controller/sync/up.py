"""What goes up: the journal, from what the server has acknowledged on, and how this controller is.

Reads what is committed, on a read-only connection, one short transaction a batch.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from sqlite_utils import Database

from common.errors import LoquetError
from common.owner import Owner
from common.texts import translate
from controller.store import journal
from controller.store.database import StorageError, meta, open_for_reading
from controller.sync import batches
from controller.sync.batches import Part
from controller.sync.line import LineError, RefusedError, ServerLine
from controller.sync.retry import Retry
from protocol import messages
from protocol.messages import Batch, Receipt, Report

REPORT_S: Final = 300.0
AGAIN_S: Final = 10.0
HURRY_S: Final = 1.0  # between two reports
FIRST_BYTES: Final = 64_000  # of the first batch, while nobody knows the line
QUICK_S: Final = 2.0
SLOW_S: Final = 5.0
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


class BatchSize:
    """How large a batch is to be, so that one is over within seconds on whatever line this is.

    A server waits for a message for so long and no longer; on a line of 10 kB/s a megabyte would never arrive, and what
    fails half-way is sent again whole.
    """

    def __init__(self) -> None:
        self.most = FIRST_BYTES

    def took(self, seconds: float) -> None:
        """Note how long a batch took."""
        if seconds < QUICK_S:
            self.most = min(batches.MOST_BYTES, self.most * 2)
        elif seconds > SLOW_S:
            self.failed()

    def failed(self) -> None:
        """Note that a batch did not arrive."""
        self.most = max(batches.LEAST_BYTES, self.most // 2)


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
        self._size = BatchSize()
        self._from: dict[str, int] = {}  # by epoch, after which number the server wants more
        self._doubted: set[str] | None = None  # epochs of which it is asked how far they have come; None: of all
        self._report_at = 0.0
        self._reported = -HURRY_S
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.trouble = ""

    def doubt(self) -> None:
        """Ask, from any thread, how far each journal has come: the server was restored, and may have forgotten some."""
        self._doubted = None
        self.wake()

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
            return max(self._retry.failed(), getattr(error, "after", 0.0))
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
        begun = self._now()
        try:
            receipt: Receipt = messages.read(Receipt, self._line.post("/journal", part.body, "application/x-ndjson"))
        except LineError:
            self._size.failed()
            raise
        except RefusedError as error:
            if error.kind in {"large", "slow"}:
                self._size.failed()
            if error.kind == "conflict":
                self._ask_no_more(part.epoch)
                if not part.asks:
                    self._writes.renew_epoch(part.epoch)
                    self._from.pop(part.epoch, None)
                return
            if error.kind != "order" or error.expected is None:
                raise
            self._from[part.epoch] = error.expected
            self._ask_no_more(part.epoch)
            return
        self._size.took(self._now() - begun)
        self._from[part.epoch] = receipt.seq
        self._ask_no_more(part.epoch)
        # Only what the server has committed may ever be purged here.
        self._writes.acknowledge(part.epoch, receipt.seq)

    def _next(self) -> Part | None:
        """Read the next batch that the server has not; None where it has all."""
        db = open_for_reading(self._data_dir)
        try:
            for epoch in batches.epochs(db):
                part = self._batch(db, epoch)
                if part is not None:
                    return part
            return self._question(db)
        finally:
            db.close()

    def _ask_no_more(self, epoch: str) -> None:
        if self._doubted is not None:
            self._doubted.discard(epoch)

    def _question(self, db: Database) -> Part | None:
        """Return a batch of nothing: its answer says how far a journal has come, and shows a server that was restored.

        Else that would be known with the next entry only, which may be weeks away.
        """
        if self._doubted is None:
            self._doubted = {epoch for epoch in batches.epochs(db) if journal.acknowledged(db, epoch)}
        for epoch in sorted(self._doubted):
            seen = self._from.get(epoch, journal.acknowledged(db, epoch))
            return Part(epoch, seen, messages.encode(Batch(epoch, seen, seen)), asks=True)
        return None

    def _batch(self, db: Database, epoch: str) -> Part | None:
        acknowledged = journal.acknowledged(db, epoch)
        after = self._from.get(epoch, acknowledged)
        if epoch == meta(db, "epoch") and after > journal.last(db):
            self._writes.renew_epoch(epoch)  # the server has more of it than this disk: it is an older copy of itself
            return None
        is_new = not acknowledged and epoch not in self._from
        return batches.batch(db, epoch, after, is_new=is_new, most=self._size.most)


def backlog(db: Database) -> int:
    """Count the entries that the server has not acknowledged."""
    epoch = meta(db, "epoch")
    waiting = max(0, journal.last(db) - journal.acknowledged(db, epoch))
    for other in journal.saved_epochs(db):
        told = [other, journal.acknowledged(db, other)]
        waiting += int(db.execute("select count(*) from saved where epoch = ? and seq > ?", told).fetchone()[0])
    return waiting
