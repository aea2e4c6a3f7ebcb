"""What a journal holds: one struct per kind of entry. Ids only; names live apart."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from protocol.access import Reason
from protocol.moment import Quality
from protocol.price import Line
from protocol.rows import AnyRow, Level

WattHours = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class Ending(StrEnum):
    """Why a session ended."""

    BADGE_REMOVED = "badge_removed"
    BADGE_TAPPED = "badge_tapped"
    INPUT = "input"
    LONGEST = "longest"
    TIME_UP = "time_up"
    IDLE = "idle"
    RESTED = "rested"
    TAKEN_OVER = "taken_over"
    REMOTE = "remote"
    LOCKED = "locked"
    READER_LOST = "reader_lost"
    FAULT = "fault"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class Purpose(StrEnum):
    """What a session is for."""

    OWN = "own"
    ORDER = "order"
    TRAINING = "training"
    MAINTENANCE = "maintenance"
    DEMONSTRATION = "demonstration"

    def is_paid(self, level: Level) -> bool:
        """Return whether use for this costs anything; that it does not takes a trainer's or maintainer's badge."""
        return self not in {Purpose.MAINTENANCE, Purpose.DEMONSTRATION} or level < Level.TRAINER


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened."""


class Granted(Entry, frozen=True, tag="granted"):
    """A session begins: committed before its output closes.

    beside: the second person who tapped. organisation, people: whom a trainer lets in as a group; 0 where nobody
    counted yet. longest: how long it may last, in milliseconds, by settings and whitelist. meter: what the plug or
    meter of the machine had counted by then, in watt-hours. applied: the prices that it goes by, as `price.written`
    writes them; None where the program that wrote the entry knew none.
    """

    session: str
    machine: str
    member: str
    badge: str
    level: Level
    purpose: Purpose = Purpose.OWN
    category: str = ""
    payer: str = ""
    beside: str | None = None
    organisation: str = ""
    people: int | None = None
    group: bool = False
    longest: int | None = None
    meter: WattHours | None = None
    applied: str | None = None


class Extended(Entry, frozen=True, tag="extended"):
    """More time was tapped for."""

    session: str
    machine: str


class Nearing(Entry, frozen=True, tag="session_nears_its_end"):
    """Somebody was warned that a job's machine switches itself off; left: in so many milliseconds."""

    session: str
    machine: str
    left: int


class Withdrawn(Entry, frozen=True, tag="grant_withdrawn"):
    """A grant that was committed too late for its output to close."""

    session: str
    machine: str


class Past(msgspec.Struct, frozen=True):
    """A moment that lies before its entry: its boot, and milliseconds on that boot's clock."""

    boot: str
    at: int


class Resumed(Entry, frozen=True, tag="resumed"):
    """A session goes on, its output never opened: the daemon came back in time, or a new journal took its place.

    member, badge, purpose, level, category, payer, applied, counted (its first meter): said again where the journal
    that held the grant was damaged.
    """

    session: str
    machine: str
    member: str | None = None
    badge: str | None = None
    purpose: Purpose | None = None
    level: Level | None = None
    category: str = ""
    payer: str = ""
    applied: str | None = None
    counted: WattHours | None = None


class Ended(Entry, frozen=True, tag="ended"):
    """A session is over; powered in milliseconds, and busy too where running is sensed.

    by: the member who ended it, or the person at the shell; cause: the input or fault that did. until: when it is
    known to have gone on last, where the entry was written later. meter: as the grant's, at the end. lines: what it
    costs by what was applied; None where nobody reckoned.
    """

    session: str
    machine: str
    why: Ending
    powered: int
    by: str | None = None
    until: Past | None = None
    busy: int | None = None
    cause: str = ""
    meter: WattHours | None = None
    lines: tuple[Line, ...] | None = None


class Corrected(Entry, frozen=True, tag="corrected"):
    """Somebody says better what a session was; what is None stays as it was. powered in milliseconds."""

    session: str
    machine: str
    by: str
    note: str = ""
    powered: int | None = None
    purpose: Purpose | None = None
    organisation: str | None = None
    people: int | None = None


class Refused(Entry, frozen=True, tag="refused"):
    """A tap that opened nothing; wants, day and note say what would help, as in `access.Denied`."""

    machine: str
    reason: Reason
    member: str | None = None
    badge: str | None = None
    wants: tuple[str, ...] = ()
    day: date | None = None
    note: str = ""


class Thinned(Entry, frozen=True, tag="thinned"):
    """So many refusals and reader's troubles were left out, because they came faster than they could be kept."""

    machine: str
    count: int


class ReaderLost(Entry, frozen=True, tag="reader_lost"):
    """A reader does not answer any more."""

    machine: str
    detail: str


class ReaderFound(Entry, frozen=True, tag="reader_found"):
    """It answers again."""

    machine: str


class Sensed(Entry, frozen=True, tag="sensed"):
    """An input's condition came, or went: a lid opened, an alarm that only tells."""

    machine: str
    name: str
    active: bool


class Maintained(Entry, frozen=True, tag="maintained"):
    """A machine was looked after; powered: its hour counter then, in milliseconds."""

    machine: str
    by: str
    powered: int
    note: str = ""


class Reported(Entry, frozen=True, tag="defect_reported"):
    """Somebody says that something is wrong with a machine: at its button (input, and whose session it was), or here.

    by: the person at the shell, empty at the button. note: what is wrong, as far as it was said.
    """

    machine: str
    by: str = ""
    note: str = ""
    input: str = ""
    member: str | None = None


class Mended(Entry, frozen=True, tag="defect_mended"):
    """What was reported of a machine is dealt with: all of it until now."""

    machine: str
    by: str
    note: str = ""


class FaultLatched(Entry, frozen=True, tag="fault"):
    """A machine is out of order until somebody clears it."""

    machine: str
    cause: str


class FaultCleared(Entry, frozen=True, tag="fault_cleared"):
    """Somebody cleared it: a member, or a person at the shell."""

    machine: str
    by: str


class Locked(Entry, frozen=True, tag="locked"):
    """A machine is locked."""

    machine: str
    note: str
    by: str


class Unlocked(Entry, frozen=True, tag="unlocked"):
    """A machine is no longer locked."""

    machine: str
    by: str


class Warned(Entry, frozen=True, tag="warned"):
    """A part of no vital use failed: a light, a buzzer."""

    machine: str
    part: str
    detail: str


class Clock(Entry, frozen=True, tag="clock"):
    """The wall clock was set: on this boot, wall time = boot time + offset (milliseconds)."""

    offset: int
    quality: Quality


class Started(Entry, frozen=True, tag="daemon_started"):
    """The daemon is ready."""

    version: str


class Stopped(Entry, frozen=True, tag="daemon_stopped"):
    """The daemon stopped in good order."""


class Edited(Entry, frozen=True, tag="whitelist_edited"):
    """The whitelist was changed here: so many rows put and dropped, by whom, up to which version.

    rows, gone: what was put, without names, and the keys of what was dropped; of a whole list they are only counted.
    base: the version of the list that they lie over, generation: of the server that brought it, 0 where none did.
    machine: at whose reader; by is then a member's id.
    """

    version: int
    put: int
    dropped: int
    by: str
    replaced: bool = False
    rows: tuple[AnyRow, ...] = ()
    gone: tuple[str, ...] = ()
    base: int = 0
    machine: str | None = None
    generation: int = 0


class StorageReplaced(Entry, frozen=True, tag="storage_replaced"):
    """What was kept on disk was damaged, and set aside; so many entries of its journal are saved under its epoch."""

    why: str
    epoch: str
    saved: int
    aside: str


class ClockLowered(Entry, frozen=True, tag="clock_lowered"):
    """A person said that it is no later than this (milliseconds since 1970), whatever a clock had said before."""

    by: str
    known: int


class Purged(Entry, frozen=True, tag="purged"):
    """So many entries were older than they may be kept: passages and refusals, and usage."""

    passages: int
    usage: int


class Rehashed(Entry, frozen=True, tag="badge_rehashed"):
    """A badge that is known under an older badge key was tapped; `new`: its hash under the one in force."""

    machine: str
    badge: str
    new: str


class Unknown(Entry, frozen=True, tag="unknown"):
    """An entry that another version wrote, and this one cannot read."""

    what: str = ""


AnyEntry = (
    Granted
    | Extended
    | Nearing
    | Withdrawn
    | Resumed
    | Ended
    | Corrected
    | Refused
    | Thinned
    | ReaderLost
    | ReaderFound
    | Sensed
    | Maintained
    | Reported
    | Mended
    | FaultLatched
    | FaultCleared
    | Locked
    | Unlocked
    | Warned
    | Clock
    | Started
    | Stopped
    | Edited
    | StorageReplaced
    | ClockLowered
    | Purged
    | Rehashed
    | Unknown
)


# What a session is made of: these entries live as long as it does.
USAGE: Final = (Granted, Extended, Resumed, Ended, Withdrawn, Corrected)


def energy_used(began: float | None, ended: float | None) -> int | None:
    """Return what a session used, in watt-hours, by its counter's two readings; None where it was set back."""
    if began is None or ended is None or ended < began:
        return None
    return round(ended - began)


encode_entry: Final = msgspec.json.Encoder().encode
decode_entry: Final = msgspec.json.Decoder(AnyEntry).decode


def read_entry(what: str, body: str | bytes) -> AnyEntry:
    """Read an entry whose seal holds, of that kind; `Unknown` where another version of this program wrote it."""
    try:
        entry: AnyEntry = decode_entry(body)
    except msgspec.MsgspecError:
        return Unknown(what)
    return entry


def kind(entry: AnyEntry) -> str:
    """Return an entry's kind, as the journal names it."""
    return str(entry.__struct_config__.tag)
