"""Readers and keypads that speak Wiegand, from their manuals alone: nothing here knows how a driver listens.

A frame is a string of `0` and `1`, first bit first. `frame26`, `frame34`, `frame37`, `key4` and `key8` write them;
`Header` stands in for the pins of a Raspberry Pi, and a `Sender` pulls two of them low, at times that `Clock` gives:
nobody sleeps.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Iterable, Iterator

# CDVI KCPROXWLC and Rosslare AYC-Q: each key's four bits, `*` as A and `#` as B.
KEY_NIBBLES = {key: f"{place:04b}" for place, key in enumerate("0123456789*#")}

# SIA AC-01 (26-bit reader interface): a pulse is 20 to 100 µs long, two of them begin 0.2 to 20 ms apart.
WIDTHS = (20e-6, 100e-6)
SPACINGS = (0.0002, 0.02)


def even(bits: str) -> str:
    """Give the bit that makes the number of ones among these even."""
    return "1" if bits.count("1") % 2 else "0"


def odd(bits: str) -> str:
    """Give the bit that makes the number of ones among these odd."""
    return "0" if bits.count("1") % 2 else "1"


def inverted(bits: str) -> str:
    """Give the ones' complement: what arrives where D0 and D1 are exchanged."""
    return bits.translate(str.maketrans("01", "10"))


def flipped(bits: str, place: int) -> str:
    """Give the same with one bit the other way round."""
    return bits[:place] + inverted(bits[place]) + bits[place + 1 :]


def frame26(number: int) -> str:
    """26 bits, HID's H10301: P FFFFFFFF CCCCCCCCCCCCCCCC P, even over the first twelve, odd over the others."""
    data = f"{number:024b}"
    return even(data[:12]) + data + odd(data[12:])


def h10301(facility: int, card: int) -> str:
    """26 bits of a card that has a facility code (8 bits) and a number (16 bits)."""
    return frame26(facility << 16 | card)


def frame34(number: int) -> str:
    """34 bits (CIVINTEC CN56, Hikvision, Sygonix): even over the first sixteen, odd over the other sixteen."""
    data = f"{number:032b}"
    return even(data[:16]) + data + odd(data[16:])


def frame37(number: int) -> str:
    """37 bits, HID's H10302: 35 of a number; the parities are of bits 2 to 19 and 19 to 36, and share the 19th."""
    data = f"{number:035b}"
    return even(data[:18]) + data + odd(data[17:])


def h10304(facility: int, card: int) -> str:
    """37 bits of a card that has a facility code (16 bits) and a number (19 bits); the parities are H10302's."""
    return frame37(facility << 19 | card)


FRAMES: dict[int, Callable[[int], str]] = {26: frame26, 34: frame34, 37: frame37}


def key4(key: str) -> str:
    """Give a key's frame of four bits, without any parity (Rosslare AYC-Q, "Single Key, Wiegand 4-Bit")."""
    return KEY_NIBBLES[key]


def key8(key: str) -> str:
    """Give a key's frame of eight bits: the ones' complement comes first (HID PINPad, CDVI KCPROXWLC)."""
    return inverted(KEY_NIBBLES[key]) + KEY_NIBBLES[key]


KEY_FRAMES: dict[int, Callable[[str], str]] = {4: key4, 8: key8}


class Clock:
    """Seconds that go by when they are told to."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        """Let so many seconds go by."""
        self.seconds += seconds


class Pin:
    """An input that is pulled low from outside for a moment; who watches is held as weakly as gpiozero holds it."""

    def __init__(self) -> None:
        self.function = "input"
        self.pull = "floating"
        self.bounce: float | None = None
        self.edges = "both"
        self.closed = False
        self._watching: Callable[[], Callable[[float, int], None] | None] = lambda: None
        self._last = float("-inf")

    @property
    def when_changed(self) -> Callable[[float, int], None] | None:
        """Give whoever is told of edges."""
        return self._watching()

    @when_changed.setter
    def when_changed(self, told: Callable[[float, int], None] | None) -> None:
        if told is None:
            self._watching = lambda: None
        elif isinstance(told, types.MethodType):
            self._watching = weakref.WeakMethod(told)
        else:
            self._watching = weakref.ref(told)

    def close(self) -> None:
        """Let the line go: nobody is told of anything."""
        self.when_changed = None
        self.closed = True

    def pulse(self, at: float, width: float = 50e-6) -> None:
        """Tell of one low pulse; a line that is debounced hides what follows too soon."""
        for edge, level, seconds in (("falling", 0, at), ("rising", 1, at + width)):
            if self.bounce and seconds - self._last < self.bounce:
                continue
            if self.edges in (edge, "both") and self.function == "input":
                self._last = seconds
                told = self.when_changed
                if told is not None:
                    told(seconds, level)


class Header:
    """Pins in the place of gpiozero's factory. `taken` are in somebody else's hands."""

    def __init__(self) -> None:
        self.pins: dict[int, Pin] = {}
        self.reserved: dict[int, int] = {}
        self.taken: set[int] = set()
        self.refusal: Exception = OSError("GPIO busy")

    def reserve_pins(self, reserver: object, *pins: int) -> None:
        """Note whose the pins are."""
        for number in pins:
            if number in self.taken or self.reserved.get(int(number), id(reserver)) != id(reserver):
                raise self.refusal
            self.reserved[int(number)] = id(reserver)

    def release_all(self, reserver: object) -> None:
        """Forget whose they were."""
        self.reserved = {number: whose for number, whose in self.reserved.items() if whose != id(reserver)}

    def release_pins(self, _reserver: object, *pins: int) -> None:
        """Forget whose these were."""
        for number in pins:
            self.reserved.pop(int(number), None)

    def pin(self, number: int) -> Pin:
        """Give a pin; a closed one is made anew."""
        if number not in self.pins or self.pins[number].closed:
            self.pins[number] = Pin()
        return self.pins[number]


def in_time(pulses: list[tuple[float, str]]) -> Iterable[tuple[float, str]]:
    """Tell of pulses as they happen."""
    return pulses


def zeros_first(pulses: list[tuple[float, str]]) -> Iterable[tuple[float, str]]:
    """Tell of D0's pulses, then of D1's: each line has its own queue."""
    return sorted(pulses, key=lambda pulse: pulse[1])


def ones_first(pulses: list[tuple[float, str]]) -> Iterable[tuple[float, str]]:
    """Tell of D1's pulses, then of D0's."""
    return sorted(pulses, key=lambda pulse: pulse[1], reverse=True)


class Sender:
    """A reader on two lines: a pulse on D0 is a 0, on D1 a 1."""

    def __init__(self, header: Header, clock: Clock, d0: int, d1: int) -> None:
        self.header = header
        self.clock = clock
        self.lines = {"0": d0, "1": d1}

    def pulse(self, bit: str, at: float, width: float = 50e-6) -> None:
        """Pull the bit's line low."""
        self.header.pin(self.lines[bit]).pulse(at, width)

    def bits(self, frame: str, spacing: float = 0.001, width: float = 50e-6) -> Iterator[str]:
        """Send a frame a bit at a time; the clock stands where the last of them began."""
        for place, bit in enumerate(frame):
            if place:
                self.clock.wait(spacing)
            self.pulse(bit, self.clock(), width)
            yield bit

    def send(
        self,
        frame: str,
        spacing: float = 0.001,
        width: float = 50e-6,
        told: Callable[[list[tuple[float, str]]], Iterable[tuple[float, str]]] = in_time,
    ) -> None:
        """Send a whole frame; who listens is told of it once it is over, in this order."""
        pulses = []
        for place, bit in enumerate(frame):
            if place:
                self.clock.wait(spacing)
            pulses.append((self.clock(), bit))
        for at, bit in told(pulses):
            self.pulse(bit, at, width)
