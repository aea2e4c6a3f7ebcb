"""The writer: the only thread that writes to the database. One transaction takes all that waits.

What cannot be written is kept and tried again, within bounds: refusals are thinned first, usage never. A
grant that fails is told to the loop and forgotten: its session never began.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from common.texts import N_, translate
from controller.settings.periods import Periods
from controller.station.events import CommitFailed, Committed
from controller.store import clock_readings, damage, journal, machine_counters, open_sessions, retention, served
from controller.store import delivery as brought
from controller.store.answers import Answer, GrantAnswer, PurgeDone, StorageChanged, StorageOpened
from controller.store.connection import Connection
from controller.store.database import StorageError, is_damage, meta, set_meta
from controller.store.delivery import PendingDelivery
from controller.store.edits import Edit, EditFailed, ExcludedError, WhitelistChanged, WhitelistReplaced, carry_out
from controller.store.housekeeping import Housekeeping
from controller.store.write_queue import Taken, Waiting, WriteQueue
from guard.leases import boottime_ms
from protocol import entries

FIRST_RETRY: Final = 0.25  # seconds
LAST_RETRY: Final = 10.0
READY_MS: Final = 300  # for a card that is being read; most are in a tenth of that
WARM_MS: Final = 10  # of these in which it walks its way again and again, for a fifth of the time


class Writer:
    """Writes what waits in its queue, on its own thread."""

    def __init__(
        self,
        db: Database | None,
        notify_loop: Callable[[Answer], None],
        earliest: Callable[[], int],
        *,
        data_dir: Path | None = None,
        periods: Periods | None = None,
        now: Callable[[], int] = boottime_ms,
    ) -> None:
        """Write to *db*; without one, or once it is damaged, open the one in *data_dir* as soon as that can be done."""
        self.queue = WriteQueue()
        self.connection = Connection()
        self._notify = notify_loop
        self._earliest = earliest
        self._data_dir = data_dir
        self._now = now
        self._works = db is not None
        self._retry = FIRST_RETRY
        self._ready_until = self._warm_until = 0
        self.house = Housekeeping(
            lambda: self.connection.db,
            self._between,
            self._notice,
            self._purged,
            earliest=earliest,
            periods=periods,
            now=now,
            only_sent=lambda: self.queue.enrolled,
            waits=lambda: bool(self.queue.entries.waiting),
        )
        if db is not None:
            self._begin(db)

    def _begin(self, db: Database) -> None:
        self.connection.hold(db)
        self.queue.entries.size = journal.size(db)
        self.house.begin(self.connection.folder)

    def close(self) -> None:
        """Let the database go, once the writer's thread has ended or is not waited for any more."""
        self.connection.close()

    def run(self) -> None:
        """Write until stopped."""
        with self.connection.owner:
            while True:
                wait = self.turn()
                if self.queue.stopping and (self.queue.is_idle or not self._works):
                    return
                self.queue.wait(wait)

    def turn(self) -> float | None:
        """Do one step, while others may see for how long it takes."""
        self.queue.working_since = self._now()
        try:
            return self.step()
        finally:
            self.queue.working_since = None

    def step(self) -> float | None:
        """Write what waits; return the seconds after which to try again, or None: when there is more."""
        try:
            return self._step()
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notice(error)
            return FIRST_RETRY

    def _step(self) -> float | None:
        if not (self._is_open() and self._drain()):
            while self.queue.edits:
                why = StorageError(N_("nothing can be written now, so nothing was changed; `loquet status` says why"))
                self._refuse_any(self.queue.edits.popleft(), why)
            if self.queue.damage and self._data_dir is not None:
                self.queue.look_again()  # a new one is begun at once
            wait, self._retry = self._retry, min(LAST_RETRY, self._retry * 2)
            return wait
        self._retry = FIRST_RETRY
        if self.queue.edits:
            self.connection.let_be()
            self._change(self.queue.edits.popleft())
            self.queue.look_again()
        elif self.queue.entries.waiting:
            self.queue.look_again()
        elif left := self._is_ready_for():
            return left
        elif not self.queue.stopping:
            self.connection.let_be()
            self.house.keep(self.connection.transaction)
        if self.house.is_pressing:
            self.connection.let_be()
            self.house.checkpoint()
        return None

    def _is_ready_for(self) -> float:
        """Be ready for a tap, where a card is being read; return for how many seconds still, 0 for none."""
        now = self._now()
        if self.queue.near.is_set() and self._works and not self.queue.stopping:
            self.queue.near.clear()
            self._ready_until, self._warm_until = now + READY_MS, now + WARM_MS
            self.connection.begin_ahead()
        if not self.connection.is_ahead:
            return 0.0
        left = max(0, self._ready_until - now) / 1000
        if now >= self._warm_until:
            return left
        began = time.monotonic()
        self.connection.rehearse(journal.rehearse)
        return min(left, 4 * (time.monotonic() - began))

    def _is_open(self) -> bool:
        """Open the database, or a new one in the place of a damaged one; return whether there is one to write to."""
        if self.connection.is_open and not self.queue.damage:
            return True
        if self._data_dir is None:
            return False
        live = self.connection.give_up()
        self._works = False
        try:
            opened = damage.open_store(self._data_dir, self.queue.damage, live)
            self.queue.damage = ""
            self._begin(opened.db)
            left_open, faults = tuple(open_sessions.left_open(opened.db)), open_sessions.uncleared(opened.db)
            earliest, confirmed = clock_readings.known(opened.db), int(meta(opened.db, "confirmed", "0"))
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notify(StorageChanged(works=False, detail=str(error)))
            return False
        self._works = True
        self._notify(StorageOpened(opened.whitelist, left_open, faults, earliest, confirmed, opened.replaced))
        self._notify(StorageChanged(works=True))
        return True

    def _notice(self, error: Exception) -> None:
        """Begin a new database where an error says that this one is damaged."""
        if is_damage(error):
            self.queue.damaged(translate(error), first=True)

    def _drain(self) -> bool:
        """Write all entries that wait, in one transaction; return whether that went well."""
        # Entries stay in the queue until they are committed: a crash of this thread loses none.
        taken = self.queue.take()
        if self._works and taken.is_empty:
            return True
        try:
            with self.connection.transaction():
                self._write(taken)
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self.queue.give_back(taken)
            self._notice(error)
            if isinstance(error, UnicodeEncodeError):
                with self.queue.of_entries() as waiting:
                    found = waiting.drop_unwritable(taken.batch)
                if found:
                    return self._drain()  # one that cannot be written holds up no other
            self._fail(taken.batch, error)
            return False
        self._succeed(taken.batch)
        return True

    def _write(self, taken: Taken) -> None:
        """Write what was taken, in the transaction that is open."""
        db = self.connection.db
        journal.append(db, [(waiting.moment, waiting.entry) for waiting in taken.batch])
        if taken.thinned:
            journal.append(db, taken.thinned)
        if taken.beats:
            open_sessions.beat(db, taken.beats)
        clocks = entries.Clock | entries.ClockLowered
        if taken.beats or not self._works or any(isinstance(waiting.entry, clocks) for waiting in taken.batch):
            set_meta(db, "floor", str(self._earliest()))
        for epoch, seq in taken.acknowledged.items():
            journal.acknowledge(db, epoch, seq)
        for epoch in taken.renewed:
            journal.renew_epoch(db, epoch)
        if taken.adopted is not None:
            served.belong(db, taken.adopted[1])
            machine_counters.adopt(db, taken.adopted[0])

    def _succeed(self, batch: list[Waiting]) -> None:
        for waiting in batch:  # first of all: outputs wait for it
            if waiting.needs_answer and isinstance(waiting.entry, entries.Granted):
                self._notify(GrantAnswer(waiting.entry.machine, Committed(waiting.entry.session)))
        with self.queue.of_entries() as waiting_ones:
            waiting_ones.written(batch)
        self.house.logged += len(batch)
        if batch:
            self.queue.on_commit()
        if not self._works:
            self._works = True
            self._notify(StorageChanged(works=True))

    def _fail(self, batch: list[Waiting], error: Exception) -> None:
        """Keep what waits, but for the grants: their sessions never begin."""
        with self.queue.of_entries() as waiting_ones:
            waiting_ones.keep(batch)
        for waiting in batch:
            if waiting.needs_answer and isinstance(waiting.entry, entries.Granted):
                self._notify(GrantAnswer(waiting.entry.machine, CommitFailed(waiting.entry.session)))
        if self._works:
            self._works = False
            self._notify(StorageChanged(works=False, detail=str(error)))

    def _change(self, edit: Edit | PendingDelivery) -> None:
        if isinstance(edit, PendingDelivery):
            self._take(edit)
            return
        try:
            # `_between` lets grants that wait go first: a long list must keep no tap waiting.
            changed = carry_out(self.connection.db, edit, self._earliest(), self._between)
        except StorageError as error:
            self._notice(error)
            self._refuse(edit, error)
            return
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notice(error)
            self.house.tidy()
            self._refuse(
                edit,
                StorageError(N_("the change was not written, and nothing of it is in force: {error}"), error=error),
            )
            return
        self._notify(changed)
        self.queue.on_commit()  # its entry in the journal is to be sent: a badge blocked at the shell is no secret
        try:
            if isinstance(changed, WhitelistReplaced):
                self.house.tidy()
            self.house.changed(changed)
            if edit.forgets:
                self.house.write_document()
                self.house.forget()
        except Exception as error:  # noqa: BLE001 - it is in force; whatever a disk does, this thread goes on
            self._notice(error)
        edit.finish(changed.version if isinstance(changed, WhitelistChanged) else changed.whitelist.version)

    def _take(self, delivered: PendingDelivery) -> None:
        """Put in force what a server brought, and tell the loop."""
        try:
            changed = brought.carry_out(self.connection.db, delivered.delivery, self._between)
        except StorageError as error:
            self._notice(error)
            delivered.finish(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notice(error)
            self.house.tidy()
            delivered.finish(StorageError(N_("what the server brought was not written: {error}"), error=error))
            return
        if changed is not None:
            self._notify(changed)
            self.house.changed(changed)
        if isinstance(changed, WhitelistReplaced):
            self.house.tidy()
        delivered.finish()

    def _refuse_any(self, edit: Edit | PendingDelivery, error: StorageError) -> None:
        if isinstance(edit, PendingDelivery):
            edit.finish(error)
        else:
            self._refuse(edit, error)

    def _refuse(self, edit: Edit, error: StorageError) -> None:
        """Report that an edit is not in force: to whoever waits for it, and at the reader where it was made."""
        edit.finish(error=error)
        if edit.machine is not None:
            self._notify(EditFailed(edit.machine, edit.change, isinstance(error, ExcludedError)))

    def _between(self) -> None:
        self.queue.working_since = self._now()
        self._drain()

    def _purged(self, gone: retention.Purge) -> None:
        self.queue.entries.size -= gone.passages + gone.usage
        self._notify(PurgeDone(gone.passages, gone.usage))
