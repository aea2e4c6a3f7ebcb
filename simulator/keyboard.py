"""A USB reader that types: input_event structs as the kernel gives them (linux/input.h), on a line."""

from __future__ import annotations

import struct
import time
from typing import Final

from simulator.line import Base

EVENT: Final = struct.Struct("llHHi")
SYN, KEY = 0, 1
CODES: Final = {
    **{digit: 2 + place for place, digit in enumerate("1234567890")},
    **dict(zip("ABCDEF", (30, 48, 46, 32, 18, 33), strict=True)),
    "\n": 28,
}


class Keyboard(Base):
    """What it types of a UID: base, bytes (0: all), and whether from the last byte on."""

    def __init__(self, base: int = 16, length: int = 0, *, reverse: bool = False) -> None:
        self._base = base
        self._length = length
        self._reverse = reverse

    def lay(self, uid: str) -> None:
        """Type a badge's number, once."""
        number = bytes.fromhex(uid)
        number = number[: self._length] if self._length else number
        number = number[::-1] if self._reverse else number
        if self._base == 16:  # noqa: PLR2004
            text = number.hex().upper()
        else:
            text = str(int.from_bytes(number)).zfill(len(str(256 ** len(number) - 1)))
        self.type(text + "\n")

    def remove(self, uid: str) -> None:
        """Nothing tells that it is gone."""

    def type(self, text: str) -> None:
        """Press and let go each key; a capital letter with the shift key held."""
        for letter in text:
            self.press(CODES[letter])

    def press(self, code: int) -> None:
        """Press and let go one key."""
        for value in (1, 0):
            self.line.send(self.event(KEY, code, value) + self.event(SYN, 0, 0))

    @staticmethod
    def event(kind: int, code: int, value: int) -> bytes:
        """Return one event, at this time."""
        now = time.time_ns()
        return EVENT.pack(now // 10**9, now // 1000 % 10**6, kind, code, value)
