"""A button or contact on a pin of the header, through gpiozero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import msgspec
from gpiozero import Button

from drivers.bus.header import Pin, factory
from drivers.contracts import DriverSettings


class ContactSettings(DriverSettings, frozen=True, kw_only=True):
    """A button or contact between its pin and ground (pull_up) or 3.3 V."""

    pin: Pin
    pull_up: bool = True
    bounce: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.03

    def pins(self) -> dict[str, int]:
        """Name the pin."""
        return {"pin": self.pin}


class GPIOContact:
    """A button or contact on a pin."""

    Settings: ClassVar[type[ContactSettings]] = ContactSettings

    def __init__(self, settings: ContactSettings) -> None:
        self._device = Button(
            settings.pin, pull_up=settings.pull_up, bounce_time=settings.bounce, pin_factory=factory()
        )

    @property
    def is_closed(self) -> bool:
        """Whether the contact is closed now."""
        return bool(self._device.is_pressed)

    def watch(self, changed: Callable[[bool], None]) -> None:
        """Call back, from gpiozero's thread, when the contact closes or opens."""
        self._device.when_pressed = lambda: changed(True)
        self._device.when_released = lambda: changed(False)

    def close(self) -> None:
        """Let the pin go."""
        self._device.close()
