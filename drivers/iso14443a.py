"""ISO/IEC 14443-3 type A: finding every card in the field and reading its whole UID.

Works over anything that exchanges frames (`Exchange`); knows no chip.
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Final, Protocol

import msgspec

from drivers.contracts import Card, Sighting

REQA: Final = 0x26
WUPA: Final = 0x52
HLTA: Final = bytes((0x50, 0x00))
SELECT: Final = (0x93, 0x95, 0x97)  # by cascade level, §6.5.3.1
CASCADE_TAG: Final = 0x88
CASCADE_BIT: Final = 0x04  # in SAK, "UID not complete", §6.5.3.4
LEVEL_BITS: Final = 32  # UID bits in one cascade level

MAX_CARDS: Final = 8  # in one look; a reader's field feeds four or five
FRAME_TRIES: Final = 3
ACTIVATION_TRIES: Final = 5


class FrameError(Exception):
    """An answer that is not what the standard says: parity, CRC, BCC, length, or none where one is due."""


class Reply(msgspec.Struct, frozen=True):
    """What came back: whole bytes (the last one perhaps partial), and where bits collided.

    bits: valid bits in the last byte, 0 for all eight.
    broken: parity, CRC or framing was wrong.
    collided: cards differed; collision: the first differing bit, counted from 1 in what was received, None
    where the chip could not tell.
    """

    data: bytes = b""
    bits: int = 0
    broken: bool = False
    collided: bool = False
    collision: int | None = None

    @property
    def silent(self) -> bool:
        """Nobody answered."""
        return not (self.data or self.broken or self.collided)

    @property
    def clean(self) -> bool:
        """One answer, whole as far as the frame tells."""
        return bool(self.data) and not (self.broken or self.collided)


class Exchange(Protocol):
    """Sends one frame and gives the reply.

    bits: how many bits of the last byte are sent (0 for all); align: where in the first byte received the
    first bit goes; expect: bytes awaited, to sleep through.
    """

    def __call__(self, frame: bytes, *, bits: int = 0, align: int = 0, expect: int = 0) -> Reply: ...


def crc_a(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3, Annex B: initial 6363, low byte first."""
    crc = 0x6363
    for byte in data:
        mixed = byte ^ (crc & 0xFF)
        mixed = (mixed ^ (mixed << 4)) & 0xFF
        crc = (crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)
    return crc.to_bytes(2, "little")


def bcc(uid_level: bytes) -> int:
    """Give the check byte of one cascade level: the XOR of its four bytes."""
    return reduce(xor, uid_level)


def look(exchange: Exchange) -> Sighting:
    """Find all cards in the field, whatever they were left in the middle of.

    A pass that fails is tried again within bounds, following the other branch where cards collide, so that
    one bad card does not hide the others; what still cannot be read makes the sighting garbled.
    """
    cards: set[Card] = set()
    for attempt in range(ACTIVATION_TRIES):
        try:
            _read_all(exchange, cards, prefer=(attempt + 1) & 1)
        except FrameError:
            exchange(HLTA + crc_a(HLTA))  # whoever is awake goes to sleep, or the next call would be ignored
        else:
            return Sighting(frozenset(cards))
    return Sighting(frozenset(cards), garbled=True)


def _read_all(exchange: Exchange, cards: set[Card], prefer: int) -> None:
    """Wake all cards, read one, halt it, call for the others, until nobody answers."""
    seen: set[Card] = set()
    call = WUPA
    while len(seen) < MAX_CARDS and not exchange(bytes((call,)), bits=7, expect=2).silent:
        card = Card(_activate(exchange, prefer))
        exchange(HLTA + crc_a(HLTA))
        if card in seen:
            return  # it knows no HLTA and would be read for ever
        seen.add(card)
        cards.add(card)
        call = REQA


def _activate(exchange: Exchange, prefer: int) -> bytes:
    """Anticollision and SELECT through the cascade levels, as far as SAK says; give the UID."""
    uid = b""
    for command in SELECT:
        level = _anticollision(exchange, command, prefer)
        sak = _select(exchange, command, level)
        if not sak & CASCADE_BIT:
            return uid + level
        if level[0] != CASCADE_TAG:
            raise FrameError("SAK says that the UID goes on, and no cascade tag says so")
        uid += level[1:]
    raise FrameError("a fourth cascade level, which there is not")


def _select(exchange: Exchange, command: int, level: bytes) -> int:
    body = bytes((command, 0x70)) + level + bytes((bcc(level),))
    reply = exchange(body + crc_a(body), expect=3)
    if not reply.clean or len(reply.data) != 3 or crc_a(reply.data[:1]) != reply.data[1:]:  # noqa: PLR2004 - SAK and CRC
        raise FrameError("no valid SAK")
    return reply.data[0]


def _anticollision(exchange: Exchange, command: int, prefer: int) -> bytes:
    """Give the four UID bytes of one card at one cascade level; where cards differ, follow *prefer*.

    Bits that are known are kept as an integer, least significant bit first on the air (§6.2.1).
    Only a collision in a frame that began with the level's first bit says exactly where it was: chips
    differ in how they count after a partial byte. Past that, the tree is walked one bit at a time.
    """
    known, value = 0, 0
    probing = False  # the last known bit is a try; its opposite is the other branch
    failures = 0
    while True:
        reply = _ask(exchange, command, known, value)
        if reply.collided:
            probing = False
            if known == 0 and reply.collision is not None and reply.collision <= LEVEL_BITS:
                first = int.from_bytes(reply.data[:4], "little")
                known = reply.collision
                value = first & ((1 << (known - 1)) - 1)
            else:
                if known >= LEVEL_BITS:
                    raise FrameError("a collision in the check byte")
                known += 1
                probing = True
            value = (value & ((1 << (known - 1)) - 1)) | prefer << (known - 1)
        elif reply.silent and probing:
            value ^= 1 << (known - 1)
            probing = False
        else:
            level = _complete(reply, known, value)
            if level is not None:
                return level
            failures += 1
            if failures == FRAME_TRIES:
                raise FrameError("no valid answer to ANTICOLLISION")


def _ask(exchange: Exchange, command: int, known: int, value: int) -> Reply:
    whole, rest = divmod(known, 8)
    sent = value.to_bytes(5, "little")[: whole + (rest > 0)]
    nvb = (2 + whole) << 4 | rest
    return exchange(bytes((command, nvb)) + sent, bits=rest, align=rest, expect=5 - whole)


def _complete(reply: Reply, known: int, value: int) -> bytes | None:
    """Put what was known and what was received together; None where length or BCC is wrong."""
    whole, rest = divmod(known, 8)
    if not reply.clean or reply.bits or len(reply.data) != 5 - whole:
        return None
    data = bytearray(value.to_bytes(5, "little")[:whole] + reply.data)
    if rest:
        mask = (1 << rest) - 1
        data[whole] = (data[whole] & ~mask & 0xFF) | (value >> 8 * whole & mask)
    return bytes(data[:4]) if bcc(bytes(data[:4])) == data[4] else None
