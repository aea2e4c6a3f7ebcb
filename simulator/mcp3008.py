"""An MCP3008 analogue-to-digital converter at the level of its wires (Microchip DS21295, §5.0, figure 6-1)."""

from __future__ import annotations

from typing import Final

FULL: Final = 1023  # ten bits
COMMAND: Final = 5  # start bit, single-ended or differential, three bits of channel
NULL: Final = 1  # low clocks between the sampling clock and the first bit of the value


class MCP3008:
    """Eight channels; `levels` are what lies at each, from 0 to 1 of the reference voltage."""

    def __init__(self) -> None:
        self.levels = [0.0] * 8
        self._selected = False
        self._command = 0
        self._bits: list[int] = []
        self.dout = 0

    def select(self, low: bool) -> None:
        """Chip select goes low, or high: what was going on is over."""
        self._selected, self._command, self._bits, self.dout = low, 0, [], 0

    def rise(self, din: int) -> None:
        """Clock goes high: a bit is taken in, once the start bit came."""
        if self._selected and self._command < 1 << (COMMAND - 1) and (din or self._command):
            self._command = self._command << 1 | din
            if self._command >= 1 << (COMMAND - 1):
                value = self._convert(self._command & 0xF)
                self._bits = [0] * (1 + NULL) + [(value >> bit) & 1 for bit in range(9, -1, -1)]

    def fall(self) -> None:
        """Clock goes low: the next bit is put out."""
        if self._bits:
            self.dout = self._bits.pop(0)

    def transfer(self, sent: bytes) -> bytes:
        """Answer one whole transfer, as a bus does it."""
        self.select(low=True)
        got = 0
        for index in range(8 * len(sent)):
            self.rise((sent[index // 8] >> (7 - index % 8)) & 1)
            got = got << 1 | self.dout
            self.fall()
        self.select(low=False)
        return got.to_bytes(len(sent), "big")

    def _convert(self, command: int) -> int:
        channel = command & 7
        single_ended = bool(command & 8)
        level = self.levels[channel] - (0.0 if single_ended else self.levels[channel ^ 1])
        return round(min(1.0, max(0.0, level)) * FULL)
