"""The board: chips, cards, displays and pins in a process of their own, which outlives the daemon as hardware does.

The stand-ins for `spidev`, `smbus2` and `lgpio` (simulator/stand_ins) speak to it over a Unix socket, one message a
call: SPI transfers and I²C writes as raw bytes, all else as JSON. The same socket serves whoever plays: cards are
laid and taken, buttons pressed, cables pulled.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from simulator.cards import SimulatedCard
from simulator.hd44780 import HD44780
from simulator.mcp3008 import MCP3008
from simulator.parts import Parts
from simulator.pins import LINES, PinError, Pins
from simulator.rc522 import SimulatedChip
from simulator.sh1106 import SH1106
from simulator.ssd1306 import SSD1306

SPI: Final = 0xA5  # the first byte of an SPI message; JSON begins with "{"
WRITE: Final = 0xA6  # the first byte of a write to a line: line, level
I2C: Final = 0xA7  # the first byte of an I²C write: bus, address, what is written; without address, is there a bus?
NOT_ACKNOWLEDGED: Final = b"not acknowledged"
MAX_MESSAGE: Final = 65_536
WIRES: Final = 4  # clock, MOSI, MISO, chip select


DISPLAYS: Final[Mapping[str, Callable[[], SSD1306 | HD44780]]] = {
    "ssd1306": SSD1306,
    "sh1106": SH1106,
    "lcd2004": lambda: HD44780(20, 4),
    "lcd1602": lambda: HD44780(16, 2),
}


class Client:
    """Whoever is connected; owns the lines it claimed, until it is gone."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.watches = False


class Board:
    """Chips by (bus, device), each with its reset pin, the header's pins, and kinds of displays by (bus, address)."""

    def __init__(
        self,
        readers: dict[tuple[int, int], int | None],
        now: Callable[[], float] = time.monotonic,
        *,
        keeps: bool = True,
        displays: Mapping[tuple[int, int], str] | None = None,
        converters: Iterable[tuple[int, ...]] = (),
    ) -> None:
        self.pins = Pins(now, keeps=keeps)
        self.chips = {address: SimulatedChip(now) for address in readers}
        self.converters: dict[tuple[int, ...], MCP3008] = {}
        self._wired: dict[int, tuple[int, ...]] = {}
        for wires in converters:
            self.add_converter(wires)
        self.displays: dict[tuple[int, int], SSD1306 | HD44780] = {}
        for (bus, address), kind in (displays or {}).items():
            self.add_display(bus, address, kind)
        self.unplugged: set[tuple[int, int]] = set()
        self.mains = True
        self.cards: dict[str, SimulatedCard] = {}
        self._reset_pins = {pin: address for address, pin in readers.items() if pin is not None}
        self.pins.watchers.append(self._reset_line)
        self.parts = Parts(self._remote_changed, self._pulse)
        self.stamp: int | None = None  # when a pulse was, whenever a busy machine comes to tell of it (monotonic ns)
        self.remote: list[tuple[str, str]] = []  # contacts that are no pins: they follow the header's lines

    def _pulse(self, number: int, at: int) -> None:
        self.stamp = at
        try:
            for level in (0, None):
                self.pins.drive(number, level)
        finally:
            self.stamp = None

    def _reset_line(self, number: int, level: int) -> None:
        if number in self._wired:
            self._converter_line(self._wired[number], number, level)
        if number in self._reset_pins:
            chip = self.chips[self._reset_pins[number]]
            chip.held_in_reset = not level
            if level:
                chip.reset()

    def _converter_line(self, wires: tuple[int, ...], number: int, level: int) -> None:
        """Follow clock and chip select of a converter that hangs on four pins; drive its output."""
        clock, mosi, miso, select = wires
        converter = self.converters[wires]
        if number == select:
            converter.select(low=not level)
        elif number == clock and level:
            converter.rise(self.pins.lines[mosi].level)
        elif number == clock:
            converter.fall()
            self.pins.drive(miso, converter.dout)

    def spi(self, bus: int, device: int, sent: bytes) -> bytes:
        """Answer one SPI transfer; where no chip is wired, the line floats high."""
        chip = self.chips.get((bus, device)) or self.converters.get((bus, device))
        return chip.transfer(sent) if chip else b"\xff" * len(sent)

    def add_converter(self, address: tuple[int, ...]) -> None:
        """Wire an MCP3008: by its bus and device, or by its four pins."""
        self.converters[address] = MCP3008()
        if len(address) == WIRES:
            self._wired |= dict.fromkeys(address, address)

    def add_display(self, bus: int, address: int, kind: str) -> None:
        """Wire a display. Raises KeyError for an unknown kind."""
        self.displays[bus, address] = DISPLAYS[kind]()

    def i2c(self, bus: int, address: int, sent: bytes) -> bool:
        """Carry out one I²C write; return whether anybody acknowledged."""
        display = self.displays.get((bus, address))
        if display is None or not display.powered:
            return False
        display.write(sent)
        return True

    def has_bus(self, bus: int) -> bool:
        """Return whether the kernel offers an I²C bus; it does where a display is wired, plugged in or not."""
        return any(bus == each for each, _address in self.displays)

    def _remote_changed(self, at: str, seat: str, closed: bool) -> None:
        if (at, seat) in self.remote:
            self.pins.notify(LINES + self.remote.index((at, seat)), int(closed))


class Requests:
    """What is asked of a board over its socket: `do_NAME` for each, but for what its pins do themselves."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def do(self, client: object, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Carry out one request. Raises PinError, KeyError, ValueError."""
        name = request.pop("do")
        if name in {"claim_output", "claim_input", "free", "write", "read", "tx_pwm"}:
            return getattr(self._board.pins, name)(client, **request)
        if name in {"mode", "drive"}:
            return getattr(self._board.pins, name)(**request)
        return getattr(self, f"do_{name}")(**request)

    # --- parts beside the header ---

    def do_add(self, kind: str, at: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        """Make a part, there."""
        self._board.parts.add(kind, at, **what)

    def do_remote(self, at: str, seat: str) -> int:
        """Follow a contact that is no pin; return the number of its line."""
        if (at, seat) not in self._board.remote:
            self._board.remote.append((at, seat))
            self._board.pins.add()
        return LINES + self._board.remote.index((at, seat))

    def do_part(self, at: str, act: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        """Do something with a part: lay, take, plug, unplug, set, do."""
        if act not in {"lay", "take", "plug", "unplug", "set", "do"}:
            raise KeyError(act)
        getattr(self._board.parts, act)(at, **what)

    def do_pcsc(self, reader: str | None = None, *, run: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Return the PC/SC readers, or the card on one, or which run of their service this is."""
        return self._board.parts.pcsc(reader, run=run)

    def do_pcscd(self, run: int) -> None:
        """Start the PC/SC readers' service anew, or have none (0)."""
        self._board.parts.pcscd = run

    # --- what people do ---

    def do_lay(self, bus: int, device: int, uid: str, **traits: Any) -> str:  # noqa: ANN401 - JSON
        """Lay a card on a reader; it keeps its traits for as long as the board runs."""
        card = self._board.cards.setdefault(uid, SimulatedCard(bytes.fromhex(uid), **traits))
        self._board.chips[bus, device].lay(card)
        return card.uid.hex()

    def do_lay_together(self, bus: int, device: int, uids: list[str]) -> None:
        """Lay a wallet on a reader: all its cards come into the field at one instant."""
        for uid in uids:
            self.do_lay(bus, device, uid)

    def do_take(self, bus: int, device: int, uid: str) -> None:
        """Take a card off a reader."""
        if uid in self._board.cards:
            self._board.chips[bus, device].take(self._board.cards[uid])

    def do_chip(self, bus: int, device: int, silent: int | None = None, brownout: bool = False) -> None:
        """Make a chip read as a dead bus (a value), live again (null), or forget its registers."""
        chip = self._board.chips[bus, device]
        chip.silent = silent
        if brownout:
            chip.reset()

    def do_power(self, on: bool) -> None:
        """Cut or restore the mains: lines and chips forget all they were; an unpowered chip is silent."""
        self._board.pins.reset()
        for chip in self._board.chips.values():
            chip.reset()
            chip.silent = None if on else 0x00
        self._board.mains = on
        self._board.parts.power(on=on)
        for address, display in self._board.displays.items():
            display.power(on=on and address not in self._board.unplugged)

    def do_display(self, bus: int, address: int) -> dict[str, Any]:
        """Return what a display shows now: pixels and contrast, or lines, backlight and custom characters."""
        return self._board.displays[bus, address].shows()

    def do_unplug(self, bus: int, address: int) -> None:
        """Pull a display's cable: it is dark, and nobody acknowledges at its address."""
        self._board.unplugged.add((bus, address))
        self._board.displays[bus, address].power(on=False)

    def do_plug(self, bus: int, address: int) -> None:
        """Plug a display in again; it has forgotten all it was. One that is plugged in stays as it is."""
        if (bus, address) in self._board.unplugged:
            self._board.unplugged.remove((bus, address))
            self._board.displays[bus, address].power(on=self._board.mains)

    def do_level(self, address: list[int], channel: int, level: float) -> None:
        """Put a voltage, from 0 to 1 of the reference, on a channel of an MCP3008."""
        self._board.converters[tuple(address)].levels[channel] = level

    def do_transfers(self) -> int:
        """Count the SPI transfers so far."""
        return sum(chip.transfers for chip in self._board.chips.values())

    def do_pins(self) -> list[int]:
        """Return every line's level."""
        return [line.level for line in self._board.pins.lines]

    def do_last(self, number: int) -> float:
        """Return when a line changed last, in seconds."""
        return next(at for at, line, _level in reversed(self._board.pins.history) if line == number)

    def do_changes(self) -> int:
        """Count the changes of all levels."""
        return len(self._board.pins.history)

    def do_history(self) -> list[tuple[float, int, int]]:
        """Return every change of a level: seconds, line, level."""
        return self._board.pins.history


class Server:
    """Serves a board on a socket, on one thread."""

    def __init__(self, board: Board, path: Path) -> None:
        self._board = board
        self._requests = Requests(board)
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
        if message[0] == I2C:
            return self._i2c(message)
        request = json.loads(message)
        if request == {"do": "watch"}:
            client.watches = True
            return b"{}"
        try:
            return json.dumps({"is": self._requests.do(client, request)}).encode()
        except (PinError, KeyError, ValueError, TypeError, AttributeError) as error:
            return json.dumps({"error": str(error) or repr(error)}).encode()

    def _write(self, client: Client, number: int, level: int) -> bytes:
        try:
            self._board.pins.write(client, number, level)
        except PinError as error:
            return str(error).encode()
        return b"\0"

    def _i2c(self, message: bytes) -> bytes:
        _kind, bus, *rest = message
        there = self._board.i2c(bus, rest[0], bytes(rest[1:])) if rest else self._board.has_bus(bus)
        return b"\0" if there else NOT_ACKNOWLEDGED

    def _push(self, number: int, level: int) -> None:
        at = time.monotonic_ns() if self._board.stamp is None else self._board.stamp
        told = json.dumps({"line": number, "level": level, "at": at}).encode()
        for client in list(self._clients.values()):
            if client.watches:
                with contextlib.suppress(OSError):
                    client.link.send(told, socket.MSG_DONTWAIT)


@click.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), required=True)
@click.option("--reader", multiple=True, help="BUS.DEVICE or BUS.DEVICE:RESET_PIN; once for each reader.")
@click.option("--display", multiple=True, help="BUS.ADDRESS:KIND, as 1.0x3c:ssd1306; once for each display.")
@click.option("--converter", multiple=True, help="BUS.DEVICE or CLOCK.MOSI.MISO.SELECT of an MCP3008; once for each.")
@click.option("--keeps/--releases", default=True, help="What the kernel does with a freed output's level.")
def main(
    path: Path, reader: tuple[str, ...], display: tuple[str, ...], converter: tuple[str, ...], keeps: bool
) -> None:
    """Run a simulated board until SIGTERM."""
    readers: dict[tuple[int, int], int | None] = {}
    for word in reader:
        address, _, pin = word.partition(":")
        bus, _, device = address.partition(".")
        readers[int(bus), int(device)] = int(pin) if pin else None
    displays: dict[tuple[int, int], str] = {}
    for word in display:
        address, _, kind = word.partition(":")
        bus, _, device = address.partition(".")
        if kind not in DISPLAYS:
            raise click.BadParameter(f"{word}: the kind is one of {', '.join(DISPLAYS)}", param_hint="--display")
        displays[int(bus), int(device, 0)] = kind
    converters = [tuple(map(int, word.split("."))) for word in converter]
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the daemon
    board = Board(readers, keeps=keeps, displays=displays, converters=converters)
    server = Server(board, path)
    click.echo("ready")
    sys.stdout.flush()
    server.serve(lambda: not stopped)
    board.parts.close()


if __name__ == "__main__":
    main()
