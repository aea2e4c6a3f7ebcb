"""An MCP3008 (10 bits, 8 channels, SPI), through gpiozero: what a current transducer gives as a voltage.

A clamp with a direct-current output (0 to 3.3 V for 0 A to its full scale) needs no sampling of the mains' wave.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from gpiozero import MCP3008

from drivers.bus.header import factory, spi_pins
from drivers.contracts import N_, DriverError, DriverSettings

Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]


class ChannelSettings(DriverSettings, frozen=True, kw_only=True):
    """Which channel, what its full voltage (3.3 V) means in amperes, and how often it is read (seconds)."""

    channel: Annotated[int, msgspec.Meta(ge=0, le=7)]
    full_scale: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 30.0
    interval: Annotated[float, msgspec.Meta(ge=0.1, le=10.0)] = 0.5

    @property
    def shares(self) -> str:
        """Its eight channels may serve as many inputs."""
        return "mcp3008"


class ADCSettings(ChannelSettings, frozen=True, kw_only=True):
    """A chip on the header's SPI bus 0, by its chip select."""

    device: Annotated[int, msgspec.Meta(ge=0, le=1)] = 1

    def bus_pins(self) -> tuple[int, ...]:
        """Return MOSI, MISO, SCLK and chip select."""
        return spi_pins(0, self.device)

    @property
    def port(self) -> str:
        """Name the chip select."""
        return f"SPI bus 0, device {self.device}"


class ADCPinsSettings(ChannelSettings, frozen=True, kw_only=True):
    """A chip on any four pins, where readers have both chip selects."""

    clock_pin: Pin
    mosi_pin: Pin
    miso_pin: Pin
    select_pin: Pin

    def pins(self) -> dict[str, int]:
        """Name the four pins, in the order in which they are always given."""
        names = ("clock_pin", "mosi_pin", "miso_pin", "select_pin")
        return {name: getattr(self, name) for name in names}

    @property
    def port(self) -> str:
        """Name the four pins."""
        return f"MCP3008 on GPIO {', '.join(map(str, self.pins().values()))}"


class ADCMeter:
    """One channel of an MCP3008 on the SPI bus."""

    measures: ClassVar[str] = "A"
    Settings: ClassVar[type[ChannelSettings]] = ADCSettings

    def __init__(self, settings: ChannelSettings) -> None:
        self.interval = settings.interval
        self._full_scale = settings.full_scale
        self._device = MCP3008(settings.channel, pin_factory=factory(), **self._wires(settings))

    @staticmethod
    def _wires(settings: ChannelSettings) -> dict[str, int]:
        return {name: getattr(settings, name) for name in ("device",) if hasattr(settings, name)}

    def read(self) -> float:
        """Return the current now, in amperes. Raises DriverError."""
        try:
            return float(self._device.value) * self._full_scale
        except Exception as error:  # gpiozero's, lgpio's and the kernel's errors share no root
            raise DriverError(N_("the MCP3008 does not answer: {error}"), error=error) from error

    def close(self) -> None:
        """Let the chip go; may be called twice."""
        self._device.close()


class ADCPinsMeter(ADCMeter):
    """One channel of an MCP3008 on four pins that gpiozero clocks by itself."""

    Settings: ClassVar[type[ChannelSettings]] = ADCPinsSettings

    @staticmethod
    def _wires(settings: ChannelSettings) -> dict[str, int]:
        return settings.pins()
