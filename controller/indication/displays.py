"""Displays: what they say, and the thread that shows it. Whatever a display does, nobody waits for it."""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from common.owner import Owner
from common.texts import N_, _, ngettext
from controller.indication.views import View
from controller.settings import Names
from controller.station.events import Signal
from drivers.contracts import Display
from protocol import sentences
from protocol.access import Reason
from protocol.sentences import duration

READING: Final = 8.0  # seconds that a refusal stays, for who reads slowly
FRESH: Final = 45.0  # seconds after which a display is set up again, and all of it written
RETRY: Final = 10.0  # seconds to the next try of a display that does not answer
NARROW: Final = 2  # rows on which there is no room for the machine's name

SAYINGS: Final = {
    Signal.STARTING_UP: N_("starting up ..."),
    Signal.IDLE: N_("free; lay your badge on the reader"),
    Signal.OFFLINE: N_("free; no line to the server"),
    Signal.AWAITING: N_("now the badge"),
    Signal.TEACHING: N_("now each badge"),
    Signal.LEAVING: N_("about to end"),
    Signal.WARNING: N_("about to end"),
    Signal.LOCKED: N_("locked: {note}"),
    Signal.FAULT: N_("out of order: {note}"),
    Signal.READER_LOST: N_("the reader does not answer; tell a fabmanager"),
}
SECONDS: Final = {
    Reason.SUPERVISION_NEEDED.value: N_("now a trainer's badge"),
    Reason.BUDDY_NEEDED.value: N_("now a second member's badge"),
}


class StationDisplay(msgspec.Struct, frozen=True):
    """One display, of which machine, and how much of a name it shows."""

    display: Display
    title: str
    names: Names


def shown_name(name: str, names: Names) -> str:
    """Shorten a name to what the settings allow."""
    words = name.split()
    match names:
        case Names.FULL:
            return name
        case Names.FIRST:
            return words[0] if words else ""
        case Names.INITIALS:
            return "".join(word[0].upper() + "." for word in words)
        case Names.NONE:
            return ""


def lines(view: View, title: str, names: Names, size: tuple[int, int]) -> list[str]:
    """Put a view into so many columns and rows; what does not fit is left out at the end."""
    columns, rows = size
    said: list[str] = []
    name = shown_name(view.name, names)
    if view.denied:
        said.append(view.denied)
    else:
        said += [title] if rows > NARROW else []
        said += [name] if name else []
        if view.age is not None and view.signal in {Signal.IDLE, Signal.OFFLINE}:
            said += [
                _("free"),
                ngettext("list {count} day old", "list {count} days old", view.age).format(count=view.age),
            ]
        elif view.lacks:
            said.append(_(SECONDS[view.lacks]))
        elif view.signal is Signal.LOCKED and not view.note:
            said.append(_("closed: nobody has said yet what it asks for"))
        elif view.signal in SAYINGS:
            said.append(_(SAYINGS[view.signal]).format(note=sentences.fault(view.note)))
        if view.count:
            said.append(_("{count} let in").format(count=view.count))
        said += _times(view)
    wrapped = [row for sentence in said for row in textwrap.wrap(sentence, columns) or [""]]
    if len(wrapped) > rows:
        wrapped = wrapped[:rows]
        wrapped[-1] = f"{wrapped[-1][: columns - 1]}…"
    return [row.ljust(columns) for row in wrapped + [""] * (rows - len(wrapped))]


def _times(view: View) -> list[str]:
    if view.used is None:
        return []
    used = _("used {time}").format(time=duration(view.used))
    left = [_("left {time}").format(time=duration(view.left))] if view.left is not None else []
    return [used, *left]


class _Shown:
    """What one display is to say: for now a refusal, else what lasts."""

    def __init__(self, panel: StationDisplay) -> None:
        self.panel = panel
        self.lasting: View | None = None
        self.denied: View | None = None
        self.denied_until = 0.0
        self.on_it: list[str] = []
        self.broken = False
        self.again = 0.0
        self.fresh_until = 0.0


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
            if view.denied:
                # A refusal stays for as long as it takes to read, whatever the station shows meanwhile.
                shown.denied, shown.denied_until = view, self._now() + READING
            elif view != shown.lasting:
                if shown.lasting is None or view.signal is not shown.lasting.signal:
                    shown.denied = None
                shown.lasting = view
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
        return any(self._lines(shown) != shown.on_it and not shown.broken for shown in self._shown.values())

    def step(self) -> float | None:
        """Show what changed; return the seconds to the next change that comes by itself."""
        self.owner.check()
        now, waits = self._now(), []
        for machine, shown in self._shown.items():
            with self._changed:
                if shown.denied is not None and now >= shown.denied_until:
                    shown.denied = None
                due = self._lines(shown)
                if shown.denied is not None:
                    waits.append(shown.denied_until - now)
            is_old = now >= shown.fresh_until
            if due and (is_old or due != shown.on_it) and now >= shown.again:
                self._put(machine, shown, due, now, anew=is_old)
            if shown.broken:
                waits.append(max(0.0, shown.again - now))
            elif due:
                waits.append(max(0.0, shown.fresh_until - now))
        return min(waits, default=None)

    def _lines(self, shown: _Shown) -> list[str]:
        view = shown.denied or shown.lasting
        if view is None:
            return []
        panel = shown.panel
        return lines(view, panel.title, panel.names, panel.display.size)

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
