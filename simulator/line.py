"""A serial line: a real pseudo-terminal under a stable path, with a device at its far end."""

from __future__ import annotations

import contextlib
import os
import random
import select
import threading
import tty
from pathlib import Path
from typing import Protocol


class Device(Protocol):
    """What hangs on a line. `take` gets what was sent to it; `tick` comes every `period` seconds, where it has one."""

    line: Line
    period: float | None

    def take(self, received: bytes) -> None: ...  # noqa: D102 - in the class's docstring
    def tick(self) -> None: ...  # noqa: D102
    def lose_power(self) -> None: ...  # noqa: D102


class Line:
    """A USB adapter with its cable. noise: how many in a thousand bytes arrive changed; as many come in between."""

    def __init__(self, path: Path, device: Device, *, seed: int = 0) -> None:
        self.path = path
        self.noise = 0
        self._device = device
        self._rng = random.Random(seed)  # noqa: S311 - noise, not secrets
        self._lock = threading.RLock()
        self._ends: tuple[int, int] | None = None
        self._wake, self._woken = os.pipe()
        self._ended = False
        device.line = self
        path.parent.mkdir(parents=True, exist_ok=True)
        self.plug()
        self._thread = threading.Thread(target=self._run, name=f"line {path.name}", daemon=True)
        self._thread.start()

    @property
    def is_plugged(self) -> bool:
        """Whether the cable is in."""
        return self._ends is not None

    def plug(self) -> None:
        """Plug the adapter in: its path is there, and its device has power."""
        with self._lock:
            if self._ends is not None:
                return
            far, near = os.openpty()
            tty.setraw(near)
            draft = self.path.with_name(f"{self.path.name}.new")
            draft.unlink(missing_ok=True)
            draft.symlink_to(os.ttyname(near))
            draft.replace(self.path)
            self._ends = far, near
        self._nudge()

    def unplug(self) -> None:
        """Pull it out, in the middle of whatever is on its way."""
        with self._lock:
            ends, self._ends = self._ends, None
            if ends is None:
                return
            self.path.unlink(missing_ok=True)
            for end in ends:
                os.close(end)
            self._device.lose_power()
        self._nudge()

    def send(self, sent: bytes) -> None:
        """Have the device say something."""
        with self._lock:
            if self._ends is not None:
                with contextlib.suppress(OSError):
                    os.set_blocking(self._ends[0], False)
                    os.write(self._ends[0], self._noisy(sent))

    def _noisy(self, sent: bytes) -> bytes:
        if not self.noise:
            return sent
        said = bytearray()
        for each in sent:
            if self._rng.randrange(1000) < self.noise:
                said.append(self._rng.randrange(256))
            said.append(each ^ (1 << self._rng.randrange(8)) if self._rng.randrange(1000) < self.noise else each)
        return bytes(said)

    def close(self) -> None:
        """End."""
        self._ended = True
        self.unplug()
        self._nudge()
        self._thread.join(5)
        os.close(self._wake)
        os.close(self._woken)

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._woken, b"!")

    def _run(self) -> None:
        while not self._ended:
            ends = self._ends
            watched = [self._wake] + ([ends[0]] if ends else [])
            try:
                ready = select.select(watched, [], [], self._device.period)[0]
                if self._wake in ready:
                    os.read(self._wake, 64)
                with self._lock:
                    if ends is None or self._ends is not ends:
                        continue
                    if ends[0] in ready:
                        self._device.take(os.read(ends[0], 4096))
                    elif not ready:
                        self._device.tick()
            except (OSError, ValueError):
                continue  # it was pulled out just now


class Base:
    """What every device on a line has."""

    period: float | None = None
    line: Line

    def take(self, received: bytes) -> None:
        """Hear what was sent."""

    def tick(self) -> None:
        """Do what is due."""

    def lose_power(self) -> None:
        """Forget what is forgotten without a supply."""
