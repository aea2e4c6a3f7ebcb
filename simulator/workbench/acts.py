"""What people do on the workbench: lay a badge, press a button, pull a cable, kill the daemon.

Acts come from the page's threads, one at a time.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Final

from common.texts import N_
from controller.settings import Station
from controller.station.states import MACHINE
from drivers.outputs.gpio import RelaySettings
from drivers.outputs.modbus import RelaySettings as ModbusSettings
from drivers.readers.em4100 import EM4100Settings
from simulator.pins import PinError
from simulator.stage import Stage
from simulator.workbench.drawer import DRAWER, HINTS, tag
from simulator.workbench.situation import SceneError, Situation
from simulator.workbench.wiring import most_of

BUSY: Final = 3.0  # seconds that an act waits for those before it
PRESS: Final = 0.2  # seconds
THINGS: Final = {thing.id: thing for thing in DRAWER}


class Acts:
    """Each act by its name, `act_NAME`; look: is called after each, to see what came of it."""

    def __init__(self, stage: Stage, situation: Situation, look: Callable[[], None]) -> None:
        self._stage = stage
        self._situation = situation
        self._look = look

    def act(self, what: str, parameters: dict[str, str]) -> None:
        """Do one thing, as `lay` with a thing and a machine. Raises SceneError."""
        act = getattr(self, f"act_{what}", None)
        if act is None:
            raise SceneError(N_('the workbench cannot do "{what}"'), what=what)
        if not self._situation.acting.acquire(timeout=BUSY):
            raise SceneError(N_("one thing after another: the workbench is busy"))
        try:
            act(**parameters)
        except TypeError as error:
            raise SceneError(N_('the workbench cannot do "{what}"'), what=what) from error
        except (OSError, PinError) as error:
            raise SceneError(N_("the simulated board does not answer: {error}"), error=error) from error
        finally:
            self._situation.acting.release()
        self._look()

    def act_lay(self, thing: str, machine: str) -> None:
        """Lay something on a machine's reader; it lies in one place only."""
        self._station(machine)
        if thing not in THINGS:
            raise SceneError(N_("there is no {thing} in the drawer"), thing=thing)
        self.act_take(thing)
        self._stage.lay(machine, *self._numbers(thing, machine))
        self._situation.lying[thing] = machine

    def act_take(self, thing: str) -> None:
        """Put something back into the drawer."""
        machine = self._situation.lying.pop(thing, None)
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
        self._situation.cables ^= {machine}
        if self._situation.mains:
            self._set_cable(machine)

    def _set_cable(self, machine: str) -> None:
        address, pulled = self._stage.address(machine), machine in self._situation.cables
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
            self._set_remote(machine, part, what, on=on == "yes")
        else:
            self._set_input(machine, name, active=on == "yes")
        if on == "yes":
            self._situation.switched.add(f"{machine}/{name}")
            self._situation.tried |= {name} & {hint.id for hint in HINTS}
        else:
            self._situation.switched.discard(f"{machine}/{name}")

    def _set_remote(self, machine: str, name: str, what: str, *, on: bool) -> None:
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
            self._situation.tried.add(what)

    def _set_input(self, machine: str, name: str, *, active: bool) -> None:
        wired = self._station(machine).inputs.get(name)
        if wired is None or wired.thresholds is not None:
            raise SceneError(N_("{machine} has no {thing}"), machine=machine, thing=name)
        self._stage.set_input(machine, name, active=active)

    def act_amount(self, machine: str, name: str, amount: str) -> None:
        """Have a meter measure so much."""
        wired = self._station(machine).inputs.get(name)
        most = None if wired is None else most_of(wired)
        if most is None:
            raise SceneError(N_("{machine} has no {thing}"), machine=machine, thing=name)
        try:
            measured = float(amount)
        except ValueError as error:
            raise SceneError(N_("{amount} is no amount"), amount=amount[:20]) from error
        if not 0 <= measured <= most:
            raise SceneError(N_("{amount} is no amount"), amount=amount[:20])
        self._stage.set_amount(machine, name, measured)
        self._situation.amounts[f"{machine}/{name}"] = measured

    def act_kill(self) -> None:
        """Kill the daemon, as a bug or a want of memory would."""
        if any(self._stage.closed(station.machine) for station in self._stage.settings.stations):
            self._situation.tried.add("kill")
        self.end("daemon", signal.SIGKILL)

    def act_freeze(self) -> None:
        """Stop the daemon from running on, as a bug that hangs would: the guard sees the leases run out."""
        daemon = self._stage.process("daemon")
        if daemon is not None and daemon.poll() is None:
            daemon.send_signal(signal.SIGSTOP)
            self._situation.frozen_since = time.monotonic()

    def act_mains(self) -> None:
        """Pull the mains plug of the Raspberry Pi and its relays, or plug it in again."""
        if self._situation.mains:
            if any(self._stage.closed(station.machine) for station in self._stage.settings.stations):
                self._situation.tried.add("mains")
            self._situation.mains = False
            for name in ("daemon", "guard"):
                self.end(name, signal.SIGKILL)
            self._stage.hand.do("power", on=False)
            return
        self._stage.hand.do("power", on=True)
        for machine in self._situation.cables:
            self._set_cable(machine)
        self._situation.mains = True
        self._situation.down_since = None

    def act_network(self) -> None:
        """Pull the network cable, or plug it in again."""
        if self._situation.uplink is None:
            raise SceneError(N_("there is no server here"))
        cable = self._situation.uplink.cable
        (cable.pull if cable.is_plugged else cable.plug)()
        self._situation.tried.add("network")

    def end(self, name: str, number: signal.Signals) -> None:
        """End a process; a frozen one is none any more."""
        with contextlib.suppress(KeyError):
            self._stage.kill(name, number)
        self._situation.frozen_since = None

    def _station(self, machine: str) -> Station:
        return self._stage.settings.station(machine)
