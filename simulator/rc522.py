"""The RC522 chip at register level, with the field above it: what SPI sees, at the time it sees it.

After the MFRC522 data sheet (NXP, rev. 3.9): §8.1.2 SPI, §8.5 timer, §9 registers, §10 commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from drivers.readers.iso14443a import crc_a
from simulator.cards import SimulatedCard, to_bits, to_bytes

ETU: Final = 128 / 13.56e6
FDT: Final = {0: 1172 / 13.56e6, 1: 1236 / 13.56e6}  # by the last bit sent, ISO/IEC 14443-3 §6.2.1.1
FIFO_BYTES: Final = 64

COMMAND, COM_IRQ, DIV_IRQ, ERROR, FIFO_DATA, FIFO_LEVEL = 0x01, 0x04, 0x05, 0x06, 0x09, 0x0A
CONTROL, BIT_FRAMING, COLL, TX_CONTROL, TX_ASK = 0x0C, 0x0D, 0x0E, 0x14, 0x15
CRC_HIGH, CRC_LOW = 0x21, 0x22
T_MODE, T_PRESCALER, T_RELOAD_HIGH, T_RELOAD_LOW, VERSION = 0x2A, 0x2B, 0x2C, 0x2D, 0x37
IDLE, CALC_CRC, TRANSCEIVE, SOFT_RESET = 0x00, 0x03, 0x0C, 0x0F
IRQ_TX, IRQ_RX, IRQ_ERROR, IRQ_TIMER = 0x40, 0x20, 0x02, 0x01
RESET_VALUES: Final = {
    COMMAND: 0x20, 0x02: 0x80, COM_IRQ: 0x14, 0x0B: 0x08, CONTROL: 0x10, COLL: 0x20, 0x11: 0x3F,
    TX_CONTROL: 0x80, 0x16: 0x10, 0x17: 0x84, 0x18: 0x84, 0x19: 0x4D, 0x24: 0x26, 0x26: 0x48, 0x27: 0x88,
    0x28: 0x20, 0x29: 0x20,
}  # fmt: skip


class SimulatedChip:
    """One chip and the cards in its field. `now` gives seconds; nothing happens but at an SPI transfer.

    version: what the version register says. silent: what a dead bus reads (None while the
    chip lives). held_in_reset: its reset pin is low.
    """

    def __init__(self, now: Callable[[], float], version: int = 0x92) -> None:
        self._now = now
        self.version = version
        self.silent: int | None = None
        self.held_in_reset = False
        self.transfers = 0
        self.cards: list[SimulatedCard] = []
        self.reset()

    # --- the outside world ---

    def lay(self, card: SimulatedCard) -> None:
        """Bring a card into the field."""
        self._advance()
        if card not in self.cards:
            self.cards.append(card)
            card.power(self._antenna)

    def take(self, card: SimulatedCard) -> None:
        """Take a card away, in mid-answer if need be."""
        self._advance()
        if card in self.cards:
            self.cards.remove(card)
            card.power(on=False)

    def reset(self) -> None:
        """Power-on, a low reset pin, a brown-out, or SoftReset: all registers at their defaults."""
        self._registers = [RESET_VALUES.get(address, 0) for address in range(64)]
        self._fifo = bytearray()
        self._sending: tuple[float, list[int]] | None = None
        self._answering: tuple[float, list[tuple[SimulatedCard, list[int]]]] | None = None
        self._timer_end: float | None = None
        self._power_cards()

    # --- the bus ---

    def transfer(self, sent: bytes) -> bytes:
        """One SPI transfer: an address byte, then values to write, or further addresses to read."""
        self.transfers += 1
        if self.silent is not None or self.held_in_reset:
            return bytes((self.silent or 0x00,)) * len(sent)
        self._advance()
        address = sent[0] >> 1 & 0x3F
        if sent[0] & 0x80:
            addresses = [byte >> 1 & 0x3F for byte in sent[:-1]]
            return bytes((0, *(self._read(each) for each in addresses)))
        for value in sent[1:]:
            self._write(address, value)
        return bytes(len(sent))

    def _read(self, address: int) -> int:
        if address == FIFO_DATA:
            return self._fifo.pop(0) if self._fifo else 0
        if address == FIFO_LEVEL:
            return len(self._fifo)
        if address == VERSION:
            return self.version
        return self._registers[address]

    def _write(self, address: int, value: int) -> None:
        if address == FIFO_DATA:
            self._push(value)
        elif address == FIFO_LEVEL:
            self._fifo = bytearray() if value & 0x80 else self._fifo
        elif address in {COM_IRQ, DIV_IRQ}:
            bits = value & 0x7F
            kept = self._registers[address]
            self._registers[address] = kept | bits if value & 0x80 else kept & ~bits
        elif address == COMMAND:
            self._command(value)
        elif address == BIT_FRAMING:
            self._registers[BIT_FRAMING] = value
            if value & 0x80 and self._registers[COMMAND] & 0x0F == TRANSCEIVE:
                self._send()
        elif address == COLL:
            self._registers[COLL] = (value & 0x80) | (self._registers[COLL] & 0x7F)
        elif address not in {ERROR, VERSION}:
            self._registers[address] = value
            self._power_cards()

    def _push(self, value: int) -> None:
        if len(self._fifo) < FIFO_BYTES:
            self._fifo.append(value)
        else:
            self._registers[ERROR] |= 0x10

    def _command(self, value: int) -> None:
        command = value & 0x0F
        if command == SOFT_RESET:
            self.reset()
            return
        self._registers[COMMAND] = value & 0x3F
        self._sending = self._answering = None
        if command == CALC_CRC:
            crc = crc_a(bytes(self._fifo))
            self._registers[CRC_LOW], self._registers[CRC_HIGH] = crc[0], crc[1]
            self._registers[DIV_IRQ] |= 0x04

    # --- the air ---

    @property
    def _antenna(self) -> bool:
        return self._registers[TX_CONTROL] & 0x03 == 0x03  # noqa: PLR2004 - both drivers

    def _power_cards(self) -> None:
        for card in self.cards:
            card.power(self._antenna)

    def _send(self) -> None:
        last = self._registers[BIT_FRAMING] & 0x07
        bits = to_bits(bytes(self._fifo))
        if last and bits:
            bits = bits[: len(bits) - 8 + last]
        self._fifo.clear()
        self._registers[ERROR] = 0
        self._registers[CONTROL] &= 0xF8
        self._answering = None
        frame = len(bits) + len(bits) // 8 + 2
        self._sending = (self._now() + frame * ETU, bits)

    def _advance(self) -> None:
        now = self._now()
        if self._sending and now >= self._sending[0]:
            self._sent(*self._sending)
        if self._answering and now >= self._answering[0]:
            self._received(self._answering[1])
        if self._timer_end is not None and now >= self._timer_end:
            self._timer_end = None
            self._registers[COM_IRQ] |= IRQ_TIMER

    def _sent(self, at: float, bits: list[int]) -> None:
        self._sending = None
        self._registers[COM_IRQ] |= IRQ_TX
        heard = self._antenna and self._registers[TX_ASK] & 0x40
        answers = [(card, card.receive(bits)) for card in self.cards] if heard else []
        given = [(card, answer) for card, answer in answers if answer]
        if self._registers[T_MODE] & 0x80:
            prescaler = (self._registers[T_MODE] & 0x0F) << 8 | self._registers[T_PRESCALER]
            reload = self._registers[T_RELOAD_HIGH] << 8 | self._registers[T_RELOAD_LOW]
            self._timer_end = at + (reload + 1) * (2 * prescaler + 1) / 13.56e6
        if given:
            start = at + FDT[bits[-1] if bits else 0]
            longest = max(len(answer) for _, answer in given)
            self._answering = (start + (longest + longest // 8 + 1) * ETU, given)
            if self._timer_end is not None and start + 5 * ETU < self._timer_end:
                self._timer_end = None  # stopped by the first bits

    def _received(self, answers: list[tuple[SimulatedCard, list[int]]]) -> None:
        self._answering = None
        there = [answer for card, answer in answers if card in self.cards]
        error = 0
        if len(there) < len(answers):
            error |= 0x03  # cut off in mid-frame
        bad_parity = any(answer[-1] < 0 for answer in there)
        if bad_parity:
            error |= 0x02
        clean = [[bit for bit in answer if bit >= 0] for answer in there]
        length = max((len(answer) for answer in clean), default=0)
        merged: list[int] = []
        collision: int | None = None
        for position in range(length):
            values = {answer[position] for answer in clean if position < len(answer)}
            if len(values) > 1 and collision is None:
                collision = position + 1
            after = collision is not None and not self._registers[COLL] & 0x80
            merged.append(0 if after else max(values))
        if collision is not None:
            error |= 0x08
            beyond = collision > 32  # noqa: PLR2004 - the register counts to 32
            valid = self._registers[COLL] & 0x80
            self._registers[COLL] = valid | (0x20 if beyond else collision & 0x1F)
        else:
            self._registers[COLL] = self._registers[COLL] & 0x80 | 0x20
        align = self._registers[BIT_FRAMING] >> 4 & 0x07
        stored = [0] * align + merged
        self._fifo += to_bytes(stored)[: FIFO_BYTES - len(self._fifo)] if merged else b""
        self._registers[CONTROL] = (self._registers[CONTROL] & 0xF8) | len(stored) % 8
        self._registers[ERROR] = error
        self._registers[COM_IRQ] |= IRQ_RX | (IRQ_ERROR if error else 0)
