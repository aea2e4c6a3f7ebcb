"""The watchdog: what must make progress for the service manager to let the daemon live.

While a session runs, the loop alone: a stalled disk refuses new sessions, it does not cut a job. Nor while the end of
one waits to be written: it would be lost. Otherwise the writer too: a restart may help it, and harms nobody.
"""

from __future__ import annotations

from guard.notify import ALIVE, Manager


class Watchdog:
    """Tells the service manager that the daemon lives, three times within its patience."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        patience = manager.patience_ms
        self._every = None if patience is None else max(1, patience // 3)
        self._next = 0

    def feed(self, now: int, *, has_to_live: bool, writer_stuck: bool) -> int | None:
        """Return a sign of life if it is time; return when the next is due (boot-time ms), None for never."""
        if self._every is None:
            return None
        if now >= self._next:
            self._next = now + self._every
            if has_to_live or not writer_stuck:
                self._manager.say(ALIVE)
        return self._next
