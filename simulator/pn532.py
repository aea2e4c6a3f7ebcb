"""A PN532 on a serial line: frames, sleep, and the cards in its field. After the PN532 user manual (UM0701-02)."""

from __future__ import annotations

from typing import Final

from simulator.line import Base

ACK: Final = bytes.fromhex("0000FF00FF00")
NACK: Final = bytes.fromhex("0000FFFF0000")
SYNTAX_ERROR: Final = bytes.fromhex("0000FF01FF7F8100")
HOST, CHIP = 0xD4, 0xD5
VERSION: Final = bytes((0x32, 0x01, 0x06, 0x07))
ISO_4: Final = 0x20
AUTOMATIC_RATS: Final = 0x10
IN_FIELD: Final = 2  # targets at most


class Card:
    """A card: its UID, and its ATS without the length, where it speaks ISO/IEC 14443-4."""

    def __init__(self, uid: bytes, ats: bytes | None = None) -> None:
        self.uid = uid
        self.ats = ats
        self.active = False


class PN532(Base):
    """The chip. It sleeps until 0x55 comes, and answers nothing else."""

    def __init__(self) -> None:
        self.cards: dict[str, Card] = {}
        self._reset()

    def _reset(self) -> None:
        self._awake = False
        self._heard = bytearray()
        self._last = b""
        self._retries = 0xFF
        self._rats = True
        self._seeking: tuple[int, ...] | None = None

    def lose_power(self) -> None:
        """Forget everything with the supply."""
        self._reset()
        for card in self.cards.values():
            card.active = False

    def lay(self, uid: str, ats: str | None = None) -> None:
        """Bring a card into the field."""
        self.cards[uid] = Card(bytes.fromhex(uid), None if ats is None else bytes.fromhex(ats))
        if self._seeking is not None:
            self._list(*self._seeking)

    def remove(self, uid: str) -> None:
        """Take it away."""
        self.cards.pop(uid, None)

    def take(self, received: bytes) -> None:
        """Hear bytes."""
        if not self._awake:
            self._awake = b"\x55" in received
            received = received.partition(b"\x55")[2]
        self._heard += received
        while (start := self._heard.find(b"\x00\xff")) >= 0:
            del self._heard[:start]
            if not self._frame():
                return
        del self._heard[:-1]

    def _frame(self) -> bool:
        """Take one frame off what was heard; return whether there was enough of it to know."""
        heard = self._heard
        if len(heard) < 4:  # noqa: PLR2004 - start code, LEN, LCS
            return False
        size, check = heard[2], heard[3]
        if (size, check) in {(0, 0xFF), (0xFF, 0)}:
            del heard[:4]
            self._seeking = None
            if size and self._last:
                self.line.send(self._last)
            return True
        if (size + check) & 0xFF:
            del heard[:2]
            return True
        if len(heard) < 5 + size:
            return False
        body = bytes(heard[4 : 5 + size])
        del heard[: 5 + size]
        if not sum(body) & 0xFF and body[:1] == bytes((HOST,)):
            self._seeking = None
            self.line.send(ACK)
            self._do(body[1], body[2:-1])
        return True

    def _do(self, code: int, rest: bytes) -> None:
        match code, tuple(rest):
            case 0x02, ():
                self._answer(code, VERSION)
            case 0x14, (1, *_):
                self._answer(code)
            case 0x12, (flags,):
                self._rats = bool(flags & AUTOMATIC_RATS)
                self._answer(code)
            case 0x32, (5, _atr, _psl, retries):
                self._retries = retries
                self._answer(code)
            case 0x4A, (count, 0, *_):
                self._list(count)
            case _:
                self._last = SYNTAX_ERROR
                self.line.send(SYNTAX_ERROR)

    def _list(self, count: int) -> None:
        """InListPassiveTarget. An active card does not answer the first call; it is idle then, and answers the next."""
        found = []
        for card in list(self.cards.values()):
            if card.active and self._retries == 0:
                card.active = False
                continue
            card.active = True
            found.append(card)
        found = found[: min(count, IN_FIELD)]
        if not found and self._retries == 0xFF:  # noqa: PLR2004 - without end
            self._seeking = (count,)
            return
        self._seeking = None
        said = bytearray((len(found),))
        for number, card in enumerate(found, 1):
            iso_4 = card.ats is not None
            said += bytes((number, 0x00, 0x04 | (len(card.uid) // 3 - 1) << 6, ISO_4 if iso_4 else 0x08, len(card.uid)))
            said += card.uid
            if card.ats is not None and self._rats:
                said += bytes((1 + len(card.ats),)) + card.ats
        self._answer(0x4A, bytes(said))

    def _answer(self, code: int, data: bytes = b"") -> None:
        body = bytes((CHIP, code + 1)) + data
        size = len(body)
        if size > 0xFF:  # noqa: PLR2004 - an extended frame
            head = bytes((0xFF, 0xFF, size >> 8, size & 0xFF, -(size >> 8) - size & 0xFF))
        else:
            head = bytes((size, -size & 0xFF))
        self._last = b"\x00\x00\xff" + head + body + bytes((-sum(body) & 0xFF, 0))
        self.line.send(self._last)
