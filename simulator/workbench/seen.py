"""What goes on at the workbench's machines: looked at now and then, and told to whoever watches."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from common.errors import LoquetError
from controller.control import client
from controller.store import clock_readings, journal, usage
from drivers.displays.lcd import LCDSettings
from drivers.displays.letters import ACCENTED
from drivers.displays.oled import OLEDSettings
from protocol import entries
from protocol.whitelist import Whitelist
from simulator.board import MAX_MESSAGE
from simulator.pins import PinError
from simulator.stage import Stage
from simulator.workbench.situation import Situation

LOOK_EVERY: Final = 0.2  # seconds
LINES: Final = 200  # of the journal that the page shows
SESSIONS: Final = 50
OWN: Final = 0xE000  # a character display's own characters, as `simulator.hd44780` gives them


class Now(msgspec.Struct, frozen=True):
    """What the page shows, in plain values and ids; it is put into words for each reader."""

    mains: bool
    daemon: str  # "on", "off" (about to be started), "frozen"
    guard: bool
    stations: tuple[dict[str, Any], ...]
    lying: dict[str, str]  # thing by machine
    cables: tuple[str, ...]  # machines whose reader's cable is pulled
    switched: tuple[str, ...]  # "machine/input" of the contacts that are not as they normally are
    amounts: dict[str, float]  # by "machine/input", what a meter measures
    tried: tuple[str, ...]
    network: bool | None = None  # whether the cable to a server is plugged in; None: there is no server


class Seen:
    """What was seen last, each replaced whole: the page reads it from other threads."""

    def __init__(self, stage: Stage, situation: Situation) -> None:
        self._stage = stage
        self._situation = situation
        self._journal_after = 0
        self.lines: tuple[journal.StoredEntry, ...] = ()
        self.clocks: clock_readings.Clocks | None = None
        self.sessions: list[usage.Usage] = []
        self.whitelist = Whitelist()
        self.levels: list[int] = []
        self.now = Now(True, "off", False, (), {}, (), (), {}, ())
        self.displays: dict[str, Any] = {}  # by machine, what its display shows: "lines" or "pixels"
        self.told: list[Callable[[str], None]] = []  # called with what changed, from any thread

    def look(self) -> None:
        """See how everything is; whoever watches is told what changed."""
        before = self.now
        with self._situation.acting:
            status = self._ask()
            self._read_journal()
            daemon = "frozen" if self._situation.frozen_since is not None else "on" if status else "off"
            stations = tuple(status["stations"]) if status else ()
            self.now = Now(
                mains=self._situation.mains,
                daemon=daemon,
                guard=bool(status and status["guard"]),
                stations=stations,
                lying=dict(self._situation.lying),
                cables=tuple(sorted(self._situation.cables)),
                switched=tuple(sorted(self._situation.switched)),
                amounts=dict(self._situation.amounts),
                tried=tuple(sorted(self._situation.tried)),
                network=None if self._situation.uplink is None else self._situation.uplink.cable.is_plugged,
            )
            shown = self._read_displays()
        if shown != self.displays:
            self.displays = shown
            self._notify("displays")
        if self.now != before:
            self._notify("now")

    def _read_displays(self) -> dict[str, Any]:
        """Return what the displays' panels show."""
        found = {}
        for station in self._stage.settings.stations:
            if station.display is not None and isinstance(station.display.settings, OLEDSettings | LCDSettings):
                said = station.display.settings
                with contextlib.suppress(OSError, PinError):
                    shown = self._stage.hand.do("display", bus=said.bus, address=said.address)
                    found[station.machine] = shown | {"lines": in_letters(shown)} if "lines" in shown else shown
        return found

    def _ask(self) -> dict[str, Any] | None:
        daemon = self._stage.process("daemon")
        if self._situation.frozen_since is not None or daemon is None or daemon.poll() is not None:
            return None
        try:
            return self._stage.status()
        except (LoquetError, OSError, ValueError):
            return None  # it is starting, or going

    def _read_journal(self) -> None:
        try:
            with client.open_client(self._stage.settings) as memory:
                db = memory.database()
                new = list(journal.lines(db, self._journal_after))
                if not new:
                    return
                self.clocks = clock_readings.Clocks(db)
                self.sessions = list(usage.sessions(db))[-SESSIONS:]
                self.whitelist = memory.whitelist()
        except LoquetError:
            return
        self._journal_after = new[-1].seq
        self.lines = (*self.lines, *new)[-LINES:]  # replaced whole: the page reads it from another thread
        for line in new:
            self._note_what_was_tried(line.entry)
        self._notify("journal")

    def _note_what_was_tried(self, entry: entries.AnyEntry) -> None:
        match entry:
            case entries.Granted(machine="laser"):
                self._situation.tried.add("grant")
            case entries.Granted(machine="printer"):
                self._situation.tried.add("tap")
            case entries.Ended(machine="printer", why=entries.Ending.RESTED):
                self._situation.tried.add("job")
            case entries.Resumed():
                self._situation.tried.add("resume")
            case entries.Ended(machine="laser", why=entries.Ending.BADGE_REMOVED):
                self._situation.tried.add("minutes")
            case entries.Edited(machine="laser"):
                self._situation.tried.add("teach")
            case entries.Refused(machine="laser", member="jean"):
                self._situation.tried.add("refusal")

    def watch_pins(self, ended: threading.Event) -> None:
        """Follow every change of a level, as a wire would."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.connect(str(self._stage.socket))
            link.settimeout(LOOK_EVERY)
            link.send(b'{"do": "watch"}')
            while not ended.is_set():
                try:
                    told = json.loads(link.recv(MAX_MESSAGE) or b"{}")
                except TimeoutError:
                    continue
                except OSError:
                    return
                if "line" in told:
                    self.levels[told["line"]] = told["level"]
                    self._notify("pins")

    def _notify(self, what: str) -> None:
        for told in list(self.told):
            told(what)


def in_letters(shown: dict[str, Any]) -> list[str]:
    """Return a character display's rows; a character of its own as the letter that it draws, a box for no letter."""
    letters = {glyph.hex(): letter for letter, glyph in ACCENTED.items()}
    own = {OWN + place: letters.get(glyph, "▯") for place, glyph in enumerate(shown["glyphs"])}
    return [row.translate(own) for row in shown["lines"]]
