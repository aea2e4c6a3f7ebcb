"""The rows of the table that several states have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from controller.station.endings import out_of_order, rest
from controller.station.events import (
    ClearAsked,
    CommitFailed,
    Committed,
    EndAsked,
    Event,
    Flash,
    GroupAsked,
    InputChanged,
    LockAsked,
    OutputFailed,
    PartFound,
    PinChecked,
    PinTyped,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    SetLock,
    Signal,
    Stop,
    Taught,
    TeachAsked,
    TeachFailed,
    TimePassed,
    UnlockAsked,
)
from controller.station.inputs import latched, sensed, told
from controller.station.rules import Does
from controller.station.states import (
    TEACH_LONGEST_MS,
    TEACH_MS,
    ArmedAction,
    Cause,
    State,
    Teaching,
)
from controller.station.steps import Step, with_condition
from protocol import entries
from protocol.moment import Moment

GROUP_MS: Final = 300_000  # the shell's word on it: somebody has to walk to the machine


def nothing(state: State, _event: Event, _moment: Moment) -> Step:
    """–"""  # noqa: D400 - a cell of the table
    return Step(state)


def take_note(state: State, event: Removed, _moment: Moment) -> Step:
    """The badge is gone."""
    condition = state.condition
    return Step(
        with_condition(
            state, lying=condition.lying - {event.badge}, to_be_removed=condition.to_be_removed - {event.badge}
        )
    )


def lose_reader(state: State, event: ReaderLost, _moment: Moment) -> Step:
    """Journal, once."""
    if state.condition.reader_lost:
        return Step(state)
    return Step(
        with_condition(state, reader_lost=True), (Record(entries.ReaderLost(state.rules.machine, event.detail)),)
    )


def find_reader(state: State, _event: ReaderFound, _moment: Moment) -> Step:
    """Journal if it was lost."""
    if not state.condition.reader_lost:
        return Step(state)
    return Step(with_condition(state, reader_lost=False), (Record(entries.ReaderFound(state.rules.machine)),))


def withdraw(state: State, event: Committed, _moment: Moment) -> Step:
    """Too late: grant withdrawn."""
    return Step(state, (Record(entries.Withdrawn(event.session, state.rules.machine)),))


def lock_later(state: State, event: LockAsked, _moment: Moment) -> Step:
    """Locks once the session is over."""
    locked = entries.Locked(state.rules.machine, event.note, event.by)
    return Step(with_condition(state, locked=event.note), (Record(locked),))


def lock_at_once(state: State, event: LockAsked, moment: Moment) -> Step:
    """LOCKED."""
    later = lock_later(state, event, moment)
    return Step(rest(later.state.condition), later.effects)


def unlock_later(state: State, event: UnlockAsked, _moment: Moment) -> Step:
    """Does not lock any more."""
    if not state.condition.locked:
        return Step(state)
    return Step(with_condition(state, locked=""), (Record(entries.Unlocked(state.rules.machine, event.by)),))


def break_down(state: State, event: OutputFailed, moment: Moment) -> Step:
    """Open everything, end a session. FAULT."""
    return out_of_order(state, moment, Cause(event.cause, event.clears, for_good=event.for_good))


def note_input(state: State, event: InputChanged, moment: Moment) -> Step:
    """Note it."""
    return Step(sensed(state, event, moment))


def sense_while_waiting(state: State, event: InputChanged, moment: Moment) -> Step:
    """One that latches: FAULT. One that ends: IDLE or LOCKED. Others: note, tell."""
    now = sensed(state, event, moment)
    broken = latched(now, moment)
    if broken is not None:
        return broken
    rule = state.rules.input(event.name)
    if rule is not None and event.active and rule.does is Does.END and not rule.settle:
        return Step(rest(now.condition))
    return Step(now, told(now, event))


def group_later(state: State, event: GroupAsked, moment: Moment) -> Step:
    """The next trainer's badge lets a group in."""
    armed = ArmedAction(Does.GROUP, moment.at + GROUP_MS, event.purpose, event.organisation, event.people)
    return Step(with_condition(state, armed=armed))


def teach_later(state: State, _event: TeachAsked, moment: Moment) -> Step:
    """The next trainer's badge lets others in."""
    return Step(with_condition(state, armed=ArmedAction(Does.TEACH, moment.at + GROUP_MS)))


def teach(state: State, event: Presented, moment: Moment) -> Step:
    """A trainer lets others in from now on."""
    condition = msgspec.structs.replace(state.condition, armed=None)
    latest = moment.at + TEACH_LONGEST_MS
    teaching = Teaching(condition, by=event.alone.member or "", until=moment.at + TEACH_MS, latest=latest)
    return Step(teaching, (Flash(Signal.TEACHING),))


def stop_at_rest(state: State, _event: Stop, _moment: Moment) -> Step:
    """Open everything."""
    return Step(rest(msgspec.structs.replace(state.condition, running_on=())))


def lock_by_badge(state: State, event: Presented) -> Step:
    """A maintainer locks, or unlocks, once no session holds the machine."""
    locked = "" if state.condition.locked else state.rules.lock_note
    by = event.alone.member or ""
    machine = state.rules.machine
    entry = entries.Locked(machine, locked, by) if locked else entries.Unlocked(machine, by)
    return Step(
        with_condition(state, locked=locked, armed=None), (Record(entry), SetLock(locked), Flash(Signal.GRANTED))
    )


Row = Callable[[Any, Any, Moment], Step]
Rows = dict[type[Event], Row]
SHARED: Final[Rows] = {
    Recover: nothing,
    Removed: take_note,
    ReaderLost: lose_reader,
    ReaderFound: find_reader,
    Committed: withdraw,
    CommitFailed: nothing,
    TimePassed: nothing,
    LockAsked: lock_later,
    UnlockAsked: unlock_later,
    EndAsked: nothing,
    InputChanged: note_input,
    GroupAsked: nothing,
    TeachAsked: nothing,
    Taught: nothing,
    TeachFailed: nothing,
    OutputFailed: break_down,
    PartFound: nothing,
    PinTyped: nothing,
    PinChecked: nothing,
    ClearAsked: nothing,
    Stop: stop_at_rest,
}
