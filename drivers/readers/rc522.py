"""The RC522 reader: every card in its field, at each look. The chip itself is in rc522_chip.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from drivers.bus import rpi_gpio
from drivers.bus.header import spi_pins
from drivers.contracts import N_, DriverSettings, ReaderLostError, Sighting, plain
from drivers.readers.iso14443a import Field

if TYPE_CHECKING:
    from drivers.readers.rc522_chip import Chip


class RC522Settings(DriverSettings, frozen=True, kw_only=True):
    """How the chip is wired: the SPI bus and chip select, the reset pin if there is one."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    device: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0
    reset_pin: Annotated[int, msgspec.Meta(ge=2, le=27)] | None = None
    speed_hz: Annotated[int, msgspec.Meta(ge=100_000, le=10_000_000)] = 1_000_000
    interval: Annotated[float, msgspec.Meta(ge=0.02, le=1.0)] = 0.07

    def pins(self) -> dict[str, int]:
        """Name the reset pin."""
        return {} if self.reset_pin is None else {"reset_pin": self.reset_pin}

    def bus_pins(self) -> tuple[int, ...]:
        """Return MOSI, MISO, SCLK and chip select of the header's two buses."""
        return spi_pins(self.bus, self.device)

    @property
    def port(self) -> str:
        """Name the chip select."""
        return f"SPI bus {self.bus}, device {self.device}"


class RC522Reader:
    """An RC522 as a reader: every card in its field, at each look."""

    senses_presence: ClassVar[bool] = True
    Settings: ClassVar[type[RC522Settings]] = RC522Settings

    def __init__(self, settings: RC522Settings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._sleep = sleep
        from drivers.readers.rc522_chip import Chip  # noqa: PLC0415 - mfrc522 needs spidev, reading settings does not

        self._make_chip = Chip
        self._chip: Chip | None = None
        self._field: Field | None = None
        self.nears: Callable[[], None] = lambda: None

    def open(self) -> str:
        """Find the chip, reset and set it up; return its name. Raises ReaderLostError."""
        try:
            if self._chip is None:
                self._chip = self._make()
            else:
                self._chip.MFRC522_Init()
        except ReaderLostError:
            self.close()
            raise
        self._field = Field(self._chip.exchange, self.nears)
        return self._chip.name

    def _make(self) -> Chip:
        try:
            wired = self._settings
            return self._make_chip(wired.bus, wired.device, wired.speed_hz, wired.reset_pin, self._sleep)
        except ReaderLostError:
            raise
        except OSError as error:  # SpiDev.open: no such bus, no permission
            raise ReaderLostError(
                N_(
                    "SPI bus {bus}, device {device} cannot be opened ({error}); switch SPI on (dtparam=spi=on in "
                    "config.txt) and belong to the group spi"
                ),
                bus=self._settings.bus,
                device=self._settings.device,
                error=error,
            ) from error
        except Exception as error:  # gpiozero: pin in use, no factory, no such board
            raise ReaderLostError(
                N_("the reader's reset pin {pin} cannot be driven: {error}"),
                pin=self._settings.reset_pin,
                error=plain(error),
            ) from error

    def look(self) -> Sighting:
        """Return every card in the field. Raises ReaderLostError."""
        if self._field is None:
            raise ReaderLostError(N_("the reader is closed"))
        return self._field.look()

    def close(self) -> None:
        """Let the bus and the reset pin go."""
        chip, self._chip, self._field = self._chip, None, None
        if chip is not None:
            chip.spi.close()
        if self._settings.reset_pin is not None:
            rpi_gpio.cleanup(self._settings.reset_pin)
