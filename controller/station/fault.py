"""Fault: out of order, everything open, until each cause is gone and whoever the settings name clears it."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.beginnings import laid
from controller.station.endings import out_of_order, refuse_for, rest
from controller.station.events import (
    ClearAsked,
    InputChanged,
    OutputFailed,
    PartFound,
    Presented,
    Record,
    Stop,
    TimePassed,
)
from controller.station.inputs import sensed, suspicion, told
from controller.station.rules import Clears, Does
from controller.station.shared_rows import SHARED, Rows, nothing
from controller.station.states import Cause, Fault
from controller.station.steps import Step
from protocol import entries
from protocol.access import Granted, Reason
from protocol.moment import Moment

PROGRAM: Final = "loquet"  # who clears what it found again by itself


def _without(state: Fault, gone: tuple[Cause, ...], by: str) -> Step:
    """Take causes away; the last one brings the station to rest."""
    left = tuple(cause for cause in state.causes if cause not in gone)
    if left:
        return Step(msgspec.structs.replace(state, causes=left))
    return Step(rest(state.condition), (Record(entries.FaultCleared(state.rules.machine, by)),))


def clear_by_badge(state: Fault, event: Presented, _moment: Moment) -> Step:
    """Whose level clears what is gone: IDLE or LOCKED. Another, or a cause that still holds: refuse."""
    now = laid(state, event)
    if event.fresh and isinstance(event.alone, Granted):
        level = event.alone.level
        mine = tuple(c for c in now.causes if c.clears.level is not None and level >= c.clears.level and _gone(now, c))
        if mine == now.causes:
            return _without(now, mine, event.alone.member)
    return refuse_for(now, event, Reason.MACHINE_FAULT, state.told)


def _gone(state: Fault, cause: Cause) -> bool:
    """Return whether a cause is no more; one that counts only while the machine is on is gone with the power."""
    rule = state.rules.input(cause.input)
    return not cause.for_good and (
        cause.input not in state.condition.active or (rule is not None and bool(rule.settle))
    )


def clear(state: Fault, event: ClearAsked, _moment: Moment) -> Step:
    """What is gone is cleared. IDLE or LOCKED."""
    return _without(state, tuple(cause for cause in state.causes if _gone(state, cause)), event.by)


def sense(state: Fault, event: InputChanged, moment: Moment) -> Step:
    """One more cause: journal. One that its release clears: IDLE or LOCKED if it was the last. Others: note, tell."""
    now = sensed(state, event, moment)
    rule = state.rules.input(event.name)
    known = {cause.input for cause in state.causes}
    if rule is not None and rule.does is Does.FAULT and event.active and not rule.settle and rule.name not in known:
        return out_of_order(now, moment, Cause(rule.name, rule.clears, rule.name))
    released = tuple(c for c in now.causes if c.clears is Clears.RELEASE and c.input == event.name and _gone(now, c))
    if released:
        return _without(now, released, event.name)
    return Step(now, told(now, event))


def another_cause(state: Fault, event: OutputFailed, moment: Moment) -> Step:
    """Journal a new cause, open."""
    if event.cause in {cause.what for cause in state.causes}:
        return Step(state)  # opening is what failed: asking again and again would never end
    return out_of_order(state, moment, Cause(event.cause, event.clears, for_good=event.for_good))


def found(state: Fault, event: PartFound, _moment: Moment) -> Step:
    """What was missing is there: IDLE or LOCKED if that was the last cause."""
    return _without(state, tuple(c for c in state.causes if c.for_good and c.what == event.cause), PROGRAM)


def look_round(state: Fault, _event: TimePassed, moment: Moment) -> Step:
    """Runs without power from us: one more cause."""
    cause = suspicion(state, moment)
    return Step(state) if cause is None else out_of_order(state, moment, cause)


ROWS: Final[Rows] = SHARED | {
    Presented: clear_by_badge,
    OutputFailed: another_cause,
    PartFound: found,
    ClearAsked: clear,
    InputChanged: sense,
    TimePassed: look_round,
    Stop: nothing,
}
