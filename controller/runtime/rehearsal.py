"""Rehearsing a tap while its card is read: what was not used for milliseconds is slow the first time.

Caches forget between two taps; measured, a decision takes 34 µs warm and 240 cold. See docs/decisions/0028.
"""

from __future__ import annotations

import contextlib
import queue
import time
from typing import Final

from controller.runtime.clock import Clock
from controller.runtime.messages import Message
from controller.runtime.stations import Stations
from controller.store.write_queue import WriteQueue

WARM_S: Final = 0.01  # longer than a card takes to be read
REST: Final = 4  # times as long as a rehearsal it waits for the next: a small processor has to read the card meanwhile


class Rehearsal:
    """Runs on the loop's thread."""

    def __init__(self, stations: Stations, writes: WriteQueue, clock: Clock, inbox: queue.SimpleQueue[Message]) -> None:
        self._stations = stations
        self._writes = writes
        self._clock = clock
        self._inbox = inbox

    def run(self, machine: str) -> Message | None:
        """Walk the way of a tap again and again, until something comes; return that, None where nothing did in time."""
        self._writes.near.set()
        self._writes.look_again()
        end = time.monotonic() + WARM_S
        while (began := time.monotonic()) < end:
            self._stations.rehearse(machine, self._clock.now())
            with contextlib.suppress(queue.Empty):
                return self._inbox.get(timeout=REST * (time.monotonic() - began))
        return None
