"""A network cable between a controller and its server: bytes pass while it is plugged in, and none while it is not."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final, Self

PIECE: Final = 65_536


class Cable:
    """Listens on a port of its own, and passes on what comes to the server's. A context manager."""

    def __init__(self, port: int) -> None:
        """port: the server's, on this machine."""
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listener.getsockname()[1]
        self.is_plugged = True
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="cable", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.pull()
        self._listener.close()

    def pull(self) -> None:
        """Pull it: what is open is cut, and nothing new comes through."""
        self.is_plugged = False
        with self._lock:
            for link in self._open:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        """Plug it in again."""
        self.is_plugged = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.is_plugged:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), name="cable", daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(PIECE):
                other.sendall(piece)
        for link in (one, other):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {one, other}
        one.close()
        other.close()
