"""The SH1106 display controller at command level, on the panel of 128 × 64 dots that is sold with it.

After the SH1106 data sheet (Sino Wealth, V2.3): its memory has 132 columns, of which the panel shows the middle ones;
it is addressed page by page alone. Where it is the SSD1306's like, it is that one's.
"""

from __future__ import annotations

from typing import ClassVar, Final

from simulator.ssd1306 import CONTRAST, MULTIPLEX, OFFSET, SSD1306

DC_DC: Final = 0xAD  # command 24: 8Ah off, 8Bh on, as it is after a reset
ON_BY_ITSELF: Final = 1


class SH1106(SSD1306):
    """One controller with its panel. `pixels` is what somebody in front of it sees."""

    columns = 132
    leftmost = 2
    arguments: ClassVar = {CONTRAST: 1, MULTIPLEX: 1, DC_DC: 1, OFFSET: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}

    def power(self, *, on: bool) -> None:
        """Power it, or not: whatever was set and written is lost."""
        super().power(on=on)
        self._pump = ON_BY_ITSELF

    def _is_supplied(self) -> bool:
        return bool(self._pump)

    def _set(self, command: int, arguments: list[int]) -> None:
        if command == DC_DC:
            self._pump = arguments[0] & 1
        else:
            super()._set(command, arguments)

    def _after_the_last(self) -> int:
        """It stays there (§ Display Data RAM: the column address stops at 83h)."""
        return self.columns - 1
