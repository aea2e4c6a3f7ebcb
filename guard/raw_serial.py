"""One message on a serial port, for the guard: standard library only."""

from __future__ import annotations

import os
import select
import termios
import time
from typing import Any, Final

ANSWER_S: Final = 0.3
TRIES: Final = 2
MOST: Final = 256


class NoAnswerError(OSError):
    """The part did not answer as it should."""


def say(opening: dict[str, Any]) -> None:
    """Send what opens a relay; raises OSError unless it was sent and, where an answer is expected, answered."""
    fd = os.open(opening["port"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _set_up(fd, opening)
        _exchange(fd, bytes.fromhex(opening["sent"]), bytes.fromhex(opening["answer"]))
    finally:
        os.close(fd)


def _set_up(fd: int, opening: dict[str, Any]) -> None:
    """Set raw mode, speed, parity and stop bits (termios(3)); 8 data bits, no flow control."""
    speed = getattr(termios, f"B{opening['baudrate']}")
    control = termios.CS8 | termios.CREAD | termios.CLOCAL
    control |= {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}[opening["parity"]]
    control |= termios.CSTOPB if opening["stopbits"] == 2 else 0  # noqa: PLR2004 - or one
    try:
        characters = termios.tcgetattr(fd)[6]
        termios.tcsetattr(fd, termios.TCSANOW, [0, 0, control, 0, speed, speed, characters])
        termios.tcflush(fd, termios.TCIFLUSH)
    except termios.error as error:
        raise OSError(*error.args) from error


def _exchange(fd: int, sent: bytes, answer: bytes) -> None:
    for _ in range(TRIES):
        os.write(fd, sent)
        if not answer:
            try:
                termios.tcdrain(fd)
            except termios.error as error:
                raise OSError(*error.args) from error
            return
        end, heard = time.monotonic() + ANSWER_S, b""
        while answer not in heard and (left := end - time.monotonic()) > 0 and len(heard) < MOST:
            if select.select([fd], [], [], left)[0]:
                heard += os.read(fd, MOST)
        if answer in heard:
            return
    raise NoAnswerError(f"no answer to {sent.hex(' ')}")
