"""What reaches the loop: everything that happens outside it is one of these, put on its queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from controller.sensing.messages import CardNear, FromInput, FromReader, PinAnswer
from controller.station.events import ClearAsked, EndAsked, GroupAsked, LockAsked, TeachAsked
from controller.store.answers import GrantAnswer, PurgeDone, StorageChanged, StorageOpened
from controller.store.edits import EditFailed, WhitelistChanged, WhitelistReplaced
from protocol.badge import BadgeKey


class PartReport(msgspec.Struct, frozen=True):
    """A part of a machine changed. detail: what is wrong, if anything is; fault: the machine is out of order by it."""

    machine: str
    part: str
    detail: str = ""
    fault: bool = False


Request = EndAsked | ClearAsked | GroupAsked | LockAsked | TeachAsked


class Asked(msgspec.Struct, frozen=True):
    """Somebody at the control socket asks for something; `answer` takes what comes of it."""

    request: Request | None
    machine: str
    answer: Callable[[Any], None]


class WatchAsked(msgspec.Struct, frozen=True):
    """Somebody wants to hear what readers say; `answer` takes the chips that are found, by machine."""

    watcher: Callable[[FromReader], None]
    answer: Callable[[dict[str, str]], None]


class WatchEnded(msgspec.Struct, frozen=True):
    """Somebody does not listen any more."""

    watcher: Callable[[FromReader], None]


class KeyChanged(msgspec.Struct, frozen=True):
    """Badges are hashed under this key from now on."""

    key: BadgeKey


class Enrolled(msgspec.Struct, frozen=True):
    """A server keeps the list: its age is that of what the server said last."""


class StopAsked(msgspec.Struct, frozen=True):
    """The daemon is to stop if no session is open; `answer` takes the machines where one is."""

    answer: Callable[[list[str]], None]


class ClockAsked(msgspec.Struct, frozen=True):
    """Somebody asks what is known of the time, or says that it is no later than that (ms since 1970)."""

    by: str
    ms: int | None
    answer: Callable[[Any], None]


class ServerTime(msgspec.Struct, frozen=True):
    """The server said, signed and asked just now, that it is that late (milliseconds since 1970)."""

    ms: int


class Confirmed(msgspec.Struct, frozen=True):
    """The server said that the list in force is the right one, at that time (milliseconds since 1970)."""

    ms: int


class StickTold(msgspec.Struct, frozen=True):
    """A stick that was plugged in may be pulled: whether all went well with it."""

    well: bool


class Halt(msgspec.Struct, frozen=True):
    """The daemon is to stop in good order, whatever runs."""


Message = (
    FromReader
    | CardNear
    | PinAnswer
    | FromInput
    | PartReport
    | Asked
    | WatchAsked
    | WatchEnded
    | KeyChanged
    | Enrolled
    | StopAsked
    | ClockAsked
    | ServerTime
    | Confirmed
    | StickTold
    | Halt
    | EditFailed
    | GrantAnswer
    | StorageChanged
    | StorageOpened
    | PurgeDone
    | WhitelistChanged
    | WhitelistReplaced
)
