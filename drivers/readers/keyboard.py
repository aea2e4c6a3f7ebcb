"""USB readers that type a badge's number as a keyboard would, through `evdev`: grabbed, so that no console reads it.

They differ in what they type: decimal or hexadecimal, bytes in either order, all of them or some. The settings say
it, so that a badge is the same one here and on any reader that gives all its bytes; where a reader drops some, its
numbers are badges of a technology of their own (`iso14443a-4`), enrolled apart.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from drivers.bus.ports import Path_
from drivers.contracts import N_, Card, DriverError, DriverSettings, ReaderLostError, SettingsMismatchError, Sighting

SYN, KEY = 0, 1  # types of events, and codes of keys: linux/input-event-codes.h
SYN_DROPPED: Final = 3
PRESSED: Final = 1
ENTER: Final = {28, 96}
SHIFT: Final = {42, 54}
DIGITS: Final = {
    **{2 + place: digit for place, digit in enumerate("1234567890")},
    **dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True)),  # the keypad's
    **dict(zip((30, 48, 46, 32, 18, 33), "ABCDEF", strict=True)),
}
LATE: Final = 2.0  # s between two looks: more than any interval
PAUSE_S: Final = 0.5  # between two keys; a reader types them some milliseconds apart
WHOLE: Final = {"iso14443a": (4, 7, 10), "em4100": (5,)}
CUT: Final = {"iso14443a": (4,), "em4100": (3, 4)}


class KeyboardSettings(DriverSettings, frozen=True, kw_only=True):
    """Which device, by its stable name in /dev/input/by-id, and what it types.

    technology: of the badges. length: bytes of a number; several where the reader types whole numbers of several
    lengths. byte_order: "big" where the bytes are typed as `loquet read` shows them elsewhere. whole: every byte that a
    badge has is typed; where nothing is said, it follows from the length, and four bytes of iso14443a may be cut out
    of seven. hold: a badge counts as there for so many seconds.
    """

    port: Path_
    technology: Literal["iso14443a", "em4100"]
    base: Literal[10, 16]
    byte_order: Literal["big", "little"] = "big"
    length: Annotated[int, msgspec.Meta(ge=3, le=10)] | list[Annotated[int, msgspec.Meta(ge=3, le=10)]]
    whole: bool | None = None
    hold: Annotated[float, msgspec.Meta(ge=0.2, le=5.0)] = 1.0
    interval: Annotated[float, msgspec.Meta(ge=0.02, le=1.0)] = 0.15

    def __post_init__(self) -> None:
        """Hold the settings together. Raises SettingsMismatchError, which names what is possible."""
        possible = (WHOLE if self.gives_all else CUT)[self.technology]
        if not self.lengths or any(length not in possible for length in self.lengths):
            parameters = {"technology": self.technology, "lengths": " / ".join(map(str, possible))}
            if self.gives_all:
                raise SettingsMismatchError(
                    N_("length: a reader that types every byte of {technology} types one of: {lengths} bytes"),
                    **parameters,
                )
            raise SettingsMismatchError(
                N_("length: of {technology}, readers that drop bytes type one of: {lengths} bytes"), **parameters
            )
        if self.base == 10 and len(self.lengths) > 1:  # noqa: PLR2004 - decimal
            raise SettingsMismatchError(
                N_("length: a decimal number does not show how many bytes it has; say a single one")
            )

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many bytes a number may have."""
        return (self.length,) if isinstance(self.length, int) else tuple(self.length)

    def digits(self, length: int) -> int:
        """How many digits a number of so many bytes has, its zeros typed."""
        return 2 * length if self.base == 16 else len(str(256**length - 1))  # noqa: PLR2004 - hexadecimal

    @property
    def gives_all(self) -> bool:
        """Whether a number has every byte of its badge."""
        if self.whole is not None:
            return self.whole
        return any(length in WHOLE[self.technology] and length not in CUT[self.technology] for length in self.lengths)


class Typed:
    """Badges out of keys: exactly as many digits as the settings say, then Enter; all else is garbled."""

    def __init__(self, settings: KeyboardSettings) -> None:
        self._settings = settings
        self._digits: str | None = ""  # None: something was typed or lost that belongs to no number
        self._last = 0.0
        self.garbled = False
        self.why: DriverError | None = None

    def feed(self, kind: int, code: int, value: int, at: float) -> Card | None:
        """Take one event (type, code, value, its time in seconds); return the badge that it ends."""
        if kind == SYN and code == SYN_DROPPED:  # the kernel's queue ran over: keys are missing
            self._spoil()
            self._last = at
        if kind != KEY or value != PRESSED or code in SHIFT:
            return None
        if self._digits != "" and at - self._last > PAUSE_S:  # the rest of an earlier one never came
            self._spoil()
            self._digits = ""
            self.why = DriverError(N_("it typed no Enter after a number: set the reader up to end each with Enter"))
        self._last = at
        if code not in ENTER:
            digit = DIGITS.get(code)
            if digit is None or (self._settings.base == 10 and digit in "ABCDEF"):  # noqa: PLR2004 - decimal
                self._spoil()
            elif self._digits is not None and len(self._digits) < 32:  # noqa: PLR2004 - more than any number has
                self._digits += digit
            return None
        digits, self._digits = self._digits, ""
        if digits is None:
            self.garbled = True
            self.why = DriverError(N_("it typed what is no number of base {base}"), base=self._settings.base)
        return self._card(digits) if digits else None

    def _spoil(self) -> None:
        self._digits = None
        self.garbled = True

    def _card(self, digits: str) -> Card | None:
        """Read a number, which has neither a digit more nor one less: half a number may be somebody else's."""
        said = self._settings
        for length in said.lengths:
            if len(digits) != said.digits(length):
                continue
            number = int(digits, said.base)
            if number >= 256**length:
                break
            uid = number.to_bytes(length, said.byte_order)
            return Card(uid, said.technology if said.gives_all else f"{said.technology}-{length}")
        self.garbled = True
        self.why = DriverError(
            N_("it typed {count} characters; of {technology}, base {base}, {lengths} bytes, it should be {expected}"),
            count=len(digits),
            technology=said.technology,
            base=said.base,
            lengths=" / ".join(map(str, said.lengths)),
            expected=" / ".join(str(said.digits(length)) for length in said.lengths),
        )
        return None


class KeyboardReader:
    """A reader that types. It says nothing when a badge is taken off, and nothing of its kind."""

    senses_presence: ClassVar[bool] = False
    Settings: ClassVar[type[KeyboardSettings]] = KeyboardSettings

    def __init__(self, settings: KeyboardSettings, now: Callable[[], float] = time.monotonic) -> None:
        import evdev  # noqa: PLC0415 - an extra: reading settings does not need it

        self._evdev: Any = evdev
        self.interval = settings.interval
        self._settings = settings
        self._now = now
        self._device: Any = None
        self._typed = Typed(settings)
        self._seen: tuple[Card, float] | None = None
        self._looked_at = 0.0

    def open(self) -> str:
        """Grab the device; return its name. Raises ReaderLostError."""
        self.close()
        port = self._settings.port
        try:
            self._device = self._evdev.InputDevice(port)
            self._device.grab()
            while self._device.read_one() is not None:
                pass  # typed before anybody listened
        except OSError as error:
            self.close()
            raise _why(port, error) from error
        self._typed = Typed(self._settings)
        self._seen = None
        self._looked_at = self._now()
        return str(self._device.name)

    def look(self) -> Sighting:
        """Return the badge that was typed a moment ago. Raises ReaderLostError."""
        if self._device is None:
            raise ReaderLostError(N_("the reader is closed"))
        now = self._now()
        late, self._looked_at = now - self._looked_at > LATE, now
        self._typed.garbled, self._typed.why = False, None
        try:
            while (event := self._device.read_one()) is not None:
                card = self._typed.feed(event.type, event.code, event.value, event.timestamp())
                if card is not None and not late:  # nobody looked for a while: what waited was typed then
                    self._seen = card, now
        except OSError as error:
            raise _why(self._settings.port, error) from error
        if self._seen is None or now - self._seen[1] > self._settings.hold:
            return Sighting(garbled=self._typed.garbled, why=self._typed.why)
        return Sighting(frozenset({self._seen[0]}), garbled=self._typed.garbled, why=self._typed.why)

    def close(self) -> None:
        """Let the device go; the console has it again."""
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(OSError):
                device.close()


def _why(port: str, error: OSError) -> ReaderLostError:
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return ReaderLostError(
            N_("there is no {port}: is the reader plugged in? `ls /dev/input/by-id` names those that there are"),
            port=port,
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return ReaderLostError(N_("{port} may not be opened: belong to the group input, or use sudo"), port=port)
    if error.errno == errno.EBUSY:
        return ReaderLostError(N_("{port} is grabbed by another program; two cannot read one reader"), port=port)
    return ReaderLostError(N_("{port} cannot be read as a keyboard: {error}"), port=port, error=error)
