"""Relays and a meter on serial lines: LCUS boards, Modbus units, a PZEM-004T."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulator.line import Base

Changed = Callable[[str, bool], None]
ANSWERS: Final = {0x02: False, 0x03: True}


def crc(message: bytes) -> bytes:
    """Return a Modbus frame's last two bytes."""
    value = 0xFFFF
    for each in message:
        value ^= each
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return bytes((value & 0xFF, value >> 8))


class LCUS(Base):
    """An LCUS board. answers: of the later make. obeys: it does what it says it does."""

    def __init__(self, changed: Changed, *, relays: int = 8, answers: bool = False) -> None:
        self._changed = changed
        self._heard = bytearray()
        self.closed = dict.fromkeys(range(1, relays + 1), False)
        self.answers = answers
        self.obeys = True

    def lose_power(self) -> None:
        """Without supply every relay opens."""
        self._heard.clear()
        for relay in self.closed:
            self._set(relay, closed=False)

    def _set(self, relay: int, *, closed: bool) -> None:
        if self.closed[relay] is not closed:
            self.closed[relay] = closed
            self._changed(f"relay {relay}", closed)

    def take(self, received: bytes) -> None:
        """Hear bytes; what is no command is passed over."""
        self._heard += received
        while len(self._heard) >= 4:  # noqa: PLR2004 - a command
            start, relay, act, check = self._heard[:4]
            if start != 0xA0 or (start + relay + act) & 0xFF != check or relay not in self.closed:  # noqa: PLR2004
                del self._heard[0]
                continue
            del self._heard[:4]
            self._do(relay, act)

    def _do(self, relay: int, act: int) -> None:
        wanted = {0: False, 1: True, **(ANSWERS if self.answers else {})}.get(act)
        if wanted is not None and self.obeys:
            self._set(relay, closed=wanted)
        if self.answers and act in {*ANSWERS, 0x05}:
            state = int(self.closed[relay])
            self.line.send(bytes((0xA0, relay, state, 0xA0 + relay + state)))


class Unit:
    """A unit on a Modbus line: coils, and a meter where watts are given."""

    def __init__(self, number: int, coils: int, changed: Changed) -> None:
        self.number = number
        self.coils = dict.fromkeys(range(coils), False)
        self.watts = 0.0
        self.watt_hours = 0
        self.obeys = True
        self._changed = changed

    def set(self, coil: int, *, closed: bool) -> None:
        """Switch a coil."""
        if self.coils[coil] is not closed:
            self.coils[coil] = closed
            self._changed(f"unit {self.number}, coil {coil}", closed)

    def answer(self, function: int, rest: bytes) -> bytes:
        """Answer a request (function code, and what follows but for the CRC)."""
        first, value = int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])
        match function:
            case 1 if first + value <= len(self.coils) and 0 < value <= 8:  # noqa: PLR2004
                bits = sum(self.coils[first + place] << place for place in range(value))
                return bytes((1, 1, bits))
            case 5 if first in self.coils and value in {0, 0xFF00}:
                if self.obeys:
                    self.set(first, closed=bool(value))
                return bytes((5,)) + rest
            case 4 if not self.coils and first + value <= 10:  # noqa: PLR2004
                registers = self._registers()[first : first + value]
                return bytes((4, 2 * value)) + b"".join(each.to_bytes(2) for each in registers)
            case _:
                return bytes((function | 0x80, 2))

    def _registers(self) -> list[int]:
        watts, amperes = round(self.watts * 10), round(self.watts / 230 * 1000)
        return [
            2300, amperes & 0xFFFF, amperes >> 16, watts & 0xFFFF, watts >> 16,
            self.watt_hours & 0xFFFF, self.watt_hours >> 16, 500, 100, 0,
        ]  # fmt: skip


class ModbusLine(Base):
    """Several units on one line. They keep their state without it: their supply is their own."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._heard = bytearray()
        self.units: dict[int, Unit] = {}

    def add(self, number: int, coils: int) -> None:
        """Hang a unit on the line: with coils, or a meter."""
        unit = self.units.setdefault(number, Unit(number, coils, self._changed))
        for coil in range(coils):
            unit.coils.setdefault(coil, False)

    def take(self, received: bytes) -> None:
        """Hear bytes; a request has eight of them."""
        self._heard += received
        while len(self._heard) >= 8:  # noqa: PLR2004
            request = bytes(self._heard[:8])
            if crc(request[:6]) != request[6:]:
                del self._heard[0]
                continue
            del self._heard[:8]
            unit = self.units.get(request[0])
            if unit is not None:
                said = bytes((unit.number,)) + unit.answer(request[1], request[2:6])
                self.line.send(said + crc(said))

    def lose_power(self) -> None:
        """Forget half a request."""
        self._heard.clear()
