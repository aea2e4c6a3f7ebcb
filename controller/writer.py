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

from controller.station.events import CommitFailed, Committed, OpenSession
from controller.store import journal, whitelist
from controller.store.database import StorageError, meta, set_meta
from controller.store.whitelist import Change
from drivers.lease import boottime_ms
from protocol import entries
from protocol.entries import AnyEntry
from protocol.moment import Moment
from protocol.texts import N_
from protocol.whitelist import Whitelist

MAX_WAITING: Final = 10_000  # entries; past it no session begins
MAX_REFUSALS: Final = 1_000  # of the kinds in THINNED among them; past it they are counted instead of kept
MAX_JOURNAL: Final = 2_000_000  # entries; nine tenths of it thins refusals, all of it refuses sessions
THINNED: Final = (entries.Refused, entries.ReaderLost, entries.ReaderFound, entries.Warned)
CHECKPOINT: Final = 200  # entries after which the log is copied back into the database
ROW_BYTES: Final = 1_000  # a row's share of log, table and index while it is staged, generously
RESERVE_BYTES: Final = 2_000_000  # what taps need meanwhile
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


class WhitelistChanged(msgspec.Struct, frozen=True):
    """To the loop: these rows are in force."""

    change: Change
    version: int
    cut: bool = False


class WhitelistReplaced(msgspec.Struct, frozen=True):
    """To the loop: this whole whitelist is in force."""

    whitelist: Whitelist


Answer = GrantAnswer | StorageChanged | WhitelistChanged | WhitelistReplaced
Progress = Callable[[int, int], None]


class Edit:
    """One change to the whitelist, on its way. `wait` gives the new version, or raises what went wrong.

    base: the version that it was made from; another one in force refuses it. cut: a lock in it ends the running
    session at once.
    """

    def __init__(
        self,
        change: Change,
        by: str,
        moment: Moment,
        progress: Progress,
        *,
        base: int | None = None,
        cut: bool = False,
    ) -> None:
        self.change = change
        self.base = base
        self.by = by
        self.moment = moment
        self.progress = progress
        self.cut = cut
        self._done = threading.Event()
        self._version = 0
        self._error: Exception | None = None

    def finish(self, version: int = 0, error: Exception | None = None) -> None:
        """Say how it ended."""
        self._version, self._error = version, error
        self._done.set()

    @property
    def is_done(self) -> bool:
        """Tell whether it has ended, well or not."""
        return self._done.is_set()

    @property
    def failed(self) -> bool:
        """Tell whether it ended without being in force."""
        return self._error is not None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; give the new version. Raises StorageError."""
        if not self._done.wait(timeout):
            raise StorageError(N_("the change has not been written in time; ask `loquet whitelist list`"))
        if self._error is not None:
            raise self._error
        return self._version


class _Waiting(msgspec.Struct, frozen=True):
    moment: Moment
    entry: AnyEntry
    needs_answer: bool = False


class Writer:
    """Takes entries and edits from any thread; `step` writes, on the writer's own."""

    def __init__(self, db: Database, tell: Callable[[Answer], None], floor: Callable[[], int]) -> None:
        self._db = db
        self._tell = tell
        self._floor = floor
        self._lock = threading.Lock()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting: deque[_Waiting] = deque()
        self._edits: deque[Edit] = deque()
        self._beats: tuple[OpenSession, ...] = ()
        self._refusals = 0
        self._thinned: Counter[str] = Counter()
        self._thinned_at: Moment | None = None
        self._works = True
        self._retry = FIRST_RETRY
        self._size = int(db.execute("select count(*) from journal").fetchone()[0])
        self._stopping = False
        self._logged = 0
        self._working_since: int | None = None
        # SQLite would copy its log back in the middle of some tap's commit; we do it when nothing waits.
        db.execute("pragma wal_autocheckpoint=0")

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
        """Tell whether nothing more may begin: the journal, or the queue before it, is at its bound."""
        return self._size >= MAX_JOURNAL or len(self._waiting) >= MAX_WAITING

    def is_stuck(self, now: int) -> bool:
        """Tell whether the disk has kept the writer waiting for too long (now: boot-time ms)."""
        since = self._working_since
        return since is not None and now - since > STUCK_MS

    @property
    def holds_usage(self) -> bool:
        """Tell whether the end of a session waits to be written: a restart would lose it."""
        with self._lock:
            return any(isinstance(waiting.entry, entries.Ended) for waiting in self._waiting)

    def beat(self, sessions: tuple[OpenSession, ...]) -> None:
        """Note how far running sessions have come."""
        self._beats = sessions
        self._wake.put(None)

    def edit(self, edit: Edit) -> None:
        """Change the whitelist."""
        with self._lock:
            self._edits.append(edit)
        self._wake.put(None)

    def stop(self) -> None:
        """End once all that waits is written, or cannot be."""
        self._stopping = True
        self._wake.put(None)

    # --- on the writer's thread ---

    def run(self) -> None:
        """Write until stopped."""
        while True:
            self._working_since = boottime_ms()
            wait = self.step()
            self._working_since = None
            if self._stopping and (self._idle or not self._works):
                return
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=wait)
                while True:
                    self._wake.get_nowait()

    @property
    def _idle(self) -> bool:
        return not (self._waiting or self._edits or self._beats)

    def step(self) -> float | None:
        """Write what waits; give the seconds after which to try again, or None: when there is more."""
        if not self._drain():
            while self._edits:
                self._edits.popleft().finish(
                    error=StorageError(
                        N_("nothing can be written now, so nothing was changed; `loquet status` says why")
                    )
                )
            wait, self._retry = self._retry, min(LAST_RETRY, self._retry * 2)
            return wait
        self._retry = FIRST_RETRY
        if self._edits:
            self._change(self._edits.popleft())
            self._wake.put(None)
        elif self._logged >= CHECKPOINT and (not self._waiting or self._logged >= 10 * CHECKPOINT):
            self._logged = 0
            with contextlib.suppress(sqlite3.Error):  # what cannot be copied now is copied another time
                self._db.execute("pragma wal_checkpoint(passive)")
        return None

    def _drain(self) -> bool:
        """Write all entries that wait, in one transaction; tell whether that went well."""
        with self._lock:
            batch = list(self._waiting)
            thinned, self._thinned = self._thinned, Counter()
            beats, self._beats = self._beats, ()
        if not (batch or beats or thinned):
            return True
        try:
            with self._transaction():
                journal.append(self._db, [(waiting.moment, waiting.entry) for waiting in batch])
                if thinned and self._thinned_at is not None:
                    counts = [entries.Thinned(*item) for item in thinned.items()]
                    journal.append(self._db, [(self._thinned_at, count) for count in counts])
                if beats:
                    journal.beat(self._db, beats)
                if beats or any(isinstance(waiting.entry, entries.Clock) for waiting in batch):
                    set_meta(self._db, "floor", str(self._floor()))
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._beats = self._beats or beats
            self._fail(batch, thinned, error)
            return False
        self._succeed(batch)
        return True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """`Database.atomic` without its savepoints and tracers: it is on the way of a tap."""
        connection = self._db.conn
        connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

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

    def _change(self, edit: Edit) -> None:
        try:
            self._unchanged_since(edit.base)
            edit.change = whitelist.with_locks(self._db, edit.change)
            version = self._change_small(edit) if edit.change.is_small else self._change_large(edit)
        except StorageError as error:
            edit.finish(error=error)
        except Exception as error:  # noqa: BLE001 - whatever a disk does, this thread goes on
            self._tidy()
            edit.finish(
                error=StorageError(
                    N_("the change was not written, and nothing of it is in force: {error}"), error=error
                )
            )
        else:
            edit.finish(version)

    def _unchanged_since(self, base: int | None) -> None:
        if base is not None and base != int(meta(self._db, "version")):
            raise StorageError(N_("somebody else changed the whitelist meanwhile; nothing was written, try again"))

    def _change_small(self, edit: Edit) -> int:
        with self._db.atomic():
            version = whitelist.apply_small(self._db, edit.change)
            self._note(edit, version)
        self._tell(WhitelistChanged(edit.change, version, edit.cut))
        return version

    def _room_for(self, change: Change) -> None:
        """Refuse a list that would fill the disk: it is written beside the old one, and taps need room too."""
        folder = Path(self._db.execute("pragma database_list").fetchone()[2]).parent
        kept = 0 if change.replace else int(self._db.execute("select count(*) from whitelist").fetchone()[0])
        needed = ROW_BYTES * (len(change.put) + kept) + RESERVE_BYTES
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        if free < needed:
            raise StorageError(
                N_("this list needs {needed} MB on the disk, and {free} MB are free; make room in {path} first"),
                needed=needed // 1_000_000 + 1,
                free=free // 1_000_000,
                path=folder,
            )

    def _change_large(self, edit: Edit) -> int:
        self._room_for(edit.change)
        for done, total in whitelist.stage(self._db, edit.change, self._between):
            edit.progress(done, total)
        with self._db.atomic():
            version = whitelist.swap(self._db)
            self._note(edit, version)
        self._tell(WhitelistReplaced(whitelist.load(self._db, self._between)))
        self._tidy()
        return version

    def _tidy(self) -> None:
        """Give back the room of what is not in force. That it cannot be given back now harms nobody."""
        with contextlib.suppress(sqlite3.Error):
            whitelist.clear(self._db, self._between)
            self._db.execute("pragma wal_checkpoint(truncate)")

    def _between(self) -> None:
        self._working_since = boottime_ms()
        self._drain()

    def _note(self, edit: Edit, version: int) -> None:
        change = edit.change
        edited = entries.Edited(version, len(change.put), len(change.drop), edit.by, change.replace)
        journal.append(self._db, [(edit.moment, edited)])
