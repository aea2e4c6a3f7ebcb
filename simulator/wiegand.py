"""A Wiegand reader with keys, on two of the header's lines: it pulls one low for each bit that it sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SPACING_NS: Final = 500_000
KEYS: Final = "0123456789*#"


class Wiegand:
    """Sends of a badge so many of its bytes as a frame holds: of a 125 kHz tag the last, of a chip the first.

    pulse: pulls a line low, and lets it go. key_bits: 4, or 8 with the first four inverted.
    """

    def __init__(
        self, pulse: Callable[[int, int], None], d0: int, d1: int, bits: int, technology: str, key_bits: int = 4
    ) -> None:
        self._pulse = pulse
        self._lines = d0, d1
        self._bits = bits
        self._technology = technology
        self._key_bits = key_bits
        self._is_plugged = True

    def lay(self, uid: str) -> None:
        """Send a badge's number, once."""
        number = bytes.fromhex(uid)
        whole = (self._bits - 2) // 8
        if self._technology == "iso14443a":
            number = number[:whole]
        elif self._technology == "em4100":
            number = number[-whole:]
        data = self._bits - 2
        text = f"{int.from_bytes(number) & (1 << data) - 1:0{data}b}"
        half = -(-data // 2)
        even = text[:half].count("1") % 2
        odd = 1 - text[-half:].count("1") % 2
        self.send(f"{even}{text}{odd}")

    def remove(self, uid: str) -> None:
        """Nothing tells that it is gone."""

    def type(self, text: str) -> None:
        """Press keys. Raises ValueError for one that it does not have."""
        for letter in text:
            code = KEYS.index(letter)
            self.send(f"{code:04b}" if self._key_bits == 4 else f"{code ^ 0xF:04b}{code:04b}")  # noqa: PLR2004

    def send(self, bits: str) -> None:
        """Send a frame."""
        began = time.monotonic_ns()
        for place, bit in enumerate(bits if self._is_plugged else ""):
            self._pulse(self._lines[int(bit)], began + place * SPACING_NS)

    def plug(self) -> None:
        """Plug it in."""
        self._is_plugged = True

    def unplug(self) -> None:
        """Pull its cable: its lines stay where their pulls hold them."""
        self._is_plugged = False

    def lose_power(self) -> None:
        """It has nothing to forget."""

    def close(self) -> None:
        """End."""
