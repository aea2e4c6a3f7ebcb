"""Cards that speak ISO/IEC 14443-3 type A, as far as finding and halting them goes.

Bits are lists of 0 and 1, least significant bit of each byte first, as they go over the air; parity is
implied and not listed.
"""

from __future__ import annotations

import random
from enum import Enum
from typing import Final

from drivers.readers.iso14443a import CASCADE_BIT, SELECT, bcc, crc_a, levels

REQA: Final = [0, 1, 1, 0, 0, 1, 0]
WUPA: Final = [0, 1, 0, 0, 1, 0, 1]
HLTA: Final = b"\x50\x00"
SAK_COMPLETE: Final = 0x08


def to_bits(data: bytes) -> list[int]:
    """Spell bytes as bits on the air."""
    return [byte >> i & 1 for byte in data for i in range(8)]


def to_bytes(bits: list[int]) -> bytes:
    """Put bits back into bytes; a partial last byte is filled with zeros."""
    padded = bits + [0] * (-len(bits) % 8)
    return bytes(sum(bit << i for i, bit in enumerate(padded[start : start + 8])) for start in range(0, len(padded), 8))


class State(Enum):
    """Where a card is in its life, §6.3 (the starred states are the same, woken from HALT)."""

    OFF = "power-off"
    IDLE = "idle"
    READY = "ready"
    ACTIVE = "active"
    HALT = "halt"


class SimulatedCard:
    """A card with a UID of 4, 7 or 10 bytes.

    noise: the chance that one of its answers has a flipped bit. mute: it answers a call and nothing more.
    random_uid: four bytes, first 08, drawn anew each time the field comes up.
    """

    def __init__(
        self,
        uid: bytes,
        *,
        noise: float = 0.0,
        mute: bool = False,
        random_uid: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        self.uid = uid
        self.noise = noise
        self.mute = mute
        self.random_uid = random_uid
        self.rng = rng or random.Random(0)  # noqa: S311 - noise, not secrets
        self.state = State.OFF
        self._level = 0
        self._was_halted = False

    def power(self, on: bool) -> None:
        """Enter or leave a field."""
        if on and self.state is State.OFF:
            self.state = State.IDLE
            self._was_halted = False
            if self.random_uid:
                self.uid = b"\x08" + self.rng.randbytes(3)
        elif not on:
            self.state = State.OFF

    def _levels(self) -> list[bytes]:
        """Return the UID as cascade levels of four bytes."""
        return levels(self.uid)

    def receive(self, bits: list[int]) -> list[int] | None:
        """Take a frame; return the answer's bits, or None for silence."""
        answer = self._answer(bits)
        if answer and self.noise and self.rng.random() < self.noise:
            answer = list(answer)
            answer[self.rng.randrange(len(answer))] ^= 1
            answer.append(-1)  # marks the parity as wrong
        return answer

    def _answer(self, bits: list[int]) -> list[int] | None:
        if self.state is State.OFF:
            return None
        if bits in (REQA, WUPA):
            return self._called(wake=bits == WUPA)
        data = to_bytes(bits)
        if self.state is State.READY and len(bits) >= 16 and data[0] == SELECT[self._level]:  # noqa: PLR2004
            return None if self.mute else self._anticollision(bits, data)
        if self.state is State.ACTIVE and data == HLTA + crc_a(HLTA):
            self.state = State.HALT
        self._sleep()
        return None

    def _called(self, *, wake: bool) -> list[int] | None:
        if self.state is State.IDLE or (wake and self.state is State.HALT):
            self._was_halted = self.state is State.HALT
            self.state, self._level = State.READY, 0
            return to_bits(bytes((0x04 | (len(self._levels()) - 1) << 6, 0x00)))
        self._sleep()
        return None

    def _sleep(self) -> None:
        """Whatever is not understood sends an awake card back to where it was woken from."""
        if self.state in {State.READY, State.ACTIVE}:
            self.state = State.HALT if self._was_halted else State.IDLE

    def _anticollision(self, bits: list[int], data: bytes) -> list[int] | None:
        level = self._levels()[self._level]
        whole, rest = data[1] >> 4, data[1] & 0x0F
        known = bits[16:]
        if data[1] == 0x70:  # noqa: PLR2004 - SELECT: seven bytes
            body = data[:7]
            if len(data) == 9 and crc_a(body) == data[7:] and body[2:] == level + bytes((bcc(level),)):  # noqa: PLR2004
                return self._selected()
        elif (whole - 2) * 8 + rest == len(known):
            own = to_bits(level + bytes((bcc(level),)))
            if own[: len(known)] == known:
                return own[len(known) :]
        self._sleep()
        return None

    def _selected(self) -> list[int]:
        self._level += 1
        last = self._level == len(self._levels())
        if last:
            self.state = State.ACTIVE
        sak = bytes((SAK_COMPLETE if last else CASCADE_BIT,))
        return to_bits(sak + crc_a(sak))
