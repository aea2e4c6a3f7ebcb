"""How a line stands that nobody holds: whether the kernel left it an output, and at which level.

A Raspberry Pi's own kernel keeps an output's level when its program ends; a plain one makes the line an input again
(bcm2835_pmx_gpio_disable_free). What the kernel tells of a free line is what it remembers of the last program, until
somebody asks for the line as it is: only then it looks (GPIO character device, version 2, include/uapi/linux/gpio.h).
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

import lgpio

REQUEST: Final = struct.Struct("=64I32sQI5I240sII5Ii")  # gpio_v2_line_request, its gpio_v2_line_config among it
VALUES: Final = struct.Struct("=QQ")  # gpio_v2_line_values: bits, mask
GET_LINE: Final = 0xC250B407  # _IOWR(0xB4, 0x07, struct gpio_v2_line_request)
GET_VALUES: Final = 0xC010B40E  # _IOWR(0xB4, 0x0E, struct gpio_v2_line_values)
IS_OUTPUT: Final = 1 << 1  # lgpio's


def is_output_at(handle: int, chip: int, line: int, level: int) -> bool:
    """Return whether a free line is an output at that level. Raises OSError, lgpio.error; one that is held is neither.

    handle: lgpio's, of the same chip.
    """
    found = _looked_at(chip, line)
    return found in {None, level} and bool(lgpio.gpio_get_mode(handle, line) & IS_OUTPUT)


def _looked_at(chip: int, line: int) -> int | None:
    """Ask for a line as it is, and let it go: the kernel looks at it, and changes nothing. None: there is no such chip.

    Returns its level.
    """
    try:
        device = os.open(f"/dev/gpiochip{chip}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        lines = [line] + [0] * 63
        asked = bytearray(REQUEST.pack(*lines, b"loquet", 0, 0, *[0] * 5, b"", 1, 0, *[0] * 5, -1))
        fcntl.ioctl(device, GET_LINE, asked)
        held = REQUEST.unpack(asked)[-1]
        try:
            values = bytearray(VALUES.pack(0, 1))
            fcntl.ioctl(held, GET_VALUES, values)
            return int(VALUES.unpack(values)[0]) & 1
        finally:
            os.close(held)
    finally:
        os.close(device)
