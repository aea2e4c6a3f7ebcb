"""The SSD1306 display controller at command level, on the panel of 128 × 64 dots that is sold with it.

After the SSD1306 data sheet (Solomon Systech, rev. 1.1): §8.1.5 I²C, §8.7 GDDRAM, §9 command table, §10 commands,
and its application note for the charge pump.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

WIDTH: Final = 128
HEIGHT: Final = 64

MODE, COLUMNS, PAGES, START_LINE, CONTRAST, CHARGE_PUMP = 0x20, 0x21, 0x22, 0x40, 0x81, 0x8D
REMAP, ENTIRE_ON, INVERSE, MULTIPLEX, ON, PAGE, SCAN, OFFSET = 0xA0, 0xA4, 0xA6, 0xA8, 0xAE, 0xB0, 0xC0, 0xD3
HORIZONTAL, VERTICAL, BY_PAGE = 0, 1, 2
SWITCHES: Final = {REMAP, ENTIRE_ON, INVERSE, ON}  # the last bit of the command is what is set
# How many bytes follow a command; none where it is not named. 23h, 2Ch, 2Dh, ADh and D6h are in the sheet of the
# SSD1306B only, which is sold under the same name.
ARGUMENTS: Final = {
    MODE: 1, COLUMNS: 2, PAGES: 2, 0x23: 1, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x2C: 6, 0x2D: 6, CONTRAST: 1,
    CHARGE_PUMP: 1, 0xA3: 2, MULTIPLEX: 1, 0xAD: 1, OFFSET: 1, 0xD5: 1, 0xD6: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip
# The registers with a value of one byte: the bits that count, and the values that the sheet calls valid.
VALUES: Final = {
    MODE: (0x03, range(3)), CONTRAST: (0xFF, range(256)), CHARGE_PUMP: (0x04, range(8)),
    MULTIPLEX: (0x3F, range(15, 64)), OFFSET: (0x3F, range(64)),
}  # fmt: skip
RESET_VALUES: Final = {
    MODE: BY_PAGE, START_LINE: 0, CONTRAST: 0x7F, CHARGE_PUMP: 0, REMAP: 0, ENTIRE_ON: 0, INVERSE: 0, MULTIPLEX: 63,
    ON: 0, SCAN: 0, OFFSET: 0,
}  # fmt: skip


class SSD1306:
    """One controller with its panel. `pixels` is what somebody in front of it sees.

    As on the modules that are sold, the charge pump is its only source of voltage, and with A1h and C8h the
    picture is upright. Scrolling by itself (26h to 2Fh) and blinking are taken and do nothing; timing, COM pin
    and voltage settings change nothing that is seen.
    """

    columns = WIDTH  # of the memory, and the first of them that the panel shows
    leftmost = 0
    arguments: ClassVar = ARGUMENTS

    def __init__(self) -> None:
        self.power(on=True)

    # --- the outside world ---

    def power(self, *, on: bool) -> None:
        """Power it, or not: whatever was set and written is lost (§8.5)."""
        self.powered = on
        self._registers = dict(RESET_VALUES)
        self._memory = bytearray(n * n * 37 >> 3 & 0xFF for n in range(self.columns * HEIGHT // 8))  # dirt: undefined
        self._pending: list[int] = []
        self._window = (0, WIDTH - 1, 0, HEIGHT // 8 - 1)  # first and last column, first and last page
        self._first_column = 0  # of the page addressing mode
        self._column = 0
        self._page = 0

    @property
    def contrast(self) -> int:
        """How bright it is, 0 to 255."""
        return self._registers[CONTRAST]

    def pixels(self) -> list[int]:
        """Return the panel's 64 rows from the top, each 128 bits with the leftmost dot first: 1 is lit."""
        registers = self._registers
        if not (self.powered and registers[ON] and self._is_supplied()):
            return [0] * HEIGHT
        return [self._row(HEIGHT - 1 - top) for top in range(HEIGHT)]

    def _is_supplied(self) -> bool:
        """Whether the panel has its voltage."""
        return bool(self._registers[CHARGE_PUMP])

    def shows(self) -> dict[str, Any]:
        """What it shows, for JSON: rows of 16 bytes in hexadecimal, and the contrast."""
        return {"pixels": [f"{row:032x}" for row in self.pixels()], "contrast": self.contrast}

    def _row(self, com: int) -> int:
        """Return the dots that one COM line lights: §10.1.6, §10.1.11, §10.1.14, §10.1.15.

        The module has COM0 at its lower edge and SEG0 at its right one. The offset moves the picture toward
        COM0, whatever the direction of the scan.
        """
        registers = self._registers
        last = registers[MULTIPLEX]
        position = (com + registers[OFFSET]) % HEIGHT
        if position > last:
            return 0
        line = ((last - position if registers[SCAN] else position) + registers[START_LINE]) % HEIGHT
        everything = (1 << WIDTH) - 1
        if registers[ENTIRE_ON]:
            return everything
        start, bit = line // 8 * self.columns + self.leftmost, line % 8
        row = sum((byte >> bit & 1) << segment for segment, byte in enumerate(self._memory[start : start + WIDTH]))
        return row ^ everything if registers[INVERSE] else row

    # --- the bus ---

    def write(self, sent: bytes) -> None:
        """One I²C write, after the address: control bytes, each with one byte or all that follow (§8.1.5.2)."""
        rest = iter(sent)
        for control in rest:
            take = self._data if control & 0x40 else self._command
            if control & 0x80:
                for byte in rest:
                    take(byte)
                    break
            else:
                for byte in rest:
                    take(byte)

    def _command(self, byte: int) -> None:
        self._pending.append(byte)
        command, *arguments = self._pending
        if len(arguments) == self.arguments.get(command, 0):
            self._pending = []
            if arguments:
                self._set(command, arguments)
            else:
                self._do(command)

    def _do(self, command: int) -> None:
        by_page = self._registers[MODE] == BY_PAGE
        if command < 0x20:  # noqa: PLR2004 - 00h to 0Fh the lower four bits, 10h to 1Fh the upper ones
            if by_page:
                low, high = self._first_column & 0x0F, self._first_column & 0xF0
                self._first_column = (command << 4 & 0xF0 | low if command & 0x10 else high | command) % self.columns
                self._column = self._first_column
        elif command & 0xC0 == START_LINE:
            self._registers[START_LINE] = command & 0x3F
        elif command & 0xF8 == PAGE:
            self._page = command & 0x07 if by_page else self._page
        elif command & 0xF7 == SCAN:
            self._registers[SCAN] = command & 0x08
        elif command & 0xFE in SWITCHES:
            self._registers[command & 0xFE] = command & 1

    def _set(self, command: int, arguments: list[int]) -> None:
        if command in {COLUMNS, PAGES}:
            self._set_window(command, *arguments)
        elif command in VALUES:
            bits, valid = VALUES[command]
            value = arguments[0] & bits
            if value in valid:
                self._registers[command] = value

    def _set_window(self, command: int, first: int, last: int) -> None:
        """Set where writing goes on, and the pointer to its start; not for the page addressing mode (§10.1.4)."""
        if self._registers[MODE] == BY_PAGE:
            return
        left, right, upper, lower = self._window
        if command == COLUMNS:
            self._column = first & 0x7F
            self._window = (first & 0x7F, last & 0x7F, upper, lower)
        else:
            self._page = first & 0x07
            self._window = (left, right, first & 0x07, last & 0x07)

    def _data(self, byte: int) -> None:
        """Write one column of eight dots, and go on as the addressing mode says (§10.1.3).

        Which way the columns run counts when they are written: what is there already stays (§10.1.8).
        """
        segment = self.columns - 1 - self._column if self._registers[REMAP] else self._column
        self._memory[self._page * self.columns + segment] = byte
        left, right, upper, lower = self._window
        mode = self._registers[MODE]
        if mode == BY_PAGE:
            self._column = self._column + 1 if self._column < self.columns - 1 else self._after_the_last()
        elif mode == HORIZONTAL:
            if self._column == right:
                self._page = upper if self._page == lower else (self._page + 1) % 8
            self._column = left if self._column == right else (self._column + 1) % WIDTH
        else:
            if self._page == lower:
                self._column = left if self._column == right else (self._column + 1) % WIDTH
            self._page = upper if self._page == lower else (self._page + 1) % 8

    def _after_the_last(self) -> int:
        """Return the column that follows the last, in the page addressing mode."""
        return self._first_column
