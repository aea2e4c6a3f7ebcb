"""Units on an RS-485 line, in Modbus RTU through `minimalmodbus`.

Several parts may hang on one line, each with its unit number; they take turns.
"""

from __future__ import annotations

import contextlib
import os
from typing import Annotated, Any, Final, Literal

import msgspec

from drivers.bus import ports
from drivers.bus.ports import Baud, Port, PortError, SerialSettings
from drivers.contracts import N_, DriverError, DriverSettings, SettingsMismatchError

ANSWER_S: Final = 0.3
LATE_S: Final = 0.3  # after which a reply that did not come is not coming
LONGEST: Final = 32  # readings of a line that never rests
SILENCE_S: Final = 0.05  # between two frames (Modbus over serial line, §2.5.1.1: 3.5 characters, and room for USB)
TRIES: Final = 3


class LineSettings(SerialSettings, frozen=True, kw_only=True):
    """Which line, at which speed, and which unit on it."""

    # 248 to 255 are reserved (Modbus over serial line, §2.2); boards leave the factory as 255 all the same.
    unit: Annotated[int, msgspec.Meta(ge=1, le=255)] = 1
    baudrate: Baud = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1

    @property
    def shares(self) -> str:
        """Many units may hang on one line."""
        return "modbus"

    def check_beside(self, other: DriverSettings, place: str, its_place: str) -> None:
        """Refuse two parts on one line that speak at several speeds, or that answer to one number."""
        if not isinstance(other, LineSettings) or os.path.realpath(other.port) != os.path.realpath(self.port):
            return
        if (other.baudrate, other.parity, other.stopbits) != (self.baudrate, self.parity, self.stopbits):
            alike = N_("{place}: on one line all speak alike; baudrate, parity and stopbits are not those of {other}")
            raise SettingsMismatchError(alike, place=place, other=its_place)
        if self.unit == other.unit and type(self) is not type(other):
            taken = N_("{place}: unit {unit} is {other} already; each part on a line has its own number")
            raise SettingsMismatchError(taken, place=place, unit=self.unit, other=its_place)


class Unit:
    """One unit on a line. Raises PortError, and DriverError where it does not answer."""

    def __init__(self, settings: LineSettings) -> None:
        import minimalmodbus  # noqa: PLC0415 - an extra: reading settings does not need it

        self._library: Any = minimalmodbus
        self._settings = settings
        self._port: Port | None = None
        self._instrument: Any = None
        self._was_silent = False

    def open(self) -> None:
        """Join the line."""
        self.close()
        said = self._settings
        self._port = ports.share(said.port, said.baudrate, parity=said.parity, stopbits=said.stopbits)
        self._instrument = self._library.Instrument(self._port.serial, said.unit)

    def ask(self, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - as the library answers
        """Have the library do one exchange, tried a few times; a unit that was silent before has to answer at once."""
        for left in reversed(range(TRIES)):
            try:
                answer = self._try(method, *arguments)
            except self._library.NoResponseError as error:
                if not left or self._was_silent:
                    self._was_silent = True
                    raise self._silent() from error
            except (self._library.ModbusException, ValueError, IndexError) as error:  # noise, or a refusal
                if not left or isinstance(error, self._library.IllegalRequestError):
                    raise DriverError(
                        N_("unit {unit} on {port} refuses, or is not understood: {error}"),
                        unit=self._settings.unit,
                        port=self._settings.port,
                        error=str(error)[:120],
                    ) from error
            else:
                self._was_silent = False
                return answer
        raise AssertionError

    def _try(self, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - likewise
        """Do one exchange, the line ours alone for that time. Raises PortError, and what the library raises."""
        port = self._port
        if port is None:
            raise PortError(N_("{port} is closed"), port=self._settings.port)
        with port.lock:
            if not port.is_open:  # given up by another part: the library would open it again, outside of our books
                self.close()
                raise PortError(N_("{port} was given up for a moment"), port=port.path)
            try:
                port.serial.timeout = ANSWER_S
                return getattr(self._instrument, method)(*arguments)
            except self._library.SlaveReportedException:
                raise
            except (self._library.ModbusException, ValueError, IndexError):
                self._until_silent(port)
                raise
            except Exception as error:  # pyserial's, the kernel's
                self.close(broken=True)
                raise PortError(
                    N_("{port} does not answer any more ({error}): is it still plugged in?"),
                    port=port.path,
                    error=error,
                ) from error
            finally:
                with contextlib.suppress(Exception):
                    port.serial.timeout = 0

    def _until_silent(self, port: Port) -> None:
        """Let go by what comes late: a reply names no coil, and the next request would take it for its own.

        Raises PortError.
        """
        try:
            port.serial.timeout = 0
            wait = LATE_S
            for _ in range(LONGEST):
                if not port.read(wait):
                    return
                wait = SILENCE_S
        except PortError:
            self.close(broken=True)
            raise

    def _silent(self) -> DriverError:
        said = self._settings
        return DriverError(
            N_(
                "unit {unit} on {port} does not answer at {baudrate} {parity}{stopbits}: is it powered, A on A "
                "and B on B, is this its speed and its number?"
            ),
            unit=said.unit,
            port=said.port,
            baudrate=said.baudrate,
            parity=said.parity,
            stopbits=said.stopbits,
        )

    def close(self, *, broken: bool = False) -> None:
        """Leave the line; may be called twice."""
        port, self._port, self._instrument = self._port, None, None
        if port is not None:
            with contextlib.suppress(OSError):
                ports.leave(port, broken=broken)


def crc(message: bytes) -> bytes:
    """Return the two bytes that end a frame (Modbus over serial line, §6.2.2), low byte first."""
    value = 0xFFFF
    for each in message:
        value ^= each
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")
