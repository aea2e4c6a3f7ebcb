"""Which pins do what at each machine: what the page lights, and how its inputs are played with."""

from __future__ import annotations

from typing import Any, Final

from controller.settings import Input
from controller.station.rules import Does
from controller.station.states import MACHINE
from drivers.displays.buzzer import BuzzerSettings
from drivers.displays.rgb import RGBSettings
from drivers.inputs.adc import ChannelSettings
from drivers.outputs.gpio import RelaySettings
from simulator.stage import Stage

SPRINGS: Final = {Does.END, Does.PURPOSE, Does.GROUP, Does.LOCK, Does.TEACH}  # what one presses and lets go


def wiring(stage: Stage) -> list[dict[str, Any]]:
    """Return which pins do what at each machine: what the page lights."""
    wired = []
    for station in stage.settings.stations:
        light, buzzer = station.light, station.buzzer
        entry: dict[str, Any] = {"machine": station.machine, "name": station.name, "mode": station.mode.value}
        entry["reader"] = station.reader.driver
        entry["contacts"] = []
        for name, part in sorted(station.output_parts().items(), key=lambda item: item[0] != MACHINE):
            pin, closed = stage.line(station.machine, name)
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


def _shown_as(wired: Input) -> dict[str, Any]:
    """Return how an input is played with: a button springs back, a switch stays, an amount slides."""
    most = most_of(wired)
    if most is not None:
        unit = "A" if isinstance(wired.part.settings, ChannelSettings) else "W"
        return {"name": wired.rule.name, "kind": "amount", "most": most, "unit": unit}
    springs = wired.rule.does in SPRINGS and not wired.normally_closed
    return {"name": wired.rule.name, "kind": "button" if springs else "switch"}


def most_of(wired: Input) -> float | None:
    """Return how much an input can be made to measure; None for one that measures nothing."""
    settings = wired.part.settings
    if wired.thresholds is None:
        return None
    return settings.full_scale if isinstance(settings, ChannelSettings) else wired.thresholds.above * 4
