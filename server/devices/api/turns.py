"""One after another: however many requests a controller sends at once, the database is asked for one of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from server.devices.problems import ProblemError

MOST: Final = 8  # of one controller's that wait


class _Line(msgspec.Struct):
    lock: asyncio.Lock
    inside: int = 0


class Turns:
    """Gives each sender one turn at a time."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @contextlib.asynccontextmanager
    async def of(self, sender: str) -> AsyncIterator[None]:
        """Wait for a sender's turn. Raises ProblemError where so many of its requests wait already."""
        line = self._lines.setdefault(sender, _Line(asyncio.Lock()))
        if line.inside >= MOST:
            raise ProblemError("busy", "one request after another")
        line.inside += 1
        try:
            async with line.lock:
                yield
        finally:
            line.inside -= 1
            if not line.inside:
                self._lines.pop(sender, None)
