"""What is wanted of a remote output, and what is known of it: shared by the loop, which wants, and the output's worker.

Each field is written by one side, or behind the lock where both do. What is wrong is said once, and said to be over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import msgspec

from drivers.contracts import DriverError, Opening, OutputError, OwnOpening, Seen

log = logging.getLogger("loquet")

PATIENCE_MS: Final = 3_000  # for an output to be as it was told, and for a line to come back
BEGINS_MS: Final = 60_000  # for the loop to take up what an earlier daemon left closed
FIRST_RETRY: Final = 0.25  # seconds
FRESH_MS: Final = 15_000  # for so long a counter's reading is taken as of now


class OutputReport(msgspec.Struct, frozen=True):
    """What is to be said of an output. detail: what is wrong, None where all is well; fault: it is not as told."""

    detail: DriverError | None = None
    fault: bool = False


class RemoteState:
    """One remote output. found_closed: an earlier daemon left it so; it is looked at before it is believed."""

    def __init__(
        self, opening: Opening, report: Callable[[OutputReport], None], now: Callable[[], int], *, found_closed: bool
    ) -> None:
        self.report = report
        self.now = now
        self.changed = threading.Condition()
        self.ending = False
        self.wanted = found_closed
        self.told_at = now()
        self.lent_until = now() + BEGINS_MS
        self.look_first = found_closed
        self.known: bool | None = None  # whether it is closed, as far as it was read back
        self.known_at = now()
        self.may_be_closed = found_closed
        self.answers = False
        self.failed = False  # said to be a fault, and not mended yet
        self.unfit: str | None = None  # why it may not be closed, as it was said
        self.retry = FIRST_RETRY
        self.meddled = 0  # how often it closed by itself since it was last told to
        self._own = opening if isinstance(opening, OwnOpening) else None
        self._lost = False
        self._warned = ""
        self._counted: tuple[float, int] | None = None  # watt-hours so far, and when that was read

    @property
    def opens_by_itself(self) -> bool:
        """Whether it has a timer of its own."""
        return self._own is not None

    @property
    def own_timer_ms(self) -> int | None:
        """Return after how long its own timer opens it, where it has one."""
        return None if self._own is None else self._own.seconds * 1000

    @property
    def is_settled(self) -> bool:
        """Whether it is known to be as it was told."""
        return self.known is self.wanted

    @property
    def counted_wh(self) -> float | None:
        """Return what it has counted so far, where it counts and said so lately."""
        counted = self._counted
        return counted[0] if counted is not None and self.now() - counted[1] <= FRESH_MS else None

    def want(self, *, closed: bool) -> None:
        """Have it closed, or open; from the loop."""
        with self.changed:
            if closed is not self.wanted:
                self.wanted = closed
                self.told_at = self.now()
                self.may_be_closed = True
                self.look_first = False
                self.retry = FIRST_RETRY
                self.meddled = 0 if closed else self.meddled
                self.changed.notify()

    def end(self) -> None:
        """Have its worker end once it is open; from the loop."""
        self.want(closed=False)
        with self.changed:
            self.ending = True
            self.changed.notify()

    # --- what was seen ---

    def read_back(self, *, closed: bool) -> None:
        """Take note of how it is."""
        news = self.known is not closed or not self.answers or self.failed
        self.known, self.known_at = closed, self.now()
        self.answers, self._lost = True, False
        if closed is self.wanted:
            self.failed = False
            self.may_be_closed = closed
        if news:
            self.say(OutputReport())

    def take_in(self, seen: Seen) -> None:
        """Take note of what else it says of itself."""
        self._counted = None if seen.counted_wh is None else (seen.counted_wh, self.now())
        was, self.unfit = self.unfit, None if seen.unfit is None else str(seen.unfit)
        if self.unfit != was:
            self.say(OutputReport(seen.unfit))
        if seen.warning is not None and str(seen.warning) != self._warned:
            self._warned = str(seen.warning)
            self.say(OutputReport(seen.warning))

    # --- what does not work ---

    def trouble(self, error: OutputError, now: int) -> None:
        """Report what does not work, once it has not worked for long enough.

        A plug that is closed may be out of reach for as long as its own timer holds it.
        """
        holding = self.wanted and (self.known is True or self.look_first)
        if not holding:
            self.known = None if self.may_be_closed else self.known
        patience = (self.own_timer_ms or PATIENCE_MS) if holding else PATIENCE_MS
        if now - max(self.told_at, self.known_at if holding or not self.may_be_closed else 0) >= patience:
            if self.may_be_closed:
                self.fail(error)
            else:
                self._lose(error)

    def _lose(self, error: OutputError) -> None:
        """Report once that it cannot be reached, while nobody needs it."""
        self.answers = False
        if not self._lost:
            self._lost = True
            self.say(OutputReport(error))

    def fail(self, error: DriverError) -> None:
        """Report once that it is not as it was told. It is told to open from now on, whatever it was told last."""
        was, self.failed = self.failed, True
        self.known = None
        if self.wanted:
            self.wanted = False
            self.told_at = self.now()
        if not was:
            self.say(OutputReport(error, fault=True))

    def say(self, report: OutputReport) -> None:
        """Report; what cannot be reported ends no thread."""
        try:
            self.report(report)
        except Exception:
            log.exception("what is wrong with an output cannot be reported")
