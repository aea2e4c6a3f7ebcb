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
        self._firsts: dict[str, int] = {}  # when each session's own first is due, until it was
        self._known: frozenset[str] = frozenset()

    def step(self, moment: Moment, sessions: tuple[OpenSession, ...]) -> int | None:
        """Write one for all that are open, where it is due; return when the next is, None for never."""
        running = frozenset(each.session for each in sessions)
        if not self._known & running:
            self._at = moment.at + HEARTBEAT_MS
        for session in running - self._known:
            self._firsts[session] = moment.at + FIRST_BEAT_MS
        self._known = running
        self._firsts = {session: at for session, at in self._firsts.items() if session in running}
        if not running:
            return None
        if moment.at >= self._next:
            self._writes.beat(sessions)
            self._at = moment.at + HEARTBEAT_MS
            # Of one that began just now this beat knows next to nothing: its own is still due.
            self._firsts = {session: at for session, at in self._firsts.items() if at > moment.at}
        return self._next

    @property
    def _next(self) -> int:
        return min(self._at, *self._firsts.values()) if self._firsts else self._at
