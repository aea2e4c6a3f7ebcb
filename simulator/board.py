"""The board: chips, cards and pins in a process of their own, which outlives the daemon as hardware does.

The stand-ins for `spidev` and `lgpio` (simulator/stand_ins) speak to it over a Unix socket, one message a
call: SPI transfers as raw bytes, all else as JSON. The same socket serves whoever plays: cards are laid and
taken, buttons pressed, cables pulled.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from simulator.cards import SimulatedCard
from simulator.pins import PinError, Pins
from simulator.rc522 import SimulatedChip

SPI: Final = 0xA5  # the first byte of an SPI message; JSON begins with "{"
WRITE: Final = 0xA6  # the first byte of a write to a line: line, level
MAX_MESSAGE: Final = 65_536


class Client:
    """Whoever is connected; owns the lines it claimed, until it is gone."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.watches = False


class Board:
    """Chips by (bus, device), each with its reset pin, and the header's pins."""

    def __init__(
        self,
        readers: dict[tuple[int, int], int | None],
        now: Callable[[], float] = time.monotonic,
        *,
        keeps: bool = True,
    ) -> None:
        self.pins = Pins(now, keeps=keeps)
        self.chips = {address: SimulatedChip(now) for address in readers}
        self.cards: dict[str, SimulatedCard] = {}
        self._reset_pins = {pin: address for address, pin in readers.items() if pin is not None}
        self.pins.watchers.append(self._reset_line)

    def _reset_line(self, number: int, level: int) -> None:
        if number in self._reset_pins:
            chip = self.chips[self._reset_pins[number]]
            chip.held_in_reset = not level
            if level:
                chip.reset()

    def spi(self, bus: int, device: int, sent: bytes) -> bytes:
        """Answer one SPI transfer; where no chip is wired, the line floats high."""
        chip = self.chips.get((bus, device))
        return chip.transfer(sent) if chip else b"\xff" * len(sent)

    def do(self, client: object, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Carry out one request. Raises PinError, KeyError, ValueError."""
        name = request.pop("do")
        if name in {"claim_output", "claim_input", "free", "write", "read", "tx_pwm"}:
            return getattr(self.pins, name)(client, **request)
        if name in {"mode", "drive"}:
            return getattr(self.pins, name)(**request)
        return getattr(self, f"do_{name}")(**request)

    # --- what people do ---

    def do_lay(self, bus: int, device: int, uid: str, **traits: Any) -> str:  # noqa: ANN401 - JSON
        """Lay a card on a reader; it keeps its traits for as long as the board runs."""
        card = self.cards.setdefault(uid, SimulatedCard(bytes.fromhex(uid), **traits))
        self.chips[bus, device].lay(card)
        return card.uid.hex()

    def do_lay_together(self, bus: int, device: int, uids: list[str]) -> None:
        """Lay a wallet on a reader: all its cards come into the field at one instant."""
        for uid in uids:
            self.do_lay(bus, device, uid)

    def do_take(self, bus: int, device: int, uid: str) -> None:
        """Take a card off a reader."""
        if uid in self.cards:
            self.chips[bus, device].take(self.cards[uid])

    def do_chip(self, bus: int, device: int, silent: int | None = None, brownout: bool = False) -> None:
        """Make a chip read as a dead bus (a value), live again (null), or forget its registers."""
        chip = self.chips[bus, device]
        chip.silent = silent
        if brownout:
            chip.reset()

    def do_power(self, on: bool) -> None:
        """Cut or restore the mains: lines and chips forget all they were; an unpowered chip is silent."""
        self.pins.reset()
        for chip in self.chips.values():
            chip.reset()
            chip.silent = None if on else 0x00

    def do_transfers(self) -> int:
        """Count the SPI transfers so far."""
        return sum(chip.transfers for chip in self.chips.values())

    def do_pins(self) -> list[int]:
        """Give every line's level."""
        return [line.level for line in self.pins.lines]

    def do_last(self, number: int) -> float:
        """Say when a line changed last, in seconds."""
        return next(at for at, line, _level in reversed(self.pins.history) if line == number)

    def do_changes(self) -> int:
        """Count the changes of all levels."""
        return len(self.pins.history)

    def do_history(self) -> list[tuple[float, int, int]]:
        """Give every change of a level: seconds, line, level."""
        return self.pins.history


class Server:
    """Serves a board on a socket, on one thread."""

    def __init__(self, board: Board, path: Path) -> None:
        self._board = board
        self._selector = selectors.DefaultSelector()
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._clients: dict[int, Client] = {}
        board.pins.watchers.append(self._push)

    def serve(self, running: Callable[[], bool]) -> None:
        """Serve until told otherwise."""
        while running():
            for key, _ in self._selector.select(timeout=0.5):
                if key.fileobj is self._listener:
                    link, _address = self._listener.accept()
                    self._clients[link.fileno()] = Client(link)
                    self._selector.register(link, selectors.EVENT_READ)
                else:
                    self._serve_one(self._clients[key.fd])

    def close(self) -> None:
        """Let everybody go."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _serve_one(self, client: Client) -> None:
        try:
            message = client.link.recv(MAX_MESSAGE)
            if not message:
                raise ConnectionResetError
            client.link.send(self._answer(client, message))
        except ConnectionError:
            self._selector.unregister(client.link)
            del self._clients[client.link.fileno()]
            self._board.pins.free_all(client)
            client.link.close()

    def _answer(self, client: Client, message: bytes) -> bytes:
        if message[0] == SPI:
            return self._board.spi(message[1], message[2], message[3:])
        if message[0] == WRITE:
            return self._write(client, message[1], message[2])
        request = json.loads(message)
        if request == {"do": "watch"}:
            client.watches = True
            return b"{}"
        try:
            return json.dumps({"is": self._board.do(client, request)}).encode()
        except (PinError, KeyError, ValueError, TypeError, AttributeError) as error:
            return json.dumps({"error": str(error) or repr(error)}).encode()

    def _write(self, client: Client, number: int, level: int) -> bytes:
        try:
            self._board.pins.write(client, number, level)
        except PinError as error:
            return str(error).encode()
        return b"\0"

    def _push(self, number: int, level: int) -> None:
        told = json.dumps({"line": number, "level": level, "at": time.monotonic_ns()}).encode()
        for client in list(self._clients.values()):
            if client.watches:
                with contextlib.suppress(OSError):
                    client.link.send(told, socket.MSG_DONTWAIT)


class Hand:
    """Whoever plays with a board that runs elsewhere."""

    def __init__(self, path: Path | str) -> None:
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.connect(str(path))

    def do(self, name: str, **what: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask the board for one thing. Raises PinError with what it answers."""
        self._link.send(json.dumps({"do": name, **what}).encode())
        answer = json.loads(self._link.recv(MAX_MESSAGE * 16))
        if "error" in answer:
            raise PinError(answer["error"])
        return answer.get("is")

    def close(self) -> None:
        """Let go."""
        self._link.close()


@click.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), required=True)
@click.option("--reader", multiple=True, help="BUS.DEVICE or BUS.DEVICE:RESET_PIN; once for each reader.")
@click.option("--keeps/--releases", default=True, help="What the kernel does with a freed output's level.")
def main(path: Path, reader: tuple[str, ...], keeps: bool) -> None:
    """Run a simulated board until SIGTERM."""
    readers: dict[tuple[int, int], int | None] = {}
    for word in reader:
        address, _, pin = word.partition(":")
        bus, _, device = address.partition(".")
        readers[int(bus), int(device)] = int(pin) if pin else None
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the daemon
    server = Server(Board(readers, keeps=keeps), path)
    click.echo("ready")
    sys.stdout.flush()
    server.serve(lambda: not stopped)


if __name__ == "__main__":
    main()
