"""125 kHz readers on a serial line: RDM6300 and ID-12LA, after their data sheets."""

from __future__ import annotations

from functools import reduce
from operator import xor

from simulator.line import Base


class TagReader(Base):
    """A reader and the tag on it; of several it reads none."""

    tail = b"\x03"

    def __init__(self) -> None:
        self.tags: list[str] = []

    def lay(self, uid: str) -> None:
        """Lay a tag of five bytes on it."""
        self.tags.append(uid)
        self.say()

    def remove(self, uid: str) -> None:
        """Take it off."""
        if uid in self.tags:
            self.tags.remove(uid)

    def say(self) -> None:
        """Send the tag's frame."""
        if len(self.tags) == 1:
            tag = bytes.fromhex(self.tags[0])
            code = tag + bytes((reduce(xor, tag),))
            self.line.send(b"\x02" + code.hex().upper().encode() + self.tail)


class RDM6300(TagReader):
    """Says it over and over."""

    period = 0.065

    def tick(self) -> None:
        """Say it again."""
        self.say()


class ID12LA(TagReader):
    """Says it once."""

    tail = b"\r\n\x03"
