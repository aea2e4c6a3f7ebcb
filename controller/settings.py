"""The settings file: how machines are wired and switched.

Strict: each key has bounds, a key that nobody reads is an error.

Errors name the place ("station 1 (laser), relay, pin") and the remedy.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from drivers import registry
from drivers.contracts import DriverError, DriverSettings
from drivers.gpio import RelaySettings
from drivers.header import CONSOLE, GOOD_FOR_RELAYS
from protocol.errors import LoquetError
from protocol.texts import N_, language_of_environment

DEFAULT_FILE: Final = Path("/etc/loquet/controller.toml")
MAX_BYTES: Final = 256 * 1024
S = TypeVar("S", bound=msgspec.Struct)
_UNITS: Final = {"": 1, "s": 1, "min": 60, "h": 3600}
MACHINE: Final = "machine"  # the name of the output that a session closes for
_MACHINE: Final = "^[a-z0-9][a-z0-9-]{0,31}$"


class SettingsError(LoquetError, ValueError):
    """What is wrong with the settings, where, and what to do."""


class Mode(StrEnum):
    """How a badge opens and ends a session."""

    PRESENCE = "presence"
    TAP = "tap"


class Does(StrEnum):
    """What an input does when its contact closes."""

    END = "end"


Folder = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Controller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [controller]."""

    data_dir: Folder = "/var/lib/loquet"
    run_dir: Folder = "/run/loquet"
    language: Literal["en", "fr"] = "en"
    timezone: str = "Europe/Paris"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[station]] as the file writes it, its parts not yet read."""

    machine: Annotated[str, msgspec.Meta(pattern=_MACHINE)]
    reader: dict[str, Any]
    relay: dict[str, Any]
    mode: Mode = Mode.PRESENCE
    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    grace: int | str = 5
    longest: int | str | None = None
    warning: int | str = 60
    light: dict[str, Any] | None = None
    buzzer: dict[str, Any] | None = None
    outputs: dict[Annotated[str, msgspec.Meta(pattern=_MACHINE)], dict[str, Any]] = {}
    inputs: dict[Annotated[str, msgspec.Meta(pattern=_MACHINE)], dict[str, Any]] = {}


class Part(msgspec.Struct, frozen=True):
    """One part of a station: its driver's name and what the driver reads."""

    driver: str
    settings: DriverSettings


class Input(msgspec.Struct, frozen=True):
    """A button or contact, and what it does."""

    part: Part
    does: Does


class Station(msgspec.Struct, frozen=True):
    """One machine as the controller sees it. Times in seconds."""

    machine: str
    reader: Part
    relay: Part
    mode: Mode
    name: str
    grace: int
    longest: int | None
    warning: int
    light: Part | None
    buzzer: Part | None
    outputs: dict[str, Part] = {}
    inputs: dict[str, Input] = {}

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Name each part that is there."""
        for name in ("reader", "relay", "light", "buzzer"):
            part = getattr(self, name)
            if part is not None:
                yield name, part
        yield from self.outputs.items()
        for name, wired in self.inputs.items():
            yield name, wired.part

    def contacts(self) -> dict[str, Part]:
        """Name every output: the auxiliary ones, and the machine's own, which is the last to close."""
        return {**self.outputs, MACHINE: self.relay}


class Settings(msgspec.Struct, frozen=True):
    """All that the file says."""

    controller: Controller
    stations: tuple[Station, ...]
    path: Path

    @property
    def data_dir(self) -> Path:
        """Where journal and whitelist are kept; relative to the settings file."""
        return self.path.parent / self.controller.data_dir

    @property
    def run_dir(self) -> Path:
        """Where leases and the control socket are; on a file system in memory."""
        return self.path.parent / self.controller.run_dir

    def station(self, machine: str) -> Station:
        """Give the station of a machine. Raises SettingsError, which names those that there are."""
        for station in self.stations:
            if station.machine == machine:
                return station
        raise SettingsError(
            N_('there is no machine "{machine}" in {path}; there are: {machines}'),
            machine=machine,
            path=self.path,
            machines=", ".join(station.machine for station in self.stations),
        )


def default_path() -> Path:
    """Give LOQUET_CONFIG, or the usual place."""
    return Path(os.environ.get("LOQUET_CONFIG") or DEFAULT_FILE)


def language_of_house() -> str:
    """Give the language to speak: LOQUET_LANGUAGE, else what the settings say, else the environment's.

    The settings come before the locale: a Pi's is English until somebody knows how to change it.
    """
    named = os.environ.get("LOQUET_LANGUAGE")
    if named:
        return named[:2].lower()
    try:
        said = tomllib.loads(default_path().read_text(encoding="utf-8"))["controller"]["language"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        said = None  # whatever is wrong there is told by the command that needs it
    return said if isinstance(said, str) else language_of_environment()


def load(path: Path) -> Settings:
    """Read and check a settings file. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except PermissionError as error:
        raise SettingsError(N_("{path} is not for everybody's eyes; put sudo before the command"), path=path) from error
    except (OSError, ValueError) as error:
        raise SettingsError(
            N_("{path} cannot be read ({error}); name another with --config FILE or LOQUET_CONFIG"),
            path=path,
            error=getattr(error, "strerror", None) or error,
        ) from error
    if len(raw) > MAX_BYTES:
        raise SettingsError(N_("{path} is no settings file: it is larger than 256 kB"), path=path)
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise SettingsError(N_("{path} is not valid TOML: {error}"), path=path, error=error) from error
    return read(document, path)


def read(document: dict[str, Any], path: Path) -> Settings:
    """Check what a settings file says. Raises SettingsError."""
    _no_other_keys(document, ("controller", "station"), str(path))
    controller = _convert(document.get("controller", {}), Controller, "[controller]")
    try:
        ZoneInfo(controller.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            N_('[controller], timezone: "{zone}" is not a time zone; one is "Europe/Paris"'),
            zone=controller.timezone,
        ) from error
    tables = document.get("station", [])
    if not isinstance(tables, list) or not tables:
        raise SettingsError(
            N_("{path} names no machine; add a [[station]] table, as in the examples in config/"), path=path
        )
    stations = tuple(_station(table, number) for number, table in enumerate(tables, 1))
    _socket_fits(path.parent / controller.run_dir)
    _machines_differ(stations)
    _pins_differ(stations)
    return Settings(controller, stations, path)


def _station(table: object, number: int) -> Station:
    named = table.get("machine", "?") if isinstance(table, dict) else "?"
    place = f"[[station]] {number} ({named})"
    read_table = _convert(table, _Table, place)
    place = f"[[station]] {number} ({read_table.machine})"
    kinds = {"reader": "readers", "relay": "outputs", "light": "lights", "buzzer": "buzzers"}
    parts = {
        name: _part(getattr(read_table, name), kind, f"{place}, {name}")
        for name, kind in kinds.items()
        if getattr(read_table, name) is not None
    }
    outputs = {name: _part(table, "outputs", f"{place}, outputs, {name}") for name, table in read_table.outputs.items()}
    if MACHINE in outputs:
        raise SettingsError(
            N_('{place}, outputs: "{name}" is the machine\'s own relay; give the output another name'),
            place=place,
            name=MACHINE,
        )
    inputs = {name: _input(table, f"{place}, inputs, {name}") for name, table in read_table.inputs.items()}
    longest = read_table.longest
    station = Station(
        machine=read_table.machine,
        reader=parts["reader"],
        relay=parts["relay"],
        mode=read_table.mode,
        name=read_table.name or read_table.machine,
        grace=seconds(read_table.grace, f"{place}, grace", 0, 3600),
        longest=None if longest is None else seconds(longest, f"{place}, longest", 60, 7 * 86_400),
        warning=seconds(read_table.warning, f"{place}, warning", 0, 3600),
        light=parts.get("light"),
        buzzer=parts.get("buzzer"),
        outputs=outputs,
        inputs=inputs,
    )
    if station.longest is not None and station.warning >= station.longest:
        raise SettingsError(
            N_("{place}, warning: {warning} s before the end of a session of {longest} s at most; say less"),
            place=place,
            warning=station.warning,
            longest=station.longest,
        )
    _presence_is_sensed(station, place)
    for name, part in station.contacts().items():
        _is_open_at_power_on(part.settings, f"{place}, relay" if name == MACHINE else f"{place}, outputs, {name}")
    return station


def _input(table: object, place: str) -> Input:
    rest = dict(table) if isinstance(table, dict) else {}
    does = rest.pop("does", None)
    if does not in set(Does):
        raise SettingsError(
            N_('{place}: say what it does, as in {{ driver = "button", pin = 6, does = "{does}" }}'),
            place=place,
            does='" / "'.join(Does),
        )
    return Input(_part(rest, "inputs", place), Does(does))


def _part(table: object, kind: str, place: str) -> Part:
    if not isinstance(table, dict) or not isinstance(table.get("driver"), str):
        raise SettingsError(
            N_('{place}: name its driver, as in {{ driver = "{example}", … }}'),
            place=place,
            example=(registry.names(kind) or ["…"])[0],
        )
    name = table["driver"]
    rest = {key: value for key, value in table.items() if key != "driver"}
    try:
        settings_type = registry.find(kind, name).Settings
    except DriverError as error:
        raise SettingsError(N_("{place}: {error}"), place=place, error=error) from error
    return Part(name, _convert(rest, settings_type, place))


def seconds(value: int | str, place: str, least: int, most: int) -> int:
    """Read a duration: a number of seconds, or a number with its unit. Raises SettingsError."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,7})\s*(s|min|h|)\s*", value)
        given = int(match[1]) * _UNITS[match[2]] if match else -1
    else:
        given = value
    if not least <= given <= most:
        raise SettingsError(
            N_('{place}: {value} is not a time from {least} s to {most} s, as 90, "90 s", "5 min" or "8 h"'),
            place=place,
            value=repr(value),
            least=least,
            most=most,
        )
    return given


def _no_other_keys(table: dict[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            if near:
                raise SettingsError(
                    N_('{place}: unknown key "{key}"; did you mean "{near}"?'),
                    place=place,
                    key=key,
                    near=near[0],
                )
            raise SettingsError(
                N_('{place}: unknown key "{key}"; there are: {keys}'),
                place=place,
                key=key,
                keys=", ".join(keys),
            )


def _convert(table: object, kind: type[S], place: str) -> S:
    """Read a table into its struct. Raises SettingsError."""
    if not isinstance(table, dict):
        raise SettingsError(N_("{place}: a table is expected here"), place=place)
    fields = msgspec.structs.fields(kind)
    _no_other_keys(table, tuple(field.name for field in fields), place)
    for field in fields:
        if field.required and field.name not in table:
            raise SettingsError(N_('{place}: the key "{key}" is missing'), place=place, key=field.name)
        if field.name in table:
            if isinstance(field.type, type) and issubclass(field.type, StrEnum):
                _is_one_of(table[field.name], field.type, f"{place}, {field.name}")
            try:
                msgspec.convert(table[field.name], field.type)
            except msgspec.ValidationError as error:
                raise SettingsError(
                    N_("{place}, {key}: {value} will not do: {error}"),
                    place=place,
                    key=field.name,
                    value=repr(table[field.name]),
                    error=error,
                ) from error
    return msgspec.convert(table, kind)


def _is_one_of(value: object, words: type[StrEnum], place: str) -> None:
    if value not in set(words):
        raise SettingsError(
            N_("{place}: {value} will not do; there are: {words}"),
            place=place,
            value=repr(value),
            words=", ".join(f'"{word}"' for word in words),
        )


def _socket_fits(run_dir: Path) -> None:
    longest = 100 - len("/control")  # bytes; the kernel takes 108
    if len(os.fsencode(run_dir)) > longest:
        raise SettingsError(
            N_("[controller], run_dir: {path} is too long for a socket ({longest} characters at most)"),
            path=run_dir,
            longest=longest,
        )


def _machines_differ(stations: tuple[Station, ...]) -> None:
    seen: set[str] = set()
    for number, station in enumerate(stations, 1):
        if station.machine in seen:
            raise SettingsError(
                N_('[[station]] {number}: there is a machine "{machine}" already; give each its own id'),
                number=number,
                machine=station.machine,
            )
        seen.add(station.machine)


def _pins_differ(stations: tuple[Station, ...]) -> None:
    taken: dict[int, str] = {}
    ports: dict[str, str] = {}
    buses: dict[int, str] = {}
    for station in stations:
        for name, part in station.parts():
            for key, pin in part.settings.pins().items():
                place = f"{station.machine}, {name}, {key}"
                if pin in taken:
                    raise SettingsError(
                        N_("{place}: GPIO {pin} is taken already by {other}"),
                        place=place,
                        pin=pin,
                        other=taken[pin],
                    )
                taken[pin] = place
            port = part.settings.port
            if port and ports.setdefault(port, f"{station.machine}, {name}") != f"{station.machine}, {name}":
                raise SettingsError(
                    N_("{place}: {port} is taken already by {other}"),
                    place=f"{station.machine}, {name}",
                    port=port,
                    other=ports[port],
                )
            buses |= dict.fromkeys(part.settings.bus_pins(), f"{station.machine}, {name}")
    for pin, place in taken.items():
        if pin in buses:
            raise SettingsError(
                N_("{place}: GPIO {pin} belongs to the bus of {other}; use another"),
                place=place,
                pin=pin,
                other=buses[pin],
            )


def _presence_is_sensed(station: Station, place: str) -> None:
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


def _is_open_at_power_on(relay: DriverSettings, place: str) -> None:
    if not isinstance(relay, RelaySettings):
        return
    good = ", ".join(map(str, GOOD_FOR_RELAYS[relay.active_low]))
    if relay.pin in CONSOLE:
        raise SettingsError(
            N_("{place}: the serial console talks on GPIO {pin} while the Pi starts; use one of {good}"),
            place=place,
            pin=relay.pin,
            good=good,
        )
    if relay.closes_at_power_on:
        pulled_down = N_(
            "{place}: GPIO {pin} is pulled down at power-on, which closes an active-low relay before the "
            "controller runs; use one of {good}, or hold it open by a resistor and say external_pull = true"
        )
        pulled_up = N_(
            "{place}: GPIO {pin} is pulled up at power-on, which closes an active-high relay before the "
            "controller runs; use one of {good}, or hold it open by a resistor and say external_pull = true"
        )
        raise SettingsError(pulled_down if relay.active_low else pulled_up, place=place, pin=relay.pin, good=good)
