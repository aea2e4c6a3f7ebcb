"""The settings file: how machines are wired and switched.

Strict: each key has bounds, a key that nobody reads is an error.

Errors name the place ("station 1 (laser), relay, pin") and the remedy.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.strict import SettingsError, convert, days, no_other_keys
from common.texts import N_
from controller.settings import checks
from controller.settings.periods import Periods, Stale
from controller.settings.stations import read_output, read_station
from controller.settings.tables import (
    Controller,
    Input,
    Names,
    OnStale,
    Part,
    Restart,
    RetentionTable,
    Settings,
    Station,
    Thresholds,
    WhitelistTable,
)

__all__ = [
    "Controller",
    "Input",
    "Names",
    "Part",
    "Restart",
    "Settings",
    "SettingsError",
    "Station",
    "Thresholds",
    "load",
    "read",
]

MAX_BYTES: Final = 256 * 1024


def load(path: Path) -> Settings:
    """Read and check a settings file. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except PermissionError as error:
        raise SettingsError(N_("{path} is not for everybody's eyes; put sudo before the command"), path=path) from error
    except FileNotFoundError as error:
        raise SettingsError(
            N_(
                "there are no settings yet ({path}): `sudo loquet setup` asks for them, `loquet demo` needs none; "
                "others are named with --config FILE or LOQUET_CONFIG"
            ),
            path=path,
        ) from error
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
    no_other_keys(document, ("controller", "whitelist", "retention", "services", "station"), str(path))
    controller = convert(document.get("controller", {}), Controller, "[controller]")
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
    shared = document.get("services", {})
    if not isinstance(shared, dict):
        raise SettingsError(N_("{place}: a table is expected here"), place="[services]")
    services = {name: read_output(part, f"[services], {name}") for name, part in shared.items()}
    checks.services_are_named_well(services)
    stations = tuple(read_station(table, number, services) for number, table in enumerate(tables, 1))
    checks.socket_fits(path.parent / controller.run_dir)
    checks.machines_differ(stations, services)
    checks.services_are_used(stations, services)
    checks.pins_differ(stations, services)
    checks.parts_fit(stations, services)
    return Settings(controller, stations, path, services, _stale(document), _periods(document))


def _stale(document: dict[str, Any]) -> Stale:
    table = convert(document.get("whitelist", {}), WhitelistTable, "[whitelist]")
    if table.stale_after is None:
        return Stale(deny=table.on_stale is OnStale.DENY)
    after = days(table.stale_after, "[whitelist], stale_after", "never")
    return Stale(after, deny=table.on_stale is OnStale.DENY, said=True)


def _periods(document: dict[str, Any]) -> Periods:
    table = convert(document.get("retention", {}), RetentionTable, "[retention]")
    return Periods(
        days(table.passages, "[retention], passages", "for good"),
        days(table.usage, "[retention], usage", "for good"),
    )
