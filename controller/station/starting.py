"""Starting: the grant is on its way to disk; the output closes once it is there."""

from __future__ import annotations

from typing import Final

from controller.station.beginnings import held_by_badge, laid, run
from controller.station.endings import hindrance, refuse_session, rest
from controller.station.events import (
    CommitFailed,
    Committed,
    EndAsked,
    Event,
    Flash,
    InputChanged,
    LockAsked,
    Presented,
    Record,
    Signal,
    Stop,
    TimePassed,
)
from controller.station.inputs import latched, sensed, told
from controller.station.shared_rows import SHARED, Rows, lock_later, stop_at_rest, withdraw
from controller.station.states import Starting
from controller.station.steps import Step
from protocol import entries
from protocol.access import Reason
from protocol.entries import Ending
from protocol.moment import Moment


def note_badge(state: Starting, event: Presented, _moment: Moment) -> Step:
    """The badge lies there too."""
    return Step(laid(state, event))


def close_output(state: Starting, event: Committed, moment: Moment) -> Step:
    """Close. RUNNING. Badge gone meanwhile: end."""
    if event.session != state.session.id:
        return withdraw(state, event, moment)
    if held_by_badge(state) and state.session.badge not in state.condition.lying:
        over = entries.Ended(state.session.id, state.rules.machine, Ending.BADGE_REMOVED, 0, state.session.member)
        return Step(rest(state.condition), (Record(over), Flash(Signal.ENDED)))
    return Step(run(state, moment, ran=state.condition.runs), (Flash(Signal.GRANTED),))


def give_up(state: Starting, event: CommitFailed, _moment: Moment) -> Step:
    """Refuse: no storage. IDLE or LOCKED."""
    mine = event.session == state.session.id
    return refuse_session(state, state.session, Reason.NO_STORAGE) if mine else Step(state)


def give_up_late(state: Starting, _event: TimePassed, moment: Moment) -> Step:
    """Past its last moment, refuse: no storage. IDLE or LOCKED."""
    late = moment.at >= state.until
    return refuse_session(state, state.session, Reason.NO_STORAGE) if late else Step(state)


def abandon(state: Starting, _event: Event, _moment: Moment) -> Step:
    """IDLE or LOCKED; the commit comes too late."""
    return Step(rest(state.condition))


def abandon_named(state: Starting, event: EndAsked, moment: Moment) -> Step:
    """If it is meant: IDLE or LOCKED."""
    return abandon(state, event, moment) if event.session == state.session.id else Step(state)


def lock(state: Starting, event: LockAsked, moment: Moment) -> Step:
    """Locks once the session is over; now: LOCKED at once."""
    later = lock_later(state, event, moment)
    return Step(rest(later.state.condition), later.effects) if event.now else later


def sense(state: Starting, event: InputChanged, moment: Moment) -> Step:
    """One that latches: FAULT. One that ends or refuses: IDLE or LOCKED, and say so. Others: note, tell."""
    now = sensed(state, event, moment)
    broken = latched(now, moment)
    if broken is not None:
        return broken
    hindered = hindrance(now.condition, moment)
    if hindered is not None and hindered[0] is Reason.INTERLOCK:
        return refuse_session(now, state.session, *hindered)
    return Step(now, told(now, event))


def stop(state: Starting, event: Stop, moment: Moment) -> Step:
    """Open everything; the commit comes too late."""
    return stop_at_rest(state, event, moment)


ROWS: Final[Rows] = SHARED | {
    Presented: note_badge,
    Committed: close_output,
    CommitFailed: give_up,
    TimePassed: give_up_late,
    LockAsked: lock,
    InputChanged: sense,
    EndAsked: abandon_named,
    Stop: stop,
}
