"""ISO/IEC 14443-3 type A: finding every card in the field and reading its whole UID.

Works over anything that exchanges frames (`Exchange`); knows no chip.
"""

from __future__ import annotations

from collections.abc import Callable
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
FORGET: Final = 24  # looks in which a known card did not answer
WAKE_ALL: Final = 4  # looks


class FrameError(Exception):
    """An answer that is not what the standard says: parity, CRC, BCC, length."""


class SilenceError(FrameError):
    """No answer where one was due."""


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

    def __call__(self, frame: bytes, *, bits: int = 0, align: int = 0, expect: int = 0) -> Reply:
        """Exchange one frame."""
        ...


def crc_a(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3, Annex B: initial 6363, low byte first."""
    crc = 0x6363
    for byte in data:
        mixed = byte ^ (crc & 0xFF)
        mixed = (mixed ^ (mixed << 4)) & 0xFF
        crc = (crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)
    return crc.to_bytes(2, "little")


def bcc(uid_level: bytes) -> int:
    """Return the check byte of one cascade level: the XOR of its four bytes."""
    return reduce(xor, uid_level)


class Field:
    """The cards in one reader's field. Each is halted once it is read, so that the next answers alone.

    A halted card answers only WUPA, and goes back to HALT when another is selected (§6.3): so what is known
    to lie there is confirmed by selecting it by its UID, and REQA finds what is new. Now and then WUPA calls
    for new ones too: a halted card that was forgotten is found again that way, and the field never has to be
    switched off, which would change a random UID.
    """

    def __init__(self, exchange: Exchange, nears: Callable[[], None] = lambda: None) -> None:
        """nears: called as soon as a card that is not known to lie there answers, before anything is read of it."""
        self._exchange = exchange
        self._nears = nears
        self._missed: dict[bytes, int] = {}
        self._looks = 0

    def look(self) -> Sighting:
        """Find all cards. What cannot be read within bounds makes the sighting garbled. Raises nothing."""
        self._looks += 1
        found, garbled = self._find_new()
        for uid in sorted(set(self._missed) - found):
            confirmed, broken = self._confirm(uid)
            if confirmed:
                found.add(uid)
            garbled |= broken
        missed = {uid: 0 if uid in found else self._missed[uid] + 1 for uid in found | set(self._missed)}
        self._missed = {uid: looks for uid, looks in missed.items() if looks < FORGET}
        return Sighting(frozenset(map(Card, found)), garbled)

    def _find_new(self) -> tuple[set[bytes], bool]:
        """Call, read one, halt it, call again, until nobody answers.

        After a failure the next call sends whoever is awake back to sleep, so one silence is no end then.
        """
        found: set[bytes] = set()
        failures, unsure = 0, False
        call = REQA if self._missed and self._looks % WAKE_ALL else WUPA
        is_told = False
        while len(found) < MAX_CARDS and failures < ACTIVATION_TRIES:
            if self._exchange(bytes((call,)), bits=7, expect=2).silent:
                if not unsure:
                    break
                unsure = False
                continue
            if not is_told and (call == REQA or not self._missed):  # what is known to lie there answers WUPA alone
                self._nears()
                is_told = True
            try:
                uid = _activate(self._exchange, prefer=(failures + self._looks // WAKE_ALL) & 1)
            except FrameError:
                failures, unsure = failures + 1, True
                continue
            self._exchange(HLTA + crc_a(HLTA))
            failures += uid in found  # it knows no HLTA, and would be read for ever
            found.add(uid)
            call = REQA
        return found, failures == ACTIVATION_TRIES

    def _confirm(self, uid: bytes) -> tuple[bool, bool]:
        """Select a card by its UID and halt it; return whether it was there, and whether an answer was broken."""
        broken = False
        for _ in range(FRAME_TRIES):
            self._exchange(bytes((WUPA,)), bits=7, expect=2)
            try:
                for command, level in zip(SELECT, levels(uid), strict=False):
                    _select(self._exchange, command, level)
            except SilenceError:
                continue
            except FrameError:
                broken = True
                continue
            self._exchange(HLTA + crc_a(HLTA))
            return True, False
        return False, broken


def levels(uid: bytes) -> list[bytes]:
    """Return a UID of 4, 7 or 10 bytes as cascade levels of four bytes, §6.5.4."""
    if len(uid) == LEVEL_BITS // 8:
        return [uid]
    return [bytes((CASCADE_TAG,)) + uid[:3], *levels(uid[3:])]


def _activate(exchange: Exchange, prefer: int) -> bytes:
    """Anticollision and SELECT through the cascade levels, as far as SAK says; return the UID."""
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
    if reply.silent:
        raise SilenceError("no SAK")
    if not reply.clean or len(reply.data) != 3 or crc_a(reply.data[:1]) != reply.data[1:]:  # noqa: PLR2004 - SAK and CRC
        raise FrameError("no valid SAK")
    return reply.data[0]


def _anticollision(exchange: Exchange, command: int, prefer: int) -> bytes:
    """Return the four UID bytes of one card at one cascade level; where cards differ, follow *prefer*.

    Known bits are an integer, the first on the air its least significant (§6.2.1).
    """
    known, value = 0, 0
    failures = 0
    while True:
        reply = _ask(exchange, command, known, value)
        if reply.collided:
            known, value = _follow(reply, known, value, prefer)
            continue
        level = _complete(reply, known, value)
        if level is not None:
            return level
        failures += 1
        if failures == FRAME_TRIES:
            raise FrameError("no valid answer to ANTICOLLISION")


def _follow(reply: Reply, known: int, value: int, prefer: int) -> tuple[int, int]:
    """Know more after a collision: how many bits, and which.

    Chips differ in how they count a collision after a partial byte, with its first bits or without. What
    they agree on is taken: up to the earlier place, bits were received whole; the bit there is either one
    that all cards share, as received, or the one where they differ, where any value is some card's. So some
    card matches always, and none has to be woken again (one that does not match goes back to sleep, §6.3).
    """
    whole = known // 8
    mask = (1 << known) - 1
    merged = value | (int.from_bytes(reply.data, "little") << 8 * whole & ~mask)
    place = known + 1 if reply.collision is None else max(known + 1, 8 * whole + reply.collision)
    if place > LEVEL_BITS:
        raise FrameError("a collision past the UID")
    certain = known == 0 and reply.collision is not None
    bit = prefer if certain else merged >> (place - 1) & 1
    return place, (merged & ((1 << (place - 1)) - 1)) | bit << (place - 1)


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
