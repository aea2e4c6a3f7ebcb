"""What happens to a station, and what it asks for in answer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from protocol.access import Denied, Granted
from protocol.entries import AnyEntry
from protocol.entries import Granted as GrantEntry


class Event(msgspec.Struct, frozen=True):
    """Something that happened to one station."""


class Presented(Event, frozen=True):
    """A badge came onto the reader.

    fresh: False where it lay there when the reader began to look. verdict: by all badges that lie there;
    alone: by this one. session: an id for the session that may begin. guarded: whether a guard lives.
    """

    badge: str
    fresh: bool
    verdict: Granted | Denied
    alone: Granted | Denied
    session: str
    guarded: bool = True


class Removed(Event, frozen=True):
    """A badge left the reader."""

    badge: str


class ReaderLost(Event, frozen=True):
    """The reader does not answer."""

    detail: str


class ReaderFound(Event, frozen=True):
    """The reader answers, for the first time or again."""


class Committed(Event, frozen=True):
    """The grant of a session is on disk."""

    session: str


class CommitFailed(Event, frozen=True):
    """The grant of a session could not be written, and never will be."""

    session: str


class TimePassed(Event, frozen=True):
    """A time that the state waits for has come."""


class LockAsked(Event, frozen=True):
    """The machine is to be locked; `now` cuts a running session."""

    note: str
    by: str
    now: bool = False


class UnlockAsked(Event, frozen=True):
    """The machine is to be unlocked."""

    by: str


class EndAsked(Event, frozen=True):
    """One named session is to end."""

    session: str
    by: str


class InputClosed(Event, frozen=True):
    """An input's contact closed, as the settings name it."""

    name: str


class OutputFailed(Event, frozen=True):
    """An output did not do what it was told, or a part that the machine needs is not there."""

    cause: str


class ClearAsked(Event, frozen=True):
    """Somebody says that the cause of the fault is gone."""

    by: str


class OpenSession(msgspec.Struct, frozen=True):
    """A session that an earlier run of the daemon left open, as far as its last heartbeat tells."""

    session: str
    machine: str
    powered: int
    boot: str
    at: int


class Recover(Event, frozen=True):
    """The journal was read: what was left open, and why the machine is locked, if it is."""

    open: tuple[OpenSession, ...] = ()
    locked: str = ""


class Stop(Event, frozen=True):
    """The daemon stops in good order."""


AnyEvent = (
    Recover
    | Presented
    | Removed
    | ReaderLost
    | ReaderFound
    | Committed
    | CommitFailed
    | TimePassed
    | LockAsked
    | UnlockAsked
    | EndAsked
    | InputClosed
    | OutputFailed
    | ClearAsked
    | Stop
)


class Signal(StrEnum):
    """What lights and sounds tell."""

    STARTING_UP = "starting_up"
    IDLE = "idle"
    GRANTED = "granted"
    REFUSED = "refused"
    RUNNING = "running"
    LEAVING = "leaving"
    WARNING = "warning"
    ENDED = "ended"
    LOCKED = "locked"
    FAULT = "fault"
    READER_LOST = "reader_lost"


class Effect(msgspec.Struct, frozen=True):
    """Something that a station asks the loop to do, in order."""


class OpenOutput(Effect, frozen=True):
    """Open the machine's output; waits for nothing."""


class CloseOutput(Effect, frozen=True):
    """Close the machine's output, under a lease."""


class Commit(Effect, frozen=True):
    """Write a grant to disk, and say when it is there."""

    entry: GrantEntry


class Record(Effect, frozen=True):
    """Put an entry into the journal."""

    entry: AnyEntry


class Flash(Effect, frozen=True):
    """Tell people for a moment; `denied` says why and what would help."""

    signal: Signal
    denied: Denied | None = None


AnyEffect = OpenOutput | CloseOutput | Commit | Record | Flash
