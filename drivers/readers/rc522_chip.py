"""The RC522 chip as mfrc522 drives it, with frames and waits of our own.

mfrc522 0.0.7 opens the bus, holds the reset line and writes registers; what it lacks or gets wrong
(a wait that never ends early, UIDs cut at four bytes, no SELECT, no HLTA) is replaced here.
Registers: MFRC522 data sheet (NXP, rev. 3.9), §9. Timing: ISO/IEC 14443-3 §6.2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from drivers.bus import rpi_gpio
from drivers.contracts import N_, ReaderLostError
from drivers.readers.iso14443a import Reply

with rpi_gpio.installed():  # mfrc522 imports RPi.GPIO, which must be ours by then
    from mfrc522 import MFRC522

ETU: Final = 128 / 13.56e6  # s, one bit at 106 kbit/s
FRAME_DELAY: Final = 91.2e-6  # s, from our last bit to a card's first
ANSWER_TIMEOUT: Final = 500e-6  # s, the chip's timer: five frame delays
MARGIN: Final = 60e-6
FIELD_RESET: Final = 5.1e-3  # s, off until cards have lost power, and on until they are ready (§5)
WAITS: Final = 12  # looks at the interrupt register before the chip counts as hung
RETRY_WAIT: Final = 250e-6

SHORT_FRAME: Final = 7  # bits, REQA and WUPA
RX_IRQ: Final = 0x20
TIMER_IRQ: Final = 0x01
ERROR_COLLISION: Final = 0x08
ERRORS_BROKEN: Final = 0x17  # BufferOvfl is 0x10; CRC 0x04, parity 0x02, protocol 0x01
ANTENNA_ON: Final = 0x03
NO_CHIP: Final = (0x00, 0xFF)
CHIPS: Final = {
    0x91: "MFRC522 v1",
    0x92: "MFRC522 v2",
    0x88: "FM17522 (clone)",
    0x12: "counterfeit MFRC522",
    0xB2: "FM17522 (clone)",
}


class Chip(MFRC522):
    """One MFRC522 on its bus: registers, and frames in and out."""

    def __init__(
        self, bus: int, device: int, speed_hz: int, reset_pin: int | None, sleep: Callable[[float], None]
    ) -> None:
        self._sleep = sleep
        self._version = 0
        self._place = {"bus": bus, "device": device}
        self._fifo_unsure = True
        handlers = list(logging.getLogger("mfrc522Logger").handlers)
        pin = rpi_gpio.NOT_WIRED if reset_pin is None else reset_pin
        try:
            super().__init__(bus, device, speed_hz, rpi_gpio.BCM, pin, debugLevel="CRITICAL")
        except Exception:
            self.spi.close()
            raise
        finally:
            logging.getLogger("mfrc522Logger").handlers = handlers  # each constructor adds one more

    @property
    def name(self) -> str:
        """The chip, by its version register."""
        return CHIPS.get(self._version, f"unknown chip {self._version:02X}")

    def MFRC522_Init(self) -> None:  # noqa: N802 - the package's name
        """Reset, set the timer to a card's answer time, full modulation, antenna on.

        Raises ReaderLostError where no chip answers.
        """
        self.MFRC522_Reset()
        self._sleep(0.001)  # oscillator start-up, data sheet §8.8.2: well under a millisecond
        self._version = self.Read_MFRC522(self.VersionReg)
        if self._version in NO_CHIP:
            raise ReaderLostError(
                N_(
                    "no RC522 answers on SPI bus {bus}, device {device} (version register {value:02X}); check "
                    "that SPI is on (dtparam=spi=on), its seven wires, and its 3.3 V"
                ),
                **self._place,
                value=self._version,
            )
        for register, value in (
            (self.TModeReg, 0x80),  # the timer starts by itself when a frame is out
            (self.TPrescalerReg, 169),  # 13.56 MHz / (2 · 169 + 1) = 40 kHz: ticks of 25 µs
            (self.TReloadRegH, 0),
            (self.TReloadRegL, round(ANSWER_TIMEOUT / 25e-6)),
            (self.TxAutoReg, 0x40),  # 100 % ASK, whatever ModGsP says
            (self.ModeReg, 0x3D),
            (self.TxModeReg, 0x00),  # 106 kbit/s, CRC by us
            (self.RxModeReg, 0x00),
            (self.CollReg, 0x00),  # bits after a collision read as 0
        ):
            self.Write_MFRC522(register, value)
        kept = self._transfer([0x80 | self.TModeReg << 1, 0x80 | self.TPrescalerReg << 1, 0])[1:]
        if kept != [0x80, 169]:
            raise ReaderLostError(N_("what answers on the SPI bus keeps no settings; check its wires"))
        self._sleep(FIELD_RESET)  # SoftReset switched the field off
        self.Write_MFRC522(self.TxControlReg, 0x80 | ANTENNA_ON)
        self._sleep(FIELD_RESET)

    def exchange(self, frame: bytes, *, bits: int = 0, align: int = 0, expect: int = 0) -> Reply:
        """Send a frame, sleep through it, return the reply. Raises ReaderLostError where the chip is gone."""
        self.Write_MFRC522(self.CommandReg, self.PCD_IDLE)
        self.Write_MFRC522(self.CommIrqReg, 0x7F)
        if self._fifo_unsure or bits == SHORT_FRAME:  # noise may have been received between two looks
            self.Write_MFRC522(self.FIFOLevelReg, 0x80)
        self._burst(self.FIFODataReg, frame)
        self.Write_MFRC522(self.BitFramingReg, align << 4 | bits)
        self.Write_MFRC522(self.CommandReg, self.PCD_TRANSCEIVE)
        self.Write_MFRC522(self.BitFramingReg, 0x80 | align << 4 | bits)
        sent_bits = 2 + 9 * len(frame) - (9 - bits if bits else 0)
        answer = max(ANSWER_TIMEOUT, FRAME_DELAY + ETU * (2 + 9 * expect))
        self._sleep(ETU * sent_bits + answer + MARGIN)
        return self._reply(expect)

    def _reply(self, expect: int) -> Reply:
        for attempt in range(WAITS):
            irq, error, level, control, coll = self._status()
            if irq & (RX_IRQ | TIMER_IRQ):
                break
            self._sleep(RETRY_WAIT * (1 + attempt // 4))
        else:
            raise ReaderLostError(N_("the RC522 does not finish a frame; it is reset"))
        self._fifo_unsure = level > max(expect, 1)
        if not irq & RX_IRQ and not error & (ERROR_COLLISION | ERRORS_BROKEN):
            return Reply()
        # More than was awaited is garbage, and is flushed before the next frame.
        data = b"" if self._fifo_unsure or not level else self._read_fifo(level)
        position = coll & 0x1F or 32
        return Reply(
            data,
            bits=control & 0x07,
            broken=bool(error & ERRORS_BROKEN) or len(data) < level or level == 0,
            collided=bool(error & ERROR_COLLISION),
            collision=None if coll & 0x20 else position,
        )

    def _status(self) -> tuple[int, int, int, int, int]:
        """Read what a frame came to, and that the chip is still the one that was set up: one transfer."""
        registers = (
            self.CommIrqReg,
            self.ErrorReg,
            self.FIFOLevelReg,
            self.ControlReg,
            self.CollReg,
            self.TxControlReg,
            self.VersionReg,
        )
        sent = [0x80 | register << 1 for register in registers] + [0]
        irq, error, level, control, coll, antenna, version = self._transfer(sent)[1:]
        if version != self._version:
            raise ReaderLostError(
                N_("the RC522 stopped answering (version register {value:02X}); check its wires"),
                value=version,
            )
        if antenna & ANTENNA_ON != ANTENNA_ON:
            raise ReaderLostError(N_("the RC522 lost its settings; check its 3.3 V supply"))
        return irq, error, level & 0x7F, control, coll

    def _read_fifo(self, count: int) -> bytes:
        return bytes(self._transfer([0x80 | self.FIFODataReg << 1] * count + [0])[1:])

    def _burst(self, register: int, values: bytes) -> None:
        self._transfer([register << 1, *values])

    def Write_MFRC522(self, addr: int, val: int) -> None:  # noqa: N802 - the package's name
        """Write one register; a bus that fails is a reader that is lost."""
        self._transfer([addr << 1, val])

    def Read_MFRC522(self, addr: int) -> int:  # noqa: N802 - the package's name
        """Read one register; a bus that fails is a reader that is lost."""
        return self._transfer([0x80 | addr << 1, 0])[1]

    def _transfer(self, sent: list[int]) -> list[int]:
        try:
            received: list[int] = self.spi.xfer2(sent)
        except OSError as error:
            raise ReaderLostError(N_("the SPI bus failed: {error}"), error=error) from error
        if len(received) != len(sent):
            raise ReaderLostError(N_("the SPI bus gave a short answer"))
        return received
