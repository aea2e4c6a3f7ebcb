"""A relay on a pin of the header, through gpiozero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gpiozero import OutputDevice

from drivers.bus.header import CONSOLE, GOOD_FOR_RELAYS, PULLED_UP_AT_RESET, Pin, factory
from drivers.contracts import N_, DriverSettings, OutputError, PinOpening, SettingsMismatchError, plain


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
        """Whether the pin's pull at reset closes the relay before the daemon runs."""
        pulled_up = self.pin in PULLED_UP_AT_RESET
        return not self.external_pull and pulled_up != self.active_low

    def check(self, place: str) -> None:
        """Refuse a pin that closes the relay before the controller runs. Raises SettingsMismatchError."""
        good = ", ".join(map(str, GOOD_FOR_RELAYS[self.active_low]))
        if self.pin in CONSOLE:
            console = N_("{place}: the serial console talks on GPIO {pin} while the Pi starts; use one of {good}")
            raise SettingsMismatchError(console, place=place, pin=self.pin, good=good)
        if self.closes_at_power_on:
            pulled_down = N_(
                "{place}: GPIO {pin} is pulled down at power-on, which closes an active-low relay before the "
                "controller runs; use one of {good}, or hold it open by a resistor and say external_pull = true"
            )
            pulled_up = N_(
                "{place}: GPIO {pin} is pulled up at power-on, which closes an active-high relay before the "
                "controller runs; use one of {good}, or hold it open by a resistor and say external_pull = true"
            )
            raise SettingsMismatchError(
                pulled_down if self.active_low else pulled_up, place=place, pin=self.pin, good=good
            )


def _pins_at_a_level() -> Any:  # noqa: ANN401 - gpiozero has no types
    """Return the pin factory, if it claims at a level. Raises OutputError."""
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
        self._settings = settings
        self._opening = self.opening_of(settings)
        self._device = self._claimed(found_closed=found_closed)
        self._keeps: bool | None = True if found_closed else None  # it did

    def _claimed(self, *, found_closed: bool) -> Any:  # noqa: ANN401 - gpiozero has no types
        """Claim the pin. Raises OutputError."""
        pin, high = self._settings.pin, not self._settings.active_low
        try:
            return OutputDevice(pin, active_high=high, initial_value=found_closed, pin_factory=_pins_at_a_level())
        except OutputError:
            raise
        except Exception as error:  # gpiozero's and lgpio's errors share no root
            raise OutputError(N_("GPIO {pin} cannot be claimed: {error}"), pin=pin, error=plain(error)) from error

    @staticmethod
    def opening_of(settings: RelaySettings) -> PinOpening:
        """Return how anyone opens the contact that these settings name."""
        return PinOpening(chip=_pins_at_a_level().chip, line=settings.pin, level=int(settings.active_low))

    @staticmethod
    def stands_closed(settings: RelaySettings) -> bool:
        """Return whether the pin, which nobody holds, still closes the contact, as an earlier process left it."""
        return bool(_pins_at_a_level().is_output_at(settings.pin, int(not settings.active_low)))

    @property
    def keeps_its_level(self) -> bool:
        """Whether the kernel leaves the pin as it is when its process ends: measured once, on the open contact.

        Raises OutputError.
        """
        if self._keeps is None:
            open_ = self._opening.level
            try:
                self._device.close()
            except Exception as error:  # gpiozero's and lgpio's errors share no root
                raise OutputError(
                    N_("GPIO {pin} does not obey: {error}"), pin=self._opening.line, error=plain(error)
                ) from error
            self._keeps = bool(_pins_at_a_level().is_output_at(self._opening.line, open_))
            self._device = self._claimed(found_closed=False)
        return self._keeps

    @staticmethod
    def probe(settings: RelaySettings) -> str:
        """Return what is found of the pin, without claiming it. Raises what the pin factory raises."""
        pins = _pins_at_a_level()
        if pins.is_held(settings.pin):
            raise OutputError(
                N_("GPIO {pin} is held: by loquet-guard after a crash, another program or an overlay (see `gpioinfo`)"),
                pin=settings.pin,
            )
        return f"GPIO {settings.pin}: {pins.pin(settings.pin).function}"

    @property
    def is_on(self) -> bool:
        """Whether the contact is closed, by the pin's level."""
        return not self._device.closed and bool(self._device.value)

    @property
    def opening(self) -> PinOpening:
        """Return how anyone opens the contact without this process."""
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
            raise OutputError(
                N_("GPIO {pin} does not obey: {error}"), pin=self._opening.line, error=plain(error)
            ) from error

    def close(self) -> None:
        """Open the contact and let the pin go."""
        if not self._device.closed:
            try:
                self.off()
            finally:
                self._device.close()
