"""OLEDs of 128 × 64 dots on I²C, through luma.oled: five rows of 21 characters. The panel itself is in oled_panel.py.

Those of 0.96 inches have an SSD1306, most of 1.3 inches an SH1106, and both look alike. Driven as the other one, a
picture stands two dots aside, or in stripes, with a strip of dirt at its edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from drivers.bus.header import i2c_pins
from drivers.contracts import N_, DriverError, DriverSettings

if TYPE_CHECKING:
    from drivers.displays.oled_panel import Panel


class OLEDSettings(DriverSettings, frozen=True, kw_only=True):
    """Which I²C bus, and which of the two addresses that such a module can have."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=6)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x3C, le=0x3D)] = 0x3C
    chip: ClassVar[str] = "ssd1306"

    def bus_pins(self) -> tuple[int, ...]:
        """Return SDA and SCL."""
        return i2c_pins(self.bus)

    @property
    def port(self) -> str:
        """Name the address on its bus."""
        return f"I2C bus {self.bus}, address {self.address:#04x}"


class SH1106Settings(OLEDSettings, frozen=True, kw_only=True):
    """The same, of a module with an SH1106."""

    chip: ClassVar[str] = "sh1106"


class OLED:
    """A display of 128 × 64 dots, set up anew after each failure."""

    Settings: ClassVar[type[OLEDSettings]] = OLEDSettings

    def __init__(self, settings: OLEDSettings) -> None:
        self._settings = settings
        self._panel: Panel | None = None
        from drivers.displays import oled_panel  # noqa: PLC0415 - luma.oled is needed to show, not to read settings

        self._panels = oled_panel.Panels(settings.chip)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of characters."""
        return 21, 5

    def show(self, lines: Sequence[str], *, anew: bool = False) -> None:
        """Show these lines. Raises DriverError."""
        try:
            if self._panel is None:
                self._panel = self._panels.set_up(self._settings.bus, self._settings.address)
            elif anew:
                self._panel.set_up_again()
            self._panel.write(lines)
        except Exception as error:  # luma's and the kernel's errors share no root
            self._let_go()
            raise DriverError(
                N_("the display at {port} does not answer: {error}"), port=self._settings.port, error=error
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


class SH1106(OLED):
    """The same, on its sister."""

    Settings: ClassVar[type[OLEDSettings]] = SH1106Settings
