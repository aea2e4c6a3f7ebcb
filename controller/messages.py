"""What reaches the loop: everything that happens outside it is one of these, put on its queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from controller.station.events import ClearAsked, EndAsked, GroupAsked, LockAsked
from controller.writer import GrantAnswer, StorageChanged, WhitelistChanged, WhitelistReplaced
from drivers import presence


class FromReader(msgspec.Struct, frozen=True):
    """A reader saw something: all that one look changed."""

    machine: str
    events: tuple[presence.PresenceEvent, ...]


class FromInput(msgspec.Struct, frozen=True):
    """The condition of an input began to hold, or ceased to."""

    machine: str
    name: str
    active: bool


class PartFailed(msgspec.Struct, frozen=True):
    """A light, buzzer, display or meter failed: nobody is kept from working."""

    machine: str
    part: str
    detail: str


Request = EndAsked | ClearAsked | GroupAsked | LockAsked


class Asked(msgspec.Struct, frozen=True):
    """Somebody at the control socket asks for something; `answer` takes what comes of it."""

    request: Request | None
    machine: str
    answer: Callable[[Any], None]


class StopAsked(msgspec.Struct, frozen=True):
    """The daemon is to stop if no session is open; `answer` takes the machines where one is."""

    answer: Callable[[list[str]], None]


class Halt(msgspec.Struct, frozen=True):
    """The daemon is to stop in good order, whatever runs."""


Message = (
    FromReader
    | FromInput
    | PartFailed
    | Asked
    | StopAsked
    | Halt
    | GrantAnswer
    | StorageChanged
    | WhitelistChanged
    | WhitelistReplaced
)
