"""After how long something is tried again: full jitter, so that a thousand controllers do not come back together."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

BASE_S: Final = 1.0
MOST_S: Final = 60.0


class Retry:
    """Counts what failed in a row; random(0, min(most, base · 2ⁿ)) seconds each time."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._failed = 0

    def worked(self) -> None:
        """Begin anew."""
        self._failed = 0

    def failed(self) -> float:
        """Return the seconds to wait now."""
        wait = min(MOST_S, BASE_S * 2**self._failed)
        self._failed = min(self._failed + 1, 10)
        return self._uniform(0, wait)
