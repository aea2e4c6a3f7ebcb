"""Readers, relays and meters on a serial line, from their data sheets alone: nothing here knows how a driver talks.

A `Line` is a pseudo-terminal with a thread, on which devices are put; `plug`, `unplug`, and what goes wrong on lines:
latency (s), chunk (bytes at a time, chunk_pause apart), noise_before, noise_between and noise_inside frames (bytes or
a function of the frame and a Random), truncate_next, corrupt_next and cut_after (one frame long: how many bytes are
left, which byte is wrong, after how many bytes the plug is pulled). `received` and `sent` are its logs.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import math
import os
import random
import re
import select
import struct
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Noise = bytes | Callable[[bytes, random.Random], bytes] | None
Quantity = float | Callable[[], float]

_SPEEDS = {getattr(termios, n): int(n[1:]) for n in dir(termios) if re.fullmatch(r"B\d+", n)}


def random_noise(length: int, avoid: bytes = b"") -> Callable[[bytes, random.Random], bytes]:
    """A noise function giving `length` random bytes (none of those in `avoid`)."""
    allowed = [b for b in range(256) if b not in avoid]
    return lambda _frame, rng: bytes(rng.choice(allowed) for _ in range(length))


def _value(quantity: Quantity) -> float:
    """A number, or what the function gives."""
    return float(quantity() if callable(quantity) else quantity)


class _Closing:
    """Something that is closed at the end of a with."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""


@dataclass
class _Out:
    """One piece of output waiting for its time; `cut`: unplug instead of writing."""

    ready: float
    data: bytes = b""
    cut: bool = False
    frame: int = -1


class Line(_Closing):
    """A pseudo-terminal with a host at the slave and simulated devices at the master; see above."""

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        name: str = "ttyUSB0",
        *,
        seed: int = 0,
        latency: float = 0.0,
        chunk: int = 0,
        chunk_pause: float = 0.002,
        hold_open: bool = True,
        plugged: bool = True,
    ) -> None:
        self.lock = threading.RLock()
        self.rng = random.Random(seed)
        self.latency = latency
        self.chunk = chunk
        self.chunk_pause = chunk_pause
        self.noise_before: Noise = None
        self.noise_between: Noise = None
        self.noise_inside: Noise = None
        self.truncate_next: int | None = None
        self.corrupt_next: int | None = None
        self.cut_after: int | None = None
        self.require_baud: int | None = None
        self.hold_open = hold_open
        self.received = bytearray()
        self.garbled = bytearray()
        self.sent: list[bytes] = []
        self.dropped = 0
        self.plug_count = 0
        self.devices: list[_Device] = []
        self._link = Path(folder) / name if folder is not None else None
        self._slave_name = ""
        self._master = -1
        self._slave = -1
        self._frames_since_plug = 0
        self._out: collections.deque[_Out] = collections.deque()
        self._orders: collections.deque[tuple[Callable[[], None], threading.Event]] = collections.deque()
        self._closed = False
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)
        self._thread = threading.Thread(target=self._run, name=f"line-{name}", daemon=True)
        self._thread.start()
        if plugged:
            self.plug()

    # -- plugging

    @property
    def path(self) -> str:
        """Where the host finds the port (also while it is unplugged, then it does not exist)."""
        return str(self._link) if self._link is not None else self._slave_name

    @property
    def plugged(self) -> bool:
        """Is the port there?"""
        return self._master >= 0

    def plug(self) -> None:
        """Make the port appear (nothing happens when it is there)."""
        self._order(self._do_plug)

    def unplug(self) -> None:
        """Make the port vanish: the host gets end of file or an input/output error."""
        self._order(self._do_unplug)

    def close(self) -> None:
        """Unplug for good and end the thread."""
        if self._closed:
            return
        self._order(self._do_unplug)
        self._closed = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(5)
            ends, self._wake_r, self._wake_w = (self._wake_r, self._wake_w), -1, -1
            for fd in ends:
                os.close(fd)

    def attach(self, device: _Device) -> None:
        """Put a device on the line (devices do that themselves)."""
        with self.lock:
            self.devices.append(device)
            if self.plugged:
                device._power_on()
        self._wake()

    # -- sending

    def inject(self, data: bytes) -> None:
        """Send raw bytes to the host, with no fault applied."""
        with self.lock:
            if self.plugged:
                last = self._out[-1].ready if self._out else 0.0
                self._out.append(_Out(max(time.monotonic(), last), bytes(data)))
        self._wake()

    def send(self, frame: bytes, delay: float = 0.0) -> None:
        """Send one frame of a device to the host, with the faults that are set now."""
        with self.lock:
            if not self.plugged:
                return
            cut, self.cut_after = self.cut_after, None
            data = self._spoil(frame)
            self._frames_since_plug += 1
            last = self._out[-1].ready if self._out else 0.0
            ready = max(time.monotonic() + self.latency + delay, last)
            if cut is not None:
                data = data[:cut]
            number = len(self.sent)
            self.sent.append(b"")
            for i, piece in enumerate(self._pieces(data)):
                self._out.append(_Out(ready + i * self.chunk_pause, piece, frame=number))
            if cut is not None:
                self._out.append(_Out(self._out[-1].ready if self._out else ready, cut=True))
        self._wake()

    def wait_idle(self, timeout: float = 5.0) -> bool:
        """Wait until everything queued has been written; False when that took too long."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with self.lock:
                if not self._out:
                    return True
            time.sleep(0.001)
        return False

    def baud(self) -> int:
        """The speed the host has set (0 when unplugged)."""
        with self.lock:
            if self._master < 0:
                return 0
            try:
                return _SPEEDS.get(termios.tcgetattr(self._master)[5], -1)
            except termios.error:
                return 0

    def _noise(self, noise: Noise, frame: bytes) -> bytes:
        if noise is None:
            return b""
        return bytes(noise(frame, self.rng)) if callable(noise) else bytes(noise)

    def _spoil(self, frame: bytes) -> bytes:
        """The frame with noise, truncation and corruption."""
        body = bytes(frame)
        if self.corrupt_next is not None:
            where, self.corrupt_next = self.corrupt_next, None
            if body:
                where %= len(body)
                flipped = body[where] ^ (1 << self.rng.randrange(8))
                body = body[:where] + bytes([flipped]) + body[where + 1 :]
        inside = self._noise(self.noise_inside, frame)
        if inside:
            middle = len(body) // 2
            body = body[:middle] + inside + body[middle:]
        if self.truncate_next is not None:
            body, self.truncate_next = body[: self.truncate_next], None
        between = self._noise(self.noise_between, frame) if self._frames_since_plug else b""
        return between + self._noise(self.noise_before, frame) + body

    def _pieces(self, data: bytes) -> Iterable[bytes]:
        if not data:
            return []
        size = self.chunk if self.chunk > 0 else len(data)
        return [data[i : i + size] for i in range(0, len(data), size)]

    # -- the thread

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_w, b"!")

    def _order(self, what: Callable[[], None]) -> None:
        """Run `what` in the line's thread and wait for it."""
        if threading.current_thread() is self._thread:
            what()
            return
        if self._closed:
            return
        done = threading.Event()
        self._orders.append((what, done))
        self._wake()
        if not done.wait(5):
            raise RuntimeError("the line's thread does not answer (is its lock held?)")

    def _do_plug(self) -> None:
        with self.lock:
            if self._master >= 0:
                return
            master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._slave_name = os.ttyname(slave)
            if self.hold_open:
                self._slave = slave
            else:
                os.close(slave)
            self._master = master
            self._out.clear()
            self._frames_since_plug = 0
            self.plug_count += 1
            if self._link is not None:
                temporary = self._link.with_name(self._link.name + ".plugging")
                temporary.unlink(missing_ok=True)
                temporary.symlink_to(self._slave_name)
                temporary.replace(self._link)
            for device in self.devices:
                device._power_on()

    def _do_unplug(self) -> None:
        with self.lock:
            if self._master < 0:
                return
            if self._link is not None and self._link.is_symlink():
                self._link.unlink()
            for fd in (self._slave, self._master):
                if fd >= 0:
                    os.close(fd)
            self._master = self._slave = -1
            self._out.clear()
            for device in self.devices:
                device._power_off()

    def _run(self) -> None:
        hung = False
        while not self._closed:
            poller = select.poll()
            poller.register(self._wake_r, select.POLLIN)
            master = self._master
            if master >= 0 and not hung:
                poller.register(master, select.POLLIN)
            events = dict(poller.poll(self._timeout(hung)))
            if self._wake_r in events:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_r, 4096)
            while self._orders:
                what, done = self._orders.popleft()
                try:
                    what()
                finally:
                    done.set()
            if self._master < 0 or self._master != master:
                hung = False
                continue
            if hung:  # nobody has the slave open: see whether somebody came
                probe = select.poll()
                probe.register(master, select.POLLIN)
                hung = any(flags & select.POLLHUP and not flags & select.POLLIN for _, flags in probe.poll(0))
            elif master in events:
                hung = self._read(master)
            with self.lock:
                if self._master != master:
                    continue
                for device in self.devices:
                    device._tick(time.monotonic())
                self._write(hung)

    def _timeout(self, hung: bool) -> float | None:
        """How long the thread may sleep, in milliseconds."""
        with self.lock:
            moments = [d._due() for d in self.devices] if self._master >= 0 else []
            if self._out:
                moments.append(self._out[0].ready)
            times = [m for m in moments if m is not None]
        if hung:
            times.append(time.monotonic() + 0.005)
        if not times:
            return None
        return max(0.0, math.ceil((min(times) - time.monotonic()) * 1000))

    def _read(self, master: int) -> bool:
        """Take what the host sent; True when nobody has the port open."""
        try:
            data = os.read(master, 4096)
        except BlockingIOError:
            return False
        except OSError as error:
            return error.errno == errno.EIO
        if data:
            with self.lock:
                self.received += data
                if self.require_baud is not None and self.baud() != self.require_baud:
                    self.garbled += data
                    return False
                for device in self.devices:
                    device.feed(data)
        return False

    def _write(self, hung: bool) -> None:
        """Write what is due."""
        while self._out and self._out[0].ready <= time.monotonic():
            piece = self._out.popleft()
            if piece.cut:
                self._do_unplug()
                return
            logged = 0 <= piece.frame < len(self.sent)
            before = self.sent[piece.frame] if logged else b""
            if logged:  # before the host can have it
                self.sent[piece.frame] = before + piece.data
            written = 0
            if not hung:
                try:
                    written = os.write(self._master, piece.data)
                except OSError:
                    written = 0
            if written < len(piece.data):
                self.dropped += len(piece.data) - written
                if logged:
                    self.sent[piece.frame] = before + piece.data[:written]


class _Device:
    """Something at the master's side of a Line.  All methods are called with the line's lock held."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.lock = line.lock
        self.mute = False
        self.powered = False

    def feed(self, data: bytes) -> None:
        """Bytes from the host."""

    def _due(self) -> float | None:
        """When _tick wants to be called."""
        return None

    def _tick(self, now: float) -> None:
        """Time passed."""

    def _power_on(self) -> None:
        self.powered = True

    def _power_off(self) -> None:
        self.powered = False

    def _send(self, frame: bytes, delay: float = 0.0) -> None:
        if not self.mute:
            self.line.send(frame, delay)


class Card:
    """An ISO 14443-3A card; `atqa` in the order the PN532 reports it (00 04 for a classic 1K)."""

    def __init__(
        self, uid: bytes | str, *, sak: int | None = None, atqa: bytes | None = None, ats: bytes | None = None
    ) -> None:
        self.uid = bytes.fromhex(uid) if isinstance(uid, str) else bytes(uid)
        if len(self.uid) not in (4, 7, 10):
            raise ValueError("a UID has 4, 7 or 10 bytes")
        if ats is not None and len(ats) > 254:
            raise ValueError("an ATS has at most 254 bytes after its length")
        default = {4: 0x08, 7: 0x00, 10: 0x00}[len(self.uid)]
        self.sak = sak if sak is not None else (0x20 if ats is not None else default)
        self.atqa = bytes(atqa) if atqa is not None else {4: b"\0\x04", 7: b"\0\x44", 10: b"\0\x84"}[len(self.uid)]
        self.ats = bytes(ats) if ats is not None else None
        self.state = "IDLE"


_ACK = bytes.fromhex("0000ff00ff00")
_SYNTAX_ERROR = bytes.fromhex("0000ff01ff7f8100")
_RF_ITEMS = {0x01: 1, 0x05: 3}


class PN532(_Device):
    """The NXP chip (firmware 1.6) on its high-speed UART; see above.

    Asleep it hears nothing but 55h, and loses the `wake_swallow` bytes after the first one.  In low-VBat mode
    (after power-up) it answers the commands in `low_vbat_answers` only, until SAMConfiguration.
    ISO 14443-3: with `active_state`, a card that was listed does not answer the next REQA but falls back to IDLE by
    it; a released or deselected card is in HALT and answers no REQA until it leaves the field or the field goes off
    (`wupa=True`: it answers nevertheless).
    """

    def __init__(
        self,
        line: Line,
        *,
        asleep: bool = True,
        low_vbat: bool = True,
        wake_swallow: int = 4,
        active_state: bool = True,
        wupa: bool = False,
        try_time: float = 0.0,
    ) -> None:
        super().__init__(line)
        self.starts_asleep = asleep
        self.starts_low_vbat = low_vbat
        self.low_vbat_answers = {0x02, 0x14}
        self.wake_swallow = wake_swallow
        self.active_state = active_state
        self.wupa = wupa
        self.try_time = try_time
        self.frame_timeout = 0.3
        self.lose_ack = 0
        self.lose_response = 0
        self.cards: list[Card] = []
        self.received: list[bytes] = []
        self.acks = 0
        self.nacks = 0
        self.bad_frames = 0
        self.resets = 0
        self._start()
        line.attach(self)

    # -- what a test does

    @property
    def commands(self) -> list[int]:
        """The command codes received so far."""
        return [p[0] for p in self.received if p]

    def place(self, card: Card) -> Card:
        """Bring a card into the field."""
        with self.lock:
            if card not in self.cards:
                if len(self.cards) >= 3:
                    raise ValueError("at most three cards fit")
                card.state = "IDLE"
                self.cards.append(card)
                self._poll_pending()
        return card

    def remove(self, card: Card | None = None) -> None:
        """Take a card (or all) out of the field."""
        with self.lock:
            for gone in list(self.cards) if card is None else [card]:
                if gone in self.cards:
                    self.cards.remove(gone)
                    gone.state = "IDLE"

    def power_cycle(self) -> None:
        """Supply off and on (the port stays)."""
        with self.lock:
            self._power_off()
            self._power_on()

    # -- power

    def _start(self) -> None:
        self.awake = not self.starts_asleep
        self.low_vbat = self.starts_low_vbat
        self.max_retries = (0xFF, 0x01, 0xFF)
        self.parameters = 0x14  # automatic ATR_RES and automatic RATS
        self.rf_on = False
        self.sam_mode = 1
        self.targets: dict[int, Card] = {}
        self.pending: int | None = None
        self._buffer = bytearray()
        self._buffer_time = 0.0
        self._swallow = 0
        self._swallow_end = 0.0
        self._last_response = b""

    def _power_on(self) -> None:
        super()._power_on()
        self._start()
        self.resets += 1

    def _power_off(self) -> None:
        super()._power_off()
        self._start()
        self.awake = False
        self._field(False)

    def _field(self, on: bool) -> None:
        self.rf_on = on
        if not on:
            self.targets.clear()
            for card in self.cards:
                card.state = "IDLE"

    # -- frames

    def feed(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.awake:
            at = data.find(b"\x55")
            if at < 0:
                return
            self.awake = True
            self._swallow = self.wake_swallow
            self._swallow_end = now + 0.002  # what comes after the oscillator's start-up is heard
            data = data[at + 1 :]
        if self._swallow:
            lost = min(self._swallow, len(data)) if now < self._swallow_end else self._swallow
            self._swallow -= lost
            data = data[lost:] if now < self._swallow_end else data
        if not data:
            return
        if self._buffer and now - self._buffer_time > self.frame_timeout:
            self._buffer.clear()
        self._buffer_time = now
        self._buffer += data
        while self._parse():
            pass

    def _parse(self) -> bool:  # noqa: C901, PLR0911 - one answer for each shape of a frame
        """Take one frame off the buffer; False when there is none (yet)."""
        buffer = self._buffer
        at = buffer.find(b"\x00\xff")
        if at < 0:
            del buffer[: max(0, len(buffer) - 1)]
            return False
        del buffer[:at]
        if len(buffer) < 4:
            return False
        length, check = buffer[2], buffer[3]
        if (length, check) == (0x00, 0xFF):
            del buffer[:4]
            self.acks += 1
            self.pending = None
            return True
        if (length, check) == (0xFF, 0x00):
            del buffer[:4]
            self.nacks += 1
            if self._last_response:
                self._send(self._last_response)
            return True
        start = 4
        if (length, check) == (0xFF, 0xFF):
            if len(buffer) < 7:
                return False
            length, check, start = buffer[4] * 256 + buffer[5], buffer[4] + buffer[5] + buffer[6], 7
        else:
            check += length
        if check & 0xFF or length == 0 or length > 265:
            del buffer[:2]
            self.bad_frames += 1
            return True
        if len(buffer) < start + length + 1:
            return False
        body = bytes(buffer[start : start + length])
        total = sum(buffer[start : start + length + 1]) & 0xFF
        if total:
            del buffer[:2]
            self.bad_frames += 1
            return True
        del buffer[: start + length + 1]
        if body[0] != 0xD4 or len(body) < 2:
            self.bad_frames += 1
            self._answer_raw(_SYNTAX_ERROR)
            return True
        self._command(body[1:])
        return True

    def _acknowledge(self) -> None:
        if self.lose_ack > 0:
            self.lose_ack -= 1
        else:
            self._send(_ACK)

    def _answer_raw(self, frame: bytes, delay: float = 0.0) -> None:
        self._last_response = frame
        if self.lose_response > 0:
            self.lose_response -= 1
        else:
            self._send(frame, delay)

    def _answer(self, payload: bytes, delay: float = 0.0) -> None:
        data = b"\xd5" + payload
        if len(data) <= 255:
            head = bytes([len(data), -len(data) & 0xFF])
        else:
            high, low = divmod(len(data), 256)
            head = bytes([0xFF, 0xFF, high, low, -(high + low) & 0xFF])
        self._answer_raw(b"\0\0\xff" + head + data + bytes([-sum(data) & 0xFF, 0]), delay)

    # -- commands

    def _command(self, payload: bytes) -> None:
        """One good command frame (without D4); logged when it has had its effect, before the host gets the answer."""
        try:
            self._obey(payload)
        finally:
            self.received.append(payload)

    def _obey(self, payload: bytes) -> None:
        self.pending = None  # a new command aborts the one under way
        code, data = payload[0], payload[1:]
        if self.low_vbat and code not in self.low_vbat_answers:
            return
        self._acknowledge()
        handler = {
            0x02: self._firmware,
            0x12: self._set_parameters,
            0x14: self._sam_configuration,
            0x32: self._rf_configuration,
            0x44: self._in_deselect,
            0x4A: self._in_list,
            0x52: self._in_release,
        }.get(code)
        result = handler(data) if handler else _SYNTAX_ERROR
        if result is _SYNTAX_ERROR:
            self._answer_raw(_SYNTAX_ERROR)
        elif result is not None:
            self._answer(bytes([code + 1]) + result)

    def _firmware(self, data: bytes) -> bytes:
        return _SYNTAX_ERROR if data else b"\x32\x01\x06\x07"

    def _set_parameters(self, data: bytes) -> bytes:
        if len(data) != 1:
            return _SYNTAX_ERROR
        self.parameters = data[0]
        return b""

    def _sam_configuration(self, data: bytes) -> bytes:
        if not 1 <= len(data) <= 3 or data[0] not in (1, 2, 3, 4):
            return _SYNTAX_ERROR
        self.sam_mode = data[0]
        self.low_vbat = False
        return b""

    def _rf_configuration(self, data: bytes) -> bytes:
        if not data or data[0] not in _RF_ITEMS or len(data) - 1 != _RF_ITEMS[data[0]]:
            return _SYNTAX_ERROR
        if data[0] == 0x01:
            self._field(bool(data[1] & 1))
        elif data[0] == 0x05:
            self.max_retries = (data[1], data[2], data[3])
        return b""

    def _halt(self, data: bytes) -> bytes | list[int]:
        """The target numbers meant by an InRelease or InDeselect, now halted; or a status."""
        if len(data) != 1 or data[0] > 2:
            return _SYNTAX_ERROR
        if data[0] and data[0] not in self.targets:
            return b"\x27"
        numbers = [data[0]] if data[0] else list(self.targets)
        for number in numbers:
            card = self.targets[number]
            if card in self.cards and card.state == "ACTIVE":
                card.state = "HALT"
        return numbers

    def _in_deselect(self, data: bytes) -> bytes:
        numbers = self._halt(data)
        return numbers if isinstance(numbers, bytes) else b"\0"

    def _in_release(self, data: bytes) -> bytes:
        numbers = self._halt(data)
        if isinstance(numbers, bytes):
            return numbers
        for number in numbers:
            del self.targets[number]
        return b"\0"

    def _in_list(self, data: bytes) -> bytes | None:
        if len(data) < 2 or data[0] not in (1, 2) or data[1] > 4:
            return _SYNTAX_ERROR
        self.rf_on = True
        self.targets.clear()
        # only 106 kbit/s type A cards exist here: any other modulation finds nothing
        self.pending = data[0] if data[1] == 0 else 0
        self._poll_pending()
        return None

    def _reqa(self) -> Card | None:
        """One REQA and what follows; the card that is active now."""
        found = None
        for card in self.cards:
            answers = card.state == "IDLE" or (card.state == "HALT" and self.wupa)
            if card in self.targets.values():
                continue
            if card.state == "ACTIVE":
                answers = not self.active_state
                card.state = "IDLE"
            if found is None and answers:
                found = card
        if found is not None:
            found.state = "ACTIVE"
        return found

    def _poll_pending(self) -> None:
        """Look for cards as the InListPassiveTarget under way wants it; answer when it is over."""
        if self.pending is None or not self.powered:
            return
        wanted = self.pending
        endless = self.max_retries[2] == 0xFF
        tries = 2 if endless else self.max_retries[2] + 1
        used = 0
        entries: list[bytes] = []
        for number in range(1, wanted + 1):
            for _ in range(tries):
                used += 1
                card = self._reqa()
                if card is not None:
                    break
            else:
                break
            self.targets[number] = card
            entries.append(self._entry(number, card))
        if not entries and endless:
            return
        if wanted == 0:
            used = tries
        self.pending = None
        if len(entries) == 2 and 3 + sum(map(len, entries)) > 265:  # the second does not fit into a response
            del self.targets[2]
            entries.pop()
        self._answer(b"\x4b" + bytes([len(entries)]) + b"".join(entries), used * self.try_time)

    def _entry(self, number: int, card: Card) -> bytes:
        """Tg, SENS_RES, SEL_RES, NFCID length, NFCID, ATS."""
        entry = bytes([number]) + card.atqa + bytes([card.sak, len(card.uid)]) + card.uid
        if card.ats is not None and card.sak & 0x20 and self.parameters & 0x10:
            entry += bytes([len(card.ats) + 1]) + card.ats
        return entry


class _TagReader(_Device):
    """What the two 125 kHz readers share."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.lower_case = False
        self.tag: bytes | None = None
        self.frames_sent = 0
        self.received = bytearray()
        self._next: float | None = None
        line.attach(self)

    def present(self, tag: int | bytes | str) -> None:
        """Hold a tag (40 bits) to the reader."""
        if isinstance(tag, int):
            number = tag.to_bytes(5, "big")
        else:
            number = bytes.fromhex(tag) if isinstance(tag, str) else bytes(tag)
        if len(number) != 5:
            raise ValueError("a tag has five bytes")
        with self.lock:
            self.tag = number
            self._next = time.monotonic() if self.powered else None
        self.line._wake()

    def remove(self) -> None:
        """Take the tag away."""
        with self.lock:
            self.tag = None
            self._next = None

    def feed(self, data: bytes) -> None:
        self.received += data

    def _digits(self) -> bytes:
        """Ten hex digits of the tag and two of the checksum."""
        assert self.tag is not None
        check = 0
        for byte in self.tag:
            check ^= byte
        text = (self.tag + bytes([check])).hex()
        return (text if self.lower_case else text.upper()).encode()

    def _frame(self) -> bytes:
        raise NotImplementedError

    _period: float | None = None

    def _due(self) -> float | None:
        return self._next

    def _tick(self, now: float) -> None:
        if self._next is None or now < self._next or self.tag is None:
            return
        self._next = None if self._period is None else max(self._next + self._period, now)
        self.frames_sent += 1
        self._send(self._frame())

    def _power_on(self) -> None:
        super()._power_on()
        self._next = time.monotonic() if self.tag is not None else None

    def _power_off(self) -> None:
        super()._power_off()
        self._next = None


class RDM6300(_TagReader):
    """9600 baud, 14 bytes, over and over again while the tag is there."""

    def __init__(self, line: Line, *, period: float = 0.065, lower_case: bool = False) -> None:
        self._period = period
        super().__init__(line)
        self.lower_case = lower_case

    def _frame(self) -> bytes:
        return b"\x02" + self._digits() + b"\x03"


class ID12LA(_TagReader):
    """9600 baud, 16 bytes, once for each presentation."""

    def _frame(self) -> bytes:
        return b"\x02" + self._digits() + b"\r\n\x03"


class LCUS(_Device):
    """A CH340 relay board (9600 baud): A0, channel, operation, sum of the three.

    Operations: 00 off, 01 on; with `feedback` also 02 off, 03 on, 04 toggle, 05 query, each answered by
    A0, channel, state, sum.  FF alone asks for the status as text (`status_query`, default: more than one channel).
    """

    def __init__(
        self,
        line: Line,
        channels: int = 1,
        *,
        feedback: bool = False,
        status_query: bool | None = None,
        status_format: str = "CH{n}: {state}\r\n",
    ) -> None:
        super().__init__(line)
        self.channels = channels
        self.feedback = feedback
        self.status_query = channels > 1 if status_query is None else status_query
        self.status_format = status_format
        self.stuck = False
        self.stuck_reports = "actual"
        self.closed = dict.fromkeys(range(1, channels + 1), False)
        self.commanded = dict(self.closed)
        self.switch_log: list[tuple[float, int, bool]] = []
        self.received: list[bytes] = []
        self.bad_frames = 0
        self._buffer = bytearray()
        self._buffer_time = 0.0
        line.attach(self)

    def _power_off(self) -> None:
        super()._power_off()
        self._buffer.clear()
        for n in self.closed:
            self.commanded[n] = False
            if self.closed[n]:
                self.closed[n] = False
                self.switch_log.append((time.monotonic(), n, False))

    def feed(self, data: bytes) -> None:
        now = time.monotonic()
        if now - self._buffer_time > 0.3:
            self._buffer.clear()
        self._buffer_time = now
        self._buffer += data
        while self._buffer:
            if self._buffer[0] == 0xFF:
                del self._buffer[0]
                if self.status_query:
                    self._send(self._status())
                self.received.append(b"\xff")
            elif self._buffer[0] != 0xA0:
                del self._buffer[0]
            elif len(self._buffer) < 4:
                return
            elif sum(self._buffer[:3]) & 0xFF != self._buffer[3]:
                self.bad_frames += 1
                del self._buffer[0]
            else:
                frame = bytes(self._buffer[:4])
                del self._buffer[:4]
                self._operate(frame[1], frame[2])
                self.received.append(frame)

    def _operate(self, channel: int, operation: int) -> None:
        if channel not in self.closed or operation > (5 if self.feedback else 1):
            return
        if operation in (0, 2):
            self._switch(channel, False)
        elif operation in (1, 3):
            self._switch(channel, True)
        elif operation == 4:
            self._switch(channel, not self._reported(channel))
        if operation >= 2:
            state = int(self._reported(channel))
            self._send(bytes([0xA0, channel, state, (0xA0 + channel + state) & 0xFF]))

    def _switch(self, channel: int, on: bool) -> None:
        self.commanded[channel] = on
        if not self.stuck and self.closed[channel] != on:
            self.closed[channel] = on
            self.switch_log.append((time.monotonic(), channel, on))

    def _reported(self, channel: int) -> bool:
        return (self.commanded if self.stuck_reports == "commanded" else self.closed)[channel]

    def _status(self) -> bytes:
        lines = (self.status_format.format(n=n, state="ON" if self._reported(n) else "OFF") for n in self.closed)
        return "".join(lines).encode("ascii")


def crc16(data: bytes) -> bytes:
    """The Modbus CRC, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class _RefusalError(Exception):
    """A Modbus exception answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _ModbusUnit(_Device):
    """An RTU server: good frames for its address are answered, everything else is not."""

    frame_gap = 0.02

    def __init__(self, line: Line, unit: int) -> None:
        super().__init__(line)
        self.unit = unit
        self.fail_next: int | None = None
        self.received: list[bytes] = []
        self.bad_frames = 0
        self._buffer = bytearray()
        self._buffer_time = 0.0
        line.attach(self)

    def feed(self, data: bytes) -> None:
        self._buffer += data
        self._buffer_time = time.monotonic()
        while True:
            length = self._length()
            if (
                length is None
                or len(self._buffer) < length
                or crc16(self._buffer[: length - 2]) != bytes(self._buffer[length - 2 : length])
            ):
                return  # the pause after the frame will tell
            frame = bytes(self._buffer[:length])
            del self._buffer[:length]
            self._frame(frame)

    def _length(self) -> int | None:
        """How long the request at the start of the buffer is, when its function tells."""
        if len(self._buffer) < 2:
            return None
        function = self._buffer[1]
        return 8 if 1 <= function <= 6 else None

    def _due(self) -> float | None:
        return self._buffer_time + self.frame_gap if self._buffer else None

    def _tick(self, now: float) -> None:
        if self._buffer and now >= self._buffer_time + self.frame_gap:
            frame = bytes(self._buffer)
            self._buffer.clear()
            if len(frame) >= 4 and crc16(frame[:-2]) == frame[-2:]:
                self._frame(frame)
            else:
                self.bad_frames += 1

    def _power_off(self) -> None:  # supplied by its own source, not by the line
        self._buffer.clear()

    def _mine(self, address: int) -> bool:
        return address == self.unit

    def _frame(self, frame: bytes) -> None:
        address, function = frame[0], frame[1]
        broadcast = address == 0
        if not broadcast and not self._mine(address):
            return
        try:
            if self.fail_next is not None:
                code, self.fail_next = self.fail_next, None
                raise _RefusalError(code)  # noqa: TRY301 - as the unit itself would
            answer = bytes([function]) + self._execute(function, frame[2:-2])
        except _RefusalError as error:
            answer = bytes([function | 0x80, error.code])
        self.received.append(frame)
        if not broadcast and self._alive():
            reply = bytes([address]) + answer
            self._send(reply + crc16(reply))

    def _alive(self) -> bool:
        return True

    def _execute(self, _function: int, _data: bytes) -> bytes:
        raise _RefusalError(1)


class ModbusRelay(_ModbusUnit):
    """Relay board with coils from address 0; see above."""

    def __init__(self, line: Line, unit: int = 1, coils: int = 4) -> None:
        self.coils = coils
        self.stuck = False
        self.lies = False
        self.closed = dict.fromkeys(range(coils), False)
        self.coil = dict(self.closed)
        self.switch_log: list[tuple[float, int, bool]] = []
        super().__init__(line, unit)

    def power_cycle(self) -> None:
        """Its own supply off and on: all coils off."""
        with self.lock:
            for n in self.coil:
                self._set(n, False)

    def _set(self, n: int, on: bool) -> None:
        if self.lies:
            return
        self.coil[n] = on
        if not self.stuck and self.closed[n] != on:
            self.closed[n] = on
            self.switch_log.append((time.monotonic(), n, on))

    def _execute(self, function: int, data: bytes) -> bytes:
        if function == 0x01:
            if len(data) != 4:
                raise _RefusalError(3)
            start, count = struct.unpack(">HH", data)
            self._check(start, count, 2000)
            packed = bytearray((count + 7) // 8)
            for i in range(count):
                packed[i // 8] |= self.coil[start + i] << (i % 8)
            return bytes([len(packed)]) + bytes(packed)
        if function == 0x05:
            if len(data) != 4:
                raise _RefusalError(3)
            start, value = struct.unpack(">HH", data)
            if value not in (0x0000, 0xFF00):
                raise _RefusalError(3)
            self._check(start, 1, 1)
            self._set(start, value == 0xFF00)
            return data
        raise _RefusalError(1)

    def _check(self, start: int, count: int, most: int) -> None:
        if not 1 <= count <= most:
            raise _RefusalError(3)
        if start + count > self.coils:
            raise _RefusalError(2)


class PZEM004T(_ModbusUnit):
    """The version 3 energy meter: input registers 0...9, energy in watt-hours; see above."""

    def __init__(
        self,
        line: Line,
        unit: int = 1,
        *,
        voltage: Quantity = 230.0,
        current: Quantity = 0.0,
        power: Quantity = 0.0,
        energy: Quantity = 0.0,
        frequency: Quantity = 50.0,
        power_factor: Quantity = 1.0,
    ) -> None:
        self.voltage = voltage
        self.current = current
        self.power = power
        self.energy = energy
        self.frequency = frequency
        self.power_factor = power_factor
        self.alarm_threshold = 23000
        self.mains = True
        super().__init__(line, unit)

    def _alive(self) -> bool:
        return self.mains

    def registers(self) -> list[int]:
        """The ten input registers as they are now."""
        milliamperes = round(_value(self.current) * 1000)
        deciwatts = round(_value(self.power) * 10)
        watt_hours = round(_value(self.energy))
        return [
            round(_value(self.voltage) * 10) & 0xFFFF,
            milliamperes & 0xFFFF,
            milliamperes >> 16 & 0xFFFF,
            deciwatts & 0xFFFF,
            deciwatts >> 16 & 0xFFFF,
            watt_hours & 0xFFFF,
            watt_hours >> 16 & 0xFFFF,
            round(_value(self.frequency) * 10) & 0xFFFF,
            round(_value(self.power_factor) * 100) & 0xFFFF,
            0xFFFF if deciwatts >= self.alarm_threshold * 10 else 0x0000,
        ]

    def _execute(self, function: int, data: bytes) -> bytes:
        if function != 0x04:
            raise _RefusalError(1)
        if len(data) != 4:
            raise _RefusalError(3)
        start, count = struct.unpack(">HH", data)
        if not 1 <= count <= 125:
            raise _RefusalError(3)
        table = self.registers()
        if start + count > len(table):
            raise _RefusalError(2)
        return struct.pack(f">B{count}H", 2 * count, *table[start : start + count])
