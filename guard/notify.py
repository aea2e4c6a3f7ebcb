"""What a process says to systemd: ready, stopping, alive (sd_notify(3)). Standard library only.

One datagram a sentence, to the socket that the service manager names; where it names none, nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
ALIVE: Final = "WATCHDOG=1"


class Manager:
    """The service manager that started this process, if one did."""

    def __init__(self) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if path else None
        if self._socket is not None:
            self._socket.setblocking(False)  # a manager that does not listen holds up nobody

    @property
    def patience_ms(self) -> int | None:
        """How long the manager waits for a sign of life before it kills (WatchdogSec=); None for ever."""
        text = os.environ.get("WATCHDOG_USEC", "")
        meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return int(text) // 1000 if text.isdigit() and meant and self._socket is not None else None

    def say(self, *words: str) -> None:
        """Send READY, STOPPING, ALIVE, or `STATUS=` and a sentence for `systemctl status`."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(words).encode(errors="replace"), self._address)

    def close(self) -> None:
        """Send nothing any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
