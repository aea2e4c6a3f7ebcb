"""When heartbeats are written: what is known of a session that is cut short."""

from __future__ import annotations

from typing import Final

from controller.station.events import OpenSession
from controller.store.write_queue import WriteQueue
from protocol.moment import Moment

HEARTBEAT_MS: Final = 45_000  # one commit for all stations
FIRST_BEAT_MS: Final = 5_000  # of each session: a cut soon after it began leaves some of it known


class Heartbeats:
    """Owned by the loop's thread."""

    def __init__(self, writes: WriteQueue) -> None:
        self._writes = writes
        self._at = 0
        self._of: frozenset[str] = frozenset()  # the sessions for which that time was set

    def step(self, moment: Moment, sessions: tuple[OpenSession, ...]) -> int | None:
        """Write one for all that are open, where it is due; return when the next is, None for never."""
        running = frozenset(each.session for each in sessions)
        if new := running - self._of:
            first = moment.at + FIRST_BEAT_MS
            self._at = first if new == running else min(self._at, first)
        self._of = running
        if not running:
            return None
        if moment.at >= self._at:
            self._writes.beat(sessions)
            self._at = moment.at + HEARTBEAT_MS
        return self._at
