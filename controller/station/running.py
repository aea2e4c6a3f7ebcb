"""Running: a session is open, its outputs closed."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station import in_session
from controller.station.beginnings import held_by_badge, laid, may_take_over, patience, take_over
from controller.station.endings import end, refuse, refuse_for
from controller.station.events import (
    EndAsked,
    Flash,
    InputChanged,
    LockAsked,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Removed,
    Signal,
    Stop,
    TimePassed,
)
from controller.station.rules import Does, Mode
from controller.station.shared_rows import SHARED, Rows, find_reader, lose_reader, take_note
from controller.station.states import Leaving, Running, Session
from controller.station.steps import Step
from protocol import entries
from protocol.access import Denied, Reason
from protocol.entries import Ending
from protocol.moment import Moment
from protocol.rows import Level


def further_badge(state: Running, event: Presented, moment: Moment) -> Step:
    """Its own: end, or more time. A trainer's: end. Another's: take over at rest, or refuse. Unknown: –."""
    now = laid(state, event)
    locked = in_session.lock_asked_by_badge(now, event, moment)
    if locked is not None:
        return locked
    if event.alone.member == state.session.member:
        return _own_badge(now, event, moment)
    if event.fresh and _is_trainer(event):
        return leave(now, moment, Ending.BADGE_TAPPED, event.alone.member)
    if event.alone.member is None:
        return Step(now)
    if may_take_over(now, event, moment):
        return take_over(now, event, moment)
    return refuse_for(now, event, Reason.MACHINE_IN_USE)


def _own_badge(state: Running, event: Presented, moment: Moment) -> Step:
    if held_by_badge(state):
        return Step(msgspec.structs.replace(state, session=_by_badge(state, event), reader_until=None))
    if not event.fresh:
        return Step(state)
    if state.rules.mode is Mode.TIMED and not state.session.group:
        return extend(state, event, moment)
    if state.is_warned and state.done_at == state.next_end:
        return prolong_by_badge(state, event, moment)
    return leave(state, moment, Ending.BADGE_TAPPED, event.alone.member)


def _is_trainer(event: Presented) -> bool:
    return event.alone.level is not None and event.alone.level >= Level.TRAINER


def _by_badge(state: Running, event: Presented) -> Session:
    """Hold the session by the badge that lies there, where a member changes from one to another."""
    if state.session.badge in state.condition.lying:
        return msgspec.structs.replace(state.session, also=state.session.also | {event.badge} - {state.session.badge})
    return msgspec.structs.replace(state.session, badge=event.badge)


def extend(state: Running, event: Presented, moment: Moment) -> Step:
    """Return more time, as one would give a session: what refuses the next start refuses this."""
    if isinstance(event.alone, Denied):
        return refuse(state, event.alone)
    if state.condition.locked and event.alone.level < Level.MAINTAINER:
        return refuse_for(state, event, Reason.MACHINE_LOCKED, state.condition.locked)
    session = msgspec.structs.replace(state.session, period_ends=moment.at + state.rules.period)
    extended = entries.Extended(session.id, state.rules.machine)
    return Step(msgspec.structs.replace(state, session=session), (Record(extended), Flash(Signal.GRANTED)))


def prolong_by_badge(state: Running, event: Presented, moment: Moment) -> Step:
    """Have a job go on whose machine stands still: what refuses the next start refuses this, and ends nothing."""
    if isinstance(event.alone, Denied):
        return refuse(state, event.alone)
    return prolong(state, moment)


def prolong(state: Running, moment: Moment) -> Step:
    """Wait as long again for a machine that stands still: its filament is changed, its pause is no end."""
    session = msgspec.structs.replace(state.session, prolonged=moment.at + state.rules.coast_down, warned=None)
    extended = entries.Extended(session.id, state.rules.machine)
    return Step(msgspec.structs.replace(state, session=session), (Record(extended), Flash(Signal.GRANTED)))


def sense(state: Running, event: InputChanged, moment: Moment) -> Step:
    """One that latches: end, FAULT. One that ends: end. One that opens an output: open it. A button: its word."""
    sensed_ = in_session.sense(state, event, moment)
    now, rule = sensed_.state, state.rules.input(event.name)
    asks = rule is not None and rule.does is Does.PROLONG and event.active
    if asks and isinstance(now, Running) and now.done_at is not None:
        longer = prolong(now, moment)
        return Step(longer.state, (*sensed_.effects, *longer.effects))
    return sensed_


def leave(state: Running, moment: Moment, why: Ending, by: str | None = None) -> Step:
    """End; after the grace where the badge has gone, and not before the machine rests where the settings say so."""
    gone = why is Ending.BADGE_REMOVED  # a lost reader was waited for already
    until = moment.at + (state.rules.grace if gone else 0)
    wait = 0 if state.condition.at_rest(moment) and not gone else state.rules.wait_for_rest
    latest = until + wait
    if latest <= moment.at:
        return end(state, moment, why, by)
    return Step(
        Leaving(
            state.condition,
            session=state.session,
            since=state.since,
            powered=state.powered,
            busy=state.busy,
            ran=state.ran,
            until=until,
            latest=latest,
            why=why,
            by=by,
        )
    )


def take_off(state: Running, event: Removed, moment: Moment) -> Step:
    """The session's badge, where it has to stay: LEAVING. Any other: note it."""
    gone = take_note(state, event, moment).state
    if isinstance(gone, Running) and held_by_badge(state) and event.badge == state.session.badge:
        for other in sorted(state.session.also & gone.condition.lying):
            return Step(msgspec.structs.replace(gone, session=msgspec.structs.replace(state.session, badge=other)))
        return leave(gone, moment, Ending.BADGE_REMOVED, state.session.member)
    return Step(gone)


def wait_for_reader(state: Running, event: ReaderLost, moment: Moment) -> Step:
    """Journal, warn, once; where the badge has to stay, wait for it: it is no removal."""
    lost = lose_reader(state, event, moment)
    if not held_by_badge(state) or state.condition.reader_lost:
        return lost
    until = state.reader_until or moment.at + patience(state)
    return Step(msgspec.structs.replace(lost.state, reader_until=until), (*lost.effects, Flash(Signal.WARNING)))


def go_on(state: Running, event: ReaderFound, moment: Moment) -> Step:
    """Journal; where the badge has to stay, it has still to be seen."""
    return find_reader(state, event, moment)


def pass_time(state: Running, _event: TimePassed, moment: Moment) -> Step:
    """An input counts now: end, FAULT. Time up, idle, job done: end. Reader not found: LEAVING. Nearly over: warn."""
    cut = in_session.cut_short(state, moment)
    if cut is not None:
        return cut
    if state.done_at is not None and moment.at >= state.done_at:
        return end(state, moment, Ending.RESTED)
    for at, why in state.deadlines:
        if moment.at >= at:
            return leave(state, moment, why)
    if state.reader_until is not None and moment.at >= state.reader_until:
        return leave(state, moment, Ending.READER_LOST)
    if state.warns is not None and moment.at >= state.warns:
        return _warn(state, moment)
    return Step(state)


def _warn(state: Running, moment: Moment) -> Step:
    """Warn, once of each end. Whoever started a job has walked away: its journal says so, and the server writes."""
    after = msgspec.structs.replace(state, session=msgspec.structs.replace(state.session, warned=state.next_end))
    if state.rules.mode is not Mode.JOB or state.next_end is None:
        return Step(after, (Flash(Signal.WARNING),))
    nearing = entries.Nearing(state.session.id, state.rules.machine, state.next_end - moment.at)
    return Step(after, (Record(nearing), Flash(Signal.WARNING)))


ROWS: Final[Rows] = SHARED | {
    Presented: further_badge,
    Removed: take_off,
    ReaderLost: wait_for_reader,
    ReaderFound: go_on,
    TimePassed: pass_time,
    LockAsked: in_session.lock,
    InputChanged: sense,
    EndAsked: in_session.end_named,
    Stop: in_session.stop,
}
