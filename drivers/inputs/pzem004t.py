"""The PZEM-004T v3, a meter on an RS-485 line, in Modbus RTU."""

from __future__ import annotations

import os
from typing import Annotated, ClassVar, Final

import msgspec

from drivers.bus.modbus import LineSettings, Unit
from drivers.contracts import N_, DriverError, DriverSettings, SettingsMismatchError

READ_INPUTS = 4
METER_REGISTERS: Final = 10
ANY: Final = 0xF8  # the general address of its sheet, §3.1


class MeterSettings(LineSettings, frozen=True, kw_only=True):
    """Which unit; how often it is read (seconds). 248 is any of them: each answers to it, whatever its number."""

    unit: Annotated[int, msgspec.Meta(ge=1, le=ANY)] = 1
    interval: Annotated[float, msgspec.Meta(ge=0.2, le=10.0)] = 1.0

    @property
    def seat(self) -> str:
        """Name the unit."""
        return f"unit {self.unit}"

    def check_beside(self, other: DriverSettings, place: str, its_place: str) -> None:
        """Refuse a meter beside one that is asked as any of them."""
        super().check_beside(other, place, its_place)
        on_one_line = isinstance(other, MeterSettings) and os.path.realpath(other.port) == os.path.realpath(self.port)
        if on_one_line and isinstance(other, MeterSettings) and ANY in {self.unit, other.unit} and self != other:
            any_of_them = N_(
                "{place}: every meter answers to unit {unit}, that of {other} too; give each its own number"
            )
            raise SettingsMismatchError(any_of_them, place=place, unit=ANY, other=its_place)


class PZEM004T:
    """A PZEM-004T v3: the mains that flows through its current transformer, in watts, and counted in watt-hours.

    Input registers from 0: volts/10; milliamperes, low word first; watts/10, low word first; watt-hours, low word
    first; hertz/10; power factor/100; alarm (its data sheet).
    """

    measures: ClassVar[str] = "W"
    Settings: ClassVar[type[MeterSettings]] = MeterSettings

    def __init__(self, settings: MeterSettings) -> None:
        self.interval = settings.interval
        self.counted_wh: float | None = None
        self._unit = Unit(settings)
        self._is_open = False

    def read(self) -> float:
        """Return the power now, in watts. Raises DriverError."""
        try:
            if not self._is_open:
                self._unit.open()
                self._is_open = True
            registers = self._unit.ask("read_registers", 0, METER_REGISTERS, READ_INPUTS)
        except DriverError:
            self._is_open = False
            self._unit.close()
            raise
        self.counted_wh = float(registers[5] | registers[6] << 16)
        return float(registers[3] | registers[4] << 16) / 10

    def close(self) -> None:
        """Leave the line; may be called twice."""
        self._unit.close()
