"""Displays: what they say, and the thread that shows it. Whatever a display does, nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from common.owner import Owner
from controller.indication.pages import Page, pages
from controller.indication.views import View
from controller.settings import Names
from controller.station.events import Signal
from drivers.contracts import Display

TURN: Final = 3.0  # seconds that one page of several is shown
NEAR: Final = 70  # seconds used or left at which they are counted one by one
READING: Final = 8.0  # seconds that a refusal stays, for who reads slowly
FRESH: Final = 45.0  # seconds after which a display is set up again, and all of it written
RETRY: Final = 10.0  # seconds to the next try of a display that does not answer


class StationDisplay(msgspec.Struct, frozen=True):
    """One display, of which machine, and how much of a name it shows."""

    display: Display
    title: str
    names: Names


class _Shown:
    """What one display is to say: for now a refusal or a word of thanks, else what lasts."""

    def __init__(self, panel: StationDisplay) -> None:
        self.panel = panel
        self.lasting: View | None = None
        self.lasting_since = 0.0
        self.passing: View | None = None
        self.passing_since = 0.0
        self.on_it: list[str] = []
        self.broken = False
        self.again = 0.0
        self.fresh_until = 0.0

    def pages(self, view: View, age: float) -> list[Page]:
        """Return the pages of a view that was made so many seconds ago."""
        if view.counts or view.left is not None:
            passed = int(age)
            used = view.used if view.used is None or not view.counts else view.used + passed
            left = None if view.left is None else max(0, view.left - passed)
            cost = view.cost
            if cost.runs and cost.busy is not None:
                cost = msgspec.structs.replace(cost, busy=cost.busy + passed)
            view = msgspec.structs.replace(view, used=used, left=left, cost=cost)
        return pages(view, self.panel.title, self.panel.names, self.panel.display.size)

    def due(self, now: float) -> tuple[Page, float | None]:
        """Return the page that is due, and after how many seconds another one is; None: this one stays."""
        if self.passing is not None:
            age, found = now - self.passing_since, self.pages(self.passing, 0.0)
            left = max(READING, TURN * len(found)) - age
            if left > 0:
                return found[int(age // TURN) % len(found)], min(left, TURN - age % TURN)
            self.passing = None
        view, age = self.lasting, now - self.lasting_since
        if view is None:
            return [], None
        found = self.pages(view, age)
        waits = [TURN - age % TURN] if len(found) > 1 else []
        near = [each for each in (view.used if view.counts else None, view.left) if each is not None and each <= NEAR]
        if near:
            waits.append(1.0 - age % 1.0)
        return found[int(age // TURN) % len(found)], min(waits, default=None)


class Displays:
    """Shows views on the displays of all stations, on a thread of its own; the latest view alone counts."""

    def __init__(
        self,
        displays: dict[str, StationDisplay],
        failed: Callable[[str, Exception], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.owner = Owner("the displays")
        self._shown = {machine: _Shown(panel) for machine, panel in displays.items()}
        self._failed = failed
        self._now = now
        self._changed = threading.Condition()
        self._stopping = False

    def show(self, view: View) -> None:
        """Show this; from any thread, at once."""
        shown = self._shown.get(view.machine)
        if shown is None:
            return
        with self._changed:
            if view.denied or view.signal is Signal.REPORTED:
                # It stays for as long as it takes to read, whatever the station shows meanwhile.
                shown.passing, shown.passing_since = view, self._now()
            elif view != shown.lasting:
                if shown.lasting is None or view.signal is not shown.lasting.signal:
                    shown.passing = None
                shown.lasting, shown.lasting_since = view, self._now()
            else:
                return
            self._changed.notify()

    def stop(self) -> None:
        """End the thread after what it is at."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        """Show until stopped."""
        with self.owner:
            while not self._stopping:
                wait = self.step()
                with self._changed:
                    if not self._stopping and not self._is_due():
                        self._changed.wait(wait)
            for shown in self._shown.values():
                shown.panel.display.close()

    def _is_due(self) -> bool:
        now = self._now()
        return any(shown.due(now)[0] != shown.on_it and not shown.broken for shown in self._shown.values())

    def step(self) -> float | None:
        """Show what changed; return the seconds to the next change that comes by itself."""
        self.owner.check()
        now, waits = self._now(), []
        for machine, shown in self._shown.items():
            with self._changed:
                due, stays = shown.due(now)
                if stays is not None:
                    waits.append(stays)
            is_old = now >= shown.fresh_until
            if due and (is_old or due != shown.on_it) and now >= shown.again:
                self._put(machine, shown, due, now, anew=is_old)
            if shown.broken:
                waits.append(max(0.0, shown.again - now))
            elif due:
                waits.append(max(0.0, shown.fresh_until - now))
        return min(waits, default=None)

    def _put(self, machine: str, shown: _Shown, due: list[str], now: float, *, anew: bool) -> None:
        try:
            shown.panel.display.show(due, anew=anew)
        except Exception as error:  # noqa: BLE001 - whatever a display does, nobody is kept from working
            if not shown.broken:
                self._failed(machine, error)
            shown.broken, shown.again, shown.on_it = True, now + RETRY, []
        else:
            shown.broken, shown.on_it = False, due
            if anew:
                shown.fresh_until = now + FRESH
