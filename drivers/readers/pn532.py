"""A PN532 on a serial line (HSU, 115200 8N1): every card in its field, two at most, at each look.

After the PN532 user manual (UM0701-02); the frames are in pn532_frames.py.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Annotated, ClassVar, Final

import msgspec

from drivers.bus.ports import Port, PortError, SerialSettings, console_on
from drivers.contracts import N_, ReaderLostError, Sighting
from drivers.readers.pn532_frames import ACK, NACK, Arrived, Frames, frame, targets

WAKE_UP: Final = b"\x55\x55" + bytes(14)  # §7.2.11; the zeros give its oscillator time to start
GET_VERSION, SET_PARAMETERS, SAM_CONFIGURATION, RF_CONFIGURATION = b"\x02", b"\x12\x04", b"\x14\x01\x14\x01", b"\x32"
BOUNDED: Final = b"\x32\x05\xff\x01\x01"  # MaxRetries: two tries to find a card, then say that there is none
LIST: Final = b"\x4a"
ACK_S: Final = 0.1  # §6.2.1.3 says 15 ms; USB adapters take their time
FIRST_ACK_S: Final = 0.5
FIRST_ANSWER_S: Final = 1.0
ANSWER_S: Final = 0.25
SILENCE_S: Final = 0.01
TRIES: Final = 3
PN532_IC: Final = 0x32


class PN532Settings(SerialSettings, frozen=True, kw_only=True):
    """Which port."""

    interval: Annotated[float, msgspec.Meta(ge=0.02, le=1.0)] = 0.15


class RefusedError(ReaderLostError):
    """The chip does not know the command, or not with these parameters."""


class NoAnswerError(ReaderLostError):
    """The chip acknowledged the command, and then said nothing."""


class PN532Reader:
    """A PN532 as a reader."""

    senses_presence: ClassVar[bool] = True
    Settings: ClassVar[type[PN532Settings]] = PN532Settings

    def __init__(self, settings: PN532Settings, now: Callable[[], float] = time.monotonic) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._now = now
        self._port: Port | None = None
        self._frames = Frames()
        self._arrived: deque[Arrived] = deque()
        self._most = 2
        self._has_sought_two = False

    def open(self) -> str:
        """Wake the chip and set it up; return its name. Raises ReaderLostError."""
        self.close()
        try:
            self._port = Port(self._settings.port, 115_200)
            self._port.write(WAKE_UP)
            self._frames = Frames()
            self._ask(SAM_CONFIGURATION, FIRST_ACK_S, FIRST_ANSWER_S)
            version = self._ask(GET_VERSION)
            self._wish(BOUNDED)  # else looks take longer
            self._wish(SET_PARAMETERS)  # without an ATS nothing that a card says at length is in an answer
        except PortError as error:
            self.close()
            raise ReaderLostError(error.template, **error.parameters) from error
        except ReaderLostError:
            self.close()
            raise
        self._most, self._has_sought_two = 2, False
        ic, release = (version[0], version[1:3]) if len(version) >= 3 else (0, b"??")  # noqa: PLR2004 - §7.2.2
        return f"PN532 {release[0]}.{release[1]}" if ic == PN532_IC else f"PN5{ic:02X}?"

    def _wish(self, command: bytes) -> bool:
        """Ask for what not every chip does; return whether it was done."""
        try:
            self._ask(command)
        except (RefusedError, NoAnswerError):
            return False
        return True

    def look(self) -> Sighting:
        """Return every card in the field. Raises ReaderLostError."""
        if self._port is None:
            raise ReaderLostError(N_("the reader is closed"))
        try:
            return self._look()
        except PortError as error:
            raise ReaderLostError(error.template, **error.parameters) from error

    def _look(self) -> Sighting:
        try:
            answer = self._ask(LIST + bytes((self._most, 0)))
        except RefusedError:
            if self._most == 1 or self._has_sought_two:
                raise
            self._most = 1  # some know one card at a time
            return self._look()
        except NoAnswerError:  # it seeks until a card comes: stop it, and see whether it lives
            self._send(ACK)
            self._ask(GET_VERSION)
            return Sighting()
        self._has_sought_two = self._most > 1
        cards = targets(answer)
        return Sighting(garbled=True) if cards is None else Sighting(cards)

    def _ask(self, command: bytes, ack_s: float = ACK_S, answer_s: float = ANSWER_S) -> bytes:
        """Have a command carried out; return its answer's data. Raises ReaderLostError, PortError.

        Noise may bring out what looks like a frame inside a frame, where a card can say things at length: what came
        with noise is believed once it came twice.
        """
        acknowledged = False
        doubtful: bytes | None = None
        for _ in range(TRIES):
            self._opened.forget()
            self._forget()
            clean = self._frames.noise
            self._send(frame(command))
            if self._wait(ack_s, lambda arrived: arrived.kind == "ack") is None:
                continue
            acknowledged = True
            garbled = False
            for _again in range(TRIES):
                before = self._frames.noise
                answer = self._wait(answer_s, lambda arrived: _answers(command, arrived))
                if answer is not None:
                    if answer.kind == "error":
                        raise RefusedError(N_("the PN532 refuses command {command}"), command=command.hex(" "))
                    if answer.data == doubtful or self._frames.noise == clean:
                        return answer.data[1:]
                    doubtful = answer.data
                elif self._frames.noise == before and not self._frames.is_in_a_frame:
                    break
                garbled = True
                self._until_silent()
                clean = self._frames.noise
                self._send(NACK)  # say it again
            if not garbled:
                raise NoAnswerError(
                    N_("the PN532 on {port} acknowledges and does not answer"), port=self._settings.port
                )
        raise self._silent(acknowledged=acknowledged)

    def _silent(self, *, acknowledged: bool) -> ReaderLostError:
        port = self._settings.port
        if console_on(port):
            return ReaderLostError(
                N_(
                    "no PN532 answers on {port}, and the kernel's console talks there: `sudo raspi-config`, Interface "
                    "Options, Serial Port, no login shell; then restart"
                ),
                port=port,
            )
        if acknowledged:
            return ReaderLostError(N_("the PN532 on {port} is not understood: noise on the line?"), port=port)
        return ReaderLostError(
            N_(
                "no PN532 answers on {port}: are its switches set to HSU (both 0), its RX on TX and its TX on RX, its "
                "supply 3.3 or 5 V as its board asks?"
            ),
            port=port,
        )

    @property
    def _opened(self) -> Port:
        if self._port is None:
            raise ReaderLostError(N_("the reader is closed"))
        return self._port

    def _send(self, sent: bytes) -> None:
        self._opened.write(sent)

    def _wait(self, seconds: float, wanted: Callable[[Arrived], bool]) -> Arrived | None:
        """Return the first frame of that kind that comes in time; others are let go."""
        end = self._now() + seconds
        while True:
            while self._arrived:
                arrived = self._arrived.popleft()
                if wanted(arrived):
                    return arrived
            left = end - self._now()
            if left <= 0:
                return None
            self._arrived += self._frames.feed(self._opened.read(left))

    def _until_silent(self) -> None:
        end = self._now() + ANSWER_S
        while self._now() < end and self._opened.read(SILENCE_S):
            pass
        self._forget()

    def _forget(self) -> None:
        self._frames.forget()
        self._arrived.clear()

    def close(self) -> None:
        """Let the port go."""
        port, self._port = self._port, None
        if port is not None:
            port.close()


def _answers(command: bytes, arrived: Arrived) -> bool:
    return arrived.kind == "error" or (arrived.kind == "answer" and arrived.data[:1] == bytes((command[0] + 1,)))
