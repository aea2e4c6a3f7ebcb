"""Inputs as conditions: a contact that is not as it normally is, a measured amount that is above its mark."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from common.owner import Owner
from controller.settings import Input, Thresholds
from controller.station.rules import Does
from drivers.contracts import Input as Contact
from drivers.contracts import Meter

FORBIDS: Final = {Does.FAULT, Does.END, Does.REFUSE, Does.OPEN}
FRESH: Final = 15.0  # seconds for which a counter's reading is taken as of now
RETRY: Final = 10.0  # seconds to the next try of a meter that does not answer


class Hysteresis:
    """Turns an amount into a condition that does not flutter: there above one mark, gone below the other."""

    def __init__(self, marks: Thresholds) -> None:
        self._marks = marks
        self.active = False

    def step(self, amount: float) -> bool:
        """Take an amount; return whether it counts as there."""
        self.active = amount > self._marks.above or (self.active and amount >= self._marks.below)
        return self.active


class MeterThread(threading.Thread):
    """Owns one meter; tells when its amount passes a mark, and once when it does not answer.

    A meter that does not answer forbids what it could forbid; one that senses running leaves that as it was.
    """

    def __init__(
        self,
        meter: Meter,
        wired: Input,
        marks: Thresholds,
        notify: Callable[[bool], None],
        failed: Callable[[Exception], None],
    ) -> None:
        super().__init__(name="meter", daemon=True)
        self._meter = meter
        self._wired = wired
        self._condition = Hysteresis(marks)
        self.owner = Owner("a meter")
        self._told: bool | None = None
        self._notify = notify
        self._failed = failed
        self._works = True
        self._read_at = 0.0
        self._stopping = threading.Event()
        self.has_begun = threading.Event()  # it has measured once, or failed to

    def run(self) -> None:
        """Measure until stopped."""
        with self.owner:
            while not self._stopping.wait(self.step()):
                pass
            self._meter.close()

    def presume(self) -> None:
        """Take it, where it has not measured yet and nobody waits any longer, that what it could forbid is there."""
        if not self.has_begun.is_set() and self._wired.rule.does in FORBIDS:
            self._say(active=True)

    def step(self) -> float:
        """Measure once; return the seconds to the next time."""
        self.owner.check()
        try:
            above = self._condition.step(self._meter.read())
        except Exception as error:  # noqa: BLE001 - one bad driver ends no thread
            self._read_at = 0.0
            if self._works:
                self._works = False
                self._failed(error)
            if self._wired.rule.does in FORBIDS:  # what nobody measures may be past its mark
                self._say(active=True)
            self.has_begun.set()
            return RETRY
        self._works = True
        self._read_at = time.monotonic()
        self._say(active=above is not self._wired.normally_closed)
        self.has_begun.set()
        return self._meter.interval

    def _say(self, *, active: bool) -> None:
        if self._told is not active:
            self._told = active
            self._notify(active)

    @property
    def counted_wh(self) -> float | None:
        """Return what the meter has counted so far, in watt-hours, where it counts and said so lately."""
        counted: float | None = getattr(self._meter, "counted_wh", None)
        return counted if time.monotonic() - self._read_at <= FRESH else None

    def stop(self) -> None:
        """End the thread after the measurement it is at."""
        self._stopping.set()


def watch(contact: Contact, wired: Input, notify: Callable[[bool], None]) -> None:
    """Report a contact's condition now, where it holds, and whenever it changes."""

    def changed(closed: bool) -> None:
        notify(closed is not wired.normally_closed)

    contact.watch(changed)
    while True:
        closed = contact.is_closed
        changed(closed)
        if contact.is_closed is closed:  # or it changed while it was told
            return


def close_all(parts: list[Any]) -> None:
    """Let contacts go, and end the threads of meters."""
    for part in parts:
        if isinstance(part, MeterThread):
            part.stop()
        else:
            part.close()
