"""What happens to a station, and what it asks for in answer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from controller.station.rules import Clears
from protocol.access import Denied, Granted, Reason
from protocol.entries import AnyEntry, Purpose
from protocol.entries import Granted as GrantEntry
from protocol.rows import Level


class Event(msgspec.Struct, frozen=True):
    """Something that happened to one station."""


class Presented(Event, frozen=True):
    """A badge came onto the reader.

    fresh: False where it lay there when the reader began to look. verdict: by all badges that lie there;
    alone: by this one. session: an id for the session that may begin. obstacle: what keeps the whole controller from
    starting anything. beside: whose other badges lie there, "" for one that nobody knows.
    """

    badge: str
    fresh: bool
    verdict: Granted | Denied
    alone: Granted | Denied
    session: str
    obstacle: Reason | None = None
    beside: frozenset[str] = frozenset()


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


class InputChanged(Event, frozen=True):
    """The condition of an input, as the settings name it, began to hold, or ceased to."""

    name: str
    active: bool


class OutputFailed(Event, frozen=True):
    """An output did not do what it was told, or a part that the machine needs is not there.

    clears: who may say that it is over; for_good: nobody, until what is missing is found.
    """

    cause: str
    clears: Clears = Clears.MAINTAINER
    for_good: bool = False


class PartFound(Event, frozen=True):
    """What was missing since the start is there by now. cause: by which it was told."""

    cause: str


class GroupAsked(Event, frozen=True):
    """Somebody at the shell says that the next trainer's badge lets a group in."""

    organisation: str = ""
    people: int | None = None
    purpose: Purpose = Purpose.TRAINING


class TeachAsked(Event, frozen=True):
    """Somebody at the shell says that the next trainer's badge lets others in, one after the other."""


class Taught(Event, frozen=True):
    """A member's trainings, given at this reader, are on disk."""

    member: str


class TeachFailed(Event, frozen=True):
    """What was to be given at this reader was not written."""

    badge: str
    reason: Reason = Reason.NO_STORAGE


class PinTyped(Event, frozen=True):
    """Somebody types at the reader's keys while a PIN is asked for. count: digits so far, never which."""

    count: int


class PinChecked(Event, frozen=True):
    """A PIN was compared, or cannot be. lacks: why it lets nobody in; verdict: on the badge, by now."""

    session: str
    verdict: Granted | Denied
    lacks: Reason | None = None
    note: str = ""
    obstacle: Reason | None = None


class ClearAsked(Event, frozen=True):
    """Somebody says that the cause of the fault is gone."""

    by: str


class OpenSession(msgspec.Struct, frozen=True):
    """A session that is open, as far as its last heartbeat tells.

    powered, busy in milliseconds; at: the boot-time of that heartbeat. began: the boot-time of its grant; extended: of
    the last tap for more time. The rest is the grant's: who, by which badge, what for, for how long at most, and what
    it is billed by.
    """

    session: str
    machine: str
    powered: int
    boot: str
    at: int
    busy: int | None = None
    began: int = 0
    extended: int = 0
    member: str = ""
    badge: str = ""
    purpose: Purpose = Purpose.OWN
    group: bool = False
    longest: int | None = None
    level: Level = Level.USER
    category: str = ""
    payer: str = ""
    applied: str | None = None
    meter: float | None = None


class Recover(Event, frozen=True):
    """The journal was read: what was left open, why the machine is locked, and what nobody cleared, if it is so."""

    open: tuple[OpenSession, ...] = ()
    locked: str = ""
    faults: tuple[str, ...] = ()


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
    | InputChanged
    | GroupAsked
    | TeachAsked
    | Taught
    | TeachFailed
    | OutputFailed
    | PartFound
    | PinTyped
    | PinChecked
    | ClearAsked
    | Stop
)


class Signal(StrEnum):
    """What lights and sounds tell."""

    STARTING_UP = "starting_up"
    IDLE = "idle"
    GRANTED = "granted"
    REFUSED = "refused"
    AWAITING = "awaiting"
    TEACHING = "teaching"
    RUNNING = "running"
    LEAVING = "leaving"
    WARNING = "warning"
    ENDED = "ended"
    REPORTED = "reported"
    STICK_DONE = "stick_done"
    STICK_FAILED = "stick_failed"
    LOCKED = "locked"
    FAULT = "fault"
    READER_LOST = "reader_lost"
    OFFLINE = "offline"


class Effect(msgspec.Struct, frozen=True):
    """Something that a station asks the loop to do, in order."""


class Switch(Effect, frozen=True):
    """Have exactly these outputs closed, each under a lease; all others open, first of all and waiting for nothing."""

    closed: frozenset[str] = frozenset()


class Commit(Effect, frozen=True):
    """Write a grant to disk, and say when it is there."""

    entry: GrantEntry


class Record(Effect, frozen=True):
    """Put an entry into the journal."""

    entry: AnyEntry


class SetLock(Effect, frozen=True):
    """Keep in the whitelist why a machine is locked, as a maintainer's badge said; empty unlocks."""

    note: str


class Teach(Effect, frozen=True):
    """Give the machine's trainings to a badge's holder; to a person to be named later where nobody knows the badge."""

    badge: str
    member: str | None
    by: str


class Flash(Effect, frozen=True):
    """A signal for a moment; `denied` says why and what would help."""

    signal: Signal
    denied: Denied | None = None


AnyEffect = Switch | Commit | Record | SetLock | Teach | Flash
