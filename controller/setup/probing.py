"""Looking at one part: what it is, how it stands, what is unsafe about it. Switches nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from common.errors import LoquetError
from common.texts import N_, _, translate
from controller.settings import Part, Restart, Station
from drivers import registry
from drivers.bus.ports import SerialSettings, console_on
from drivers.contracts import DriverError, RemoteOutput, plain
from drivers.outputs.gpio import RelaySettings

KINDS: Final = {"reader": "readers", "light": "lights", "buzzer": "buzzers", "display": "displays"}
UNSTABLE: Final = re.compile(r"/dev/tty(USB|ACM)\d+$")
LISTEN_S: Final = 1.2  # a reader that talks by itself has said something by then
KEEPS: Final = tuple(
    Path(f"sys/module/{module}/parameters/persist_gpio_outputs") for module in ("pinctrl_bcm2835", "pinctrl_rp1")
)


class Finding(msgspec.Struct, frozen=True):
    """One part, whether it is well, and what was found."""

    part: str
    ok: bool
    found: str
    warning: bool = False


def kind_of(station: Station, name: str) -> str:
    """Name the kind of driver that a part of a station has."""
    return "inputs" if name in station.inputs else KINDS.get(name, "outputs")


def part(place: str, kind: str, wired: Part) -> Iterator[Finding]:
    """Look at one part; whatever is wrong with it is a finding."""
    try:
        yield from _looked_at(place, kind, wired)
    except (LoquetError, DriverError) as error:
        yield Finding(place, ok=False, found=translate(error))
    except ImportError as error:
        told = _('the Python module "{module}" is not installed')
        yield Finding(place, ok=False, found=told.format(module=error.name))
    except Exception as error:  # noqa: BLE001 - gpiozero's and lgpio's errors share no root
        yield Finding(place, ok=False, found=plain(error))
    if isinstance(wired.settings, SerialSettings) and UNSTABLE.match(wired.settings.port):
        told = _("{port} may be another adapter after the next start: take its name from `loquet setup --list`")
        yield Finding(place, ok=True, found=told.format(port=wired.settings.port), warning=True)
    if isinstance(wired.settings, SerialSettings) and console_on(wired.settings.port):
        told = N_(
            "the kernel's console talks on {port}: `sudo raspi-config`, Interface Options, Serial Port, no login "
            "shell; then restart"
        )
        yield Finding(place, ok=False, found=_(told).format(port=wired.settings.port))


def _looked_at(place: str, kind: str, wired: Part) -> Iterator[Finding]:
    driver = registry.find(kind, wired.driver)
    if kind == "readers":
        yield from _reader(place, wired)
    elif hasattr(driver, "switch"):
        yield from _far_output(place, wired)
    elif kind == "inputs":
        yield Finding(place, ok=True, found=_input(wired, measures=getattr(driver, "measures", "")))
    elif hasattr(driver, "probe"):
        yield Finding(place, ok=True, found=str(driver.probe(wired.settings)))
        if isinstance(wired.settings, RelaySettings):
            yield Finding(place, ok=True, found=_power_on(wired.settings))
    else:
        pins = ", ".join(f"{key} GPIO {pin}" for key, pin in wired.settings.pins().items())
        yield Finding(place, ok=True, found=_("not tested: {pins}").format(pins=pins))


def _reader(place: str, wired: Part) -> Iterator[Finding]:
    reader = registry.make("readers", wired.driver, wired.settings)
    try:
        began = time.monotonic()
        chip: str = reader.open()
        found = reader.look()
        took = round((time.monotonic() - began) * 1000)
        where = wired.settings.port
        yield Finding(place, ok=True, found=_("{chip}, {port}, {ms} ms").format(chip=chip, port=where, ms=took))
        if hasattr(reader, "is_heard") and not found.cards:
            end = time.monotonic() + LISTEN_S
            while time.monotonic() < end and not reader.is_heard:
                time.sleep(reader.interval)
                reader.look()
            yield from _heard(place, reader)
    finally:
        reader.close()


def _heard(place: str, reader: Any) -> Iterator[Finding]:  # noqa: ANN401 - a reader that talks by itself
    if reader.is_garbled:
        told = _("bytes come that make no frame: another kind of reader, another speed, or a bad wire")
        yield Finding(place, ok=False, found=told)
    elif not reader.is_heard:
        told = _("it says nothing by itself: lay a badge on it under `loquet read`")
        yield Finding(place, ok=True, found=told, warning=True)


def _far_output(place: str, wired: Part) -> Iterator[Finding]:
    output: RemoteOutput = registry.make("outputs", wired.driver, wired.settings)
    try:
        name = output.open()
        began = time.monotonic()
        seen = output.look()
        took = round((time.monotonic() - began) * 1000)
        how = {True: _("closed"), False: _("open"), None: _("it does not tell how it is")}[seen.closed]
        yield Finding(place, ok=True, found=_("{name}: {how}, {ms} ms").format(name=name, how=how, ms=took))
        if seen.unfit is not None:
            yield Finding(place, ok=False, found=translate(seen.unfit))
        for note in getattr(output, "notes", list)():
            yield Finding(place, ok=True, found=translate(note), warning=True)
    finally:
        output.close()


def _input(wired: Part, *, measures: str) -> str:
    made = registry.make("inputs", wired.driver, wired.settings)
    try:
        if measures:
            return f"{made.read():.1f} {measures}"
        pins = ", ".join(f"GPIO {pin}" for pin in wired.settings.pins().values())
        return f"{pins}: {_('closed') if made.is_closed else _('open')}"
    finally:
        made.close()


def _power_on(relay: RelaySettings) -> str:
    """Return what holds the contact open while the Pi starts."""
    if relay.external_pull:
        return _("open at power-on: held by your resistor")
    level = _("a high level") if not relay.active_low else _("a low level")
    told = _(
        "open at power-on: the pin is pulled the other way, and the board closes at {level}; if yours is ON now, it is "
        "of the other kind: active_low"
    )
    return told.format(level=level)


def kernel(stations: tuple[Station, ...], root: Path = Path("/")) -> Iterator[Finding]:
    """See whether the kernel keeps the levels that a machine which resumes needs kept."""
    needing = [
        station.machine
        for station in stations
        if station.restart is Restart.RESUME
        and any(isinstance(part.settings, RelaySettings) for part in station.output_parts().values())
    ]
    if not needing:
        return
    place = _("kernel")
    said = [path.read_text().strip() for each in KEEPS if (path := root / each).exists()]
    if not said:
        told = _("nothing tells whether it keeps a pin's level when a program ends; {machines} might not resume")
        yield Finding(place, ok=True, found=told.format(machines=", ".join(needing)), warning=True)
    elif "Y" in said:
        yield Finding(place, ok=True, found=_("keeps a pin's level when a program ends, as resuming needs"))
    else:
        told = N_(
            "lets go of a pin's level when a program ends, so {machines} cannot resume: take dtparam=strict_gpiod (or "
            'persist_gpio_outputs=n) out of the boot settings, or say restart = "off"'
        )
        yield Finding(place, ok=False, found=_(told).format(machines=", ".join(needing)))
