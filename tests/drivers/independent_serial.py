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


def value(quantity: Quantity) -> float:
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
        self.devices: list[Device] = []
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

    def attach(self, device: Device) -> None:
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


class Device:
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
