"""What anybody hands the writer, from any thread: kept behind one lock until the writer takes it.

Within bounds: refusals are thinned first, usage never.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import msgspec

from controller.station.events import OpenSession
from controller.store import journal
from controller.store.delivery import Brought
from controller.store.edits import Edit
from protocol import entries
from protocol.entries import AnyEntry
from protocol.moment import Moment

MAX_WAITING: Final = 10_000  # entries; past it no session begins
MAX_REFUSALS: Final = 1_000  # of the kinds in THINNED among them; past it they are counted instead of kept
MAX_JOURNAL: Final = 2_000_000  # entries; nine tenths of it thins refusals, all of it refuses sessions
THINNED: Final = (entries.Refused, entries.ReaderLost, entries.ReaderFound, entries.Warned)
STUCK_MS: Final = 10_000  # on one transaction; a disk that takes longer is not coming back by itself


class Waiting(msgspec.Struct, frozen=True):
    """An entry that waits to be written; needs_answer: the loop waits to hear of it."""

    moment: Moment
    entry: AnyEntry
    needs_answer: bool = False


class Taken(msgspec.Struct, frozen=True):
    """All that waited when the writer looked."""

    batch: list[Waiting]
    thinned: Counter[str]
    beats: tuple[OpenSession, ...]
    acknowledged: dict[str, int]
    renewed: set[str]
    adopted: tuple[dict[str, journal.Counter], str] | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.batch or self.beats or self.thinned or self.acknowledged or self.renewed or self.adopted is not None
        )


class Post:
    """What waits for the writer. Whoever hands something over never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting: deque[Waiting] = deque()
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
        self._damage = ""
        self._size = 0  # entries in the journal
        self._stopping = False
        self._working_since: int | None = None

    def commit(self, moment: Moment, entry: entries.Granted) -> None:
        """Write a grant, and tell the loop when it is there."""
        self._put(Waiting(moment, entry, needs_answer=True))

    def record(self, moment: Moment, entry: AnyEntry) -> None:
        """Write an entry."""
        if isinstance(entry, THINNED) and self._is_crowded():
            with self._lock:
                self._thinned[entry.machine] += 1
                self._thinned_at = moment
            self._wake.put(None)
            return
        self._put(Waiting(moment, entry))

    def _is_crowded(self) -> bool:
        return self._refusals >= MAX_REFUSALS or self._size >= MAX_JOURNAL * 9 // 10

    def _put(self, waiting: Waiting) -> None:
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

    def damaged(self, why: str) -> None:
        """Say, from any thread, that the database was found damaged."""
        with self._lock:
            self._damage = why
        self._wake.put(None)

    def stop(self) -> None:
        """End once all that waits is written, or cannot be."""
        with self._lock:
            self._stopping = True
        self._wake.put(None)

    @property
    def _idle(self) -> bool:
        return not (self._waiting or self._edits or self._beats)

    # --- the writer's own ---

    def _take_all(self) -> Taken:
        with self._lock:
            taken = Taken(
                list(self._waiting), self._thinned, self._beats, self._acknowledged, self._renewed, self._adopted
            )
            self._thinned, self._beats, self._acknowledged = Counter(), (), {}
            self._renewed, self._adopted = set(), None
        return taken

    def _give_back(self, taken: Taken) -> None:
        """Have what was not written wait again, but for the entries: `_keep` does that."""
        with self._lock:
            self._beats = self._beats or taken.beats
            self._acknowledged = taken.acknowledged | self._acknowledged
            self._renewed |= taken.renewed
            self._adopted = self._adopted or taken.adopted
            self._thinned += taken.thinned

    def _written(self, batch: list[Waiting]) -> None:
        """Forget what is written by now."""
        with self._lock:
            for waiting in batch:
                self._waiting.popleft()
                self._refusals -= isinstance(waiting.entry, THINNED)
        self._size += len(batch)

    def _keep(self, batch: list[Waiting]) -> None:
        """Have entries wait on, but for the grants: their sessions never begin."""
        with self._lock:
            for _ in batch:
                self._waiting.popleft()
            self._waiting.extendleft(waiting for waiting in reversed(batch) if not waiting.needs_answer)

    def _leave_out_the_unwritable(self, batch: list[Waiting]) -> bool:
        found = False
        with self._lock:
            for waiting in batch:
                try:
                    entries.encode_entry(waiting.entry)
                except UnicodeEncodeError:
                    self._waiting.remove(waiting)
                    found = True
        return found


def _nobody() -> None:
    """Notify nobody."""
