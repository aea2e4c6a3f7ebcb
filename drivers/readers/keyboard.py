"""USB readers that type a badge's number as a keyboard would, through `evdev`: grabbed, so that no console reads it.

They differ in what they type: decimal or hexadecimal, bytes in either order, all of them or some. The settings say
it, so that a badge is the same one here and on any reader that gives all its bytes; where a reader drops some, its
numbers are badges of a technology of their own (`iso14443a-4`), enrolled apart.
"""

from __future__ import annotations

import contextlib
import errno
import re
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from drivers.bus.ports import Path_
from drivers.contracts import N_, Card, DriverError, DriverSettings, ReaderLostError, SettingsMismatchError, Sighting

SYN, KEY = 0, 1  # types of events, and codes of keys: linux/input-event-codes.h
SYN_DROPPED: Final = 3
PRESSED: Final = 1
ENTER: Final = {28, 96}
TAB: Final = 15
SHIFT: Final = {42, 54}
DIGITS: Final = {
    **{2 + place: digit for place, digit in enumerate("1234567890")},
    **dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True)),  # the keypad's
    **dict(zip((30, 48, 46, 32, 18, 33), "ABCDEF", strict=True)),
}
KEYS: Final = {**DIGITS, 51: ",", 52: ",", 12: ",", 39: ",", 57: " "}  # what stands between codes, however it is typed
LATE: Final = 2.0  # s between two looks: more than any interval
LAST_THREE: Final = 0xFFFFFF
PAUSE_S: Final = 0.5  # between two keys; a reader types them some milliseconds apart
WHOLE: Final = {"iso14443a": (4, 7, 10), "em4100": (5,)}
CUT: Final = {"iso14443a": (4,), "em4100": (3, 4)}


class Shape(StrEnum):
    """How a number is typed: `0004861721`; facility and card code, `074,12057`; or both, `0004861721 074,12057`."""

    NUMBER = "number"
    CODES = "codes"
    BOTH = "both"


SHAPES: Final = {
    Shape.NUMBER: re.compile(r"[0-9A-F]+"),
    Shape.CODES: re.compile(r"\d{1,3},\d{1,5}"),
    Shape.BOTH: re.compile(r"[0-9A-F]+ \d{1,3},\d{1,5}"),
}


class KeyboardSettings(DriverSettings, frozen=True, kw_only=True):
    """Which device, by its stable name in /dev/input/by-id, and what it types.

    technology: of the badges. length: bytes of a number; several where the reader types whole numbers of several
    lengths. byte_order: "big" where the bytes are typed as `loquet read` shows them elsewhere. whole: every byte that a
    badge has is typed; where nothing is said, it follows from the length, and four bytes of iso14443a may be cut out
    of seven. hold: a badge counts as there for so many seconds. shape: of a number, see Shape. zeros: those in front
    are typed; without them a number that lost a digit is another badge's, so have the reader type them if it can.
    end: the key that ends a number.
    """

    port: Path_
    technology: Literal["iso14443a", "em4100"]
    base: Literal[10, 16]
    byte_order: Literal["big", "little"] = "big"
    length: Annotated[int, msgspec.Meta(ge=3, le=10)] | list[Annotated[int, msgspec.Meta(ge=3, le=10)]]
    whole: bool | None = None
    shape: Shape = Shape.NUMBER
    zeros: bool = True
    end: Literal["enter", "tab"] = "enter"
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
        if not self.zeros and self.base != 10:  # noqa: PLR2004 - decimal
            raise SettingsMismatchError(N_("zeros: of hexadecimal numbers every digit is needed"))
        if self.shape is not Shape.NUMBER and (self.base != 10 or self.technology != "em4100" or self.gives_all):  # noqa: PLR2004 - likewise
            raise SettingsMismatchError(
                N_('shape: "{shape}" is typed of em4100, base = 10, length = 3 or 4'), shape=self.shape.value
            )
        if self.shape is Shape.CODES and self.lengths != (3,):
            raise SettingsMismatchError(N_("shape: facility and card code are three bytes: length = 3"))
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
    """Badges out of keys: a number in just the shape that the settings say, then the key that ends it.

    All else is garbled, and told of in a sentence: half a number may be somebody else's.
    """

    def __init__(self, settings: KeyboardSettings) -> None:
        self._settings = settings
        self._text: str | None = ""  # None: something was typed or lost that belongs to no number
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
        if self._text != "" and at - self._last > PAUSE_S:  # the rest of an earlier one never came
            self._spoil()
            self._text = ""
            self.why = DriverError(N_("it typed no Enter after a number: set the reader up to end each with Enter"))
        self._last = at
        if code not in ENTER | {TAB}:
            self._add(KEYS.get(code))
            return None
        text, self._text = self._text, ""
        if text is None:
            return self._refuse(DriverError(N_("it typed what is no number of base {base}"), base=self._settings.base))
        if not text:
            return None
        ended = "tab" if code == TAB else "enter"
        if ended != self._settings.end:
            return self._refuse(
                DriverError(N_('it ends a number with another key: say end = "{end}" of this reader'), end=ended)
            )
        return self._card(text)

    def _add(self, letter: str | None) -> None:
        said = self._settings
        if letter is None or (said.base == 10 and letter in "ABCDEF"):  # noqa: PLR2004 - decimal
            self._spoil()
        elif self._text is not None and len(self._text) < 32:  # noqa: PLR2004 - more than any number has
            self._text += letter

    def _spoil(self) -> None:
        self._text = None
        self.garbled = True

    def _refuse(self, why: DriverError) -> Card | None:
        """Make nothing of it, and say why."""
        self.garbled, self.why = True, why
        return None

    def _card(self, text: str) -> Card | None:
        """Read what was typed, which has neither a character more nor one less."""
        said = self._settings
        shape = _shape_of(text)
        codes = _of_codes(text) if shape in {Shape.CODES, Shape.BOTH} else 0
        if shape is not said.shape or codes is None:
            if said.shape is Shape.NUMBER and shape is not None:
                return self._refuse(
                    DriverError(N_('it typed "{shape}" for a number: say shape = "{shape}" of it'), shape=shape.value)
                )
            return self._refuse(
                DriverError(N_('what it typed is not what shape = "{shape}" says of it'), shape=said.shape.value)
            )
        if shape is Shape.CODES:
            return self._made(codes, 3)
        card = self._of_number(text.partition(" ")[0])
        if card is not None and shape is Shape.BOTH and int.from_bytes(card.uid, said.byte_order) & LAST_THREE != codes:
            return self._refuse(DriverError(N_("the two numbers that it typed do not belong to one badge")))
        return card

    def _of_number(self, digits: str) -> Card | None:
        said = self._settings
        for length in said.lengths:
            fits = len(digits) == said.digits(length) if said.zeros else len(digits) <= said.digits(length)
            if not fits:
                continue
            number = int(digits, said.base)
            if number >= 256**length or (not said.zeros and digits[0] == "0"):
                break
            return self._made(number, length)
        if said.zeros and said.base == 10 and len(digits) < min(map(said.digits, said.lengths)):  # noqa: PLR2004 - decimal
            return self._refuse(
                DriverError(
                    N_(
                        "it typed {count} characters where {expected} are expected: does it leave zeros in front out? "
                        "Then say zeros = false of it"
                    ),
                    count=len(digits),
                    expected=" / ".join(str(said.digits(length)) for length in said.lengths),
                )
            )
        return self._refuse(
            DriverError(
                N_(
                    "it typed {count} characters; of {technology}, base {base}, {lengths} bytes, "
                    "it should be {expected}"
                ),
                count=len(digits),
                technology=said.technology,
                base=said.base,
                lengths=" / ".join(map(str, said.lengths)),
                expected=" / ".join(str(said.digits(length)) for length in said.lengths),
            )
        )

    def _made(self, number: int, length: int) -> Card:
        said = self._settings
        uid = number.to_bytes(length, said.byte_order)
        return Card(uid, said.technology if said.gives_all else f"{said.technology}-{length}")


def _shape_of(text: str) -> Shape | None:
    """Return in which shape a number was typed; None for none that is known."""
    return next((shape for shape, pattern in SHAPES.items() if pattern.fullmatch(text)), None)


def _of_codes(text: str) -> int | None:
    """Read facility and card code at the end of a text, three bytes of a badge; None where they are too large."""
    facility, card = map(int, text.rpartition(" ")[2].split(","))
    return facility << 16 | card if facility < 256 and card < 65_536 else None  # noqa: PLR2004 - a byte, and two


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
