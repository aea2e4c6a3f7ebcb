"""The writer: the only thread that writes to the database. One transaction takes all that waits.

What cannot be written is kept and tried again, within bounds: refusals are thinned first, usage never. A
grant that fails is told to the loop and forgotten: its session never began.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from common.texts import N_, tell
from controller.settings.periods import DAY_MS, Periods
from controller.station.events import CommitFailed, Committed, OpenSession
from controller.store import damage, document, journal, retention, whitelist
from controller.store import delivery as brought
from controller.store.database import DamagedError, StorageError, is_damage, meta, set_meta
from controller.store.delivery import Brought
from controller.store.edits import Edit, EditFailed, ExcludedError, WhitelistChanged, WhitelistReplaced, carry_out
from guard.leases import boottime_ms
from protocol import entries
from protocol.entries import AnyEntry
from protocol.moment import Moment
from protocol.whitelist import Whitelist

MAX_WAITING: Final = 10_000  # entries; past it no session begins
MAX_REFUSALS: Final = 1_000  # of the kinds in THINNED among them; past it they are counted instead of kept
MAX_JOURNAL: Final = 2_000_000  # entries; nine tenths of it thins refusals, all of it refuses sessions
THINNED: Final = (entries.Refused, entries.ReaderLost, entries.ReaderFound, entries.Warned)
CHECKPOINT: Final = 200  # entries after which the log is copied back into the database
FIRST_RETRY: Final = 0.25  # seconds
LAST_RETRY: Final = 10.0
STUCK_MS: Final = 10_000  # on one transaction; a disk that takes longer is not coming back by itself


class GrantAnswer(msgspec.Struct, frozen=True):
    """To the loop: what became of a grant."""

    machine: str
    event: Committed | CommitFailed


class StorageChanged(msgspec.Struct, frozen=True):
    """To the loop: whether anything can be written now, and why not."""

    works: bool
    detail: str = ""


class PurgeDone(msgspec.Struct, frozen=True):
    """To the loop: so many entries were older than they may be kept."""

    passages: int
    usage: int


class StorageOpened(msgspec.Struct, frozen=True):
    """To the loop: the database could be opened, for the first time or in the place of a damaged one."""

    whitelist: Whitelist
    left_open: tuple[OpenSession, ...]
    faults: dict[str, tuple[str, ...]]
    floor: int
    confirmed: int
    replaced: entries.StorageReplaced | None = None


Answer = EditFailed | GrantAnswer | StorageChanged | StorageOpened | PurgeDone | WhitelistChanged | WhitelistReplaced


def _nobody() -> None:
    """Notify nobody."""


class _Waiting(msgspec.Struct, frozen=True):
    moment: Moment
    entry: AnyEntry
    needs_answer: bool = False


class Writer:
    """Takes entries and edits from any thread; `step` writes, on the writer's own."""

    def __init__(
        self,
        db: Database | None,
        tell_loop: Callable[[Answer], None],
        floor: Callable[[], int],
        *,
        data_dir: Path | None = None,
        periods: Periods | None = None,
        now: Callable[[], int] = boottime_ms,
    ) -> None:
        """Write to *db*; without one, or once it is damaged, open the one in *data_dir* as soon as that can be done."""
        self._db = db
        self._tell = tell_loop
        self._floor = floor
        self._data_dir = data_dir
        self._periods = periods
        self._now = now
        self._lock = threading.Lock()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting: deque[_Waiting] = deque()
        self._edits: deque[Edit | Brought] = deque()
        self._beats: tuple[OpenSession, ...] = ()
        self._acknowledged: dict[str, int] = {}
        self._renewed: set[str] = set()
        self._adopted: tuple[dict[str, journal.Counter], str] | None = None
        self._enrolled = False  # what a server has not acknowledged is not purged
        self._on_commit: Callable[[], None] = _nobody
        self._refusals = 0
        self._thinned: Counter[str] = Counter()
        self._thinned_at: Moment | None = None
        self._works = db is not None
        self._damage = ""
        self._retry = FIRST_RETRY
        self._size = 0
        self._stopping = False
        self._logged = 0
        self._working_since: int | None = None
        self._document_due = False
        self._forget_due = False
        self._purge_at = 0
        self._inode = 0
        if db is not None:
            self._begin(db)

    def _begin(self, db: Database) -> None:
        self._db = db
        self._size = journal.size(db)
        path = db.execute("pragma database_list").fetchone()[2]
        self._folder = Path(path).parent
        self._path = path
        self._inode = os.stat(path).st_ino if path else 0  # noqa: PTH116 - on the way of a tap
        with contextlib.suppress(StorageError, OSError):
            self._document_due = document.version(self._folder) != int(meta(db, "version"))
        # SQLite would copy its log back in the middle of some tap's commit; we do it when nothing waits.
        db.execute("pragma wal_autocheckpoint=0")

    @property
    def _opened(self) -> Database:
        assert self._db is not None  # noqa: S101 - step opens it before anything else
        return self._db

    # --- from the loop's thread ---

    def commit(self, moment: Moment, entry: entries.Granted) -> None:
        """Write a grant, and tell the loop when it is there."""
        self._put(_Waiting(moment, entry, needs_answer=True))

    def record(self, moment: Moment, entry: AnyEntry) -> None:
        """Write an entry."""
        if isinstance(entry, THINNED) and self._is_crowded():
            with self._lock:
                self._thinned[entry.machine] += 1
                self._thinned_at = moment
            self._wake.put(None)
            return
        self._put(_Waiting(moment, entry))

    def _is_crowded(self) -> bool:
        return self._refusals >= MAX_REFUSALS or self._size >= MAX_JOURNAL * 9 // 10

    def _put(self, waiting: _Waiting) -> None:
        with self._lock:
            self._waiting.append(waiting)
            self._refusals += isinstance(waiting.entry, THINNED)
        self._wake.put(None)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may begin: the journal, or the queue before it, is at its bound."""
        return self._size >= MAX_JOURNAL or len(self._waiting) >= MAX_WAITING

    def is_stuck(self, now: int) -> bool:
        """Return whether the disk has kept the writer waiting for too long (now: boot-time ms)."""
        since = self._working_since
        return since is not None and now - since > STUCK_MS

    @property
    def holds_usage(self) -> bool:
        """Whether the end of a session waits to be written: a restart would lose it."""
        with self._lock:
            return any(isinstance(waiting.entry, entries.Ended) for waiting in self._waiting)

    def beat(self, sessions: tuple[OpenSession, ...]) -> None:
        """Note how far running sessions have come."""
        with self._lock:
            self._beats = sessions
        self._wake.put(None)

    def edit(self, edit: Edit) -> None:
        """Change the whitelist."""
        with self._lock:
            self._edits.append(edit)
        self._wake.put(None)

    def bring(self, delivered: Brought) -> None:
        """Put in force what a server brought."""
        with self._lock:
            self._edits.append(delivered)
        self._wake.put(None)

    def belong(self, server: str, counts: dict[str, journal.Counter], committed: Callable[[], None]) -> None:
        """Belong to a server, by its key; count on from what the controllers before this one have counted, once.

        From now on nothing is purged that the server has not acknowledged, and `committed` is called, on the writer's
        thread, after each commit of entries.
        """
        with self._lock:
            self._adopted = counts, server
            self._enrolled, self._on_commit = True, committed
        self._wake.put(None)

    def acknowledge(self, epoch: str, seq: int) -> None:
        """Note that a server has committed the journal of an epoch up to that number."""
        with self._lock:
            self._acknowledged[epoch] = max(seq, self._acknowledged.get(epoch, 0))
        self._wake.put(None)

    def renew_epoch(self, epoch: str) -> None:
        """Go on in a new epoch with what that one holds and the server has not acknowledged."""
        with self._lock:
            self._renewed.add(epoch)
        self._wake.put(None)

    def stop(self) -> None:
        """End once all that waits is written, or cannot be."""
        with self._lock:
            self._stopping = True
        self._wake.put(None)

    def close(self) -> None:
        """Let the database go, once the writer's thread has ended or is not waited for any more."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    # --- on the writer's thread ---

    def run(self) -> None:
        """Write until stopped."""
        while True:
            wait = self.turn()
            if self._stopping and (self._idle or not self._works):
                return
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=wait)
                while True:
                    self._wake.get_nowait()

    def turn(self) -> float | None:
        """Do one step, while others may see for how long it takes."""
        self._working_since = self._now()
        try:
            return self.step()
        finally:
            self._working_since = None

    @property
    def _idle(self) -> bool:
        return not (self._waiting or self._edits or self._beats)

    def step(self) -> float | None:
        """Write what waits; return the seconds after which to try again, or None: when there is more."""
        try:
            return self._step()
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notice(error)
            return FIRST_RETRY

    def _step(self) -> float | None:
        if not (self._is_open() and self._drain()):
            while self._edits:
                why = StorageError(N_("nothing can be written now, so nothing was changed; `loquet status` says why"))
                self._refuse_any(self._edits.popleft(), why)
            if self._damage and self._data_dir is not None:
                self._wake.put(None)  # a new one is begun at once
            wait, self._retry = self._retry, min(LAST_RETRY, self._retry * 2)
            return wait
        self._retry = FIRST_RETRY
        if self._edits:
            self._change(self._edits.popleft())
            self._wake.put(None)
        elif self._waiting:
            self._wake.put(None)
        elif not self._stopping:
            self._keep_house()
        if self._logged >= 10 * CHECKPOINT:
            self._checkpoint()
        return None

    def _keep_house(self) -> None:
        """Do one of the things that may wait, now that nothing else does."""
        if self._document_due:
            self._write_document()
        elif self._forget_due:
            self._forget()
        elif self._now() >= self._purge_at:
            self._purge()
        elif self._logged >= CHECKPOINT:
            with self._transaction():
                journal.settle(self._opened)
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._logged = 0
        try:
            self._opened.execute("pragma wal_checkpoint(passive)")
        except sqlite3.Error as error:
            self._notice(error)  # what cannot be copied now is copied another time

    def _is_open(self) -> bool:
        """Open the database, or a new one in the place of a damaged one; return whether there is one to write to."""
        if self._db is not None and not self._damage:
            return True
        if self._data_dir is None:
            return False
        live, self._db = self._db, None
        self._works = False
        try:
            opened = damage.open_store(self._data_dir, self._damage, live)
            self._damage = ""
            self._begin(opened.db)
            left_open, faults = tuple(journal.left_open(opened.db)), journal.uncleared(opened.db)
            floor, confirmed = journal.known(opened.db), int(meta(opened.db, "confirmed", "0"))
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._tell(StorageChanged(works=False, detail=str(error)))
            return False
        self._works = True
        self._tell(StorageOpened(opened.whitelist, left_open, faults, floor, confirmed, opened.replaced))
        self._tell(StorageChanged(works=True))
        return True

    def damaged(self, why: str) -> None:
        """Say, from any thread, that the database was found damaged."""
        with self._lock:
            self._damage = why
        self._wake.put(None)

    def _notice(self, error: Exception) -> None:
        """Begin a new database where an error says that this one is damaged."""
        if is_damage(error):
            with self._lock:
                self._damage = self._damage or tell(error)

    def _drain(self) -> bool:
        """Write all entries that wait, in one transaction; return whether that went well."""
        with self._lock:
            batch = list(self._waiting)
            thinned, self._thinned = self._thinned, Counter()
            beats, self._beats = self._beats, ()
            acknowledged, self._acknowledged = self._acknowledged, {}
            renewed, self._renewed = self._renewed, set()
            adopted, self._adopted = self._adopted, None
        if self._works and not (batch or beats or thinned or acknowledged or renewed or adopted):
            return True
        db = self._opened
        try:
            with self._transaction():
                journal.append(db, [(waiting.moment, waiting.entry) for waiting in batch])
                if thinned and self._thinned_at is not None:
                    counts = [entries.Thinned(*item) for item in thinned.items()]
                    journal.append(db, [(self._thinned_at, count) for count in counts])
                if beats:
                    journal.beat(db, beats)
                if (
                    beats
                    or not self._works
                    or any(isinstance(waiting.entry, entries.Clock | entries.ClockLowered) for waiting in batch)
                ):
                    set_meta(db, "floor", str(self._floor()))
                for epoch, seq in acknowledged.items():
                    journal.acknowledge(db, epoch, seq)
                for epoch in renewed:
                    journal.renew_epoch(db, epoch)
                if adopted is not None:
                    whitelist.belong(db, adopted[1])
                    journal.adopt(db, adopted[0])
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            with self._lock:
                self._beats = self._beats or beats
                self._acknowledged = acknowledged | self._acknowledged
                self._renewed |= renewed
                self._adopted = self._adopted or adopted
            self._notice(error)
            if isinstance(error, UnicodeEncodeError) and self._leave_out_the_unwritable(batch):
                self._thinned += thinned
                return self._drain()  # one that cannot be written holds up no other
            self._fail(batch, thinned, error)
            return False
        self._succeed(batch)
        return True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """`Database.atomic` without its savepoints and tracers: it is on the way of a tap."""
        connection = self._opened.conn
        if self._inode and not self._is_in_place():
            raise DamagedError(N_("{path} is gone, or another file stands in its place"), path=self._path)
        connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def _leave_out_the_unwritable(self, batch: list[_Waiting]) -> bool:
        found = False
        with self._lock:
            for waiting in batch:
                try:
                    entries.encode_entry(waiting.entry)
                except UnicodeEncodeError:
                    self._waiting.remove(waiting)
                    found = True
        return found

    def _is_in_place(self) -> bool:
        try:
            return os.stat(self._path).st_ino == self._inode  # noqa: PTH116 - on the way of a tap
        except FileNotFoundError:
            return False

    def _succeed(self, batch: list[_Waiting]) -> None:
        for waiting in batch:  # first of all: outputs wait for it
            if waiting.needs_answer and isinstance(waiting.entry, entries.Granted):
                self._tell(GrantAnswer(waiting.entry.machine, Committed(waiting.entry.session)))
        with self._lock:
            for waiting in batch:
                self._waiting.popleft()
                self._refusals -= isinstance(waiting.entry, THINNED)
        self._size += len(batch)
        self._logged += len(batch)
        if batch:
            self._on_commit()
        if not self._works:
            self._works = True
            self._tell(StorageChanged(works=True))

    def _fail(self, batch: list[_Waiting], thinned: Counter[str], error: Exception) -> None:
        """Keep what waits, but for the grants: their sessions never begin."""
        with self._lock:
            for _ in batch:
                self._waiting.popleft()
            self._waiting.extendleft(waiting for waiting in reversed(batch) if not waiting.needs_answer)
            self._thinned += thinned
        for waiting in batch:
            if waiting.needs_answer and isinstance(waiting.entry, entries.Granted):
                self._tell(GrantAnswer(waiting.entry.machine, CommitFailed(waiting.entry.session)))
        if self._works:
            self._works = False
            self._tell(StorageChanged(works=False, detail=str(error)))

    # --- edits and housekeeping ---

    def _change(self, edit: Edit | Brought) -> None:
        if isinstance(edit, Brought):
            self._take(edit)
            return
        try:
            changed = carry_out(self._opened, edit, self._floor(), self._between)
        except StorageError as error:
            self._notice(error)
            self._refuse(edit, error)
            return
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notice(error)
            self._tidy()
            self._refuse(
                edit,
                StorageError(N_("the change was not written, and nothing of it is in force: {error}"), error=error),
            )
            return
        self._tell(changed)
        try:
            if isinstance(changed, WhitelistReplaced):
                self._tidy()
            self._document_due |= isinstance(changed, WhitelistReplaced) or self._is_short()
            if edit.forgets:
                self._write_document()
                self._forget()
        except Exception as error:  # noqa: BLE001 - it is in force; whatever a disk does, this thread goes on
            self._notice(error)
        edit.finish(changed.version if isinstance(changed, WhitelistChanged) else changed.whitelist.version)

    def _take(self, delivered: Brought) -> None:
        """Put in force what a server brought, and tell the loop."""
        try:
            changed = brought.carry_out(self._opened, delivered.delivery, self._between)
        except StorageError as error:
            self._notice(error)
            delivered.finish(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._notice(error)
            self._tidy()
            delivered.finish(StorageError(N_("what the server brought was not written: {error}"), error=error))
            return
        if changed is not None:
            self._tell(changed)
            self._document_due |= isinstance(changed, WhitelistReplaced) or self._is_short()
        if isinstance(changed, WhitelistReplaced):
            self._tidy()
        delivered.finish()

    def _is_short(self) -> bool:
        return not whitelist.has_more_than(self._opened, document.SMALL)

    def _refuse_any(self, edit: Edit | Brought, error: StorageError) -> None:
        if isinstance(edit, Brought):
            edit.finish(error)
        else:
            self._refuse(edit, error)

    def _refuse(self, edit: Edit, error: StorageError) -> None:
        """Report that an edit is not in force: to whoever waits for it, and at the reader where it was made."""
        edit.finish(error=error)
        if edit.machine is not None:
            self._tell(EditFailed(edit.machine, edit.change, isinstance(error, ExcludedError)))

    def _forget(self) -> None:
        """Have nothing left of a name that was deleted: on no free page, in no log, in no file that was set aside."""
        self._forget_due = True
        damage.forget(self._folder)
        with contextlib.suppress(sqlite3.Error):
            self._opened.execute("vacuum")
            busy, _log, _done = self._opened.execute("pragma wal_checkpoint(truncate)").fetchone()
            self._forget_due = bool(busy)  # somebody reads: another time

    def _tidy(self) -> None:
        """Give back the room of what is not in force. That it cannot be given back now harms nobody."""
        db = self._opened
        with contextlib.suppress(sqlite3.Error, StorageError):
            whitelist.clear(db, self._between)
            db.execute("pragma wal_checkpoint(truncate)")

    def _between(self) -> None:
        self._working_since = self._now()
        self._drain()

    def _write_document(self) -> None:
        """Write the last verified document anew; where that fails, the one before it stays until there is room."""
        self._document_due = False
        try:
            document.write(self._opened, self._folder, self._between)
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            self._notice(error)

    def _purge(self) -> None:
        """Delete what is older than it may be kept; once a day."""
        self._purge_at = self._now() + DAY_MS
        if self._periods is None:
            return
        try:
            document_version = document.version(self._folder)
            if document_version != int(meta(self._opened, "version")):
                self._write_document()  # before any edit is purged that only the journal knows
            set_meta(self._opened, "floor", str(self._floor()))  # what was known to have passed outlives an idle month
            gone = retention.purge(
                self._opened,
                self._periods,
                self._floor(),
                self._between,
                only_sent=self._enrolled,
                waits=lambda: bool(self._waiting),
            )
        except (sqlite3.Error, OSError, msgspec.MsgspecError, ValueError) as error:
            self._notice(error)
        else:
            if gone.passages or gone.usage:
                self._size -= gone.passages + gone.usage
                self._tell(PurgeDone(gone.passages, gone.usage))
