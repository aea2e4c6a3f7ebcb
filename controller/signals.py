"""Lights and sounds: what they look and sound like, shown by a thread of their own.

Rhythm tells as much as colour, for those who do not see red and green, and light as much as sound.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Final

import msgspec

from controller.events import Signal
from drivers.contracts import Buzzer, Light, Look

RED, GREEN, BLUE, YELLOW = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)
PURPLE, WHITE = (1, 0, 1), (1, 1, 1)
FLASH: Final = 3.0  # seconds

LOOKS: Final = {
    Signal.STARTING_UP: Look(WHITE, (0.5, 0.5)),
    Signal.IDLE: Look(BLUE),
    Signal.GRANTED: Look(GREEN),
    Signal.RUNNING: Look(GREEN),
    Signal.LEAVING: Look(GREEN, (0.5, 0.5)),
    Signal.WARNING: Look(YELLOW, (0.25, 0.25)),
    Signal.ENDED: Look(BLUE),
    Signal.REFUSED: Look(RED, (0.12, 0.12)),
    Signal.LOCKED: Look(RED, (0.2, 1.8)),
    Signal.FAULT: Look(RED),
    Signal.READER_LOST: Look(PURPLE, (1.0, 1.0)),
}
SOUNDS: Final = {
    Signal.GRANTED: (1, 0.1),
    Signal.ENDED: (2, 0.1),
    Signal.WARNING: (4, 0.25),
    Signal.REFUSED: (3, 0.4),
}


class Told(msgspec.Struct, frozen=True):
    """One thing to tell at one machine: a lasting signal, or one for a moment."""

    machine: str
    signal: Signal
    lasting: bool


class Signals:
    """Shows signals on the lights and buzzers of all stations. A part that fails is told of once."""

    def __init__(
        self,
        lights: dict[str, Light],
        buzzers: dict[str, Buzzer],
        failed: Callable[[str, str, Exception], None],
        now: Callable[[], float],
    ) -> None:
        self._lights = lights
        self._buzzers = buzzers
        self._failed = failed
        self._now = now
        self._queue: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        self._lasting: dict[str, Signal] = {}
        self._flash_ends: dict[str, float] = {}
        self._broken: set[tuple[str, str]] = set()

    def tell(self, told: Told) -> None:
        """Show this; from any thread, at once."""
        self._queue.put(told)

    def stop(self) -> None:
        """End the thread."""
        self._queue.put(None)

    def run(self) -> None:
        """Show signals until stopped."""
        wait: float | None = None
        while True:
            try:
                told = self._queue.get(timeout=wait)
            except queue.Empty:
                wait = self.step(())
                continue
            if told is None:
                return
            wait = self.step((told,))

    def step(self, told: tuple[Told, ...]) -> float | None:
        """Show what was told, end the flashes that are over; give the seconds to the next of these."""
        now = self._now()
        for each in told:
            if each.lasting:
                self._lasting[each.machine] = each.signal
            else:
                self._flash_ends[each.machine] = now + FLASH
                self._show(each.machine, each.signal)
                self._play(each.machine, each.signal)
            if each.machine not in self._flash_ends:
                self._show(each.machine, each.signal)
        for machine, end in list(self._flash_ends.items()):
            if end <= now:
                del self._flash_ends[machine]
                self._show(machine, self._lasting.get(machine, Signal.STARTING_UP))
        return max(0.0, min(self._flash_ends.values()) - now) if self._flash_ends else None

    def _show(self, machine: str, signal: Signal) -> None:
        if machine in self._lights:
            self._try(machine, "light", lambda: self._lights[machine].show(LOOKS[signal]))

    def _play(self, machine: str, signal: Signal) -> None:
        if machine in self._buzzers and signal in SOUNDS:
            self._try(machine, "buzzer", lambda: self._buzzers[machine].play(*SOUNDS[signal]))

    def _try(self, machine: str, part: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever a light does, nobody is kept from working
            if (machine, part) not in self._broken:
                self._broken.add((machine, part))
                self._failed(machine, part, error)
