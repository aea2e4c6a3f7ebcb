"""What is known of the time: noted in the journal when it changes, told to whoever asks, lowered by who may."""

from __future__ import annotations

from typing import Any, Final

from controller.runtime.clock import STEP_MS, Clock, Reading
from controller.store.write_queue import WriteQueue
from protocol import entries
from protocol.moment import Moment

DAY_MS: Final = 86_400_000
TOLD_MS: Final = 60_000  # by which the server's time may differ from what is known without being taken up


class KnownTime:
    """The clock, and what the journal says of it. Owned by the loop's thread."""

    def __init__(self, clock: Clock, writes: WriteQueue) -> None:
        self._clock = clock
        self._writes = writes
        self._reading: Reading | None = None

    def read(self, moment: Moment) -> None:
        """Note in the journal when the wall clock was set, or became surer or less sure."""
        reading = self._clock.read()
        old = self._reading
        moved = old is None or abs(reading.offset - old.offset) > STEP_MS
        if old is None or moved or reading.quality is not old.quality:
            self._reading = reading
            self._writes.record(moment, entries.Clock(reading.offset, reading.quality))

    def told(self, ms: int) -> None:
        """Take the server's word for the time: signed, and asked for just now, it may lower what is known too."""
        known = self._clock.earliest
        if ms < known - DAY_MS:
            self._writes.record(self._clock.now(), entries.ClockLowered("server", ms))
        if abs(ms - known) > TOLD_MS:
            self._clock.lower(ms)

    def answer(self, by: str, ms: int | None) -> dict[str, Any]:
        """Return what is known of the time; take a person's word for it, where they give it."""
        if ms is not None:
            self._clock.lower(ms)
            self._writes.record(self._clock.now(), entries.ClockLowered(by, ms))
        moment = self._clock.now()
        return {
            "wall": moment.wall,
            "quality": moment.quality.value,
            "known": self._clock.earliest,
            "day": moment.known.isoformat(),
        }
