"""Claiming outputs: each open from its first instant, or as an earlier daemon left it for a session that resumes."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import msgspec

from common.texts import N_, _, translate
from controller.outputs.leased import LeasedOutput, Service
from controller.outputs.machine import MachineOutput, MachineOutputs
from controller.outputs.remote import handle_of
from controller.outputs.remote_state import OutputReport
from controller.settings import Part, Settings, Station
from drivers import registry
from drivers.contracts import DriverError, OutputError
from guard import leases as lease

OPENED_BY_KERNEL: Final = N_(
    "this kernel opens it whenever the controller ends, so no session resumes after a crash: it ends, as with "
    'restart = "off"'
)
REMOTE_OPENS: Final = 6.0  # s for what is remote to open at the end

log = logging.getLogger("loquet")


class Claims:
    """Every output of this controller. faults: why a machine has none that closes."""

    def __init__(self, settings: Settings, guard: lease.GuardWord, told: Callable[[str, str, str, bool], None]) -> None:
        """told: hears of a machine's part: what is wrong with it, if anything, and whether that is a fault."""
        self._settings = settings
        self._guard = guard
        self._told = told
        self.outputs: dict[str, MachineOutputs] = {}
        self.faults: dict[str, str] = {}
        self._services: dict[str, Service] = {}
        self._released = False
        self._level = logging.ERROR
        self._waiting: dict[str, Station] = {}  # whose lines are tried again
        self._kept: dict[tuple[str, str], bool] = {}  # which outputs stay as they are when this process ends

    def claim(self) -> None:
        """Claim everything: what several machines share first."""
        self._claim_services()
        for station in self._settings.stations:
            self._claim(station)

    def claim_again(self) -> list[str]:
        """Claim the lines that could not be claimed before: one may have been another program's for a moment.

        Returns the machines that have all of theirs now. What is remote is found again by itself.
        """
        self._level = logging.DEBUG  # it was told at the start
        if self._waiting:
            with contextlib.suppress(OSError):  # there may be room in the run directory by now, which there was not
                lease.say_daemon(self._settings.run_dir, lambda _seconds: None)
        waiting, self._waiting = self._waiting, {}
        for station in waiting.values():
            self._claim(station)
        return [machine for machine in waiting if machine in self.outputs]

    def open_all(self) -> None:
        """Open every machine's outputs."""
        for machine_outputs in self.outputs.values():
            machine_outputs.switch(frozenset(), lease.boottime_ms())

    def _make(self, machine: str, kind: str, part: Part, **how: bool) -> Any:  # noqa: ANN401 - by its kind's contract
        """Make one part; where that fails the machine is out of order, and the others are not."""
        try:
            return registry.make(kind, part.driver, part.settings, **how)
        except DriverError as error:
            log.log(self._level, "%s: %s", machine, translate(error))
            self.faults[machine] = translate(error)
            return None

    def _claim_services(self) -> None:
        """Claim what several machines share, open. Where one is missing, none of those machines ever closes."""
        for name, part in self._settings.services.items():
            output = self._make(name, "outputs", part)
            if output is None:
                continue
            output = handle_of(output, lambda report, name=name: self._of_service(name, report), found_closed=False)  # type: ignore[misc]
            leased = LeasedOutput(output, self._settings.run_dir, name, "service", self._guard)
            self._services[name] = Service(leased)

    def _of_service(self, name: str, report: OutputReport) -> None:
        """Notify every machine that uses a service; it is a fault of those that have it now."""
        service = self._services.get(name)
        having = service.lent | service.wanted if service is not None else set()
        for station in self._settings.stations:
            if name in station.services:
                fault = report.fault and station.machine in having
                self._told(station.machine, name, _said(report.detail), fault)

    def _claim(self, station: Station) -> None:
        """Claim a machine's outputs: open, or as an earlier daemon left them for a session that resumes.

        Where one is missing, none of them ever closes.
        """
        made: dict[str, MachineOutput] = {}
        for name, part in station.output_parts().items():
            output = self._claim_one(station, name, part)
            if output is not None:
                made[name] = output
            elif not any(map(_is_remote, station.output_parts().values())):
                self._waiting[station.machine] = station
        for name in station.services:
            if name in self._services:
                made[name] = self._services[name].share(station.machine)
            else:
                self.faults.setdefault(station.machine, self.faults.get(name, name))
        if made.keys() != station.rules.outputs:
            for each in made.values():
                with contextlib.suppress(OutputError):  # what is remote goes on opening by itself; a line is let go
                    each.release() if station.machine in self._waiting else each.end()
            return
        machine_outputs = MachineOutputs(made)
        try:
            machine_outputs.take_over(lease.boottime_ms())
        except OutputError as error:
            log.error("%s: %s", station.machine, translate(error))
            machine_outputs.switch(frozenset(), lease.boottime_ms())
        self.outputs[station.machine] = machine_outputs

    def _claim_one(self, station: Station, name: str, part: Part) -> LeasedOutput | None:
        # Whoever does not resume begins open, whatever an earlier daemon left; and a kernel may have opened it since.
        found_closed = station.rules.resumes and self._was_left_closed(station.machine, name, part)
        found_closed = found_closed and (_is_remote(part) or _stands_closed(part))
        how = {"found_closed": True} if found_closed and not _is_remote(part) else {}
        output = self._make(station.machine, "outputs", part, **how)
        if output is None:
            return None
        try:
            resumes = station.rules.resumes and self._is_kept(station.machine, name, output)
        except DriverError as error:  # somebody else has taken the line in between
            log.log(self._level, "%s: %s", station.machine, translate(error))
            self.faults[station.machine] = translate(error)
            return None

        def heard(report: OutputReport) -> None:
            self._told(station.machine, name, _said(report.detail), report.fault)

        output = handle_of(output, heard, found_closed=found_closed)
        return LeasedOutput(
            output,
            self._settings.run_dir,
            station.machine,
            name,
            self._guard,
            resume=resumes,
            found_closed=found_closed,
        )

    def _is_kept(self, machine: str, name: str, output: Any) -> bool:  # noqa: ANN401 - a driver's
        """Return whether an output stays as it is when this process ends; said where it does not, as it has to."""
        if (machine, name) not in self._kept:  # measured and told once
            kept = self._kept[machine, name] = bool(getattr(output, "keeps_its_level", True))
            if not kept:
                self._told(machine, name, _(OPENED_BY_KERNEL), False)
        return self._kept[machine, name]

    def _was_left_closed(self, machine: str, name: str, part: Part) -> bool:
        """Return whether a daemon that is dead now left this output closed, and the guard has not opened it yet."""
        try:
            opening = registry.find("outputs", part.driver).opening_of(part.settings)
        except Exception:  # noqa: BLE001 - making the driver tells the same, with its remedy
            return False
        return lease.left_closed(
            self._settings.run_dir, machine, name, msgspec.to_builtins(opening), lease.boottime_ms()
        )

    def drop_old_leases(self) -> None:
        """Give back what an earlier run lent: our outputs stand as we made them; others the guard opens now.

        Remote ones are told to open, and give the lease back by themselves once they did.
        """
        # What was found closed may have waited for a while.
        now = lease.boottime_ms()
        _try_each((machine, partial(machine_outputs.renew, now)) for machine, machine_outputs in self.outputs.items())
        mine = lease.me()
        ours = [
            msgspec.to_builtins(registry.find("outputs", part.driver).opening_of(part.settings))
            for station in self._settings.stations
            if station.machine in self.outputs
            for part in station.output_parts().values()
        ]
        for path, record in lease.held(self._settings.run_dir):
            if (record.get("pid"), record.get("started")) == mine:
                continue
            if record.get("opening") in ours:
                if record["opening"].get("kind") == "gpio":
                    path.unlink(missing_ok=True)
            elif record.get("resume"):
                lease.write(str(path), json.dumps(record | {"resume": False}).encode())

    def release(self) -> None:
        """Open everything; then wait for what is remote, all at once, and no longer than systemd does for us."""
        if self._released:
            return
        self._released = True
        outputs: list[tuple[str, MachineOutputs | LeasedOutput]] = list(self.outputs.items())
        outputs += [(name, service.output) for name, service in self._services.items()]
        _try_each((name, output.end) for name, output in outputs)
        end = time.monotonic() + REMOTE_OPENS
        while time.monotonic() < end and not all(output.has_ended for _name, output in outputs):
            _try_each((name, partial(output.renew, lease.boottime_ms())) for name, output in outputs if output.is_lent)
            time.sleep(0.05)
        _try_each((name, output.release) for name, output in outputs)


def _try_each(acts: Iterable[tuple[str, Callable[[], None]]]) -> None:
    for name, act in acts:
        try:
            act()
        except DriverError as error:
            log.error("%s: %s", name, translate(error))


def _stands_closed(part: Part) -> bool:
    """Return whether a part on the header is still closed, as it was left."""
    try:
        return bool(registry.find("outputs", part.driver).stands_closed(part.settings))
    except Exception:  # noqa: BLE001 - making the driver tells the same, with its remedy
        return False


def _said(error: DriverError | None) -> str:
    return "" if error is None else translate(error)


def _is_remote(part: Part) -> bool:
    return hasattr(registry.find("outputs", part.driver), "switch")
