"""Challenges: what a controller signs along, so that no old request passes for a new one. No clock of its own needed.

Nothing is remembered: a challenge is the server's time under a key of the server's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from server.core import clock

LIFE: Final = 600  # seconds


class Challenges:
    """Makes them, and tells whether one is still good."""

    def __init__(self, secret: bytes, now: Callable[[], float] = clock.seconds) -> None:
        self._secret = secret
        self._now = now

    def new(self) -> str:
        """Make one."""
        made = f"{int(self._now()):x}"
        return f"{made}.{self._mark(made)}"

    def holds(self, challenge: str) -> bool:
        """Return whether it was made here, and not too long ago."""
        made, _, mark = challenge.partition(".")
        if not made or len(made) > 12 or not hmac.compare_digest(mark.encode(), self._mark(made).encode()):  # noqa: PLR2004
            return False
        return 0 <= self._now() - int(made, 16) <= LIFE

    def _mark(self, made: str) -> str:
        return hashlib.blake2b(made.encode(errors="replace"), key=self._secret, digest_size=16).hexdigest()
