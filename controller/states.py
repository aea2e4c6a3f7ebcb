"""The states of a station: what each knows, and when it next wants to be told that time passed."""

from __future__ import annotations

import msgspec

from controller.settings import Mode
from protocol.entries import Ending
from protocol.moment import Moment


class Rules(msgspec.Struct, frozen=True):
    """What the settings say of one machine; times in milliseconds. enders: the inputs that end a session."""

    machine: str
    mode: Mode = Mode.PRESENCE
    grace: int = 5_000
    longest: int | None = None
    warning: int = 60_000
    enders: frozenset[str] = frozenset()


class Session(msgspec.Struct, frozen=True):
    """A session that was granted. `longest` is on the boot-time clock; `warned` once that was said."""

    id: str
    member: str
    badge: str
    longest: int | None = None
    warned: bool = False


class State(msgspec.Struct, frozen=True):
    """What all states know.

    lying: the badges on the reader; stale: those of them that open nothing until they are taken away.
    locked: why the machine is locked, once no session holds it; empty where it is not.
    """

    rules: Rules
    lying: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    locked: str = ""
    reader_lost: bool = False

    @property
    def wakes(self) -> int | None:
        """When the state next wants to be told that time passed (boot-time ms), if at all."""
        return None


class Recovering(State, frozen=True):
    """At start: the journal is not yet read."""


class Idle(State, frozen=True):
    """Waits for a badge; output open."""


class Starting(State, frozen=True, kw_only=True):
    """The grant is on its way to disk; output open."""

    session: Session
    until: int

    @property
    def wakes(self) -> int | None:
        """The commit's last moment."""
        return self.until


class Running(State, frozen=True, kw_only=True):
    """A session is open, and the output closed since `closed`; `powered` is what came before."""

    session: Session
    closed: int
    powered: int = 0
    reader_until: int | None = None

    @property
    def warns(self) -> int | None:
        """When to warn that the longest session is near."""
        if self.session.longest is None or self.session.warned:
            return None
        return self.session.longest - self.rules.warning

    @property
    def wakes(self) -> int | None:
        """The warning, the end of the longest session, or of the wait for a lost reader."""
        times = (self.warns, self.session.longest, self.reader_until)
        return min((time for time in times if time is not None), default=None)

    def powered_at(self, moment: Moment) -> int:
        """Give the milliseconds for which the output has been closed."""
        return self.powered + max(0, moment.at - self.closed)


class Leaving(State, frozen=True, kw_only=True):
    """Grace: output open; the badge back in time goes on with the same session."""

    session: Session
    powered: int
    until: int
    why: Ending

    @property
    def wakes(self) -> int | None:
        """The end of the grace."""
        return self.until


class Locked(State, frozen=True):
    """Locked; a maintainer's badge opens a session, and it locks again afterwards."""


class Fault(State, frozen=True, kw_only=True):
    """Out of order, output open, until a maintainer's badge or a person at the shell clears it."""

    cause: str
