"""What readers and inputs tell the loop."""

from __future__ import annotations

import msgspec

from drivers.readers import presence


class FromReader(msgspec.Struct, frozen=True):
    """A reader saw something: all that one look changed."""

    machine: str
    events: tuple[presence.PresenceEvent, ...]


class FromInput(msgspec.Struct, frozen=True):
    """The condition of an input began to hold, or ceased to."""

    machine: str
    name: str
    active: bool
