"""Whoever plays with a board that runs elsewhere: lays cards, presses buttons, pulls cables, over its socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from simulator.board import MAX_MESSAGE
from simulator.pins import PinError


class Hand:
    """Whoever plays with a board that runs elsewhere."""

    def __init__(self, path: Path | str) -> None:
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.connect(str(path))

    def do(self, name: str, **what: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask the board for one thing. Raises PinError with what it answers."""
        return self.ask({"do": name, **what})

    def ask(self, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Ask the same as one table."""
        self._link.send(json.dumps(request).encode())
        answer = json.loads(self._link.recv(MAX_MESSAGE * 16))
        if "error" in answer:
            raise PinError(answer["error"])
        return answer.get("is")

    def close(self) -> None:
        """Let go."""
        self._link.close()
