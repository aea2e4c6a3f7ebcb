"""An active buzzer on a pin of the header, through gpiozero."""

from __future__ import annotations

from typing import ClassVar

from gpiozero import Buzzer as BuzzerDevice

from drivers.bus.header import Pin, factory
from drivers.contracts import DriverSettings


class BuzzerSettings(DriverSettings, frozen=True, kw_only=True):
    """An active buzzer, which sounds while its pin is on."""

    pin: Pin
    active_low: bool = False

    def pins(self) -> dict[str, int]:
        """Name the pin."""
        return {"pin": self.pin}


class GPIOBuzzer:
    """An active buzzer on a pin."""

    Settings: ClassVar[type[BuzzerSettings]] = BuzzerSettings

    def __init__(self, settings: BuzzerSettings) -> None:
        self._device = BuzzerDevice(settings.pin, active_high=not settings.active_low, pin_factory=factory())

    def play(self, beeps: int, seconds: float) -> None:
        """Beep so many times, so many seconds each, with pauses as long."""
        self._device.beep(on_time=seconds, off_time=seconds, n=beeps)

    def close(self) -> None:
        """Fall silent and let the pin go."""
        if not self._device.closed:
            self._device.off()
        self._device.close()
