"""The host's end of the SPI bus: the simulated RC522, asked by the guest's kernel."""

from __future__ import annotations

import socket
import threading
import time

from simulator.rc522 import SimulatedChip


class Bus:
    """SPI bus 0 with a chip on its first chip select; nothing is on the other."""

    def __init__(self) -> None:
        self.chip = SimulatedChip(time.monotonic)
        self.transfers = 0
        self._lock = threading.Lock()

    def serve(self, port: socket.socket) -> None:
        """Answer the guest on a port, until it has no power any more."""
        threading.Thread(target=self._run, args=(port,), name="spi", daemon=True).start()

    def _run(self, port: socket.socket) -> None:
        stream = port.makefile("rwb", buffering=0)
        with stream:
            while len(head := _exactly(stream, 3)) == 3:
                sent = _exactly(stream, head[1] | head[2] << 8)
                with self._lock:
                    self.transfers += 1
                    answer = bytes(len(sent)) if head[0] else self.chip.transfer(sent)
                try:
                    port.sendall(answer)
                except OSError:
                    return

    def lose_power(self) -> None:
        """Reset the chip, as the board's 3.3 V go."""
        with self._lock:
            self.chip.reset()


def _exactly(stream: socket.SocketIO, size: int) -> bytes:
    """Read so many bytes; fewer where the other end is gone."""
    found = b""
    while len(found) < size:
        try:
            more = stream.read(size - len(found))
        except OSError:
            return found
        if not more:
            return found
        found += more
    return found
