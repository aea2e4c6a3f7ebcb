"""What a settings file says, as structs: the tables [controller], [[station]] and [services]."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from common.strict import SettingsError
from common.texts import N_
from controller.settings.periods import Periods, Stale
from controller.station.rules import Clears, Does, InputRule, Mode, Rules
from controller.station.states import MACHINE
from drivers.contracts import DriverSettings
from protocol.entries import Purpose

Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,31}$")]
Folder = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
People = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class Restart(StrEnum):
    """What becomes of a session when the daemon is killed, crashes or hangs, and comes back."""

    OFF = "off"
    RESUME = "resume"


class Names(StrEnum):
    """How much of a member's name a display shows."""

    FULL = "full"
    FIRST = "first"
    INITIALS = "initials"
    NONE = "none"


class Controller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [controller]."""

    data_dir: Folder = "/var/lib/loquet"
    run_dir: Folder = "/run/loquet"
    language: Literal["en", "fr"] = "en"
    timezone: str = "Europe/Paris"


class OnStale(StrEnum):
    """What follows from a whitelist that nobody confirmed for too long."""

    ALLOW = "allow"
    DENY = "deny"


class WhitelistTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [whitelist] as the file writes it."""

    stale_after: int | str | None = None
    on_stale: OnStale = OnStale.ALLOW


class RetentionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [retention] as the file writes it."""

    passages: int | str = "90 d"
    usage: int | str = "3 y"


class StationTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[station]] as the file writes it, its parts not yet read."""

    machine: Id
    reader: dict[str, Any]
    relay: dict[str, Any]
    mode: Mode = Mode.PRESENCE
    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    grace: int | str = 5
    longest: int | str | None = None
    period: int | str | None = None
    idle: int | str | None = None
    warning: int | str = 60
    coast_down: int | str | None = None
    wait_for_rest: int | str | None = None
    shortest_off: int | str = 0
    run_on: dict[Id, int | str] = {}
    supervised: bool = False
    buddy: bool = False
    pin: bool = False
    takeover: bool = False
    restart: Restart = Restart.OFF
    purpose: Purpose = Purpose.OWN
    maintenance: int | str | None = None
    display_names: Names = Names.FIRST
    services: list[Id] = []
    light: dict[str, Any] | None = None
    buzzer: dict[str, Any] | None = None
    display: dict[str, Any] | None = None
    outputs: dict[Id, dict[str, Any]] = {}
    inputs: dict[Id, dict[str, Any]] = {}


class InputTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every input's table may say besides what its driver reads."""

    does: Does
    output: str = ""
    normally_closed: bool | None = None
    settle: int | str = 0
    clears: Clears = Clears.MAINTAINER
    purpose: Purpose | None = None
    organisation: Annotated[str, msgspec.Meta(max_length=80)] = ""
    people: People | None = None
    above: float | None = None
    below: float | None = None


class Part(msgspec.Struct, frozen=True):
    """One part of a station: its driver's name and what the driver reads."""

    driver: str
    settings: DriverSettings


class Thresholds(msgspec.Struct, frozen=True):
    """Above the one a measured amount counts as there, below the other as gone."""

    above: float
    below: float


class Input(msgspec.Struct, frozen=True):
    """A button, contact or measured amount, when its condition holds, and what it does.

    normally_closed: its condition holds while the contact is open, as a cut wire is.
    """

    part: Part
    rule: InputRule
    normally_closed: bool = False
    thresholds: Thresholds | None = None


class Station(msgspec.Struct, frozen=True):
    """One machine as the controller sees it. Times in seconds, those of `rules` in milliseconds."""

    machine: str
    reader: Part
    relay: Part
    mode: Mode
    name: str
    rules: Rules
    restart: Restart = Restart.OFF
    maintenance: int | None = None
    display_names: Names = Names.FIRST
    light: Part | None = None
    buzzer: Part | None = None
    display: Part | None = None
    outputs: dict[str, Part] = {}
    inputs: dict[str, Input] = {}
    services: tuple[str, ...] = ()

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Name each part that is there."""
        for name in ("reader", "relay", "light", "buzzer", "display"):
            part = getattr(self, name)
            if part is not None:
                yield name, part
        yield from self.outputs.items()
        for name, wired in self.inputs.items():
            yield name, wired.part

    def output_parts(self) -> dict[str, Part]:
        """Name every output of its own: the auxiliary ones, and the machine's, which is the last to close."""
        return {**self.outputs, MACHINE: self.relay}


class Settings(msgspec.Struct, frozen=True):
    """All that the file says."""

    controller: Controller
    stations: tuple[Station, ...]
    path: Path
    services: dict[str, Part] = {}
    stale: Stale = Stale()
    periods: Periods = Periods()

    @property
    def data_dir(self) -> Path:
        """Where journal and whitelist are kept; relative to the settings file."""
        return self.path.parent / self.controller.data_dir

    @property
    def run_dir(self) -> Path:
        """Where leases and the control socket are; on a file system in memory."""
        return self.path.parent / self.controller.run_dir

    def station(self, machine: str) -> Station:
        """Return the station of a machine. Raises SettingsError, which names those that there are."""
        for station in self.stations:
            if station.machine == machine:
                return station
        raise SettingsError(
            N_('there is no machine "{machine}" in {path}; there are: {machines}'),
            machine=machine,
            path=self.path,
            machines=", ".join(station.machine for station in self.stations),
        )
