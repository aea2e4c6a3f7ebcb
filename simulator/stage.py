"""A stage: simulated board, guard and the shipped daemon, each a process of its own, in one folder.

What the demo plays on, and what the tests and the bench start. The daemon is the one that ships; only the
two modules below it are stand-ins.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from controller.control import client
from controller.settings import Part, Settings, Station, load
from controller.station.states import MACHINE
from drivers.bus.plug_http import PlugMeterSettings
from drivers.displays.lcd import LCDSettings
from drivers.displays.oled import OLEDSettings
from drivers.inputs.adc import ADCSettings, ChannelSettings
from drivers.inputs.gpio import ContactSettings
from drivers.inputs.pzem004t import MeterSettings
from drivers.outputs.gpio import RelaySettings
from drivers.readers.rc522 import RC522Settings
from guard import leases as lease
from simulator import attached
from simulator.hand import Hand

STAND_INS: Final = Path(__file__).parent / "stand_ins"
PI_4B: Final = "c03114"
# Whatever ends us ends what we started: a stage leaves nothing behind (PR_SET_PDEATHSIG, by util-linux).
LIFELINE: Final = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
PATIENCE: Final = 60.0  # seconds; these machines are shared and slow


class StageError(RuntimeError):
    """Something on the stage did not come up, or did not happen in time."""


def until(happened: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:  # noqa: ANN401 - whatever it gave
    """Wait until something is true; return what it was. Raises StageError."""
    end = time.monotonic() + patience
    while not (found := happened()):
        if time.monotonic() > end:
            raise StageError(f"not in {patience} s: {what}")
        time.sleep(0.01)
    return found


def converter(settings: ChannelSettings) -> tuple[int, ...]:
    """Name an MCP3008 as the board does: by bus and device, or by its four pins."""
    return (0, settings.device) if isinstance(settings, ADCSettings) else tuple(settings.pins().values())


def _options(station: Station) -> Iterator[tuple[str, str]]:
    """Return what else is wired to the board for a station: displays, converters."""
    for _name, part in station.parts():
        match part.settings:
            case OLEDSettings(bus=bus, address=address) as said:
                yield "--display", f"{bus}.{address}:{said.chip}"
            case LCDSettings(bus=bus, address=address, columns=columns, rows=rows):
                yield "--display", f"{bus}.{address}:lcd{columns:02}{rows:02}"
            case ChannelSettings():
                yield "--converter", ".".join(map(str, converter(part.settings)))


class Processes:
    """Our modules as processes, on one settings file and one simulated board, with one log."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.socket = config.parent / "board.sock"
        self.log = config.parent / "log.txt"
        self._processes: dict[str, subprocess.Popen[str]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What makes our code meet the simulated board instead of a real one."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(STAND_INS), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "LOQUET_BOARD": str(self.socket),
            "LOQUET_BOARD_REVISION": PI_4B,
            "LOQUET_CONFIG": str(self.config),
            "GPIOZERO_PIN_FACTORY": "lgpio",
        }

    def start(self, name: str, arguments: list[str]) -> subprocess.Popen[str]:
        """Start one of our modules as a process."""
        with self.log.open("a") as log:
            process = subprocess.Popen(  # noqa: S603 - our own modules
                [*LIFELINE, sys.executable, "-m", *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def process(self, name: str) -> subprocess.Popen[str] | None:
        """Return one of the processes, if it was started and not yet ended by us."""
        return self._processes.get(name)

    def first_line(self, process: subprocess.Popen[str]) -> None:
        """Wait until a process says something. Raises StageError with what it said to its log where it ends."""
        if process.stdout is None or not process.stdout.readline():
            raise StageError(f"{process.args!r} ended with {process.wait()}: {self.log.read_text()[-2000:]}")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a process a signal, and wait for its end."""
        process = self._processes.pop(name)
        process.send_signal(number)
        code = process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()
        return code

    def end_all(self) -> None:
        """End whatever runs, the last first."""
        for name in reversed(list(self._processes)):
            process = self._processes[name]
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            self.kill(name, signal.SIGTERM if name == "daemon" else signal.SIGKILL)


class Stage(Processes):
    """Processes on one settings file. A context manager: whatever runs is ended with it."""

    def __init__(self, config: Path, *, keeps: bool = True) -> None:
        super().__init__(config)
        self.settings: Settings = load(config)
        self._keeps = keeps
        self.hand: Hand

    def start_board(self) -> None:
        """Plug the board in."""
        readers = []
        for station in self.settings.stations:
            wired = station.reader.settings
            if isinstance(wired, RC522Settings):
                pin = "" if wired.reset_pin is None else f":{wired.reset_pin}"
                readers += ["--reader", f"{wired.bus}.{wired.device}{pin}"]
        wired_up = {option for station in self.settings.stations for option in _options(station)}
        readers += [word for option, value in sorted(wired_up) for word in (option, value)]
        kept = "--keeps" if self._keeps else "--releases"
        self.first_line(self.start("board", ["simulator.board", "--socket", str(self.socket), kept, *readers]))
        self.hand = Hand(self.socket)
        for part in attached.descriptions(attached.everything(self.settings)):
            self.hand.do("add", **part)
        for station in self.settings.stations:
            for name in station.output_parts():
                self.line(station.machine, name)
        for station in self.settings.stations:
            for name, contact in station.inputs.items():
                if contact.normally_closed:
                    self.set_input(station.machine, name, active=False)

    def set_input(self, machine: str, name: str, *, active: bool) -> None:
        """Have an input's condition hold, or not: close or open the contact that is wired to its pin."""
        contact = self.settings.station(machine).inputs[name]
        settings = contact.part.settings
        if not isinstance(settings, ContactSettings):
            raise TypeError(f"{machine}, {name}: no contact on a pin")
        closed = active is not contact.normally_closed
        level = int(not settings.pull_up) if closed else None
        self.hand.do("drive", number=settings.pin, level=level)

    def set_amount(self, machine: str, name: str, amount: float) -> None:
        """Have an input measure an amount, in its own unit."""
        settings = self.settings.station(machine).inputs[name].part.settings
        if isinstance(settings, MeterSettings):
            self.set_part(machine, name, "watts", amount, unit=settings.unit)
            return
        if isinstance(settings, PlugMeterSettings):
            self.set_part(machine, name, "load", amount)
            return
        if not isinstance(settings, ChannelSettings):
            raise TypeError(f"{machine}, {name}: no meter")
        level = amount / settings.full_scale
        self.hand.do("level", address=list(converter(settings)), channel=settings.channel, level=level)

    def start_guard(self) -> subprocess.Popen[str]:
        """Start the guard, and wait until it says that it looks after the leases."""
        guard = self.start("guard", ["guard.process", "--run-dir", str(self.settings.run_dir)])
        until(lambda: lease.guard_alive(self.settings.run_dir, lease.boottime_ms()), "the guard")
        return guard

    def start_daemon(self) -> subprocess.Popen[str]:
        """Start the daemon, and wait until it is ready and every reader is found."""
        daemon = self.start("daemon", ["controller", "run"])
        self.first_line(daemon)
        until(lambda: all(each["reader"] for each in self.status()["stations"]), "the readers")
        return daemon

    def loquet(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would."""
        return subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "controller", *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """Ask the daemon how everything is."""
        found: dict[str, Any] = client.ask_one(self.settings, {"do": "status"})
        return found

    def state(self, machine: str) -> dict[str, Any]:
        """Ask the daemon how one machine is."""
        found: dict[str, Any] = next(each for each in self.status()["stations"] if each["machine"] == machine)
        return found

    def address(self, machine: str) -> dict[str, int] | None:
        """Return on which bus a machine's reader is; None where it is on none."""
        wires = self.settings.station(machine).reader.settings
        return {"bus": wires.bus, "device": wires.device} if isinstance(wires, RC522Settings) else None

    def lay(self, machine: str, *uids: str, **traits: Any) -> None:  # noqa: ANN401 - a card's traits
        """Lay cards on a machine's reader: all at one instant, where it reads several."""
        address = self.address(machine)
        if address is not None and len(uids) > 1:
            self.hand.do("lay_together", uids=list(uids), **address)
            return
        for uid in uids:
            if address is not None:
                self.hand.do("lay", uid=uid, **address, **traits)
            else:
                self.do_part(machine, "reader", "lay", uid=uid, **traits)

    def take(self, machine: str, uid: str) -> None:
        """Take it off."""
        address = self.address(machine)
        if address is not None:
            self.hand.do("take", uid=uid, **address)
        else:
            self.do_part(machine, "reader", "take", uid=uid)

    def part(self, machine: str, name: str) -> Part:
        """Return a part of a machine."""
        return next(part for named, part in self.settings.station(machine).parts() if named == name)

    def do_part(self, machine: str, part: str, act: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        """Do something with a part that is not on the header: lay, take, plug, unplug, set, do."""
        self.hand.ask({"do": "part", "at": attached.place(self.part(machine, part)), "act": act, **what})

    def set_part(self, machine: str, part: str, name: str, value: Any, unit: int | None = None) -> None:  # noqa: ANN401
        """Set what a part that is not on the header has, as obeys, load or noise."""
        self.do_part(machine, part, "set", name=name, value=value, unit=unit)

    def line(self, machine: str, name: str = MACHINE) -> tuple[int, int]:
        """Return on which line of the board a contact is seen, and at which level it is closed."""
        part = self.settings.station(machine).output_parts()[name]
        if isinstance(part.settings, RelaySettings):
            return part.settings.pin, int(not part.settings.active_low)
        at, seat = attached.seat(part) or ("", "")
        return self.hand.do("remote", at=at, seat=seat), 1

    def closed(self, machine: str, name: str = MACHINE) -> bool:
        """Return whether a contact is closed, by the board's line and nothing else."""
        number, closed = self.line(machine, name)
        return bool(self.hand.do("pins")[number] == closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_all()
        if hasattr(self, "hand"):
            self.hand.close()
