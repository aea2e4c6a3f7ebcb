"""`RPi.GPIO`, as far as mfrc522 uses it: a small facade over gpiozero, for one reset pin.

The real one refuses a Pi 5, the one that replaces it there has the same name, and mfrc522 ends with a bare
`cleanup()` that would release every pin of the process, a relay's included. Ours releases what it claimed.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from gpiozero import OutputDevice

from drivers.bus.header import factory

BOARD: Final = 10
BCM: Final = 11
OUT: Final = 0
IN: Final = 1
LOW: Final = 0
HIGH: Final = 1
NOT_WIRED: Final = -2

_pins: dict[int, OutputDevice] = {}


def getmode() -> int:
    """Pins are always named by their BCM numbers."""
    return BCM


def setmode(mode: int) -> None:
    """Accept BCM numbering, refuse any other."""
    if mode != BCM:
        raise ValueError("pins are named by their BCM numbers here")


def setwarnings(_flag: bool) -> None:
    """There are none."""


def setup(pin: int, direction: int) -> None:
    """Claim an output, low: the chip is held in reset until `output` says otherwise."""
    if direction != OUT:
        raise ValueError("mfrc522 only ever drives its reset pin")
    if pin != NOT_WIRED and pin not in _pins:
        _pins[pin] = OutputDevice(pin, initial_value=False, pin_factory=factory())


def output(pin: int, level: int) -> None:
    """Drive a pin that was claimed."""
    if pin != NOT_WIRED:
        _pins[pin].value = bool(level)


def cleanup(pin: int | None = None) -> None:
    """Release one pin, or all that were claimed here; none that others own."""
    for number in list(_pins) if pin is None else [pin]:
        device = _pins.pop(number, None)
        if device is not None:
            device.close()


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Stand in as `RPi.GPIO` for what is imported meanwhile, and for nothing else."""
    names = ("RPi", "RPi.GPIO")
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    package = ModuleType("RPi")
    package.GPIO = sys.modules[__name__]  # type: ignore[attr-defined]
    sys.modules |= {"RPi": package, "RPi.GPIO": sys.modules[__name__]}
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules |= before
