"""The scene: board, guard and daemon as processes, what lies where, and what people do to it.

The daemon is the one that ships, supervised as systemd does: two seconds after its end it is started again.
Acts come from the page's threads, one at a time; whoever watches is told that something changed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

import msgspec

import config as examples
from common.errors import LoquetError
from common.texts import N_, language
from controller.control import client
from controller.settings import Input, Settings, Station
from controller.station.rules import Does
from controller.station.states import MACHINE
from controller.store import clock_readings, journal, usage
from drivers.displays.buzzer import BuzzerSettings
from drivers.displays.lcd import LCDSettings
from drivers.displays.oled import OLEDSettings
from drivers.displays.rgb import RGBSettings
from drivers.inputs.adc import ChannelSettings
from drivers.outputs.gpio import RelaySettings
from drivers.outputs.modbus import RelaySettings as ModbusSettings
from drivers.readers.em4100 import EM4100Settings
from protocol import entries
from protocol.whitelist import Whitelist
from simulator.attached import at_home
from simulator.board import MAX_MESSAGE
from simulator.network import Cable
from simulator.pins import PinError
from simulator.stage import Stage, StageError
from simulator.workbench.drawer import DRAWER, HINTS, MARIES, tag

EXAMPLES: Final = Path(examples.__file__).parent
FIRST: Final = "demo.toml"
LOOK_EVERY: Final = 0.2  # seconds
RESTART_AFTER: Final = 2.0  # seconds, as in systemd/loquet.service
WATCHDOG: Final = 6.0  # seconds; 30 in the unit, which is long to look at
BUSY: Final = 3.0  # seconds that an act waits for those before it
PRESS: Final = 0.2  # seconds
LINES: Final = 200  # of the journal that the page shows
SESSIONS: Final = 50
SPRINGS: Final = {Does.END, Does.PURPOSE, Does.GROUP, Does.LOCK, Does.TEACH}  # what one presses and lets go
THINGS: Final = {thing.id: thing for thing in DRAWER}


def _shown_as(wired: Input) -> dict[str, Any]:
    """Return how an input is played with: a button springs back, a switch stays, an amount slides."""
    most = _most(wired)
    if most is not None:
        unit = "A" if isinstance(wired.part.settings, ChannelSettings) else "W"
        return {"name": wired.rule.name, "kind": "amount", "most": most, "unit": unit}
    springs = wired.rule.does in SPRINGS and not wired.normally_closed
    return {"name": wired.rule.name, "kind": "button" if springs else "switch"}


def _most(wired: Input) -> float | None:
    """Return how much an input can be made to measure; None for one that measures nothing."""
    settings = wired.part.settings
    if wired.thresholds is None:
        return None
    return settings.full_scale if isinstance(settings, ChannelSettings) else wired.thresholds.above * 4


class SceneError(LoquetError, ValueError):
    """An act that cannot be done."""


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


class Uplink(msgspec.Struct, frozen=True):
    """How this controller reaches its server: by a cable, with a code that takes it in."""

    cable: Cable
    code: str
    pages: str
    user: str = ""
    password: str = ""


class Scene:
    """All of it. A context manager: `with Scene() as scene`."""

    def __init__(self, example: str = FIRST, uplink: Uplink | None = None) -> None:
        self.example = example
        self.uplink = uplink
        self._folder = Path(tempfile.mkdtemp(prefix="loquet-"))
        for name in (example, "members.csv"):
            shutil.copy(EXAMPLES / name, self._folder / name)
        settings = self._folder / example
        said = settings.read_text().replace('language = "en"', f'language = "{language()}"')
        settings.write_text(at_home(said, self._folder))
        self._stage = Stage(settings)
        self._acting = threading.RLock()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lying: dict[str, str] = {}
        self._cables: set[str] = set()
        self._switched: set[str] = set()
        self._amounts: dict[str, float] = {}
        self._tried: set[str] = set()
        self._mains = True
        self._frozen_since: float | None = None
        self._down_since: float | None = None
        self._journal_after = 0
        self.lines: tuple[journal.Line, ...] = ()
        self.clocks: clock_readings.Clocks | None = None
        self.sessions: list[usage.Usage] = []
        self.whitelist = Whitelist()
        self.levels: list[int] = []
        self.now = Now(True, "off", False, (), {}, (), (), {}, ())
        self.displays: dict[str, Any] = {}  # by machine, what its display shows: "lines" or "pixels"
        self.told: list[Callable[[str], None]] = []  # called with what changed, from any thread

    @property
    def settings(self) -> Settings:
        """What the daemon runs on."""
        return self._stage.settings

    @property
    def stations(self) -> tuple[Station, ...]:
        """The machines, as the settings say."""
        return self._stage.settings.stations

    def wiring(self) -> list[dict[str, Any]]:
        """Return which pins do what at each machine: what the page lights."""
        wired = []
        for station in self.stations:
            light, buzzer = station.light, station.buzzer
            entry: dict[str, Any] = {"machine": station.machine, "name": station.name, "mode": station.mode.value}
            entry["reader"] = station.reader.driver
            entry["contacts"] = []
            for name, part in sorted(station.output_parts().items(), key=lambda item: item[0] != MACHINE):
                pin, closed = self._stage.line(station.machine, name)
                far = "" if isinstance(part.settings, RelaySettings) else part.driver
                entry["contacts"].append({"name": name, "pin": pin, "closed": closed, "far": far})
            if light is not None and isinstance(light.settings, RGBSettings):
                entry["light"] = list(light.settings.pins().values())
            if buzzer is not None and isinstance(buzzer.settings, BuzzerSettings):
                entry["buzzer"] = buzzer.settings.pin
            entry["inputs"] = [_shown_as(wired_input) for wired_input in station.inputs.values()]
            entry["display"] = None if station.display is None else station.display.driver
            wired.append(entry)
        return wired

    # --- beginning and end ---

    def __enter__(self) -> Self:
        try:
            self._stage.start_board()
            if self.uplink is None:
                self._fill_whitelist()
            self._stage.start_guard()
            self._stage.start_daemon()
            if self.uplink is not None:
                self._enrol(self.uplink)
        except BaseException:
            self.__exit__()
            raise
        self.levels = self._stage.hand.do("pins")
        self._look()
        for work in (self._watch_pins, self._supervise):
            thread = threading.Thread(target=work, name=work.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(5)
        self._stage.__exit__(None, None, None)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _enrol(self, uplink: Uplink) -> None:
        done = self._stage.loquet("enrol", uplink.code, "--yes")
        if done.returncode:
            raise StageError(done.stderr)

    def act_network(self) -> None:
        """Pull the network cable, or plug it in again."""
        if self.uplink is None:
            raise SceneError(N_("there is no server here"))
        cable = self.uplink.cable
        (cable.pull if cable.is_plugged else cable.plug)()
        self._tried.add("network")

    def _fill_whitelist(self) -> None:
        if self.example != FIRST:
            machines = [station.machine for station in self.stations]
            self._loquet(
                "whitelist", "grant", "marie", *machines, "--badge", MARIES, "--badge", f"em4100:{tag(MARIES)}"
            )
            for machine in machines:
                self._loquet("whitelist", "require", machine, machine)
            return
        for arguments in (
            ("require", "laser", "laser"),
            ("require", "printer", "printer"),
            ("import", "--replace", str(self._folder / "members.csv")),
            ("revoke", "paul"),  # not an ended membership: this machine's clock may not know that it ended
            ("grant", "marie", "laser", "printer", "--badge", THINGS["wallet"].uids[0]),
            ("grant", "laure", "--badge", THINGS["teaching"].uids[0], "--teaching"),
        ):
            self._loquet("whitelist", *arguments)

    def _loquet(self, *arguments: str) -> None:
        done = self._stage.loquet(*arguments)
        if done.returncode:
            raise StageError(done.stderr)

    # --- what people do ---

    def act(self, what: str, places: dict[str, str]) -> None:
        """Do one thing, as `lay` with a thing and a machine. Raises SceneError."""
        act = getattr(self, f"act_{what}", None)
        if act is None:
            raise SceneError(N_('the workbench cannot do "{what}"'), what=what)
        if not self._acting.acquire(timeout=BUSY):
            raise SceneError(N_("one thing after another: the workbench is busy"))
        try:
            act(**places)
        except TypeError as error:
            raise SceneError(N_('the workbench cannot do "{what}"'), what=what) from error
        except (OSError, PinError) as error:
            raise SceneError(N_("the simulated board does not answer: {error}"), error=error) from error
        finally:
            self._acting.release()
        self._look()

    def act_lay(self, thing: str, machine: str) -> None:
        """Lay something on a machine's reader; it lies in one place only."""
        self._station(machine)
        if thing not in THINGS:
            raise SceneError(N_("there is no {thing} in the drawer"), thing=thing)
        self.act_take(thing)
        self._stage.lay(machine, *self._numbers(thing, machine))
        self._lying[thing] = machine

    def act_take(self, thing: str) -> None:
        """Put something back into the drawer."""
        machine = self._lying.pop(thing, None)
        if machine is not None:
            for uid in self._numbers(thing, machine):
                self._stage.take(machine, uid)

    def _numbers(self, thing: str, machine: str) -> list[str]:
        """Return the numbers by which a machine's reader knows a thing: at 125 kHz they are others."""
        uids = THINGS[thing].uids
        low = isinstance(self._station(machine).reader.settings, EM4100Settings)
        return [tag(uid) for uid in uids] if low else list(uids)

    def act_cable(self, machine: str) -> None:
        """Pull a reader's cable, or plug it in again."""
        self._station(machine)
        self._cables ^= {machine}
        if self._mains:
            self._set_cable(machine)

    def _set_cable(self, machine: str) -> None:
        address, pulled = self._stage.address(machine), machine in self._cables
        if address is None:
            self._stage.do_part(machine, "reader", "unplug" if pulled else "plug")
            return
        self._stage.hand.do("chip", silent=0xFF if pulled else None, brownout=not pulled, **address)

    def act_press(self, machine: str, name: str) -> None:
        """Press a button, and let it go a moment later."""
        wired = self._station(machine).inputs.get(name)
        if wired is None:
            raise SceneError(N_("{machine} has no {thing}"), machine=machine, thing=name)
        self._set_input(machine, name, active=True)
        time.sleep(PRESS)
        self._set_input(machine, name, active=False)

    def act_switch(self, machine: str, name: str, on: str) -> None:
        """Have a contact's condition hold, or not: a lid open, a stop pressed; "yes" or "no".

        Of a relay that is not on the header: RELAY!deaf, it says that it switches and does not; RELAY!away, its cable.
        """
        part, mark, what = name.partition("!")
        if mark:
            self._set_far(machine, part, what, on=on == "yes")
        else:
            self._set_input(machine, name, active=on == "yes")
        if on == "yes":
            self._switched.add(f"{machine}/{name}")
            self._tried |= {name} & {hint.id for hint in HINTS}
        else:
            self._switched.discard(f"{machine}/{name}")

    def _set_far(self, machine: str, name: str, what: str, *, on: bool) -> None:
        station = self._station(machine)
        part = "relay" if name == MACHINE else name
        wired = station.output_parts().get(name)
        if wired is None or isinstance(wired.settings, RelaySettings) or what not in {"deaf", "away"}:
            raise SceneError(N_("{machine} has no {thing}"), machine=machine, thing=name)
        if what == "away":
            self._stage.do_part(machine, part, "unplug" if on else "plug")
        else:
            unit = wired.settings.unit if isinstance(wired.settings, ModbusSettings) else None
            self._stage.set_part(machine, part, "obeys", not on, unit=unit)
        if on:
            self._tried.add(what)

    def _set_input(self, machine: str, name: str, *, active: bool) -> None:
        wired = self._station(machine).inputs.get(name)
        if wired is None or wired.thresholds is not None:
            raise SceneError(N_("{machine} has no {thing}"), machine=machine, thing=name)
        self._stage.set_input(machine, name, active=active)

    def act_amount(self, machine: str, name: str, amount: str) -> None:
        """Have a meter measure so much."""
        wired = self._station(machine).inputs.get(name)
        most = None if wired is None else _most(wired)
        if most is None:
            raise SceneError(N_("{machine} has no {thing}"), machine=machine, thing=name)
        try:
            measured = float(amount)
        except ValueError as error:
            raise SceneError(N_("{amount} is no amount"), amount=amount[:20]) from error
        if not 0 <= measured <= most:
            raise SceneError(N_("{amount} is no amount"), amount=amount[:20])
        self._stage.set_amount(machine, name, measured)
        self._amounts[f"{machine}/{name}"] = measured

    def act_kill(self) -> None:
        """Kill the daemon, as a bug or a want of memory would."""
        if any(self._stage.closed(station.machine) for station in self.stations):
            self._tried.add("kill")
        self._end("daemon", signal.SIGKILL)

    def act_freeze(self) -> None:
        """Stop the daemon from running on, as a bug that hangs would: the guard sees the leases run out."""
        daemon = self._stage.process("daemon")
        if daemon is not None and daemon.poll() is None:
            daemon.send_signal(signal.SIGSTOP)
            self._frozen_since = time.monotonic()

    def act_mains(self) -> None:
        """Pull the mains plug of the Raspberry Pi and its relays, or plug it in again."""
        if self._mains:
            if any(self._stage.closed(station.machine) for station in self.stations):
                self._tried.add("mains")
            self._mains = False
            for name in ("daemon", "guard"):
                self._end(name, signal.SIGKILL)
            self._stage.hand.do("power", on=False)
            return
        self._stage.hand.do("power", on=True)
        for machine in self._cables:
            self._set_cable(machine)
        self._mains = True
        self._down_since = None

    def _end(self, name: str, number: signal.Signals) -> None:
        with contextlib.suppress(KeyError):
            self._stage.kill(name, number)
        self._frozen_since = None

    def _station(self, machine: str) -> Station:
        return self._stage.settings.station(machine)

    # --- what goes on ---

    def _supervise(self) -> None:
        """Start what died, as systemd does; look at how everything is."""
        while not self._ended.wait(LOOK_EVERY):
            with self._acting:
                self._start_what_died()
            self._look()

    def _start_what_died(self) -> None:
        if not self._mains:
            return
        guard, daemon = self._stage.process("guard"), self._stage.process("daemon")
        if guard is None or guard.poll() is not None:
            self._forget("guard")
            self._stage.start("guard", ["guard.process", "--run-dir", str(self._stage.settings.run_dir)])
        now = time.monotonic()
        if daemon is not None and daemon.poll() is None:
            self._down_since = None
            if self._frozen_since is not None and now - self._frozen_since > WATCHDOG:
                self._end("daemon", signal.SIGKILL)
            return
        self._frozen_since = None
        self._forget("daemon")
        self._down_since = self._down_since or now
        if now - self._down_since >= RESTART_AFTER:
            self._stage.start("daemon", ["controller", "run"])

    def _forget(self, name: str) -> None:
        with contextlib.suppress(KeyError):
            self._stage.kill(name)

    def _look(self) -> None:
        before = self.now
        with self._acting:
            status = self._ask()
            self._read_journal()
            daemon = "frozen" if self._frozen_since is not None else "on" if status else "off"
            stations = tuple(status["stations"]) if status else ()
            self.now = Now(
                mains=self._mains,
                daemon=daemon,
                guard=bool(status and status["guard"]),
                stations=stations,
                lying=dict(self._lying),
                cables=tuple(sorted(self._cables)),
                switched=tuple(sorted(self._switched)),
                amounts=dict(self._amounts),
                tried=tuple(sorted(self._tried)),
                network=None if self.uplink is None else self.uplink.cable.is_plugged,
            )
            shown = self._read_displays()
        if shown != self.displays:
            self.displays = shown
            self._tell("displays")
        if self.now != before:
            self._tell("now")

    def _read_displays(self) -> dict[str, Any]:
        """Return what the displays' panels show."""
        found = {}
        for station in self.stations:
            if station.display is not None and isinstance(station.display.settings, OLEDSettings | LCDSettings):
                said = station.display.settings
                with contextlib.suppress(OSError, PinError):
                    found[station.machine] = self._stage.hand.do("display", bus=said.bus, address=said.address)
        return found

    def _ask(self) -> dict[str, Any] | None:
        daemon = self._stage.process("daemon")
        if self._frozen_since is not None or daemon is None or daemon.poll() is not None:
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
        self._tell("journal")

    def _note_what_was_tried(self, entry: entries.AnyEntry) -> None:
        match entry:
            case entries.Granted(machine="laser"):
                self._tried.add("grant")
            case entries.Granted(machine="printer"):
                self._tried.add("tap")
            case entries.Ended(machine="printer", why=entries.Ending.RESTED):
                self._tried.add("job")
            case entries.Resumed():
                self._tried.add("resume")
            case entries.Ended(machine="laser", why=entries.Ending.BADGE_REMOVED):
                self._tried.add("minutes")
            case entries.Edited(machine="laser"):
                self._tried.add("teach")
            case entries.Refused(machine="laser", member="jean"):
                self._tried.add("refusal")

    def _watch_pins(self) -> None:
        """Follow every change of a level, as a wire would."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.connect(str(self._stage.socket))
            link.settimeout(LOOK_EVERY)
            link.send(b'{"do": "watch"}')
            while not self._ended.is_set():
                try:
                    told = json.loads(link.recv(MAX_MESSAGE) or b"{}")
                except TimeoutError:
                    continue
                except OSError:
                    return
                if "line" in told:
                    self.levels[told["line"]] = told["level"]
                    self._tell("pins")

    def _tell(self, what: str) -> None:
        for told in list(self.told):
            told(what)
