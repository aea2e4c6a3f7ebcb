"""What must hold between settings: nothing twice, nothing that nobody senses, nothing that closes a relay by itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from common.strict import SettingsError
from common.texts import N_
from controller.settings.tables import InputTable, Part, Restart, Station, StationTable
from controller.station.rules import Clears, Does, Mode
from controller.station.states import MACHINE
from drivers import registry
from drivers.contracts import SettingsMismatchError
from protocol.entries import Purpose


def socket_fits(run_dir: Path) -> None:
    """Refuse a path that the kernel would cut."""
    longest = 100 - len("/control")  # bytes; the kernel takes 108
    if len(os.fsencode(run_dir)) > longest:
        raise SettingsError(
            N_("[controller], run_dir: {path} is too long for a socket ({longest} characters at most)"),
            path=run_dir,
            longest=longest,
        )


def machines_differ(stations: tuple[Station, ...], services: dict[str, Part]) -> None:
    """Refuse one id for two machines, or for a machine and a service."""
    seen: set[str] = set(services)
    for number, station in enumerate(stations, 1):
        if station.machine in seen:
            raise SettingsError(
                N_('[[station]] {number}: there is a machine "{machine}" already; give each its own id'),
                number=number,
                machine=station.machine,
            )
        seen.add(station.machine)


def services_are_named_well(services: dict[str, Part]) -> None:
    """Refuse a service whose name is none, or that closes by itself."""
    for name, part in services.items():
        if not re.fullmatch("[a-z0-9][a-z0-9-]{0,31}", name) or name == MACHINE:
            raise SettingsError(
                N_("{place}: a service has a short id of its own: a-z, 0-9, -"), place=f"[services], {name}"
            )
        output_fits(part, f"[services], {name}")


def services_are_used(stations: tuple[Station, ...], services: dict[str, Part]) -> None:
    """Refuse a service that no machine asks for: it would never close."""
    for name in services:
        if not any(name in station.services for station in stations):
            raise SettingsError(
                N_('{place}: no machine uses it; say services = ["{name}"] in the [[station]] of each that does'),
                place=f"[services], {name}",
                name=name,
            )


def outputs_are_named_well(station: Station, services: dict[str, Part], place: str) -> None:
    """Refuse names of outputs that are taken, or that there are not."""
    if MACHINE in station.outputs:
        raise SettingsError(
            N_('{place}, outputs: "{name}" is the machine\'s own relay; give the output another name'),
            place=place,
            name=MACHINE,
        )
    for name in station.services:
        if name not in services or name in station.outputs:
            raise SettingsError(
                N_('{place}, services: "{name}" has to stand in [services], and nowhere else'), place=place, name=name
            )
    others = {*station.outputs, *station.services}
    wanted = [(name, "run_on") for name, _how_long in station.rules.run_on]
    wanted += [(wired.rule.output, f"inputs, {name}") for name, wired in station.inputs.items() if wired.rule.output]
    for name, where in wanted:
        if name not in others:
            raise SettingsError(
                N_('{place}, {where}: there is no output "{name}" beside the machine\'s own; there are: {names}'),
                place=place,
                where=where,
                name=name,
                names=", ".join(sorted(others)) or "-",
            )


def times_fit(station: Station, place: str) -> None:
    """Refuse a warning before the session began."""
    rules = station.rules
    for name in ("longest", "period", "idle"):
        most = getattr(rules, name)
        if most and rules.warning >= most:
            raise SettingsError(
                N_("{place}, warning: {warning} s before an end after {longest} s ({name}); say less"),
                place=place,
                warning=rules.warning // 1000,
                longest=most // 1000,
                name=name,
            )
    if (rules.mode is Mode.TIMED) != bool(rules.period):
        raise SettingsError(
            N_('{place}, period: mode "timed" needs one, as period = "1 h", and no other mode has it'), place=place
        )
    if rules.takeover and rules.shortest_off:
        raise SettingsError(
            N_("{place}: a machine that has to rest between sessions cannot be taken over; say one of the two"),
            place=place,
        )


def ends_by_itself(said: StationTable, station: Station, place: str) -> None:
    """Refuse a machine that a forgotten tap-out would leave on for ever, unless somebody says so."""
    if station.mode in {Mode.PRESENCE, Mode.TIMED}:
        return
    if said.longest is None:
        raise SettingsError(
            N_(
                '{place}: who forgets to tap out, or a sensor that sticks, leaves it on; say longest = "4 h", or '
                'longest = "none" if it may stay on for ever'
            ),
            place=place,
        )


def rest_is_sensed(said: StationTable, station: Station, place: str) -> None:
    """Refuse what only a machine can do that says when it runs."""
    if station.rules.senses_running:
        if said.coast_down is None or (station.mode is Mode.JOB and not station.rules.coast_down):
            raise SettingsError(
                N_(
                    '{place}: say how long the machine needs to stand still, as coast_down = "5 s"; running on for '
                    "longer counts as a welded contact, and a job that pauses for longer as done"
                ),
                place=place,
            )
        return
    asked = [name for name in ("idle", "wait_for_rest", "takeover", "coast_down") if getattr(said, name)]
    asked += ['mode = "job"'] * (station.mode is Mode.JOB)
    if asked:
        raise SettingsError(
            N_(
                '{place}: {asked} needs to know when the machine runs; add an input, as running = {{ driver = "gpio", '
                'pin = 13, does = "running" }}'
            ),
            place=place,
            asked=", ".join(asked),
        )


def input_says_what_it_needs(said: InputTable, place: str) -> None:
    """Refuse keys that this consequence does not read, and those that it cannot do without."""
    reads = {
        "output": {Does.OPEN},
        "settle": {Does.END, Does.FAULT},
        "clears": {Does.FAULT, Does.RUNNING},
        "purpose": {Does.PURPOSE, Does.GROUP},
        "organisation": {Does.GROUP},
        "people": {Does.GROUP},
    }
    for key, does in reads.items():
        given = getattr(said, key) != next(f.default for f in msgspec.structs.fields(said) if f.name == key)
        if given and said.does not in does:
            raise SettingsError(
                N_('{place}, {key}: does = "{does}" does not read it; only {others} do'),
                place=place,
                key=key,
                does=said.does.value,
                others=", ".join(sorted(f'"{word}"' for word in does)),
            )
    if said.does is Does.OPEN and not said.output:
        raise SettingsError(
            N_('{place}: say which output it opens, as output = "beam"; to end the session, does = "end"'), place=place
        )
    if said.does is Does.PURPOSE and said.purpose is None:
        raise SettingsError(
            N_('{place}: say which purpose it chooses, as purpose = "order"; there are: {words}'),
            place=place,
            words=", ".join(f'"{word}"' for word in Purpose),
        )
    if said.clears is Clears.RELEASE and said.settle:
        raise SettingsError(
            N_("{place}, clears: what counts only while the machine runs is not released by itself; name a level"),
            place=place,
        )


def inputs_make_sense(station: Station, place: str) -> None:
    """Refuse an input of the name of a part."""
    for name in station.inputs:
        if name in {"reader", "relay", "light", "buzzer", "display", *station.outputs, *station.services}:
            raise SettingsError(
                N_('{place}, inputs: "{name}" is the name of another part; give the input another'),
                place=place,
                name=name,
            )


def resumes_safely(station: Station, place: str) -> None:
    """Refuse to resume where no driver finds again what it left closed."""
    if station.restart is not Restart.RESUME:
        return
    for name, part in station.output_parts().items():
        if not getattr(registry.find("outputs", part.driver), "resumes", False):
            raise SettingsError(
                N_('{place}, restart: "{driver}" ({name}) cannot be found as it was left; say restart = "off"'),
                place=place,
                driver=part.driver,
                name=name,
            )
    if station.services:
        raise SettingsError(
            N_('{place}, restart: a machine with shared services does not resume; say restart = "off"'), place=place
        )


def pins_differ(stations: tuple[Station, ...], services: dict[str, Part]) -> None:
    """Refuse two parts on one pin, port or bus line."""
    parts = [(station.machine, name, part) for station in stations for name, part in station.parts()]
    parts += [("[services]", name, part) for name, part in services.items()]
    holders: dict[int, str] = {}  # of pins that several inputs of one chip share: the chip and the wire
    taken: dict[int, str] = {}
    ports: dict[str, tuple[str, str]] = {}
    seats: dict[tuple[str, str], str] = {}
    buses: dict[int, str] = {}
    for machine, name, part in parts:
        for key, pin in part.settings.pins().items():
            place = f"{machine}, {name}, {key}"
            wire = f"{part.settings.port}, {key}" if part.settings.shares else place
            if holders.setdefault(pin, wire) != wire:
                raise SettingsError(
                    N_("{place}: GPIO {pin} is taken already by {other}"), place=place, pin=pin, other=taken[pin]
                )
            taken[pin] = place
        port = part.settings.port
        one = _one_name(port)
        other, shared = ports.setdefault(one, (f"{machine}, {name}", part.settings.shares)) if port else ("", "")
        if port and other != f"{machine}, {name}" and not (shared and shared == part.settings.shares):
            raise SettingsError(
                N_("{place}: {port} is taken already by {other}"), place=f"{machine}, {name}", port=port, other=other
            )
        seat = (one, part.settings.seat)
        if all(seat) and seats.setdefault(seat, f"{machine}, {name}") != f"{machine}, {name}":
            raise SettingsError(
                N_("{place}: {port} is taken already by {other}"),
                place=f"{machine}, {name}",
                port=", ".join(seat),
                other=seats[seat],
            )
        buses |= dict.fromkeys(part.settings.bus_pins(), f"{machine}, {name}")
    for pin, place in taken.items():
        if pin in buses:
            raise SettingsError(
                N_("{place}: GPIO {pin} belongs to the bus of {other}; use another"),
                place=place,
                pin=pin,
                other=buses[pin],
            )


def _one_name(port: str) -> str:
    """Return one name to what has several, as far as can be told here: links in /dev are followed where they are."""
    return os.path.realpath(port) if port.startswith("/") else port.lower()


def parts_fit(stations: tuple[Station, ...], services: dict[str, Part]) -> None:
    """Refuse parts that cannot be beside one another, as their drivers say."""
    named = _named(stations, services)
    for number, (place, part) in enumerate(named):
        for its_place, other in named[:number]:
            _ask_driver(partial(part.settings.check_beside, other.settings, place, its_place))
            _ask_driver(partial(other.settings.check_beside, part.settings, its_place, place))


def _named(stations: tuple[Station, ...], services: dict[str, Part]) -> list[tuple[str, Part]]:
    named = [(f"{station.machine}, {name}", part) for station in stations for name, part in station.parts()]
    return named + [(f"[services], {name}", part) for name, part in services.items()]


def presence_is_sensed(station: Station, place: str) -> None:
    """Refuse a badge that has to stay on a reader that cannot tell."""
    if station.mode is not Mode.PRESENCE:
        return
    if not registry.find("readers", station.reader.driver).senses_presence:
        raise SettingsError(
            N_(
                '{place}: mode "presence" needs a reader that senses that a badge stays, and "{driver}" does '
                'not; use mode "tap"'
            ),
            place=place,
            driver=station.reader.driver,
        )


def pin_can_be_typed(station: Station, place: str) -> None:
    """Refuse a PIN where there are no keys, and a machine that is taken over before anybody typed one."""
    if not station.rules.pin:
        return
    if not getattr(registry.find("readers", station.reader.driver), "has_keys", False):
        raise SettingsError(
            N_('{place}: pin = true needs a reader with keys, and "{driver}" has none'),
            place=place,
            driver=station.reader.driver,
        )
    if station.rules.takeover:
        raise SettingsError(
            N_("{place}: pin and takeover do not go together: a session would end before the other's PIN is known"),
            place=place,
        )


def output_fits(part: Part, place: str) -> None:
    """Refuse an output that its driver refuses."""
    _ask_driver(partial(part.settings.check, place))


def _ask_driver(check: Callable[[], None]) -> None:
    try:
        check()
    except SettingsMismatchError as error:
        raise SettingsError(error.template, **error.parameters) from error
