"""luma.oled's SSD1306, as a panel of text lines; imported only where one is wired."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from luma.core.interface.serial import i2c
from luma.oled.device import ssd1306
from PIL import Image, ImageDraw, ImageFont

ROW: Final = 12  # dots from one line of text to the next
PAGE: Final = 8  # rows of dots that one byte holds (SSD1306 data sheet, §8.7)
SIDEWAYS: Final = Image.Transpose.TRANSPOSE
UPSIDE_DOWN: Final = Image.Transpose.FLIP_TOP_BOTTOM


class _Device(ssd1306):
    """luma's, which stays lit at exit and packs a picture without calls that Pillow 14 will not have."""

    persist = True

    def display(self, image: Any) -> None:  # noqa: ANN401 - luma and Pillow come without types here
        """Send a picture, page by page: each byte is eight dots one under the other, the uppermost its lowest bit."""
        picture = self.preprocess(image)
        self.command(self._const.COLUMNADDR, 0, self._w - 1, self._const.PAGEADDR, 0, self._pages - 1)
        sent = bytearray()
        for top in range(0, self._h, PAGE):
            page = picture.crop((0, top, self._w, top + PAGE)).transpose(UPSIDE_DOWN).transpose(SIDEWAYS)
            sent += page.tobytes()
        self.data(list(sent))


class Panels:
    """Sets a panel up, as often as it takes: luma keeps each device that was ever made, so there is only one."""

    def __init__(self) -> None:
        self._device: _Device | None = None

    def set_up(self, bus: int, address: int) -> Panel:
        """Speak to a panel for the first time, or anew. Raises what luma and the kernel raise."""
        serial = i2c(port=bus, address=address)
        try:
            if self._device is None:
                self._device = _Device.__new__(_Device)
            self._device.__init__(serial)  # type: ignore[misc]
        except BaseException:
            serial.cleanup()
            raise
        return Panel(self._device, serial)


class Panel:
    """Lines of text on a device that is set up."""

    def __init__(self, device: _Device, serial: Any) -> None:  # noqa: ANN401 - luma has no types
        self._device = device
        self._serial = serial
        # Pillow's small font of dots, by its name before 10.1 and after.
        self._font = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)()

    def write(self, lines: Sequence[str]) -> None:
        """Show these lines."""
        picture = Image.new("1", self._device.size)
        pen = ImageDraw.Draw(picture)
        for number, line in enumerate(lines):
            pen.text((0, number * ROW), line.encode("latin-1", "replace").decode("latin-1"), fill=1, font=self._font)
        self._device.display(picture)

    def darken(self) -> None:
        """Switch the panel off, if it hears."""
        with contextlib.suppress(Exception):
            self._device.hide()

    def let_go(self) -> None:
        """Let the bus go."""
        self._serial.cleanup()
