"""What hangs on the header's pins, through gpiozero: relay, RGB light, buzzer, contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
from gpiozero import RGBLED, Button, OutputDevice
from gpiozero import Buzzer as BuzzerDevice

from drivers.contracts import N_, Colour, DriverSettings, OutputError, PinOpening
from drivers.header import PULLED_UP_AT_RESET, factory

Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]


class RelaySettings(DriverSettings, frozen=True, kw_only=True):
    """How a relay board hangs on a pin.

    external_pull: a resistor outside holds the relay open until the daemon runs, so the pin's own pull at
    reset does not matter.
    """

    pin: Pin
    active_low: bool = False
    external_pull: bool = False

    def pins(self) -> dict[str, int]:
        """Name the pin."""
        return {"pin": self.pin}

    @property
    def closes_at_power_on(self) -> bool:
        """Tell whether the pin's pull at reset closes the relay before the daemon runs."""
        pulled_up = self.pin in PULLED_UP_AT_RESET
        return not self.external_pull and pulled_up != self.active_low


def _pins_at_a_level() -> Any:  # noqa: ANN401 - gpiozero has no types
    """Give the pin factory, if it claims at a level. Raises OutputError."""
    pins: Any = factory()
    if not getattr(pins, "claims_at_level", False):
        raise OutputError(
            N_(
                'a relay needs pins that are claimed at a level; GPIOZERO_PIN_FACTORY names "{name}", '
                "unset it or set it to lgpio"
            ),
            name=type(pins).__name__,
        )
    return pins


class GPIORelay:
    """A relay on a pin: open from the first instant, open when closed for good, kept by the kernel after.

    found_closed: the pin stands at its closed level and stays there, as an earlier process left it.
    """

    Settings: ClassVar[type[RelaySettings]] = RelaySettings
    resumes: ClassVar[bool] = True

    def __init__(self, settings: RelaySettings, *, found_closed: bool = False) -> None:
        pins = _pins_at_a_level()
        self._opening = self.opening_of(settings)
        try:
            self._device = OutputDevice(
                settings.pin, active_high=not settings.active_low, initial_value=found_closed, pin_factory=pins
            )
        except Exception as error:  # gpiozero's and lgpio's errors share no root
            raise OutputError(N_("GPIO {pin} cannot be claimed: {error}"), pin=settings.pin, error=error) from error

    @staticmethod
    def opening_of(settings: RelaySettings) -> PinOpening:
        """Say how anyone opens the contact that these settings name."""
        return PinOpening(chip=_pins_at_a_level().chip, line=settings.pin, level=int(settings.active_low))

    @staticmethod
    def probe(settings: RelaySettings) -> str:
        """Say what is found of the pin, without claiming it. Raises what the pin factory raises."""
        pins = _pins_at_a_level()
        return f"GPIO {settings.pin}: {pins.pin(settings.pin).function}"

    @property
    def is_on(self) -> bool:
        """Tell whether the contact is closed, by the pin's level."""
        return not self._device.closed and bool(self._device.value)

    @property
    def opening(self) -> PinOpening:
        """Say how anyone opens the contact without this process."""
        return self._opening

    def on(self) -> None:
        """Close the contact. Raises OutputError."""
        self._drive(self._device.on)

    def off(self) -> None:
        """Open the contact. Raises OutputError."""
        if not self._device.closed:
            self._drive(self._device.off)

    def _drive(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # gpiozero's and lgpio's errors share no root
            raise OutputError(N_("GPIO {pin} does not obey: {error}"), pin=self._opening.line, error=error) from error

    def close(self) -> None:
        """Open the contact and let the pin go."""
        if not self._device.closed:
            try:
                self.off()
            finally:
                self._device.close()


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
        """Tell whether the contact is closed now."""
        return bool(self._device.is_pressed)

    def watch(self, changed: Callable[[bool], None]) -> None:
        """Call back, from gpiozero's thread, when the contact closes or opens."""
        self._device.when_pressed = lambda: changed(True)
        self._device.when_released = lambda: changed(False)

    def close(self) -> None:
        """Let the pin go."""
        self._device.close()
