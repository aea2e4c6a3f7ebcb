"""Readers and keypads that speak Wiegand: a frame of bits on two lines, a low pulse on D0 for a 0, on D1 for a 1.

Pulses are 20 to 100 µs long and 0.2 to 20 ms apart (SIA AC-01, the 26-bit interface standard). The first bit makes the
first half of the number even, the last bit makes its other half odd: 12 and 12 of 24 bits, 16 and 16 of 32, and of
HID's 35 (H10302, H10304) the first and the last 18, which share one. A key is a frame of its own: four bits (0 to 9,
10 for `*`, 11 for `#`), or eight, whose first four are the others inverted.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from drivers.bus.header import Pin, factory
from drivers.contracts import (
    N_,
    Card,
    DriverError,
    DriverSettings,
    ReaderLostError,
    SettingsMismatchError,
    Sighting,
    Typed,
    plain,
)

GAP_S: Final = 0.03  # between two bits: longer, and a frame is over
KEY_S: Final = 0.1  # after four or eight bits nothing more is waited for: they are a key
STALL_S: Final = 0.4  # for the rest of what is neither badge nor key: on a busy machine pulses are told of late
FLUTTERS_S: Final = 1.0  # of pulses without a pause: no reader, but the hum of the mains, or a wire that hangs loose
FLUTTERS: Final = N_("its lines flutter: noise on the cable; is its ground connected?")
LATE: Final = 2.0  # s between two looks: more than any interval
MOST_BITS: Final = 512  # that wait for a look; two lines that flutter send more
FORMATS: Final = (26, 34, 37)
KEYS: Final = "0123456789*#"
KEY_BITS: Final = (4, 8)
NIBBLE: Final = 0xF


class WiegandSettings(DriverSettings, frozen=True, kw_only=True):
    """Which pins D0 and D1 are on, and what the reader sends.

    A reader drives its lines to 5 V or 12 V unless it is told otherwise: through a divider or a level shifter, never
    straight onto the header. bits: of a frame. technology: of the badges, "hid" for HID's own. byte_order: "little"
    where the reader sends the last byte first. whole: a frame of 34 bits is all of a badge of four bytes. hold: a badge
    counts as there for so many seconds; a reader that repeats it while it lies there prolongs that.
    """

    d0: Pin
    d1: Pin
    bits: Literal[26, 34, 37]
    technology: Literal["iso14443a", "em4100", "hid"]
    byte_order: Literal["big", "little"] = "big"
    whole: bool = False
    pull_up: bool = True
    hold: Annotated[float, msgspec.Meta(ge=0.2, le=5.0)] = 1.0
    interval: Annotated[float, msgspec.Meta(ge=0.02, le=1.0)] = 0.05

    def __post_init__(self) -> None:
        """Hold the settings together. Raises SettingsMismatchError."""
        if self.d0 == self.d1:
            raise SettingsMismatchError(N_("d1: D0 and D1 are two lines, on two pins"))
        if self.bits == 37 and self.technology != "hid":  # noqa: PLR2004 - HID's own length
            raise SettingsMismatchError(N_('bits: 37 are sent of HID\'s cards: technology = "hid"'))
        if self.byte_order == "little" and (self.bits - 2) % 8:
            raise SettingsMismatchError(N_("byte_order: 37 bits are no whole number of bytes to turn round"))
        if self.whole and (self.bits, self.technology) != (34, "iso14443a"):
            raise SettingsMismatchError(N_('whole: only 34 bits of "iso14443a" may be all of a badge'))

    def pins(self) -> dict[str, int]:
        """Name D0 and D1."""
        return {"d0": self.d0, "d1": self.d1}

    @property
    def kind(self) -> str:
        """The technology of its badges, as they are known: with how much of them it gives."""
        if self.technology == "hid":
            return f"hid-{self.bits}"
        return self.technology if self.whole else f"{self.technology}-{(self.bits - 2) // 8}"


def number_of(bits: Sequence[int]) -> bytes | None:
    """Return the number in a frame, its first bit first; None where a parity is wrong."""
    data, half = bits[1:-1], (len(bits) - 1) // 2
    if (bits[0] + sum(data[:half])) % 2 != 0 or (bits[-1] + sum(data[-half:])) % 2 != 1:
        return None
    value = int("".join(map(str, data)), 2)
    return value.to_bytes((len(data) + 7) // 8)


def key_of(bits: Sequence[int]) -> str | None:
    """Return the key that a frame of four or eight bits means; None where it means none."""
    value = int("".join(map(str, bits)), 2)
    if len(bits) == max(KEY_BITS) and value >> 4 != ~value & NIBBLE:
        return None
    code = value & NIBBLE
    return KEYS[code] if code < len(KEYS) else None


class Frames:
    """Frames out of bits as they come, each with the seconds at which its pulse began."""

    def __init__(self) -> None:
        self._bits: list[int] = []
        self._last = 0.0

    def feed(self, bits: Sequence[tuple[float, int]]) -> Iterator[list[int]]:
        """Take bits in the order of their times; give the frames that are over by them."""
        for at, bit in bits:
            if self._bits and at - self._last > GAP_S:
                yield self.end()
            self._bits.append(bit)
            self._last = at

    @property
    def count(self) -> int:
        """How many bits there are of a frame that is not over."""
        return len(self._bits)

    def end(self) -> list[int]:
        """Give what has come, as a frame: nothing followed."""
        frame, self._bits = self._bits, []
        return frame


class WiegandReader:
    """A reader that sends each badge once, and each key. Nothing tells whether it is there."""

    senses_presence: ClassVar[bool] = False
    has_keys: ClassVar[bool] = True
    Settings: ClassVar[type[WiegandSettings]] = WiegandSettings

    def __init__(self, settings: WiegandSettings, now: Callable[[], float] = time.monotonic) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._now = now
        self._pins: list[Any] = []
        # Pulses come on the thread that the pins' library keeps for them; a look takes them off the other end.
        self._arrived: deque[tuple[float, int]] = deque(maxlen=MOST_BITS)
        self._arrived_at = 0.0
        self._busy_since = 0.0  # since when pulses have come without a pause
        self._is_cut = False  # more came than is kept: the beginning of the first frame is lost
        self._frames = Frames()
        self._seen: tuple[Card, float] | None = None
        self._looked_at = 0.0

    def open(self) -> str:
        """Claim both lines, and name them. Raises ReaderLostError."""
        self.close()
        said = self._settings
        try:
            for number, pulsed in ((said.d0, self._zero), (said.d1, self._one)):
                factory().reserve_pins(self, number)
                pin = factory().pin(number)
                self._pins.append(pin)
                pin.function = "input"
                pin.pull = "up" if said.pull_up else "floating"
                pin.bounce = None
                pin.edges = "falling"
                pin.when_changed = pulsed
        except Exception as error:  # gpiozero: pin in use, no factory, no such board
            self.close()
            raise ReaderLostError(
                N_("pins {d0} and {d1} cannot be read: {error}"), d0=said.d0, d1=said.d1, error=plain(error)
            ) from error
        self._arrived.clear()
        self._is_cut = False
        self._frames = Frames()
        self._seen = None
        self._looked_at = self._now()
        return f"Wiegand {said.bits}, GPIO {said.d0} + {said.d1}"

    def _zero(self, at: float, _level: int) -> None:
        self._pulsed(at, 0)

    def _one(self, at: float, _level: int) -> None:
        self._pulsed(at, 1)

    def _pulsed(self, at: float, bit: int) -> None:
        self._is_cut = self._is_cut or len(self._arrived) == MOST_BITS
        self._arrived.append((at, bit))
        self._arrived_at = self._now()

    def look(self) -> Sighting:
        """Return the badge that was sent a moment ago, and the keys since the last look. Raises ReaderLostError."""
        if not self._pins:
            raise ReaderLostError(N_("the reader is closed"))
        now = self._now()
        late, self._looked_at = now - self._looked_at > LATE, now
        if now - self._arrived_at < GAP_S:  # a frame may be on its way, and takes a fifth of a second at the most
            self._busy_since = self._busy_since or now
            if now - self._busy_since < FLUTTERS_S:
                return self._sighting(now)
            self._arrived.clear()
            self._frames.end()
            self._is_cut = True
            return self._sighting(now, garbled=True, why=DriverError(FLUTTERS))
        self._busy_since = 0.0
        keys, why, garbled = "", None, False
        for frame in self._taken():
            if late:  # nobody looked for a while: what waited was sent then
                continue
            try:
                made = self._read(frame)
            except DriverError as error:
                garbled, why = True, error
                continue
            if isinstance(made, Card):
                self._seen = made, now
            else:
                keys += made
        return self._sighting(now, garbled=garbled, why=why, typed=Typed(keys) if keys else None)

    def _sighting(self, now: float, **what: Any) -> Sighting:  # noqa: ANN401 - a sighting's own fields
        there = self._seen is not None and now - self._seen[1] <= self._settings.hold
        return Sighting(frozenset({self._seen[0]}) if there and self._seen else frozenset(), **what)

    def _taken(self) -> Iterator[list[int]]:
        """Give the frames that have come, as an empty one that whose beginning was lost.

        Pulses of two lines are told of in no order but that of their times.
        """
        cut, self._is_cut = self._is_cut, False
        bits = sorted(self._arrived.popleft() for _ in range(len(self._arrived)))
        for frame in self._frames.feed(bits):
            yield [] if cut else frame
            cut = False
        count, quiet = self._frames.count, self._now() - self._arrived_at
        if count in {0, self._settings.bits} or quiet >= (KEY_S if count in KEY_BITS else STALL_S):
            last = self._frames.end()
            if last:
                yield [] if cut else last
        elif cut:  # of what goes on the beginning is lost
            self._is_cut = True

    def _read(self, frame: list[int]) -> Card | str:
        """Read a frame: a badge, or a key. Raises DriverError, which says what to do."""
        said = self._settings
        if not frame:
            raise DriverError(FLUTTERS)
        if len(frame) in KEY_BITS:
            key = key_of(frame)
            if key is None:
                raise DriverError(N_("it sent a key that is none: noise on the cable, or D0 and D1 are swapped"))
            return key
        if len(frame) != said.bits:
            if len(frame) in FORMATS:
                raise DriverError(N_("it sent {count} bits: say bits = {count} of this reader"), count=len(frame))
            raise DriverError(
                N_("it sent a frame of {count} where {bits} bits are expected: noise on the cable, or another format"),
                count=len(frame),
                bits=said.bits,
            )
        number = number_of(frame)
        if number is None:
            if number_of([1 - bit for bit in frame]) is not None:
                raise DriverError(N_("the parity of what it sent is wrong: D0 and D1 are swapped, or noise"))
            raise DriverError(N_("the parity of what it sent is wrong: noise on the cable; is its ground connected?"))
        return Card(number[::-1] if said.byte_order == "little" else number, said.kind)

    def close(self) -> None:
        """Let the lines go."""
        pins, self._pins = self._pins, []
        for pin in pins:
            pin.when_changed = None
            pin.close()
        if pins:
            factory().release_all(self)
