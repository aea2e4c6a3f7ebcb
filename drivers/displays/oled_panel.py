"""luma.oled's SSD1306 and SH1106, as a panel of text lines; imported only where one is wired."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from luma.core.interface.serial import i2c
from luma.oled.device import sh1106, ssd1306
from PIL import Image, ImageDraw, ImageFont

ROW: Final = 12  # dots from one line of text to the next
PAGE: Final = 8  # rows of dots that one byte holds (SSD1306 data sheet, §8.7)
FIRST_PAGE, HIGH_COLUMN = 0xB0, 0x10  # SH1106 data sheet, commands 12 and 2
SIDEWAYS: Final = Image.Transpose.TRANSPOSE
UPSIDE_DOWN: Final = Image.Transpose.FLIP_TOP_BOTTOM


class _Stays:
    """What ours have in common: they stay lit at exit, and keep their picture where they are set up again."""

    persist = True
    picture_stays = False

    def clear(self) -> None:
        """Clear it, unless its picture is to stay."""
        if not self.picture_stays:
            super().clear()  # type: ignore[misc]


def _pages(picture: Any) -> Iterator[bytes]:  # noqa: ANN401 - luma and Pillow come without types here
    """Cut a picture into pages: each byte is eight dots one under the other, the uppermost its lowest bit.

    Ours, since luma's way is by calls that Pillow 14 will not have.
    """
    width, height = picture.size
    for top in range(0, height, PAGE):
        yield picture.crop((0, top, width, top + PAGE)).transpose(UPSIDE_DOWN).transpose(SIDEWAYS).tobytes()


class _SSD1306(_Stays, ssd1306):
    def display(self, image: Any) -> None:  # noqa: ANN401 - likewise
        """Send a picture, all its pages in one."""
        self.command(self._const.COLUMNADDR, 0, self._w - 1, self._const.PAGEADDR, 0, self._h // PAGE - 1)
        self.data(list(b"".join(_pages(self.preprocess(image)))))


class _SH1106(_Stays, sh1106):
    def display(self, image: Any) -> None:  # noqa: ANN401 - likewise
        """Send a picture, page by page: it knows no other way."""
        for number, page in enumerate(_pages(self.preprocess(image))):
            self.command(FIRST_PAGE + number, self._page_address_offset, HIGH_COLUMN)
            self.data(list(page))


DEVICES: Final[dict[str, Any]] = {"ssd1306": _SSD1306, "sh1106": _SH1106}


class Panels:
    """Sets a panel up, as often as it takes: luma keeps each device that was ever made, so there is only one."""

    def __init__(self, chip: str) -> None:
        self._kind = DEVICES[chip]
        self._device: Any = None

    def set_up(self, bus: int, address: int) -> Panel:
        """Speak to a panel for the first time, or anew. Raises what luma and the kernel raise."""
        serial = i2c(port=bus, address=address)
        try:
            if self._device is None:
                self._device = self._kind.__new__(self._kind)
            self._device.__init__(serial)
        except BaseException:
            serial.cleanup()
            raise
        device = self._device
        return Panel(device, serial, lambda: device.__init__(serial))


class Panel:
    """Lines of text on a device that is set up."""

    def __init__(self, device: Any, serial: Any, set_up: Callable[[], None]) -> None:  # noqa: ANN401 - luma has no types
        self._device = device
        self._serial = serial
        self._set_up = set_up
        # Pillow's small font of dots, by its name before 10.1 and after.
        self._font = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)()

    def set_up_again(self) -> None:
        """Set it up once more, and leave its picture."""
        self._device.picture_stays = True
        try:
            self._set_up()
        finally:
            self._device.picture_stays = False

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
