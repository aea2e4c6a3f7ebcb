"""Lights and sounds: what they look and sound like, played by a thread of their own.

Every signal has a rhythm of its own, for those who do not tell its colour, and whatever sounds is seen too.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Final

import msgspec

from common.owner import Owner
from common.texts import N_
from controller.station.events import Signal
from drivers.contracts import Buzzer, Colour, Light

DARK: Final = (0, 0, 0)
RED, GREEN, BLUE, YELLOW = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)
PURPLE, TURQUOISE, WHITE = (1, 0, 1), (0, 1, 1), (1, 1, 1)
FLASH: Final = 3.0  # seconds


class Look(msgspec.Struct, frozen=True):
    """A colour and its rhythm: seconds lit, seconds dark, and so on, over again; steady without any. said: in words."""

    colour: Colour
    rhythm: tuple[float, ...] = ()
    said: str = N_("steady")


LOOKS: Final = {
    Signal.STARTING_UP: Look(WHITE, (0.5, 0.5), N_("even blinking")),
    Signal.IDLE: Look(BLUE, (0.2, 2.8), N_("a wink every three seconds")),
    Signal.OFFLINE: Look(BLUE, (0.2, 0.3, 0.2, 2.3), N_("two winks every three seconds")),
    Signal.AWAITING: Look(TURQUOISE, (0.9, 0.3, 0.3, 0.3), N_("long, short, long, short")),
    Signal.TEACHING: Look(TURQUOISE, (0.15, 0.15, 0.15, 1.05), N_("two quick flashes")),
    Signal.GRANTED: Look(GREEN),
    Signal.RUNNING: Look(GREEN),
    Signal.LEAVING: Look(GREEN, (1.0, 0.3), N_("long flashes")),
    Signal.WARNING: Look(YELLOW, (0.25, 0.25), N_("quick blinking")),
    Signal.ENDED: Look(BLUE, (1.0, 2.0), N_("one long flash")),
    Signal.REPORTED: Look(WHITE, (0.3, 0.3, 0.3, 2.1), N_("two long winks")),
    Signal.STICK_DONE: Look(WHITE, (1.5, 0.3), N_("lit, dark for a blink every two seconds")),
    Signal.STICK_FAILED: Look(YELLOW, (0.6, 0.2, 0.2, 0.2), N_("long, short")),
    Signal.REFUSED: Look(RED, (0.1, 0.1), N_("flickering")),
    Signal.LOCKED: Look(RED, (0.2, 0.2, 0.2, 0.2, 0.2, 2.0), N_("three winks every three seconds")),
    Signal.FAULT: Look(RED, (2.0, 0.5), N_("on, with short gaps")),
    Signal.READER_LOST: Look(PURPLE, (1.5, 1.5), N_("slow blinking")),
}
SOUNDS: Final = {  # beeps, seconds each
    Signal.GRANTED: (1, 0.1),
    Signal.AWAITING: (2, 0.05),
    Signal.TEACHING: (3, 0.05),
    Signal.ENDED: (2, 0.2),
    Signal.WARNING: (5, 0.15),
    Signal.REPORTED: (1, 0.4),
    Signal.STICK_DONE: (2, 0.4),
    Signal.STICK_FAILED: (4, 0.3),
    Signal.REFUSED: (3, 0.4),
    Signal.FAULT: (2, 1.0),
}


class Indication(msgspec.Struct, frozen=True):
    """One thing to tell at one machine: a lasting signal, or one for a moment."""

    machine: str
    signal: Signal
    lasting: bool


class _Show:
    """What one light plays: a look, and when it next changes."""

    def __init__(self, look: Look, now: float) -> None:
        self._beats = cycle([(look.colour if not index % 2 else DARK, beat) for index, beat in enumerate(look.rhythm)])
        self._colour = look.colour
        self._steady = not look.rhythm
        self.next: float | None = now

    def step(self, now: float) -> Colour | None:
        """Return the colour that is due, if any is."""
        if self.next is None or now < self.next:
            return None
        if self._steady:
            self.next = None
            return self._colour
        colour, beat = next(self._beats)
        self.next = now + beat
        return colour


class Signals:
    """Shows signals on the lights and buzzers of all stations. A part that fails is told of once."""

    def __init__(
        self,
        lights: dict[str, Light],
        buzzers: dict[str, Buzzer],
        failed: Callable[[str, str, Exception], None],
        now: Callable[[], float],
    ) -> None:
        self.owner = Owner("lights and buzzers")
        self._lights = lights
        self._buzzers = buzzers
        self._failed = failed
        self._now = now
        self._queue: queue.SimpleQueue[Indication | None] = queue.SimpleQueue()
        self._lasting: dict[str, Signal] = {}
        self._flash_ends: dict[str, float] = {}
        self._flashes: dict[str, Signal] = {}
        self._shown: dict[str, tuple[Signal, _Show]] = {}
        self._broken: set[tuple[str, str]] = set()

    def show(self, told: Indication) -> None:
        """Show this; from any thread, at once."""
        self._queue.put(told)

    def stop(self) -> None:
        """End the thread."""
        self._queue.put(None)

    def run(self) -> None:
        """Show signals until stopped."""
        wait: float | None = None
        with self.owner:
            while True:
                try:
                    told = self._queue.get(timeout=wait)
                except queue.Empty:
                    wait = self.step(())
                    continue
                if told is None:
                    return
                wait = self.step((told,))

    def step(self, told: Iterable[Indication]) -> float | None:
        """Show what was told, play the rhythms on; return the seconds to the next change."""
        self.owner.check()
        now = self._now()
        for each in told:
            if each.lasting:
                self._play_new(each.machine, each.signal, self._lasting.get(each.machine))
                self._lasting[each.machine] = each.signal
            else:
                self._flash_ends[each.machine], self._flashes[each.machine] = now + FLASH, each.signal
                self._show(each.machine, each.signal, now)
                self._play(each.machine, each.signal)
            if each.machine not in self._flash_ends:
                self._show(each.machine, each.signal, now)
        for machine, end in list(self._flash_ends.items()):
            if end <= now:
                del self._flash_ends[machine], self._flashes[machine]
                self._show(machine, self._lasting.get(machine, Signal.STARTING_UP), now)
        for machine, (_signal, show) in self._shown.items():
            colour = show.step(now)
            if colour is not None:
                self._light(machine, colour)
        changes = [show.next for _signal, show in self._shown.values() if show.next is not None]
        changes += self._flash_ends.values()
        return max(0.0, min(changes) - now) if changes else None

    def _show(self, machine: str, signal: Signal, now: float) -> None:
        if machine in self._lights and self._shown.get(machine, (None, None))[0] is not signal:
            self._shown[machine] = signal, _Show(LOOKS[signal], now)

    def _light(self, machine: str, colour: Colour) -> None:
        self._try(machine, "light", lambda: self._lights[machine].show(colour))

    def _play_new(self, machine: str, signal: Signal, before: Signal | None) -> None:
        """Sound what lasts, once, when it begins; a flash that said so has sounded already."""
        if signal is not before and signal is not self._flashes.get(machine):
            self._play(machine, signal)

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
