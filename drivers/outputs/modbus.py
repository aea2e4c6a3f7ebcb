"""Relays on an RS-485 line, in Modbus RTU."""

from __future__ import annotations

import contextlib
from typing import Annotated, ClassVar

import msgspec

from drivers.bus.modbus import LineSettings, Unit, crc
from drivers.contracts import N_, DriverError, OutputError, PortOpening, Seen

WRITE_COIL, READ_COILS = 5, 1


class RelaySettings(LineSettings, frozen=True, kw_only=True):
    """Which of a unit's relays: coils are counted from 0."""

    coil: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    interval: Annotated[float, msgspec.Meta(ge=0.2, le=10.0)] = 1.0

    @property
    def seat(self) -> str:
        """Name the coil."""
        return f"unit {self.unit}, coil {self.coil}"


class ModbusRelay:
    """One coil of a unit. It keeps its state whatever becomes of the line, so a guard has to open it."""

    resumes: ClassVar[bool] = True
    Settings: ClassVar[type[RelaySettings]] = RelaySettings

    def __init__(self, settings: RelaySettings) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._unit = Unit(settings)

    @staticmethod
    def opening_of(settings: RelaySettings) -> PortOpening:
        """Return how anyone opens the coil; the unit sends it back (Modbus application protocol §6.5)."""
        sent = bytes((settings.unit, WRITE_COIL, settings.coil >> 8, settings.coil & 0xFF, 0, 0))
        sent += crc(sent)
        return PortOpening(settings.port, settings.baudrate, sent.hex(), sent.hex(), settings.parity, settings.stopbits)

    @property
    def opening(self) -> PortOpening:
        """Return how anyone opens the coil without this process."""
        return self.opening_of(self._settings)

    def open(self) -> str:
        """Join the line and ask the unit; one that does not answer can be told to open all the same.

        Raises OutputError.
        """
        with _as_output_errors():
            self._unit.open()
        self.look()
        return self._name

    @property
    def _name(self) -> str:
        said = self._settings
        return f"Modbus, {said.port}, unit {said.unit}, coil {said.coil}"

    def switch(self, *, closed: bool) -> Seen:
        """Switch the coil and read it back. Raises OutputError."""
        with _as_output_errors():
            self._unit.ask("write_bit", self._settings.coil, int(closed), WRITE_COIL)
        seen = self.look()
        if seen.closed is not closed:
            raise OutputError(N_("{name}: it says that it switched, and did not"), name=self._name)
        return seen

    def look(self) -> Seen:
        """Read the coil. Raises OutputError."""
        with _as_output_errors():
            return Seen(bool(self._unit.ask("read_bit", self._settings.coil, READ_COILS)))

    def close(self) -> None:
        """Leave the line; may be called twice."""
        self._unit.close()


class _as_output_errors(contextlib.AbstractContextManager[None]):  # noqa: N801 - used as a word in a sentence
    """Have every driver error leave as an OutputError."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DriverError) and not isinstance(error, OutputError):
            raise OutputError(error.template, **error.parameters) from error
