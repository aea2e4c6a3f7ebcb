"""What a state answers to an event."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from controller.station.events import (
    AnyEffect,
)
from controller.station.states import (
    State,
)

S = TypeVar("S", bound=State)


class Step(msgspec.Struct, frozen=True):
    """A state's answer to an event: the next state, and effects in their order."""

    state: State
    effects: tuple[AnyEffect, ...] = ()


def with_condition(state: S, **changes: object) -> S:
    """Change what lies or stands at the machine."""
    return msgspec.structs.replace(state, condition=msgspec.structs.replace(state.condition, **changes))
