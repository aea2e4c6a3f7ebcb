"""A line of 2G in real time: 10 kB/s, two seconds there and back, one packet in twenty sent again after a second.

`make village`: a list of 2,000 members comes down and a month's journal goes up, and it says how long that takes.
"""

import random
import sys
import time

import central
from misbehaving import Misbehaving
from test_village_line import through, use
from workshop import Workshop

from protocol.rows import Badge, Certification, Member

BYTES_A_SECOND, THERE_AND_BACK_S, PACKET, LOST, AGAIN_S = 10_000, 2.0, 1_400, 0.05, 1.0
BOUND_S = 600


class Slow(Misbehaving):
    """Takes its time with every byte."""

    chance = random.Random(1)
    is_on = False

    def crawls(self, *asked):
        self._take_time(len(asked[3]) + 600)
        answer = self._ask(*asked).written()
        self._take_time(len(answer))
        return answer

    def _take_time(self, size):
        lost = sum(self.chance.random() < LOST for _packet in range(size // PACKET + 1))
        time.sleep(size / BYTES_A_SECOND + THERE_AND_BACK_S / 2 + lost * AGAIN_S)


def main():
    databases = central.Databases("sqlite")
    with Workshop() as shop, central.Central(databases) as server:
        line = central.OnTheLine(shop, server)
        line.sync()
        with Slow(server, lambda _path: "crawls") as proxy:
            through(line, proxy)
            members = [f"m{number:04}" for number in range(2_000)]
            server.edit(*[Member(each, f"Membre {each}") for each in members])
            server.edit(*[Badge(f"{number:032x}", each) for number, each in enumerate(members)])
            server.edit(*[Certification(each, "safety") for each in members])
            for number in range(4 * 12 * 26):
                use(shop, ("marie", "tom")[number % 2])
            begun = time.monotonic()
            while len(shop.badges.whitelist.members) < 2_000:
                line.down.step(0)
                shop.settle()
            fetched = time.monotonic() - begun
            while line.up._next() is not None:
                line.up.step()
                shop.settle()
                print(f"\r{time.monotonic() - begun:.0f} s, {proxy.up // 1000} kB up", end="", flush=True)
            took = time.monotonic() - begun
    print(f"\na list of 2,000: {fetched:.0f} s, {proxy.down // 1000} kB; a month of four machines: "
          f"{took - fetched:.0f} s, {proxy.up // 1000} kB; together {took:.0f} s of {BOUND_S}")  # fmt: skip
    return took > BOUND_S


if __name__ == "__main__":
    sys.exit(main())
