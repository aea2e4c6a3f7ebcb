"""What every driver promises, by kind, and the errors that may leave one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark *text* for translation where it is shown."""
    return text


def plain(error: Exception) -> str:
    """Return an error's own words; lgpio's stand in quotes."""
    said = str(error)
    return said[1:-1] if len(said) > 1 and said[0] == said[-1] == "'" else said or repr(error)


class DriverError(Exception):
    """What a driver could not do: a translatable template and what fills it."""

    def __init__(self, template: str, **parameters: object) -> None:
        self.template = template
        self.parameters = parameters
        super().__init__(template, parameters)

    def __str__(self) -> str:
        return self.template.format(**self.parameters)


class ReaderLostError(DriverError, OSError):
    """The reader does not answer as it should; it is tried again."""


class OutputError(DriverError, OSError):
    """The output did not do what it was told: a fault of its machine."""


class DriverMissingError(DriverError, ImportError):
    """The driver's own parts are not installed here."""


class SettingsMismatchError(DriverError):
    """What a part's keys say does not go together."""


class DriverSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a driver reads from its table in the settings file; each key has its bounds in its type."""

    def pins(self) -> dict[str, int]:
        """Name the header's pins that this part claims (BCM numbers)."""
        return {}

    def bus_pins(self) -> tuple[int, ...]:
        """Return the header's pins that the kernel's bus drives for it; several parts may share them."""
        return ()

    @property
    def port(self) -> str:
        """Name what only one part may have: a chip select, a serial port. Empty where there is none."""
        return ""

    @property
    def shares(self) -> str:
        """Name the kind of part that several may share the port of; empty where none may."""
        return ""

    @property
    def seat(self) -> str:
        """Name what one part alone may have of a port that it shares."""
        return ""

    def check(self, place: str) -> None:
        """Refuse what no machine may have. Raises SettingsMismatchError, which names the place."""

    def check_beside(self, other: DriverSettings, place: str, its_place: str) -> None:
        """Refuse another part of the same controller that this one cannot be beside. Raises SettingsMismatchError."""


class Card(msgspec.Struct, frozen=True, order=True):
    """What a reader saw: the whole UID, and how it was spoken."""

    uid: bytes
    technology: str = "iso14443a"


class Typed(msgspec.Struct, frozen=True):
    """What was typed at a reader's keys: digits, `*` and `#`. Whoever prints it does not see what: it may be a PIN."""

    keys: str

    def __repr__(self) -> str:
        """Say that something was typed."""
        return "Typed(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Say no more to whoever prints it prettily."""
        return []


class Sighting(msgspec.Struct, frozen=True):
    """One look. `garbled`: something answered that could not be read whole. `why`: what a person should know of it.

    typed: at the reader's own keys, since the last look.
    """

    cards: frozenset[Card] = frozenset()
    garbled: bool = False
    why: DriverError | None = None
    typed: Typed | None = None


@runtime_checkable
class Reader(Protocol):
    """A badge reader, owned by one thread.

    `open` finds and initialises the chip and names it; `look` gives all cards that are there now;
    both raise ReaderLostError. After a loss, `open` is called again. `close` may be called twice.
    One whose class says `has_keys` tells what is typed at them. One that has an attribute `nears` calls it as soon as a
    card answers, some milliseconds before `look` gives it.
    """

    senses_presence: ClassVar[bool]
    Settings: ClassVar[Any]  # a type of DriverSettings
    interval: float

    def open(self) -> str: ...
    def look(self) -> Sighting: ...
    def close(self) -> None: ...


class PinOpening(msgspec.Struct, frozen=True, tag="gpio", tag_field="kind"):
    """How anyone opens a GPIO output without its driver: this line, this level."""

    chip: int
    line: int
    level: int


class PortOpening(msgspec.Struct, frozen=True, tag="serial", tag_field="kind"):
    """How anyone opens an output on a serial port (8 bits): these bytes (hex), answered by those, if by any.

    gone_is_open: the part lives on the port's own supply, so where the port is gone the contact is open.
    """

    port: str
    baudrate: int
    sent: str
    answer: str = ""
    parity: str = "N"
    stopbits: int = 1
    gone_is_open: bool = False


class OwnOpening(msgspec.Struct, frozen=True, tag="own", tag_field="kind"):
    """The part opens by itself, so many seconds after it was last told to close: nobody else has to."""

    seconds: int


Opening = PinOpening | PortOpening | OwnOpening


@runtime_checkable
class Output(Protocol):
    """A contact. Made open; `off` at any time, twice or more, from the loop's thread; it never blocks.

    `on` and `off` raise OutputError. `opening` is what a lease carries, `opening_of` the same
    before it is made. `close` leaves the contact open. A class whose
    `resumes` is true can be made with found_closed=True: it stays closed, as an earlier process left it.
    """

    Settings: ClassVar[Any]  # a type of DriverSettings

    @property
    def is_on(self) -> bool: ...
    @property
    def opening(self) -> Opening: ...
    @staticmethod
    def opening_of(settings: Any) -> Opening: ...  # noqa: ANN401 - of its own Settings
    def on(self) -> None: ...
    def off(self) -> None: ...
    def close(self) -> None: ...


class Seen(msgspec.Struct, frozen=True):
    """What a remote output is: closed (None where it cannot tell), watts and counted watt-hours where it measures them.

    warning: what is unsafe about it. unfit: why it may not be closed; it opens all the same. held: whether its own
    timer is seen to run, which alone opens it once nobody tells it to stay closed; of a part without one, nothing.
    """

    closed: bool | None
    watts: float | None = None
    counted_wh: float | None = None
    warning: DriverError | None = None
    unfit: DriverError | None = None
    held: bool = False


@runtime_checkable
class RemoteOutput(Protocol):
    """A contact at the end of a cable or a network: each call takes its time, within bounds. Owned by one thread.

    `open` finds the part, switching nothing, and names it; where it raises, `switch(closed=False)` is tried all
    the same, and what can be sent is. `switch` has the contact closed or open, begins the part's
    own timer anew where it has one, and gives what was read back, which is as told; `look` asks how it is. All raise
    OutputError; `open` is called again then. `close` lets the line go and switches nothing. A class whose `resumes` is
    true can tell how it was left.
    """

    Settings: ClassVar[Any]  # a type of DriverSettings
    resumes: ClassVar[bool]
    interval: float  # seconds between two looks

    @property
    def opening(self) -> Opening: ...
    @staticmethod
    def opening_of(settings: Any) -> Opening: ...  # noqa: ANN401 - of its own Settings
    def open(self) -> str: ...
    def switch(self, *, closed: bool) -> Seen: ...
    def look(self) -> Seen: ...
    def close(self) -> None: ...


Colour = tuple[int, int, int]  # red, green, blue, each 0 or 1; (0, 0, 0) is dark


@runtime_checkable
class Light(Protocol):
    """A light; `show` replaces what it showed and returns at once. Rhythms are played by whoever shows them."""

    Settings: ClassVar[Any]  # a type of DriverSettings

    def show(self, colour: Colour) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class Buzzer(Protocol):
    """A sounder; `play` starts so many beeps of so many seconds and returns at once."""

    Settings: ClassVar[Any]  # a type of DriverSettings

    def play(self, beeps: int, seconds: float) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class Input(Protocol):
    """A contact that is read. `watch` calls back with True when it closes, False when it opens."""

    Settings: ClassVar[Any]  # a type of DriverSettings

    @property
    def is_closed(self) -> bool: ...
    def watch(self, changed: Callable[[bool], None]) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class Meter(Protocol):
    """An input that measures: `read` gives an amount in the unit that `measures` names, every `interval` seconds.

    Raises DriverError. Owned by one thread.
    """

    measures: ClassVar[str]
    Settings: ClassVar[Any]  # a type of DriverSettings
    interval: float

    def read(self) -> float: ...
    def close(self) -> None: ...


@runtime_checkable
class Display(Protocol):
    """A display of so many columns and rows of characters. Made dark, without speaking to it.

    `show` replaces all of it; may take its time, on a thread of its own. Raises DriverError, and may be called again.
    anew: it is set up again first, from whatever state, and its picture stays meanwhile: none of them tells of a dip in
    its supply, or of a stray pulse.
    """

    Settings: ClassVar[Any]  # a type of DriverSettings

    @property
    def size(self) -> tuple[int, int]: ...
    def show(self, lines: Sequence[str], *, anew: bool = False) -> None: ...
    def close(self) -> None: ...
