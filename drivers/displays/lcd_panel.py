"""RPLCD's character LCD, as a panel of text lines; imported only where one is wired."""

from __future__ import annotations

import contextlib
import time
import unicodedata
from collections.abc import Sequence
from typing import Final

from RPLCD.i2c import CharLCD
from smbus2 import SMBus

UNKNOWN: Final = -1  # no character: whatever is written there is sent
SETTLES: Final = 0.05  # seconds that the expander needs, as RPLCD waits
PLAIN: Final = str.maketrans({"…": ".", "’": "'", "\u00a0": " ", "œ": "o", "Œ": "O", "·": "-", "×": "x"})


def plain(text: str) -> str:
    """Write a text without the accents that the common modules' ROM (A00) does not have."""
    folded = unicodedata.normalize("NFKD", text.translate(PLAIN))
    return "".join(letter if letter.isascii() else "?" for letter in folded if not unicodedata.combining(letter))


class _Device(CharLCD):
    """RPLCD's, on a bus that is ours, so that a failed set-up leaves no descriptor open."""

    def __init__(self, bus: SMBus, address: int, columns: int, rows: int) -> None:
        self._ours = bus
        self._picture_stays = False
        super().__init__("PCF8574", address, cols=columns, rows=rows, charmap="A00", auto_linebreaks=False)

    def _init_connection(self) -> None:
        self.bus = self._ours
        time.sleep(SETTLES)

    def set_up_again(self) -> None:
        """Bring it out of whatever mode it is in, without clearing it; all of it is written next."""
        self._picture_stays = True
        super(CharLCD, self).__init__(self.lcd.cols, self.lcd.rows, charmap="A00", auto_linebreaks=False)
        self.backlight_enabled = True
        self._picture_stays = False

    def clear(self) -> None:
        """Clear it; where its picture is to stay, only undo a shift, and know nothing of what stands there."""
        if not self._picture_stays:
            super().clear()
            return
        self.home()
        self._content = [[UNKNOWN] * self.lcd.cols for _ in range(self.lcd.rows)]


class Panel:
    """Lines of text on a display that is set up. Raises what the kernel raises."""

    def __init__(self, bus: int, address: int, columns: int, rows: int) -> None:
        self._bus = SMBus(bus)
        try:
            self._device = _Device(self._bus, address, columns, rows)
        except BaseException:
            self._bus.close()
            raise

    def set_up_again(self) -> None:
        """Set it up once more."""
        self._device.set_up_again()

    def write(self, lines: Sequence[str]) -> None:
        """Show these lines."""
        for number, line in enumerate(lines):
            self._device.cursor_pos = (number, 0)
            self._device.write_string(plain(line))

    def darken(self) -> None:
        """Clear it and switch its light off, if it hears."""
        with contextlib.suppress(Exception):
            self._device.clear()
            self._device.backlight_enabled = False

    def let_go(self) -> None:
        """Let the bus go."""
        self._bus.close()
