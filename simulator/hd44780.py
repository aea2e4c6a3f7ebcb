"""A character display: an HD44780 behind a PCF8574, as the I²C backpacks are wired.

After the HD44780U data sheet (Hitachi, ADE-207-272): "Reset Function", "Instructions" (table 6), "Interfacing to the
MPU", "Initializing by Instruction" (figure 24), table 4 (character codes of ROM A00); and the PCF8574 data sheet
(NXP, rev. 5), §8.1: a write sets the port, which is high at power-on.
"""

from __future__ import annotations

from typing import Any, Final

RS, RW, ENABLE, BACKLIGHT = 0x01, 0x02, 0x04, 0x08  # P0 to P3; P4 to P7 are D4 to D7
LINE: Final = 40  # characters in the memory for each of two lines
BLANK: Final = 0x20
BLOCK: Final = "█"
CUSTOM: Final = 0xE000  # custom character n is shown as U+E000 + n, of Unicode's private use


def _rom_a00() -> str:
    """Table 4, each code as one character; DFh as the degree sign that everybody takes it for."""
    custom = "".join(chr(CUSTOM + code % 8) for code in range(16))
    ascii_like = "".join(map(chr, range(0x20, 0x7E))).replace("\\", "¥") + "→←"
    katakana = " " + "".join(map(chr, range(0xFF61, 0xFF9F))) + "°"
    last = "αäβεμσρg√⁻jˣ¢£ñö" + "pqθ∞ΩüΣπxy千万円÷ " + BLOCK
    return custom + " " * 16 + ascii_like + " " * 32 + katakana + last


ROM_A00: Final = _rom_a00()


class HD44780:
    """One display of 20 × 4 or 16 × 2 characters. `lines` is what somebody in front of it reads.

    Its contrast is set for two lines: in one-line mode, as after power-on, every dot of the first line is dark.
    Nothing takes time: what is sent while a real one is busy is lost there, and not here. The cursor is not shown.
    """

    def __init__(self, columns: int = 20, rows: int = 4) -> None:
        self.columns = columns
        self.rows = rows
        self.power(on=True)

    # --- the outside world ---

    def power(self, *, on: bool) -> None:
        """Power it, or not: whatever was set and written is lost."""
        self.powered = on
        self._port = 0xFF
        self._eight_bits = True
        self._two_lines = False
        self._on = False
        self._high: int | None = None  # the first half of a byte, in 4-bit mode
        self._glyphs = bytearray(64)
        self._in_glyphs = False  # where data goes: to the custom characters or to the text
        self._by_itself = False  # the display shifts with each character
        self._clear()

    @property
    def backlight(self) -> bool:
        """Whether it is lit."""
        return self.powered and bool(self._port & BACKLIGHT)

    def lines(self) -> list[str]:
        """Return each row as it looks; custom character n as U+E000 + n."""
        if self.powered and not self._two_lines:
            return [(" " if row % 2 else BLOCK) * self.columns for row in range(self.rows)]
        if not (self.powered and self._on):
            return [" " * self.columns] * self.rows
        return [self._line(row) for row in range(self.rows)]

    def glyphs(self) -> list[bytes]:
        """Return the eight custom characters: eight rows of five dots from the top, bit 4 leftmost."""
        return [bytes(row & 0x1F for row in self._glyphs[start : start + 8]) for start in range(0, 64, 8)]

    def shows(self) -> dict[str, Any]:
        """What it shows, for JSON."""
        glyphs = [glyph.hex() for glyph in self.glyphs()]
        return {"lines": self.lines(), "backlight": self.backlight, "glyphs": glyphs}

    def _line(self, row: int) -> str:
        """One row: the third and fourth go on where the first and second end."""
        start = LINE * (row % 2)
        first = self.columns * (row // 2) + self._shift
        return "".join(ROM_A00[self._text[start + (first + column) % LINE]] for column in range(self.columns))

    # --- the bus ---

    def write(self, sent: bytes) -> None:
        """One I²C write, after the address: each byte sets the port; the falling edge of E takes what stood there."""
        for port in sent:
            before, self._port = self._port, port
            if before & ENABLE and not port & ENABLE:
                self._take(before)

    def _take(self, port: int) -> None:
        half = port & 0xF0
        if self._eight_bits:
            self._byte(port, half | 0x0F)  # D0 to D3 are not wired, and pulled up
        elif self._high is None:
            self._high = half
        else:
            byte = self._high | half >> 4
            self._high = None
            self._byte(port, byte)

    def _byte(self, port: int, byte: int) -> None:
        if port & RS:
            if not port & RW:
                self._put(byte)
            self._step(self._forward)  # a read steps, too
            if self._by_itself and not port & RW and not self._in_glyphs:
                self._shift += 1 if self._forward else -1
        elif not port & RW:
            self._instruct(byte)

    # --- the instructions: table 6 ---

    def _instruct(self, code: int) -> None:
        """Carry out the instruction that the highest bit set tells."""
        if code & 0x80:
            self._address = self._index(code & 0x7F)
            self._in_glyphs = False
        elif code & 0x40:
            self._glyph_address = code & 0x3F
            self._in_glyphs = True
        elif code & 0x20:
            self._eight_bits = bool(code & 0x10)
            self._two_lines = bool(code & 0x08)
        elif code & 0x10:
            self._move(code)
        elif code & 0x08:
            self._on = bool(code & 0x04)
        elif code & 0x04:
            self._forward = bool(code & 0x02)
            self._by_itself = bool(code & 0x01)
        elif code & 0x02:
            self._home()
        elif code & 0x01:
            self._clear()

    def _clear(self) -> None:
        self._text = bytearray((BLANK,)) * (2 * LINE)
        self._forward = True
        self._glyph_address = 0
        self._home()

    def _home(self) -> None:
        self._address = 0
        self._shift = 0
        self._in_glyphs = False

    def _move(self, code: int) -> None:
        """Shift the display or the cursor, to the right or to the left (table 7)."""
        right = bool(code & 0x04)
        if code & 0x08:
            self._shift += -1 if right else 1
        else:
            self._step(right)

    def _step(self, forward: bool) -> None:
        by = 1 if forward else -1
        if self._in_glyphs:
            self._glyph_address = (self._glyph_address + by) % 64
        else:
            self._address = (self._address + by) % (2 * LINE)

    def _index(self, address: int) -> int:
        """Return where in the memory an address is: two lines begin at 00h and 40h; what lies between wraps."""
        if not self._two_lines:
            return address % (2 * LINE)
        return LINE * (address >> 6) + (address & 0x3F) % LINE

    def _put(self, byte: int) -> None:
        if self._in_glyphs:
            self._glyphs[self._glyph_address] = byte
        else:
            self._text[self._address] = byte
