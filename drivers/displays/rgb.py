"""An RGB light on three pins of the header, through gpiozero."""

from __future__ import annotations

from typing import ClassVar

from gpiozero import RGBLED

from drivers.bus.header import Pin, factory
from drivers.contracts import Colour, DriverSettings


class RGBSettings(DriverSettings, frozen=True, kw_only=True):
    """The three pins of an RGB LED, each behind its resistor."""

    red: Pin
    green: Pin
    blue: Pin
    active_low: bool = False

    def pins(self) -> dict[str, int]:
        """Name the three pins."""
        return {"red": self.red, "green": self.green, "blue": self.blue}


class RGBLight:
    """An RGB LED: eight colours."""

    Settings: ClassVar[type[RGBSettings]] = RGBSettings

    def __init__(self, settings: RGBSettings) -> None:
        self._device = RGBLED(
            settings.red,
            settings.green,
            settings.blue,
            active_high=not settings.active_low,
            pwm=False,
            pin_factory=factory(),
        )

    def show(self, colour: Colour) -> None:
        """Show a colour."""
        self._device.color = colour

    def close(self) -> None:
        """Go dark and let the pins go."""
        if not self._device.closed:
            self._device.off()
        self._device.close()
