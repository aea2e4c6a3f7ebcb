"""RPLCD's character LCD, as a panel of text lines; imported only where one is wired."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from RPLCD.i2c import CharLCD
from smbus2 import SMBus

from drivers.displays.letters import ACCENTED, plain

UNKNOWN: Final = -1  # no character: whatever is written there is sent
SETTLES: Final = 0.05  # seconds that the expander needs, as RPLCD waits
GLYPHS: Final = 8  # characters of one's own that the controller holds (HD44780U data sheet, CGRAM)


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
        self._glyphs: list[str] = []  # which letter each of the display's own characters is
        try:
            self._device = _Device(self._bus, address, columns, rows)
        except BaseException:
            self._bus.close()
            raise

    def set_up_again(self) -> None:
        """Set it up once more."""
        self._device.set_up_again()
        for place, letter in enumerate(self._glyphs):  # where they were: what is shown means the same meanwhile
            self._device.create_char(place, ACCENTED[letter])

    def write(self, lines: Sequence[str]) -> None:
        """Show these lines, with their accents: of more than it can hold at once, the rarer ones go without."""
        columns = self._device.lcd.cols
        wanted = Counter(letter for line in lines for letter in line if letter in ACCENTED)
        self._draw([letter for letter, _count in wanted.most_common(GLYPHS)])
        for number, line in enumerate(lines):
            self._device.cursor_pos = (number, 0)
            said = "".join(
                chr(self._glyphs.index(letter)) if letter in self._glyphs else plain(letter)[:1] or " "
                for letter in line
            )
            self._device.write_string(said[:columns])

    def _draw(self, letters: list[str]) -> None:
        """Have the display hold these letters, and as few of those that it has as can be drawn over."""
        for letter in letters:
            if letter in self._glyphs:
                continue
            place = len(self._glyphs)
            if place == GLYPHS:
                place = next(place for place, held in enumerate(self._glyphs) if held not in letters)
                self._glyphs[place] = letter
            else:
                self._glyphs.append(letter)
            self._device.create_char(place, ACCENTED[letter])

    def darken(self) -> None:
        """Clear it and switch its light off, if it hears."""
        with contextlib.suppress(Exception):
            self._device.clear()
            self._device.backlight_enabled = False

    def let_go(self) -> None:
        """Let the bus go."""
        self._bus.close()
