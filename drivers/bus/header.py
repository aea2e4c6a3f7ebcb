"""The 40-pin header: which pin factory speaks for it, and what its pins do before anyone speaks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from gpiozero import Device

if TYPE_CHECKING:
    from gpiozero.pins import Factory

Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]  # BCM number

OURS: Final = "loquet"
PULLED_UP_AT_RESET: Final = range(9)  # GPIO 0-8; 9-27 are pulled down (BCM2835 peripherals, §6.2)
CONSOLE: Final = (14, 15)  # the serial console talks on them while the Pi starts
GOOD_FOR_RELAYS: Final = {False: (17, 22, 23, 24, 27), True: (4, 5, 6)}  # by active_low

SPI_PINS: Final[dict[int, tuple[tuple[int, ...], tuple[int, ...]]]] = {  # MOSI, MISO, SCLK; chip selects
    0: ((10, 9, 11), (8, 7)),
    1: ((20, 19, 21), (18, 17, 16)),
}


def spi_pins(bus: int, device: int) -> tuple[int, ...]:
    """Return MOSI, MISO, SCLK and chip select of one of the header's two SPI buses."""
    wires, selects = SPI_PINS.get(bus, ((), ()))
    return wires + selects[device : device + 1]


def i2c_pins(bus: int) -> tuple[int, ...]:
    """Return SDA and SCL of one of the header's two I²C buses."""
    return {0: (0, 1), 1: (2, 3)}.get(bus, ())


def factory() -> Factory:
    """Return the pin factory that the environment names: ours unless GPIOZERO_PIN_FACTORY says another.

    "lgpio" means ours too (drivers/bus/pins.py): it is lgpio, claimed at a level. Never one that gpiozero would
    fall back to by itself. Raises what the factory raises; ImportError where lgpio is not installed.
    """
    if Device.pin_factory is None:
        if os.environ.get("GPIOZERO_PIN_FACTORY", "lgpio") == "lgpio":
            os.environ["GPIOZERO_PIN_FACTORY"] = OURS
        Device.ensure_pin_factory()
    return Device.pin_factory
