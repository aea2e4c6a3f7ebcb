"""What the RC522 driver costs on its bus, beside the stock package on the same chip."""

from __future__ import annotations

import os
import random
import sys
import types
from statistics import quantiles
from typing import Any

from simulator.cards import SimulatedCard
from simulator.rc522 import SimulatedChip

HOST_COST = 100e-6  # seconds a transfer, besides the bus itself
BUS_COST = 8e-6  # seconds a byte, at 1 MHz
MARIE = bytes.fromhex("04A3C6CAE26180")


class Air:
    """A chip on a virtual clock, in place of `spidev`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.chip = SimulatedChip(lambda: self.now)
        air = self

        class SpiDev:
            max_speed_hz = 0

            def open(self, bus: int, device: int) -> None:
                """There is one chip."""

            def close(self) -> None:
                """It stays."""

            def xfer2(self, values: list[int]) -> list[int]:
                air.now += HOST_COST + BUS_COST * len(values)
                return list(air.chip.transfer(bytes(values)))

        spidev: Any = types.ModuleType("spidev")
        spidev.SpiDev = SpiDev
        sys.modules["spidev"] = spidev
        os.environ["GPIOZERO_PIN_FACTORY"] = "mock"

    def sleep(self, seconds: float) -> None:
        """Let time pass; a real sleep lasts a little longer."""
        self.now += seconds + 60e-6

    def count(self, act: Any) -> int:  # noqa: ANN401 - anything that can be called
        """Count the transfers of one act."""
        before = self.chip.transfers
        act()
        return self.chip.transfers - before


def _stock_detects(air: Air, stock: Any) -> float:  # noqa: ANN401 - mfrc522 has no types
    """Poll as our driver does, with the stock package."""
    rng = random.Random(1)
    delays = []
    for _ in range(40):
        air.chip.cards.clear()
        stock.read_id_no_block()
        laid = air.now + rng.random() * 0.3
        while True:
            if air.now >= laid and not air.chip.cards:
                air.chip.lay(SimulatedCard(MARIE))
            if stock.read_id_no_block():
                break
            air.sleep(0.1)
        delays.append((air.now - laid) * 1000)
    return quantiles(delays, n=20)[-1]


def figures() -> dict[str, float]:
    """Transfers of a poll and of an activation, ours and stock; time from card to event."""
    air = Air()
    from drivers.readers.presence import Presented, Watch
    from drivers.readers.rc522 import RC522Reader, RC522Settings

    reader = RC522Reader(RC522Settings(), air.sleep)
    reader.open()
    found: dict[str, float] = {"rc522_transfers_empty_poll": air.count(reader.look)}
    air.chip.lay(SimulatedCard(MARIE))
    found["rc522_transfers_7byte"] = air.count(reader.look)
    reader.close()

    from mfrc522 import SimpleMFRC522

    stock = SimpleMFRC522()
    air.chip.cards.clear()
    found["rc522_transfers_empty_poll_stock"] = air.count(stock.read_id_no_block)
    air.chip.lay(SimulatedCard(MARIE))
    found["rc522_transfers_7byte_stock"] = air.count(stock.read_id_no_block)

    found["rc522_detect_ms_p95_stock"] = _stock_detects(air, stock)
    watch = Watch(RC522Reader(RC522Settings(), air.sleep))
    rng = random.Random(1)
    delays = []
    for _ in range(200):
        air.chip.cards.clear()
        for _each in range(20):
            air.sleep(watch.step()[1])
        laid = air.now + rng.random() * 0.1
        card = SimulatedCard(MARIE)
        while True:
            events, wait = watch.step()
            if any(isinstance(event, Presented) for event in events):
                break
            again = air.now + wait + 60e-6
            if laid <= again and not air.chip.cards:
                air.now = max(air.now, laid)
                air.chip.lay(card)
            air.now = max(air.now, again)
        delays.append((air.now - laid) * 1000)
    found["rc522_detect_ms_p95"] = quantiles(delays, n=20)[-1]
    return found
