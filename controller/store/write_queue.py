"""What anybody hands the writer, from any thread: kept behind one lock until the writer takes it.

Within bounds: refusals are thinned first, usage never.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from controller.station.events import OpenSession
from controller.store.delivery import PendingDelivery
from controller.store.edits import Edit
from controller.store.machine_counters import MachineCounter
from protocol import entries
from protocol.entries import AnyEntry
from protocol.moment import Moment

MAX_WAITING: Final = 10_000  # entries; past it no session begins
MAX_REFUSALS: Final = 1_000  # of the kinds in THINNED among them; past it they are counted instead of kept
MAX_JOURNAL: Final = 2_000_000  # entries; nine tenths of it thins refusals, all of it refuses sessions
THINNED: Final = (entries.Refused, entries.ReaderLost, entries.ReaderFound, entries.Warned, entries.Reported)
STUCK_MS: Final = 10_000  # on one transaction; a disk that takes longer is not coming back by itself


class Waiting(msgspec.Struct, frozen=True):
    """An entry that waits to be written; needs_answer: the loop waits to hear of it."""

    moment: Moment
    entry: AnyEntry
    needs_answer: bool = False


class Taken(msgspec.Struct, frozen=True):
    """All that waited when the writer looked. adopted: what machines have counted elsewhere, and whose server it is."""

    batch: list[Waiting]
    thinned: list[tuple[Moment, entries.Thinned]]
    beats: tuple[OpenSession, ...]
    acknowledged: dict[str, int]
    renewed: set[str]
    adopted: tuple[dict[str, MachineCounter], str] | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.batch or self.beats or self.thinned or self.acknowledged or self.renewed or self.adopted is not None
        )


class Entries:
    """The entries among it, in order. Its owner holds the lock. size: how many the journal has already."""

    def __init__(self) -> None:
        self.waiting: deque[Waiting] = deque()
        self.size = 0
        self._refusals = 0
        self._thinned: Counter[str] = Counter()
        self._thinned_at: Moment | None = None

    @property
    def is_full(self) -> bool:
        """Whether nothing more may begin."""
        return self.size >= MAX_JOURNAL or len(self.waiting) >= MAX_WAITING

    def put(self, waiting: Waiting) -> None:
        """Have an entry wait; one of those that are thinned is counted instead, where it is crowded."""
        if isinstance(waiting.entry, THINNED):
            if self._refusals >= MAX_REFUSALS or self.size >= MAX_JOURNAL * 9 // 10:
                self._thinned[waiting.entry.machine] += 1
                self._thinned_at = waiting.moment
                return
            self._refusals += 1
        self.waiting.append(waiting)

    def take_thinned(self) -> list[tuple[Moment, entries.Thinned]]:
        """Take what was counted instead of kept, as entries."""
        found, self._thinned = self._thinned, Counter()
        moment = self._thinned_at
        return [] if moment is None else [(moment, entries.Thinned(*item)) for item in found.items()]

    def count_again(self, thinned: list[tuple[Moment, entries.Thinned]]) -> None:
        """Count once more what could not be written."""
        for moment, entry in thinned:
            self._thinned[entry.machine] += entry.count
            self._thinned_at = self._thinned_at or moment

    def written(self, batch: list[Waiting]) -> None:
        """Forget what is written by now."""
        for waiting in batch:
            self.waiting.popleft()
            self._refusals -= isinstance(waiting.entry, THINNED)
        self.size += len(batch)

    def keep(self, batch: list[Waiting]) -> None:
        """Have entries wait on, but for the grants: their sessions never begin."""
        for _ in batch:
            self.waiting.popleft()
        self.waiting.extendleft(waiting for waiting in reversed(batch) if not waiting.needs_answer)

    def drop_unwritable(self, batch: list[Waiting]) -> bool:
        """Leave out what no database takes; return whether there was any."""
        found = False
        for waiting in batch:
            try:
                entries.encode_entry(waiting.entry)
            except UnicodeEncodeError:
                self.waiting.remove(waiting)
                found = True
        return found


class WriteQueue:
    """What waits for the writer. Whoever hands something over never waits."""

    def __init__(self) -> None:
        self.entries = Entries()
        self.edits: deque[Edit | PendingDelivery] = deque()
        self.damage = ""
        self.stopping = False
        self.enrolled = False  # what a server has not acknowledged is not purged
        self.on_commit: Callable[[], None] = _nobody
        self._lock = threading.Lock()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._beats: tuple[OpenSession, ...] = ()
        self._acknowledged: dict[str, int] = {}
        self._renewed: set[str] = set()
        self._adopted: tuple[dict[str, MachineCounter], str] | None = None
        self.near = threading.Event()  # a card is being read: a tap may come within milliseconds
        self.working_since: int | None = None  # for how long the writer's step takes already

    @contextlib.contextmanager
    def _changed(self) -> Iterator[None]:
        """Change what waits, and have the writer look."""
        with self._lock:
            yield
        self._wake.put(None)

    # --- from any thread ---

    def commit(self, moment: Moment, entry: entries.Granted) -> None:
        """Write a grant, and tell the loop when it is there."""
        with self._lock:
            self.entries.put(Waiting(moment, entry, needs_answer=True))
        self._wake.put(None)

    def record(self, moment: Moment, entry: AnyEntry) -> None:
        """Write an entry."""
        with self._lock:
            self.entries.put(Waiting(moment, entry))
        self._wake.put(None)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may begin: the journal, or the queue before it, is at its bound."""
        return self.entries.is_full

    def is_stuck(self, now: int) -> bool:
        """Return whether the disk has kept the writer waiting for too long (now: boot-time ms)."""
        since = self.working_since
        return since is not None and now - since > STUCK_MS

    @property
    def holds_usage(self) -> bool:
        """Whether the end of a session waits to be written: a restart would lose it."""
        with self._lock:
            return any(isinstance(waiting.entry, entries.Ended) for waiting in self.entries.waiting)

    def beat(self, sessions: tuple[OpenSession, ...]) -> None:
        """Note how far running sessions have come."""
        with self._changed():
            self._beats = sessions

    def edit(self, edit: Edit | PendingDelivery) -> None:
        """Change the whitelist: an edit that was made here, or what a server brought."""
        with self._changed():
            # In the order in which they came: of a grant and its revocation the last one counts.
            self.edits.append(edit)

    def belong(self, server: str, counts: dict[str, MachineCounter], committed: Callable[[], None]) -> None:
        """Belong to a server, by its key; count on from what the controllers before this one have counted, once.

        From now on nothing is purged that the server has not acknowledged, and `committed` is called, on the writer's
        thread, after each commit of entries.
        """
        with self._changed():
            self._adopted = counts, server
            self.enrolled, self.on_commit = True, committed

    def acknowledge(self, epoch: str, seq: int) -> None:
        """Note that a server has committed the journal of an epoch up to that number."""
        with self._changed():
            # Answers of a server may come in any order; what was acknowledged stays so.
            self._acknowledged[epoch] = max(seq, self._acknowledged.get(epoch, 0))

    def renew_epoch(self, epoch: str) -> None:
        """Go on in a new epoch with what that one holds and the server has not acknowledged."""
        with self._changed():
            self._renewed.add(epoch)

    def damaged(self, why: str, *, first: bool = False) -> None:
        """Report that the database was found damaged; first: unless that is known by another reason."""
        with self._changed():
            self.damage = (self.damage if first else "") or why

    def stop(self) -> None:
        """End once all that waits is written, or cannot be."""
        with self._changed():
            self.stopping = True

    # --- from the writer's ---

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not (self.entries.waiting or self.edits or self._beats)

    def wait(self, seconds: float | None) -> None:
        """Wait until something is handed in, for so long at the most."""
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=seconds)
            while True:
                self._wake.get_nowait()

    def look_again(self) -> None:
        """Have the writer look once more before it waits."""
        self._wake.put(None)

    def take(self) -> Taken:
        """Take all that waits; entries stay until they are written."""
        with self._lock:
            taken = Taken(
                list(self.entries.waiting),
                self.entries.take_thinned(),
                self._beats,
                self._acknowledged,
                self._renewed,
                self._adopted,
            )
            self._beats, self._acknowledged, self._renewed, self._adopted = (), {}, set(), None
        return taken

    def give_back(self, taken: Taken) -> None:
        """Have what was not written wait again, but for the entries: `keep` does that."""
        with self._lock:
            self._beats = self._beats or taken.beats
            # What came meanwhile is newer.
            self._acknowledged = taken.acknowledged | self._acknowledged
            self._renewed |= taken.renewed
            self._adopted = self._adopted or taken.adopted
            self.entries.count_again(taken.thinned)

    @contextlib.contextmanager
    def of_entries(self) -> Iterator[Entries]:
        """Hold the entries, for as long as nobody may add one."""
        with self._lock:
            yield self.entries


def _nobody() -> None:
    """Notify nobody."""
