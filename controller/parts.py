"""Making the parts that are no outputs: readers, inputs, lights, sounds, displays. What fails is told of."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from common.texts import translate
from controller.indication.displays import StationDisplay
from controller.outputs.machine import MachineOutputs
from controller.runtime.messages import Message, PartReport
from controller.sensing.inputs import MeterThread, watch
from controller.sensing.messages import CardNear, FromInput, FromReader
from controller.sensing.readers import ReaderThread
from controller.settings import Part, Settings
from drivers import registry
from drivers.contracts import DriverError

FIRST_READINGS: Final = 3.0  # s for the meters to say how it is, before sessions go on

log = logging.getLogger("loquet")


class Parts:
    """The parts of every station, made from the settings. put: hands the loop what they tell."""

    def __init__(self, settings: Settings, put: Callable[[Message], None]) -> None:
        self._settings = settings
        self._put = put
        self.faults: dict[str, str] = {}  # machines that cannot start for want of a part
        self._meters: dict[str, list[MeterThread]] = {}
        self.lights = self._optional("lights", "light")
        self.buzzers = self._optional("buzzers", "buzzer")

    def _make(self, machine: str, kind: str, part: Part) -> Any:  # noqa: ANN401 - by its kind's contract
        """Make one part; where that fails the machine is out of order, and the others are not."""
        try:
            return registry.make(kind, part.driver, part.settings)
        except DriverError as error:
            log.error("%s: %s", machine, translate(error))
            self.faults[machine] = translate(error)
            return None

    def _optional(self, kind: str, name: str) -> dict[str, Any]:
        """Make the lights or buzzers that there are; one that fails is told of, and keeps nobody from work."""
        made = {}
        for station in self._settings.stations:
            part = getattr(station, name)
            if part is not None:
                try:
                    made[station.machine] = registry.make(kind, part.driver, part.settings)
                except DriverError as error:
                    log.warning("%s, %s: %s", station.machine, name, translate(error))
        return made

    def readers(self) -> list[ReaderThread]:
        """Make the readers, each on a thread of its own."""
        threads = []
        for station in self._settings.stations:
            machine = station.machine
            try:
                reader = registry.make("readers", station.reader.driver, station.reader.settings)
            except DriverError as error:
                log.error("%s: %s", machine, translate(error))
                self.faults[machine] = translate(error)
                continue
            threads.append(
                ReaderThread(
                    machine,
                    reader,
                    lambda events, m=machine: self._put(FromReader(m, events)),  # type: ignore[misc]
                    lambda m=machine: self._put(CardNear(m)),  # type: ignore[misc]
                )
            )
        return threads

    def inputs(self) -> list[Any]:
        """Make the inputs. A machine whose button is missing does not start: who presses it relies on it."""
        made: list[Any] = []
        for station in self._settings.stations:
            machine = station.machine
            for name, wired in station.inputs.items():
                part = self._make(machine, "inputs", wired.part)
                if part is None:
                    continue

                def changed(active: bool, machine: str = machine, name: str = name) -> None:
                    self._put(FromInput(machine, name, active))

                if wired.thresholds is None:
                    watch(part, wired, changed)
                    made.append(part)
                    continue

                def failed(error: Exception, machine: str = machine, name: str = name) -> None:
                    self._put(PartReport(machine, name, translate(error)))

                meter = MeterThread(part, wired, wired.thresholds, changed, failed)
                self._meters.setdefault(machine, []).append(meter)
                meter.start()
                made.append(meter)
        self._wait_for_meters([meter for meters in self._meters.values() for meter in meters])
        return made

    def _wait_for_meters(self, meters: list[MeterThread]) -> None:
        """Have what meters say known before any session goes on; of those that take too long, the worst is taken."""
        end = time.monotonic() + FIRST_READINGS
        for meter in meters:
            meter.has_begun.wait(max(0.0, end - time.monotonic()))
            meter.presume()

    def panels(self) -> dict[str, StationDisplay]:
        """Make the displays that there are."""
        made = self._optional("displays", "display")
        named = {station.machine: station for station in self._settings.stations}
        return {
            machine: StationDisplay(display, named[machine].name, named[machine].display_names)
            for machine, display in made.items()
        }

    def counted(self, machine: str, outputs: MachineOutputs | None) -> float | None:
        """Return what a machine's plug or meter has counted so far, in watt-hours, where one counts."""
        told = [outputs.counted_wh if outputs is not None else None]
        told += [meter.counted_wh for meter in self._meters.get(machine, ())]
        return next((counted for counted in told if counted is not None), None)
