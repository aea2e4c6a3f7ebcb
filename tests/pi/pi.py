"""The emulated Pi as somebody beside it has it: its power, its readers and cards, its relays, its shell."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus import Bus
from machine import Machine

from simulator.cards import SimulatedCard
from simulator.em4100 import RDM6300
from simulator.line import Line

RELAYS = {"laser": 17, "saw": 27, "printer": 16}
EMERGENCY_STOP, OFF_BUTTON = 5, 13
MARIE, MARIES_TAG, PAUL = "04A3C6CAE26180", "01020304AB", "04A3C6112233FF"
BOOT_S, READY_S, ACT_S = 600, 900, 60
PYTHON = "/usr/lib/loquet/bin/python3 -s"
TRACED = re.compile(r"^\s*(.+)-(\d+)\s+\[\d+\]\s+\S+\s+([\d.]+): gpio_(value|direction):\s+(\d+)\s+(.*)$")


class NotSeenError(AssertionError):
    """Something that must be true was not seen."""


@dataclass(frozen=True)
class Set:
    """A relay's line that was set: by whom, when after the boot, on which line, to what ("set 1", "out (0)")."""

    task: str
    pid: int
    at: float
    line: int
    what: str


class Pi:
    """Everything there is."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.reader = RDM6300()
        self._line = Line(folder / "uart", self.reader)
        self.bus = Bus()
        self.machine = Machine(image, folder, folder / "uart")
        self._card = SimulatedCard(bytes.fromhex(MARIE))

    def boot(self) -> float:
        """Give it power; return after how many seconds it had a shell."""
        took = self.machine.boot(BOOT_S)
        self.bus.serve(self.machine.connect("spi"))
        return took

    def cut(self) -> None:
        """Take its power away."""
        self.machine.cut()
        self.bus.lose_power()

    def close(self) -> None:
        """End."""
        self.machine.cut()
        self._line.close()

    # --- its shell ---

    def sh(self, command: str, patience: float = 300) -> str:
        """Run a line; return what it said, whatever came of it."""
        return self.machine.sh(command, patience)[1]

    def good(self, command: str, patience: float = 300) -> str:
        """Run a line that must succeed; return what it said."""
        status, said = self.machine.sh(command, patience)
        if status:
            raise NotSeenError(f"{command}: exit status {status}: {said[-1500:]}")
        return said

    def loquet(self, arguments: str) -> list[Any]:
        """Run a command of Loquet's; return its lines of JSON."""
        return [json.loads(line) for line in self.good(f"loquet {arguments} --json").splitlines()]

    def python(self, script: str) -> str:
        """Run a script under the package's own Python."""
        return self.good(f"{PYTHON} -c {shlex.quote(script)}")

    def show(self, unit: str, word: str) -> str:
        """Return one property of a unit."""
        return self.good(f"systemctl show --property={word} --value {unit}").strip()

    def uptime(self) -> float:
        """Return for how many seconds its kernel has run."""
        return float(self.good("cut -d' ' -f1 /proc/uptime"))

    def journal(self, lines: int = 15) -> str:
        """Return the last that Loquet's units said."""
        return self.sh(f"journalctl --no-pager -o cat -n {lines} -u loquet -u loquet-guard")

    # --- the daemon ---

    def status(self) -> dict[str, Any] | None:
        """Return `loquet status`; None while nobody answers."""
        status, said = self.machine.sh("loquet status --json 2>/dev/null")
        return json.loads(said) if status == 0 else None

    def station(self, machine: str) -> dict[str, Any]:
        """Return how one machine is; nothing while nobody answers."""
        found = self.status() or {"stations": []}
        return next((each for each in found["stations"] if each["machine"] == machine), {})

    def until(self, happened: Callable[[], Any], what: str, patience: float) -> Any:
        """Wait until something is true; return what it was. Raises NotSeenError."""
        end = time.monotonic() + patience
        while not (found := happened()):
            if time.monotonic() > end:
                raise NotSeenError(f"not in {patience:.0f} s: {what}; {self.journal()}")
            time.sleep(0.5)
        return found

    def ready(self) -> dict[str, Any]:
        """Wait until the daemon answers, has its guard and every reader; return how it is."""

        def found() -> dict[str, Any] | None:
            status = self.status()
            return status if status and status["guard"] and all(s["reader"] for s in status["stations"]) else None

        status: dict[str, Any] = self.until(found, "the daemon, its guard and its readers", READY_S)
        return status

    def last_session(self, machine: str) -> dict[str, Any]:
        """Return the session that began last on a machine."""
        session: dict[str, Any] = max(self.loquet(f"sessions --machine {machine}"), key=lambda each: each["started"])
        return session

    def ended(self, machine: str) -> dict[str, Any] | None:
        """Return the session that began last on a machine, once it has ended."""
        session = self.last_session(machine)
        return session if session["why"] else None

    # --- the header ---

    def level(self, machine: str) -> int:
        """Return how a relay's line stands."""
        return int(self.good(f"cat /run/header/sim_gpio{RELAYS[machine]}/value"))

    def wire(self, line: int, level: str) -> None:
        """Have a contact put a line up or down."""
        self.good(f"echo pull-{level} >/run/header/sim_gpio{line}/pull")

    def traced(self, since: float = 0) -> list[Set]:
        """Return what set the relays' lines since a moment after the boot."""
        base = int(self.good("cat /run/header.base"))
        found = []
        for line in self.good("cat /sys/kernel/tracing/trace").splitlines():
            if match := TRACED.match(line):
                task, pid, at, _kind, number, what = match.groups()
                found.append(Set(task, int(pid), float(at), int(number) - base, " ".join(what.split())))
        return [each for each in found if each.at >= since]

    def act(self, act: Callable[[], object], machine: str, level: int, patience: int = ACT_S) -> float:
        """Do something, wait until a relay's line stands at a level, and return within how many seconds it was set so.

        The clock is the guest's, read before the act over the shell: what that takes is in it.
        """
        began = self.uptime()
        act()
        line = RELAYS[machine]
        if self.machine.sh(f"level {line} {level} {patience}", patience * 3)[0]:
            raise NotSeenError(f"{machine}: its relay's line is not {level} within {patience} s; {self.journal()}")
        seen = [each.at for each in self.traced(began) if each.line == line and each.what == f"set {level}"]
        return (seen[0] if seen else self.uptime()) - began

    # --- cards ---

    def lay(self) -> None:
        """Lay Marie's card on the laser's RC522."""
        self.bus.chip.lay(self._card)

    def take(self) -> None:
        """Take it away, and let the reader see that it is gone."""
        self.bus.chip.take(self._card)
        self.until(lambda: not self.station("laser").get("badges_lying"), "no card on the RC522", ACT_S)

    def tap(self, machine: str, level: int) -> float:
        """Tap a badge on a machine; return within how many seconds its relay was at that level."""
        if machine == "printer":
            return self.act(lambda: self.good(f"echo {PAUL} >/run/typed"), machine, level)
        if machine == "saw":
            return self.act(lambda: self.reader.lay(MARIES_TAG), machine, level)
        took = self.act(self.lay, machine, level)
        self.take()
        return took
