"""The PN532's frames on a serial line: PN532 user manual (UM0701-02), §6.2.1.

Normal: 00 00 FF LEN LCS TFI data DCS 00; extended, for more than 255 bytes: 00 00 FF FF FF LENM LENL LCS TFI data DCS
00. Each sum, LEN + LCS and TFI + data + DCS, is 0 modulo 256.
"""

from __future__ import annotations

from typing import Final

import msgspec

from drivers.contracts import Card

ACK: Final = bytes.fromhex("0000FF00FF00")
NACK: Final = bytes.fromhex("0000FFFF0000")
START: Final = b"\x00\xff"
FROM_HOST, FROM_CHIP = 0xD4, 0xD5
MOST: Final = 264  # bytes of TFI and data (§6.2.1.2)
SHORT: Final = 255
UID_LENGTHS: Final = (4, 7, 10)
HAS_ATS: Final = 0x20  # in SEL_RES: ISO/IEC 14443-4, so a RATS may have been sent (ISO/IEC 14443-3, §6.5.3.4)


def frame(data: bytes) -> bytes:
    """Put a command (code and parameters) into a frame."""
    body = bytes((FROM_HOST, *data))
    size = len(body)
    if size < SHORT:
        head = bytes((size, -size & 0xFF))
    else:
        head = bytes((0xFF, 0xFF, size >> 8, size & 0xFF, -(size >> 8) - size & 0xFF))
    return b"\x00" + START + head + body + bytes((-sum(body) & 0xFF, 0))


class Arrived(msgspec.Struct, frozen=True):
    """What came: an ACK, a NACK, an error frame, or an answer (its data without TFI)."""

    kind: str  # "ack", "nack", "error", "answer"
    data: bytes = b""


class Frames:
    """Frames out of bytes as they come. What is no frame is skipped, and counted as noise."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self.noise = 0

    def feed(self, received: bytes) -> list[Arrived]:
        """Take bytes; return the frames that they end."""
        self._waiting += received
        found: list[Arrived] = []
        while (start := self._waiting.find(START)) >= 0:
            self.noise += len(self._waiting[:start].strip(b"\x00"))
            del self._waiting[:start]
            arrived, used = self._first()
            if used == 0:  # it may become one
                return found
            if arrived is None:
                self.noise += used
            else:
                found.append(arrived)
            del self._waiting[:used]
        kept = self._waiting[-1:] if self._waiting.endswith(b"\x00") else b""  # half a start code
        self.noise += len(self._waiting.strip(b"\x00"))
        self._waiting[:] = kept
        return found

    def _first(self) -> tuple[Arrived | None, int]:  # noqa: PLR0911 - one answer for each shape
        """Read the frame that begins the buffer; how many bytes it took, 0 while some are missing."""
        head = bytes(self._waiting[2:7])
        if len(head) < 2:  # noqa: PLR2004 - LEN and LCS
            return None, 0
        if head.startswith(b"\x00\xff"):
            return Arrived("ack"), 4
        if head.startswith(b"\xff\x00"):
            return Arrived("nack"), 4
        if head.startswith(b"\xff\xff"):
            if len(head) < 5:  # noqa: PLR2004 - and LENM, LENL, LCS
                return None, 0
            size, begins, sound = head[2] << 8 | head[3], 7, not sum(head[2:]) & 0xFF
        else:
            size, begins, sound = head[0], 4, not sum(head[:2]) & 0xFF
        if not sound or not 0 < size <= MOST:
            return None, 2
        body, after = bytes(self._waiting[begins : begins + size + 1]), self._waiting[begins + size + 1 :][:1]
        if not after:  # without its postamble a frame that lost a zero would have a sound sum, and another UID
            return None, 0
        if sum(body) & 0xFF or any(after):  # nothing inside it is a frame: a card may have sent what looks like one
            return None, begins + size + 1
        if body[0] == FROM_CHIP:
            return Arrived("answer", body[1:-1]), begins + size + 1
        return (Arrived("error"), begins + size + 1) if body[0] == 0x7F else (None, 2)  # noqa: PLR2004 - §6.2.1.5

    @property
    def is_in_a_frame(self) -> bool:
        """Whether something began that could become a frame."""
        return len(self._waiting) > 1

    def forget(self) -> None:
        """Give up what has begun."""
        self.noise += len(self._waiting)
        self._waiting.clear()


def targets(data: bytes) -> frozenset[Card] | None:
    """Read what InListPassiveTarget answers for 106 kbit/s type A (§7.3.5); None unless in one way alone.

    An ATS may follow a UID or not, as the chip was told and as the card can; of any length, its own byte counted.
    """
    if not data:
        return None
    readings = set(_read(data[1:], data[0], 1))
    return readings.pop() if len(readings) == 1 else None


def _read(rest: bytes, count: int, number: int) -> list[frozenset[Card]]:
    if number > count:
        return [] if rest else [frozenset()]
    if len(rest) < 5 or rest[0] != number or rest[4] not in UID_LENGTHS or len(rest) < 5 + rest[4]:  # noqa: PLR2004
        return []
    end = 5 + rest[4]
    card, after = Card(rest[5:end]), rest[end:]
    ways = [after]
    if rest[3] & HAS_ATS and after and 0 < after[0] <= len(after):
        ways.append(after[after[0] :])
    return [others | {card} for way in ways for others in _read(way, count, number + 1)]
