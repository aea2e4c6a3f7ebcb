"""Serial readers of 125 kHz tags (EM4100: five bytes): RDM6300 and ID-12LA.

Both speak ASCII at 9600 8N1: 02, ten hexadecimal digits, two of their checksum (the five bytes' XOR), 03; the ID-12LA
puts CR LF before the 03 (their data sheets). The RDM6300 repeats a frame some fifteen times a second while the tag
lies there; the ID-12LA sends it once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Annotated, ClassVar, Final

import msgspec

from drivers.bus.ports import Port, PortError, SerialSettings
from drivers.contracts import N_, Card, ReaderLostError, Sighting

STX: Final = 0x02
DIGITS: Final = b"0123456789ABCDEFabcdef"
CODE: Final = 12  # digits, the checksum's among them
STALE: Final = 0.5  # s after which half a frame is none any more; a whole one takes 17 ms
REPEATS: Final = 0.15  # s within which a tag that lies there is told of again
READS: Final = 20
LATE: Final = 2.0  # s between two looks: more than any interval
NONSENSE: Final = 512  # bytes without a single frame: another speed, or another device


class Tags:
    """Frames out of bytes as they come: what is no whole frame with the right checksum is noise."""

    def __init__(self, tail: bytes) -> None:
        self._tail = tail
        self._waiting = bytearray()
        self.noise = 0  # bytes so far that belonged to no frame
        self.frames = 0

    def feed(self, received: bytes) -> list[bytes]:
        """Take bytes; return the tags, five bytes each, whose frames they end."""
        self._waiting += received
        found: list[bytes] = []
        at = 0
        while (start := self._waiting.find(STX, at)) >= 0:
            self.noise += start - at
            tag = self._tag(start)
            if tag is None:  # it may become one
                del self._waiting[:start]
                return found
            at = start + (1 + CODE + len(self._tail) if tag else 1)
            if tag:
                found.append(tag)
                self.frames += 1
            else:
                self.noise += 1
        self.noise += len(self._waiting) - at
        self._waiting.clear()
        return found

    def _tag(self, start: int) -> bytes | None:
        """Read the frame that begins there: its tag, nothing where it is none, None where it is not all there yet."""
        code = self._waiting[start + 1 : start + 1 + CODE]
        tail = self._waiting[start + 1 + CODE : start + 1 + CODE + len(self._tail)]
        if any(each not in DIGITS for each in code) or not self._tail.startswith(tail):
            return b""
        if len(tail) < len(self._tail):
            return None
        *tag, check = bytes.fromhex(code.decode())
        return bytes(tag) if reduce(xor, tag) == check else b""

    @property
    def is_in_a_frame(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._waiting)

    def forget(self) -> None:
        """Give up the frame that has begun."""
        self.noise += len(self._waiting)
        self._waiting.clear()


class EM4100Settings(SerialSettings, frozen=True, kw_only=True):
    """Which port. hold: a tag counts as there for so many seconds after its last frame."""

    hold: Annotated[float, msgspec.Meta(ge=0.2, le=5.0)] = 0.5
    interval: Annotated[float, msgspec.Meta(ge=0.02, le=1.0)] = 0.15


class OnceSettings(EM4100Settings, frozen=True, kw_only=True):
    """The same for a reader that tells of a tag once."""

    hold: Annotated[float, msgspec.Meta(ge=0.2, le=5.0)] = 1.0


class _TagReader:
    """What both have in common. They say nothing until a tag comes: nothing tells at the start that they are there."""

    name: ClassVar[str]
    tail: ClassVar[bytes]
    senses_presence: ClassVar[bool]

    def __init__(self, settings: EM4100Settings, now: Callable[[], float] = time.monotonic) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._now = now
        self._port: Port | None = None
        self._tags = Tags(self.tail)
        self._seen: tuple[bytes, float] | None = None
        self._heard_at = 0.0
        self._looked_at = 0.0

    def open(self) -> str:
        """Open the port; return the reader's name. Raises ReaderLostError."""
        self.close()
        try:
            self._port = Port(self._settings.port, 9600)
        except PortError as error:
            raise ReaderLostError(error.template, **error.parameters) from error
        self._tags = Tags(self.tail)
        self._seen = None
        self._looked_at = self._now()
        if self.senses_presence:
            self._listen(self._port)
        return self.name

    def _listen(self, port: Port) -> None:
        """Hear of a tag that lies there already, before anybody asks: it is no fresh one. Raises ReaderLostError."""
        for _ in range(READS):
            try:
                received = port.read(REPEATS)
            except PortError as error:
                raise ReaderLostError(error.template, **error.parameters) from error
            for tag in self._tags.feed(received):
                self._seen = tag, self._now()
            if self._seen is not None or not received:
                return

    @property
    def is_heard(self) -> bool:
        """Whether anything has come since it was opened."""
        return bool(self._tags.frames or self._tags.noise)

    @property
    def is_garbled(self) -> bool:
        """Whether what has come since makes no frame."""
        return self._tags.noise > 0 and not self._tags.frames

    def look(self) -> Sighting:
        """Return the tag that lies there. Raises ReaderLostError."""
        if self._port is None:
            raise ReaderLostError(N_("the reader is closed"))
        now, noise = self._now(), self._tags.noise
        try:
            received = self._port.read()
            if now - self._looked_at > LATE:  # nobody looked for a while: what waited is of then
                self._port.forget()
                self._tags.forget()
                received = b""
        except PortError as error:
            raise ReaderLostError(error.template, **error.parameters) from error
        self._looked_at = now
        if received:
            self._heard_at = now
        elif self._tags.is_in_a_frame and now - self._heard_at > STALE:
            self._tags.forget()
        for tag in self._tags.feed(received):
            self._seen = tag, now
        if self._tags.noise > NONSENSE and not self._tags.frames:
            raise ReaderLostError(
                N_("{port} sends bytes that no {name} sends: another device, or one at another speed than {baud}"),
                port=self._settings.port,
                name=self.name,
                baud=9600,
            )
        garbled = self._tags.noise > noise
        if self._seen is None or now - self._seen[1] > self._settings.hold:
            return Sighting(garbled=garbled)
        return Sighting(frozenset({Card(self._seen[0], "em4100")}), garbled=garbled)

    def close(self) -> None:
        """Let the port go."""
        port, self._port = self._port, None
        if port is not None:
            port.close()


class RDM6300Reader(_TagReader):
    """An RDM6300: tells of a tag over and over while it lies there."""

    name: ClassVar[str] = "RDM6300"
    tail: ClassVar[bytes] = b"\x03"
    senses_presence: ClassVar[bool] = True
    Settings: ClassVar[type[EM4100Settings]] = EM4100Settings


class ID12LAReader(_TagReader):
    """An ID-12LA (or ID-2LA, ID-20LA): tells of a tag once, when it comes."""

    name: ClassVar[str] = "ID-12LA"
    tail: ClassVar[bytes] = b"\r\n\x03"
    senses_presence: ClassVar[bool] = False
    Settings: ClassVar[type[EM4100Settings]] = OnceSettings
