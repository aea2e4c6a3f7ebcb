"""Teaching: a trainer tapped, and each badge that follows gets the machine's trainings; a whole class in a row."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.beginnings import laid
from controller.station.endings import out_of_order, refuse, refuse_for, rest
from controller.station.events import (
    Flash,
    GroupAsked,
    InputChanged,
    LockAsked,
    Presented,
    Signal,
    Taught,
    Teach,
    TeachAsked,
    TeachFailed,
    TimePassed,
)
from controller.station.inputs import latched, sensed, suspicion, told
from controller.station.rules import Does
from controller.station.shared_rows import SHARED, Rows, group_later, lock_at_once
from controller.station.states import TEACH_MOST, TEACH_MS, Teaching
from controller.station.steps import Step
from protocol.access import Denied, Granted, Reason
from protocol.moment import Moment
from protocol.rows import Level

HELPED: Final = {Reason.UNKNOWN_BADGE, Reason.TRAINING_MISSING, Reason.TRAINING_EXPIRED}


def next_badge(state: Teaching, event: Presented, moment: Moment) -> Step:
    """Trainer's own: over. Untrained or unknown: write it. Trained: nothing to give. Excluded, blocked: refuse."""
    now = laid(state, event)
    if event.alone.member == state.by:
        return over(now) if event.fresh else Step(now)
    if not event.fresh:
        return Step(now)
    if isinstance(event.alone, Granted) and event.alone.level > Level.SUPERVISED:
        return Step(_go_on(now, moment), (Flash(Signal.GRANTED),))
    if isinstance(event.alone, Denied) and event.alone.reason not in HELPED:
        return refuse(_go_on(now, moment), event.alone)
    # A wallet is one person, whatever cards are in it.
    is_wallet = event.alone.member is None and bool(event.beside - {state.by})
    obstacle = event.obstacle or (Reason.SEVERAL_BADGES if is_wallet else None)
    if obstacle is not None:
        return refuse_for(now, event, obstacle)
    return Step(_go_on(now, moment), (Teach(event.badge, event.alone.member, state.by),))


def _go_on(state: Teaching, moment: Moment) -> Teaching:
    return msgspec.structs.replace(state, until=min(moment.at + TEACH_MS, state.latest))


def welcome(state: Teaching, event: Taught, moment: Moment) -> Step:
    """It is written: say so, and wait for the next badge."""
    count = state.count + 1
    now = msgspec.structs.replace(_go_on(state, moment), count=count, last=event.member)
    return Step(now, (Flash(Signal.GRANTED),)) if count < TEACH_MOST else over(now)


def fail(state: Teaching, event: TeachFailed, _moment: Moment) -> Step:
    """It could not be written: refuse."""
    return refuse(state, Denied(event.reason, badge=event.badge))


def over(state: Teaching) -> Step:
    """Come to rest."""
    return Step(rest(state.condition), (Flash(Signal.ENDED),))


def wait_no_longer(state: Teaching, _event: TimePassed, moment: Moment) -> Step:
    """Nobody came any more: IDLE. Runs without power from us: FAULT."""
    cause = suspicion(state, moment)
    if cause is not None:
        return out_of_order(state, moment, cause)
    return over(state) if moment.at >= state.until else Step(state)


def sense(state: Teaching, event: InputChanged, moment: Moment) -> Step:
    """One that latches: FAULT. A defect that is reported: note it. Any other that begins: over."""
    now = sensed(state, event, moment)
    broken = latched(now, moment)
    if broken is not None:
        return broken
    said = told(now, event)
    if not event.active or state.rules.input(event.name) in state.rules.named(Does.REPORT):
        return Step(now, said)
    after = over(now)
    return Step(after.state, (*said, *after.effects))


def group(state: Teaching, event: GroupAsked, moment: Moment) -> Step:
    """IDLE; the next trainer's badge lets a group in."""
    return group_later(rest(state.condition), event, moment)


def teach_on(state: Teaching, _event: TeachAsked, moment: Moment) -> Step:
    """Go on."""
    return Step(_go_on(state, moment))


ROWS: Final[Rows] = SHARED | {
    Presented: next_badge,
    Taught: welcome,
    TeachFailed: fail,
    TimePassed: wait_no_longer,
    InputChanged: sense,
    LockAsked: lock_at_once,
    GroupAsked: group,
    TeachAsked: teach_on,
}
