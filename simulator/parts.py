"""What hangs on the Pi besides its header: serial devices, USB readers, plugs. Made from a description.

A description is a list of tables: `kind`, `at` (a path, an address, a reader's name), and what the kind asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from simulator.em4100 import ID12LA, RDM6300
from simulator.keyboard import Keyboard
from simulator.line import Line
from simulator.plugs import Plug, Shelly, Tasmota
from simulator.pn532 import PN532
from simulator.relays import LCUS, ModbusLine
from simulator.wiegand import Wiegand

ATR: Final = "3B8F8001804F0CA0000003060300010000000068"  # a MIFARE Classic, as an ACR122U tells it


class PCSCReader:
    """A PC/SC reader and the card on it; of several it reads the first."""

    def __init__(self) -> None:
        self.cards: list[str] = []
        self.is_plugged = True

    def lay(self, uid: str) -> None:
        """Lay a card on it."""
        self.cards.append(uid)

    def remove(self, uid: str) -> None:
        """Take it off."""
        if uid in self.cards:
            self.cards.remove(uid)

    def card(self) -> dict[str, str]:
        """Return the card that it reads."""
        return {"uid": self.cards[0], "atr": ATR} if self.cards else {}

    def plug(self) -> None:
        """Plug it in."""
        self.is_plugged = True

    def unplug(self) -> None:
        """Pull its cable."""
        self.is_plugged = False

    def lose_power(self) -> None:
        """It has nothing to forget."""

    def close(self) -> None:
        """End."""


class Cable(Protocol):
    """What can be pulled out."""

    def plug(self) -> None: ...  # noqa: D102
    def unplug(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Parts:
    """All parts, by where they are.

    changed: told of a contact (its part's place, its own) and whether it is closed. pulse: pulls a line of the header
    low for a moment, then (monotonic ns).
    """

    def __init__(
        self, changed: Callable[[str, str, bool], None], pulse: Callable[[int, int], None] = lambda _line, _at: None
    ) -> None:
        self.pcscd = 1  # which run of the service for PC/SC readers this is; 0: it does not run
        self._changed = changed
        self._pulse = pulse
        self._things: dict[str, Any] = {}  # what is laid on, switched and measured
        self._cables: dict[str, Cable] = {}
        self._pulled: set[str] = set()

    def add(self, kind: str, at: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        """Make a part; a second one on a line of Modbus joins the first. Raises KeyError for an unknown kind."""
        if kind == "modbus" and at in self._things:
            self._things[at].add(**what)
            return

        def changed(seat: str, closed: bool) -> None:
            self._changed(at, seat, closed)

        if kind in {"shelly", "tasmota"}:
            plug: Plug = {"shelly": Shelly, "tasmota": Tasmota}[kind](at, lambda closed: changed("", closed), **what)
            self._things[at] = self._cables[at] = plug
            return
        if kind == "pcsc":
            self._things[at] = self._cables[at] = PCSCReader()
            return
        if kind == "wiegand":
            self._things[at] = self._cables[at] = Wiegand(self._pulse, **what)
            return
        makers: dict[str, Callable[[], Any]] = {
            "pn532": PN532,
            "rdm6300": RDM6300,
            "id12la": ID12LA,
            "keyboard": lambda: Keyboard(**what),
            "lcus": lambda: LCUS(changed, **what),
            "modbus": lambda: ModbusLine(changed),
        }
        self._things[at] = makers[kind]()
        if kind == "modbus":
            self._things[at].add(**what)
        self._cables[at] = Line(Path(at), self._things[at])

    def lay(self, at: str, uid: str, **traits: Any) -> None:  # noqa: ANN401 - JSON
        """Lay a badge on a reader."""
        self._things[at].lay(uid, **traits)

    def take(self, at: str, uid: str) -> None:
        """Take it off."""
        self._things[at].remove(uid)

    def unplug(self, at: str) -> None:
        """Pull its cable, or take a plug off the network."""
        self._pulled.add(at)
        self._cables[at].unplug()

    def plug(self, at: str) -> None:
        """Plug it in again."""
        self._pulled.discard(at)
        self._cables[at].plug()

    def set(self, at: str, name: str, value: Any, unit: int | None = None) -> None:  # noqa: ANN401 - JSON
        """Set what a simulated part has: obeys, load, watts, noise, …; of a unit on a line. Raises AttributeError."""
        thing = self._things[at].units[unit] if unit is not None else self._things[at]
        thing = self._cables[at] if name == "noise" else thing
        getattr(thing, name)
        setattr(thing, name, value)

    def do(self, at: str, name: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        """Have something done to a part: its button pressed, a text typed."""
        getattr(self._things[at], name)(**what)

    def power(self, *, on: bool) -> None:
        """Cut or restore the mains of all of them."""
        for at, cable in self._cables.items():
            if not on:
                self._things[at].lose_power()
                cable.unplug()
            elif at not in self._pulled:
                cable.plug()

    def pcsc(self, reader: str | None = None, *, run: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Name the PC/SC readers; return the card on one, None where it is gone.

        run: only which run of the service this is, 0 while it does not run.
        """
        if run:
            return self.pcscd
        there = {at: each for at, each in self._things.items() if isinstance(each, PCSCReader) and each.is_plugged}
        return sorted(there) if reader is None else there[reader].card() if reader in there else None

    def close(self) -> None:
        """End all of them."""
        for cable in self._cables.values():
            cable.close()
