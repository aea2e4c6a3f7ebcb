"""An HD44780 character LCD behind a PCF8574 on I²C, through RPLCD. The panel itself is in lcd_panel.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec

from drivers.bus.header import i2c_pins
from drivers.contracts import N_, DriverError, DriverSettings

if TYPE_CHECKING:
    from drivers.displays.lcd_panel import Panel


class LCDSettings(DriverSettings, frozen=True, kw_only=True):
    """Which I²C bus and address, and how many characters it shows."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=6)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x20, le=0x3F)] = 0x27
    columns: Literal[16, 20] = 20
    rows: Literal[2, 4] = 4

    def bus_pins(self) -> tuple[int, ...]:
        """Return SDA and SCL."""
        return i2c_pins(self.bus)

    @property
    def port(self) -> str:
        """Name the address on its bus."""
        return f"I2C bus {self.bus}, address {self.address:#04x}"


class LCD:
    """A display of characters, set up anew after each failure."""

    Settings: ClassVar[type[LCDSettings]] = LCDSettings

    def __init__(self, settings: LCDSettings) -> None:
        self._settings = settings
        self._panel: Panel | None = None
        from drivers.displays import lcd_panel  # noqa: PLC0415 - RPLCD is needed to show, not to read settings

        self._set_up = lcd_panel.Panel

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of characters."""
        return self._settings.columns, self._settings.rows

    def show(self, lines: Sequence[str], *, anew: bool = False) -> None:
        """Show these lines. Raises DriverError."""
        said = self._settings
        try:
            if self._panel is None:
                self._panel = self._set_up(said.bus, said.address, said.columns, said.rows)
            elif anew:
                self._panel.set_up_again()
            self._panel.write(lines)
        except Exception as error:  # RPLCD hands on whatever the kernel raises
            self._let_go()
            raise DriverError(
                N_("the display at {port} does not answer: {error}"), port=said.port, error=error
            ) from error

    def _let_go(self) -> None:
        panel, self._panel = self._panel, None
        if panel is not None:
            panel.let_go()

    def close(self) -> None:
        """Go dark and let the bus go; may be called twice."""
        if self._panel is not None:
            self._panel.darken()
        self._let_go()
