"""What readers, their keys and inputs tell the loop."""

from __future__ import annotations

import msgspec

from drivers.readers import presence


class FromReader(msgspec.Struct, frozen=True):
    """A reader saw something: all that one look changed."""

    machine: str
    events: tuple[presence.PresenceEvent, ...]


class CardNear(msgspec.Struct, frozen=True):
    """A card has begun to answer a machine's reader, and is being read: within milliseconds somebody taps."""

    machine: str


class FromInput(msgspec.Struct, frozen=True):
    """The condition of an input began to hold, or ceased to."""

    machine: str
    name: str
    active: bool


class PinAnswer(msgspec.Struct, frozen=True):
    """Whether what was typed for a session at a machine is the member's PIN."""

    machine: str
    session: str
    member: str
    right: bool
