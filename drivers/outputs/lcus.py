"""LCUS USB relay boards (CH340; one to eight relays), by `pyserial` at 9600 8N1.

Four bytes a command: A0, relay, what to do, and the sum of the three: 00 opens, 01 closes, nothing is answered. Boards
of a later make answer 02 (open), 03 (close) and 05 (ask) with the same frame, 00 or 01 in its third place.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Annotated, ClassVar, Final

import msgspec

from drivers.bus import ports
from drivers.bus.ports import Port, PortError, SerialSettings
from drivers.contracts import N_, OutputError, PortOpening, Seen

OPEN, CLOSE, OPEN_AND_SAY, CLOSE_AND_SAY, ASK = 0x00, 0x01, 0x02, 0x03, 0x05
ANSWER_S: Final = 0.3
BAUD: Final = 9600


def command(relay: int, act: int) -> bytes:
    """Make a command."""
    return bytes((0xA0, relay, act, (0xA0 + relay + act) & 0xFF))


class LCUSSettings(SerialSettings, frozen=True, kw_only=True):
    """Which board, which of its relays. answers: it is a board that answers, so what it does is read back."""

    relay: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    answers: bool = False
    interval: Annotated[float, msgspec.Meta(ge=0.2, le=10.0)] = 1.0

    @property
    def shares(self) -> str:
        """Its relays may serve as many machines."""
        return "lcus"

    @property
    def seat(self) -> str:
        """Name the relay."""
        return f"relay {self.relay}"


class LCUSRelay:
    """One relay of the board. It opens with the board's supply, so a board that is gone is open."""

    resumes: ClassVar[bool] = False
    Settings: ClassVar[type[LCUSSettings]] = LCUSSettings

    def __init__(self, settings: LCUSSettings, now: Callable[[], float] = time.monotonic) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._now = now
        self._port: Port | None = None
        self._told: bool | None = None

    @staticmethod
    def opening_of(settings: LCUSSettings) -> PortOpening:
        """Return how anyone opens the relay."""
        sent = command(settings.relay, OPEN_AND_SAY if settings.answers else OPEN)
        answer = command(settings.relay, OPEN) if settings.answers else b""
        return PortOpening(settings.port, BAUD, sent.hex(), answer.hex(), gone_is_open=True)

    @property
    def opening(self) -> PortOpening:
        """Return how anyone opens the relay without this process."""
        return self.opening_of(self._settings)

    def open(self) -> str:
        """Open the port; ask the relay where it answers: one that does not can be told to open all the same.

        Raises OutputError.
        """
        self.close()
        try:
            self._port = ports.share(self._settings.port, BAUD)
        except PortError as error:
            raise OutputError(error.template, **error.parameters) from error
        self._told = False  # without its supply it was open
        if self._settings.answers:
            self.look()
        return f"LCUS, relay {self._settings.relay}"

    def switch(self, *, closed: bool) -> Seen:
        """Switch the relay; read back where it answers. Raises OutputError."""
        relay = self._settings.relay
        self._told = closed
        if not self._settings.answers:
            self._say(command(relay, CLOSE if closed else OPEN), ())
            return Seen(closed)
        expected = command(relay, CLOSE if closed else OPEN)
        answer = self._say(
            command(relay, CLOSE_AND_SAY if closed else OPEN_AND_SAY), (command(relay, OPEN), command(relay, CLOSE))
        )
        if answer != expected:
            raise OutputError(
                N_("the relay on {port} says {answer}, not {expected}: it did not switch"),
                port=self._settings.port,
                answer=answer.hex(" "),
                expected=expected.hex(" "),
            )
        return Seen(closed)

    def look(self) -> Seen:
        """Ask the relay where it answers; else see that the board is there. Raises OutputError."""
        relay = self._settings.relay
        if not self._settings.answers:
            self._say(b"", ())
            return Seen(self._told)
        answer = self._say(command(relay, ASK), (command(relay, OPEN), command(relay, CLOSE)))
        return Seen(answer[2] == CLOSE)

    def _say(self, sent: bytes, answers: tuple[bytes, ...]) -> bytes:
        """Send a command; return which of the answers came. Raises OutputError."""
        port = self._port
        if port is None:
            raise OutputError(N_("{port} is closed"), port=self._settings.port)
        try:
            with port.lock:
                port.forget()  # it fails where the board is gone
                port.write(sent)
                end, heard = self._now() + ANSWER_S, b""
                while answers and (left := end - self._now()) > 0:
                    heard += port.read(left)
                    for each in answers:
                        if each in heard:
                            return each
        except PortError as error:
            self.close(broken=True)
            raise OutputError(error.template, **error.parameters) from error
        if answers:
            raise OutputError(
                N_('the relay on {port} does not answer; if it never does, leave out "answers = true"'),
                port=self._settings.port,
            )
        return b""

    def close(self, *, broken: bool = False) -> None:
        """Let the port go; may be called twice."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(OSError):
                ports.leave(port, broken=broken)
