"""Reading one [[station]]: its parts, its times, its inputs, and the rules that its station lives by."""

from __future__ import annotations

import math
from typing import Any, Final

from common.strict import SettingsError, convert, is_one_of, seconds
from common.texts import N_
from controller.settings import checks
from controller.settings.tables import (
    Input,
    InputTable,
    Part,
    Restart,
    Station,
    StationTable,
    Thresholds,
)
from controller.station.rules import Does, InputRule, Mode, Rules
from controller.station.states import MACHINE
from drivers import registry
from drivers.contracts import DriverError
from protocol.entries import Purpose

DAY: Final = 86_400
WEEK: Final = 7 * DAY
NO_LIMIT: Final = "none"  # the explicit word for what could stay on for ever
KINDS: Final = {
    "reader": "readers",
    "relay": "outputs",
    "light": "lights",
    "buzzer": "buzzers",
    "display": "displays",
}


def read_station(table: object, number: int, services: dict[str, Part]) -> Station:
    """Read one [[station]]. Raises SettingsError."""
    named = table.get("machine", "?") if isinstance(table, dict) else "?"
    said = convert(table, StationTable, f"[[station]] {number} ({named})")
    place = f"[[station]] {number} ({said.machine})"
    parts = {
        name: read_part(getattr(said, name), kind, f"{place}, {name}")
        for name, kind in KINDS.items()
        if getattr(said, name) is not None
    }
    outputs = {name: read_output(part, f"{place}, outputs, {name}") for name, part in said.outputs.items()}
    inputs = {name: _input(name, part, f"{place}, inputs, {name}") for name, part in said.inputs.items()}
    maintenance = said.maintenance
    station = Station(
        machine=said.machine,
        reader=parts["reader"],
        relay=parts["relay"],
        mode=said.mode,
        name=said.name or said.machine,
        rules=_rules(said, tuple(wired.rule for wired in inputs.values()), place),
        restart=said.restart,
        maintenance=None if maintenance is None else seconds(maintenance, f"{place}, maintenance", 3600, 10_000 * 3600),
        display_names=said.display_names,
        light=parts.get("light"),
        buzzer=parts.get("buzzer"),
        display=parts.get("display"),
        outputs=outputs,
        inputs=inputs,
        services=tuple(said.services),
    )
    checks.outputs_are_named_well(station, services, place)
    checks.times_fit(station, place)
    checks.ends_by_itself(said, station, place)
    checks.rest_is_sensed(said, station, place)
    checks.presence_is_sensed(station, place)
    checks.pin_can_be_typed(station, place)
    checks.inputs_make_sense(station, place)
    checks.resumes_safely(station, place)
    for name, part in station.output_parts().items():
        checks.output_fits(part, f"{place}, relay" if name == MACHINE else f"{place}, outputs, {name}")
    return station


def _rules(said: StationTable, inputs: tuple[InputRule, ...], place: str) -> Rules:
    """Put the times and options of a station together, in milliseconds."""

    def ms(name: str, least: int, most: int) -> int:
        return 1000 * seconds(getattr(said, name), f"{place}, {name}", least, most)

    def optional(name: str, least: int, most: int) -> int | None:
        return None if getattr(said, name) is None else ms(name, least, most)

    unlimited = said.longest == NO_LIMIT
    wait = optional("wait_for_rest", 0, WEEK)
    return Rules(
        machine=said.machine,
        mode=said.mode,
        outputs=frozenset({MACHINE, *said.outputs, *said.services}),
        inputs=inputs,
        grace=ms("grace", 0, 3600),
        longest=None if unlimited else optional("longest", 60, WEEK),
        period=optional("period", 60, WEEK) or 0,
        idle=optional("idle", 10, DAY),
        warning=ms("warning", 0, 3600),
        coast_down=optional("coast_down", 0, 3600) or 0,
        # A job is what is not cut by a tap: where nothing else is said it has all the time that there is.
        wait_for_rest=(WEEK * 1000 if said.mode is Mode.JOB else 0) if wait is None else wait,
        shortest_off=ms("shortest_off", 0, 3600),
        run_on=tuple(
            (name, 1000 * seconds(how_long, f"{place}, run_on, {name}", 1, 3600))
            for name, how_long in said.run_on.items()
        ),
        supervised=said.supervised,
        buddy=said.buddy,
        pin=said.pin,
        takeover=said.takeover,
        resumes=said.restart is Restart.RESUME,
        purpose=said.purpose,
    )


def _input(name: str, table: object, place: str) -> Input:
    given = dict(table) if isinstance(table, dict) else {}
    if "does" not in given:
        raise SettingsError(
            N_('{place}: say what it does, as in {{ driver = "gpio", pin = 6, does = "end" }}; there are: {words}'),
            place=place,
            words=", ".join(f'"{word}"' for word in Does),
        )
    is_one_of(given["does"], Does, f"{place}, does")
    general = {key: given.pop(key) for key in InputTable.__struct_fields__ if key in given}
    said = convert(general, InputTable, place)
    part = read_part(given, "inputs", place)
    if said.does is Does.FAULT and said.normally_closed is None and said.above is None:
        raise SettingsError(
            N_(
                "{place}: say normally_closed = true, as an emergency stop is wired, so that a cut wire counts; or "
                "normally_closed = false, if a cut wire may go unnoticed"
            ),
            place=place,
        )
    rule = InputRule(
        name=name,
        does=said.does,
        output=said.output,
        settle=1000 * seconds(said.settle, f"{place}, settle", 0, 15 if said.does is Does.FAULT else 60),
        clears=said.clears,
        purpose=said.purpose or (Purpose.TRAINING if said.does is Does.GROUP else Purpose.OWN),
        organisation=said.organisation,
        people=said.people,
    )
    wired = Input(part, rule, bool(said.normally_closed), _thresholds(said, part, place))
    checks.input_says_what_it_needs(said, place)
    return wired


def _thresholds(said: InputTable, part: Part, place: str) -> Thresholds | None:
    measures = getattr(registry.find("inputs", part.driver), "measures", "")
    if not measures and (said.above, said.below) == (None, None):
        return None
    most = getattr(part.settings, "full_scale", math.inf)
    if not measures or said.above is None or said.below is None or not 0 <= said.below < said.above < most:
        raise SettingsError(
            N_(
                "{place}: an input that measures needs above = … and a smaller below = …, within its scale, and no "
                'other has them; "{driver}" measures {unit}'
            ),
            place=place,
            driver=part.driver,
            unit=measures or "-",
        )
    return Thresholds(said.above, said.below)


def read_output(table: object, place: str) -> Part:
    """Read an output. Raises SettingsError."""
    return read_part(table, "outputs", place)


def read_part(table: object, kind: str, place: str) -> Part:
    """Read one part: its driver, and what that reads. Raises SettingsError."""
    if not isinstance(table, dict) or not isinstance(table.get("driver"), str):
        raise SettingsError(
            N_('{place}: name its driver, as in {{ driver = "{example}", … }}'),
            place=place,
            example=(registry.names(kind) or ["…"])[0],
        )
    rest: dict[str, Any] = {key: value for key, value in table.items() if key != "driver"}
    try:
        settings_type = registry.find(kind, table["driver"]).Settings
    except DriverError as error:
        raise SettingsError(N_("{place}: {error}"), place=place, error=error) from error
    try:
        return Part(table["driver"], convert(rest, settings_type, place))
    except DriverError as error:
        raise SettingsError(N_("{place}: {error}"), place=place, error=error) from error
